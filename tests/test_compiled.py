"""A row made by compiled SQL is the row that Django would have made."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError

from notes.models import Box, Note

pytestmark = [pytest.mark.database, pytest.mark.django_db]

#: What two rows made one after the other may differ in.
OF_THE_MOMENT = {"id", "created_at", "next_attempt_at", "rung_at"}


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


def test_a_column_without_an_example_is_not_left_out_silently(alice: User) -> None:
    with pytest.raises(TypeError, match="transcript"):
        Note.receive(**recording(alice, transcript="words"))
    assert not Note.objects.exists()


def test_an_id_is_taken_once(alice: User) -> None:
    columns = recording(alice, id=uuid.UUID(int=7))
    Note.receive(**columns)
    with pytest.raises(IntegrityError):
        Note.receive(**columns)
