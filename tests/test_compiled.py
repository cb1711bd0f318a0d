"""What compiled SQL reads and writes is what Django would have read and written."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from copy import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError
from django.db.models import Value
from django.db.models.functions import Now

from notes.compiled import Loaded
from notes.models import Box, Note, Part, Work
from notes.models.job import RELEASED
from notes.models.statements import delete_parts_of, held
from notes.stages import Stage
from notes.transcribers import Transcript

pytestmark = [pytest.mark.database, pytest.mark.django_db]

#: What two rows made one after the other may differ in.
OF_THE_MOMENT = {"id", "created_at", "next_attempt_at", "rung_at"}

OF_A_LEASE = {*RELEASED, "first_tried_at"}

#: Every kind of column, with and without a value.
COLUMNS: list[dict[str, Any]] = [
    {"transcript": 'it\'s 100 % \N{PILE OF POO} "quoted"', "language": ""},
    {"duration_seconds": 1.5, "peak": None, "parts_done": 7, "truncated": True},
    {"waveform": [0.1, 0.2], "segments": [{"text": "olá", "start": 0.0}], "filing_suggestions": []},
    {"waveform": None, "speech": False},
    {"box": None, "filing_confidence": 0.25},
    {"recorded_at": datetime(2026, 11, 1, 12, 30, 15, 123456, tzinfo=UTC), "completed_at": None},
    {"processing_status": "failed", "audio_sha256": "0" * 64, "lease_token": uuid.UUID(int=3)},
]


def columns_of(note: Note) -> dict[str, Any]:
    """The row as the database has it."""
    [row] = Note.objects.filter(pk=note.pk).values()
    return {name: value for name, value in row.items() if name not in OF_THE_MOMENT}


def recording(alice: User, **columns: Any) -> dict[str, Any]:
    return {"owner_id": alice.pk, "audio_key": "audio/x", "audio_format": "ogg", **columns}


@pytest.mark.parametrize("chosen", [True, False])
def test_a_recording_is_the_row_that_django_would_make(alice: User, chosen: bool) -> None:
    columns = recording(alice, source="forwarded", audio_bytes=5)
    if chosen:
        box = Box.objects.create(owner=alice, name="Casa")
        columns |= {"box": box, "recorded_at": datetime(2026, 11, 1, tzinfo=UTC)}
    for _ in range(2):  # the first one compiles
        made = Note.receive(**columns)
    by = {"filed_by": "user", "filing_reason": "chosen_by_owner"} if chosen else {}
    assert columns_of(made) == columns_of(Note.objects.create(**columns, **by))
    stored = Note.objects.get(pk=made.pk)
    for name in ("created_at", "next_attempt_at", "parts_done", "truncated", "box_id"):
        assert getattr(made, name) == getattr(stored, name)


def test_a_column_that_is_alike_in_all_rows_is_not_left_out_silently(alice: User) -> None:
    with pytest.raises(TypeError, match="transcript"):
        Note.receive(**recording(alice, transcript="words"))
    assert not Note.objects.exists()


def test_an_id_is_taken_once(alice: User) -> None:
    columns = recording(alice, id=uuid.UUID(int=7))
    Note.receive(**columns)
    with pytest.raises(IntegrityError):
        Note.receive(**columns)


def claimed(alice: User, name: str) -> Work:
    note = Note.receive(**recording(alice, audio_key=f"audio/{name}"))
    work = Work.find(note.pk, Stage.TRANSCRIPTION)
    assert work
    assert work.claim()
    return work


@pytest.mark.parametrize("columns", COLUMNS, ids=lambda columns: "-".join(columns))
def test_an_update_writes_what_django_would(alice: User, columns: dict[str, Any]) -> None:
    for _ in range(2):
        compiled, ordinary = claimed(alice, "a"), claimed(alice, "a")
        assert held(compiled.note.pk, compiled.token, columns=columns) == 1
        Note.objects.filter(pk=ordinary.note.pk).update(**columns)
        rows = [columns_of(work.note) for work in (compiled, ordinary)]
        assert {name for name in rows[0] if rows[0][name] != rows[1][name]} <= OF_A_LEASE


def test_an_update_changes_no_row_but_its_own(alice: User) -> None:
    work, other = claimed(alice, "a"), claimed(alice, "b")
    before = columns_of(other.note)
    assert held(work.note.pk, other.token, columns={"language": "pt"}) == 0
    assert held(work.note.pk, work.token, columns={"language": "pt"}) == 1
    assert columns_of(other.note) == before
    assert columns_of(work.note)["language"] == "pt"


def test_an_expression_that_is_made_for_once_is_not_remembered(alice: User) -> None:
    work = claimed(alice, "a")
    for seconds in (10, 20):
        moment = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(seconds=seconds)
        held(work.note.pk, work.token, columns={"completed_at": Value(moment)})
        assert columns_of(work.note)["completed_at"] == moment


@pytest.mark.parametrize("typed", [True, False])
def test_what_the_owner_has_typed_stays_beside_what_was_heard(alice: User, typed: bool) -> None:
    work = claimed(alice, "a")
    if typed:
        work.note.edit_transcript("typed")
    assert work.record_transcript(Transcript("it's 100 % heard", "en"))
    note = Note.objects.get(pk=work.note.pk)
    words = ("typed", "it's 100 % heard") if typed else ("it's 100 % heard", "")
    assert (note.transcript, note.original_transcript) == words


def test_loaded_rows_are_those_that_django_loads(alice: User) -> None:
    Box.objects.create(owner=alice, name="Casa", keywords=["pão", "leite"])
    Box.objects.create(owner=alice, name="Obra")
    boxes = Loaded(lambda owner_id: Box.objects.for_user(owner_id).annotate(clock=Now()))
    for _ in range(2):
        made = boxes(alice.pk)
        assert [vars(box) for box in plain(made)] == [
            vars(box) for box in plain(Box.objects.for_user(alice.pk))
        ]
        assert all(isinstance(vars(box)["clock"], datetime) for box in made)
    assert boxes(alice.pk + 1) == []


def plain(boxes: Iterable[Box]) -> list[Box]:
    """The same without what differs from one to the next by nature."""
    copies = [copy(box) for box in boxes]
    for one in copies:
        vars(one).pop("clock", None)
        vars(one).pop("_state")
    return copies


def test_deletes_what_it_is_told(alice: User) -> None:
    mine, other = claimed(alice, "a"), claimed(alice, "b")
    for work in (mine, other):
        Part.objects.create(note=work.note, start_ms=0, end_ms=1000, text="a", segments=[])
    delete_parts_of(mine.note.pk)
    assert [part.note_id for part in Part.objects.all()] == [other.note.pk]
