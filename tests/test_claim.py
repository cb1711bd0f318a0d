"""A claim: one holder at a time, whoever holds too long loses, a late result is dropped."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from notes.classifiers import Decision
from notes.leases import Leases
from notes.models import Attempt, Note, Work
from notes.models.note import FiledBy, Status
from notes.models.work import hand_back
from notes.provider import Later, Never
from notes.stages import Stage
from notes.transcribers import Transcript

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]

NewNote = Callable[..., Note]


def claimed(note: Note, stage: Stage = Stage.TRANSCRIPTION) -> Work:
    work = Work.find(note.pk, stage)
    assert work is not None
    assert work.claim()
    return work


def lose_lease(note: Note) -> None:
    """What it looks like LEASE_SECONDS after a worker died."""
    Note.objects.filter(pk=note.pk).update(lease_expires_at=Now() - timedelta(seconds=1))


def outcomes(note: Note) -> list[str]:
    return list(Attempt.objects.filter(note=note).values_list("outcome", flat=True))


def test_a_new_note_waits_for_transcription_and_a_text_for_classification(
    new_note: NewNote,
) -> None:
    spoken, written = new_note(), new_note(transcript="comprar pão")
    assert spoken.processing_status == Status.PENDING
    assert written.processing_status == Status.CLASSIFYING
    assert Work.find(spoken.pk, Stage.CLASSIFICATION) is None
    assert Work.find(written.pk, Stage.TRANSCRIPTION) is None


def test_a_note_is_claimed_once(new_note: NewNote) -> None:
    note = new_note()
    first = Work.find(note.pk, Stage.TRANSCRIPTION)
    second = Work.find(note.pk, Stage.TRANSCRIPTION)
    assert first is not None
    assert second is not None
    assert [first.claim(), second.claim()] == [True, False]
    note.refresh_from_db()
    assert note.processing_status == Status.TRANSCRIBING
    assert note.lease_token == first.token
    assert Work.find(note.pk, Stage.TRANSCRIPTION) is None


def test_a_note_that_is_not_due_cannot_be_claimed(new_note: NewNote) -> None:
    note = new_note()
    Note.objects.filter(pk=note.pk).update(next_attempt_at=Now() + timedelta(seconds=60))
    assert Work.find(note.pk, Stage.TRANSCRIPTION) is None


# --- In one step ---------------------------------------------------------------------------------


def spoken_or_written(new_note: NewNote, stage: Stage) -> Note:
    return new_note() if stage is Stage.TRANSCRIPTION else new_note(transcript="pia")


@pytest.mark.parametrize("stage", list(Stage))
def test_a_waiting_note_is_found_and_claimed_by_one_statement(
    new_note: NewNote, stage: Stage
) -> None:
    note, other = (spoken_or_written(new_note, stage) for _ in range(2))
    with CaptureQueriesContext(connection) as asked:
        work = Work.claim_waiting(note.pk, stage)
    assert len(asked) == 1
    assert work is not None
    stored = Note.objects.get(pk=note.pk)
    columns = [field.attname for field in Note._meta.concrete_fields]
    assert {c: getattr(work.note, c) for c in columns} == {c: getattr(stored, c) for c in columns}
    assert stored.lease_token == work.token
    assert stored.lease_started_at == stored.first_tried_at == work.found_at
    assert Work.claim_waiting(note.pk, stage) is None
    other.refresh_from_db()
    assert other.lease_token is None


@pytest.mark.parametrize(
    "columns",
    [
        {"next_attempt_at": Now() + timedelta(seconds=60)},
        {"crashes": 1},
        {"lease_token": uuid.UUID(int=1), "lease_expires_at": Now() - timedelta(seconds=1)},
        {"processing_status": Status.FAILED},
        {"processing_status": Status.CLASSIFYING},
    ],
    ids=["not due", "has crashed", "was interrupted", "ended", "in another stage"],
)
def test_what_does_not_simply_wait_is_not_claimed_so(
    new_note: NewNote, columns: dict[str, Any]
) -> None:
    note = new_note()
    Note.objects.filter(pk=note.pk).update(**columns)
    before = Note.objects.values().get()
    assert Work.claim_waiting(note.pk, Stage.TRANSCRIPTION) is None
    assert Note.objects.values().get() == before


def test_of_many_who_claim_a_waiting_note_one_gets_it(new_note: NewNote) -> None:
    note = new_note()

    def claim(_: int) -> Work | None:
        try:
            return Work.claim_waiting(note.pk, Stage.TRANSCRIPTION)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        claimed = [work for work in pool.map(claim, range(16)) if work]
    assert [work.token for work in claimed] == [Note.objects.get().lease_token]


# --- Who holds too long --------------------------------------------------------------------------


@pytest.mark.parametrize("stage", list(Stage))
def test_an_expired_lease_is_taken_over_and_counts_as_a_crash(
    new_note: NewNote, stage: Stage
) -> None:
    note = new_note() if stage is Stage.TRANSCRIPTION else new_note(transcript="pia")
    claimed(note, stage)
    lose_lease(note)
    taken = claimed(note, stage)
    note.refresh_from_db()
    assert (note.crashes, note.attempts) == (1, 0)
    assert note.lease_token == taken.token
    assert outcomes(note) == ["interrupted"]


def test_a_late_result_is_dropped(new_note: NewNote) -> None:
    note = new_note()
    late = claimed(note)
    lose_lease(note)
    current = claimed(note)
    assert not late.record_transcript(Transcript("tarde demais"))
    assert not late.try_later(Later("provider_error"))
    assert not late.give_up(Never("audio_refused"))
    assert current.record_transcript(Transcript("a tempo"))
    note.refresh_from_db()
    assert note.transcript == "a tempo"
    assert outcomes(note) == ["interrupted", "succeeded"]


def test_a_late_filing_is_dropped(new_note: NewNote) -> None:
    note = new_note(transcript="pia")
    late = claimed(note, Stage.CLASSIFICATION)
    lose_lease(note)
    assert claimed(note, Stage.CLASSIFICATION).file_in(Decision(None, 0, "no_match"), FiledBy.RULE)
    assert not late.file_in(Decision(None, 0, "ambiguous"), FiledBy.RULE)
    note.refresh_from_db()
    assert note.filing_reason == "no_match"


def test_a_note_deleted_meanwhile_takes_no_result(new_note: NewNote) -> None:
    note = new_note()
    work = claimed(note)
    note.erase()
    assert not work.record_transcript(Transcript("ninguém"))
    assert not Note.objects.exists()


def test_suspects_run_alone_from_the_second_crash_and_are_poisoned_at_the_fourth(
    new_note: NewNote,
) -> None:
    note = new_note()
    seen = []
    for _ in range(5):
        work = Work.find(note.pk, Stage.TRANSCRIPTION)
        assert work is not None
        alone = work.note.must_run_alone
        assert work.claim()
        seen.append((alone, work.is_poisoned))
        lose_lease(note)
    assert seen == [(False, False), (False, False), (True, False), (True, False), (False, True)]


def test_leases_are_renewed_together_but_not_without_progress(
    new_note: NewNote,
) -> None:
    notes = [new_note() for _ in range(3)]
    works = [claimed(note) for note in notes]
    hung = works[0]
    long_ago = Now() - timedelta(seconds=181)
    Note.objects.filter(pk=hung.note.pk).update(progress_at=long_ago)
    for note in notes:
        lose_lease(note)
    leases = Leases()
    with leases.held(works[0].token), leases.held(works[1].token):
        leases.renew()
    alive = Note.objects.filter(lease_expires_at__gt=Now())
    assert [note.pk for note in alive] == [works[1].note.pk]


def test_a_hand_back_counts_as_nothing(new_note: NewNote) -> None:
    spoken, written = new_note(), new_note(transcript="pia")
    works = [claimed(spoken), claimed(written, Stage.CLASSIFICATION)]
    Note.objects.update(error_code="provider_error", attempts=2)
    assert hand_back([work.token for work in works]) == 2
    for note, status in ((spoken, Status.PENDING), (written, Status.CLASSIFYING)):
        note.refresh_from_db()
        assert note.processing_status == status
        assert (note.attempts, note.crashes, note.rung_at) == (2, 0, None)
        assert note.error_code == "provider_error"
        assert outcomes(note) == ["handed_back"]
    claimed(spoken)


def test_an_unknown_note_is_nothing_to_claim() -> None:
    assert Work.find(uuid.uuid4(), Stage.TRANSCRIPTION) is None
