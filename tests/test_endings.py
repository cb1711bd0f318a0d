"""How a stage ends: words, a box, another try, or a reason that a person understands."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db.models.functions import Now

from notes.classifiers import Decision, Suggestion
from notes.models import Attempt, Box, Note
from notes.models.job import MAX_ATTEMPTS, retry_delay
from notes.models.note import FiledBy, NotRetryable, Status
from notes.provider import Later, Never
from notes.stages import Stage
from notes.transcribers import Transcript
from tests.test_claim import claimed, outcomes

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]

NewNote = Callable[..., Note]


def in_home(box: Box) -> Decision:
    return Decision(box.pk, 0.9, "keywords_matched", "pia")


def test_words_are_stored_before_filing_begins(new_note: NewNote) -> None:
    note = new_note()
    work = claimed(note)
    work.provider, work.model = "openai", "gpt-transcribe"
    assert work.record_transcript(Transcript("consertar a pia", language="pt", seconds=9.1))
    note.refresh_from_db()
    assert note.processing_status == Status.CLASSIFYING
    assert (note.transcript, note.language, note.duration_seconds) == ("consertar a pia", "pt", 9.1)
    assert note.speech is True
    assert note.transcribed_at is not None
    assert note.lease_token is None
    attempt = Attempt.objects.get(note=note)
    assert (attempt.stage, attempt.outcome) == ("transcription", "succeeded")
    assert (attempt.provider, attempt.model, attempt.audio_seconds) == (
        "openai",
        "gpt-transcribe",
        9.1,
    )
    assert attempt.started_at <= attempt.ended_at


def test_a_stage_begins_with_fresh_counts(new_note: NewNote) -> None:
    note = new_note()
    claimed(note).try_later(Later("provider_error"))
    Note.objects.update(next_attempt_at=Now(), crashes=1)
    claimed(note).record_transcript(Transcript("pia"))
    note.refresh_from_db()
    assert (note.attempts, note.crashes, note.first_tried_at, note.error_code) == (0, 0, None, "")


def test_silence_is_a_result(new_note: NewNote) -> None:
    note = new_note()
    claimed(note).record_transcript(Transcript("", seconds=3.0))
    note.refresh_from_db()
    assert note.processing_status == Status.COMPLETED
    assert note.speech is False
    assert (note.box, note.filing_reason, note.error_code) == (None, "no_speech", "")
    assert note.completed_at is not None


def test_a_note_is_filed_with_its_reason_and_runners_up(
    new_note: NewNote, home: Box, work: Box
) -> None:
    note = new_note(transcript="a pia")
    decision = Decision(home.pk, 0.9, "keywords_matched", "pia", (Suggestion(work.pk, 0.3),))
    assert claimed(note, Stage.CLASSIFICATION).file_in(decision, FiledBy.RULE)
    note.refresh_from_db()
    assert note.processing_status == Status.COMPLETED
    assert (note.box, note.filed_by, note.filing_confidence) == (home, "rule", 0.9)
    assert (note.filing_reason, note.filing_evidence) == ("keywords_matched", "pia")
    assert note.filing_suggestions == [{"box": str(work.pk), "confidence": 0.3}]


def test_a_box_that_the_owner_chose_meanwhile_stays(
    new_note: NewNote, home: Box, work: Box
) -> None:
    note = new_note(transcript="a pia")
    late = claimed(note, Stage.CLASSIFICATION)
    note.move_to(work)
    assert late.file_in(in_home(home), FiledBy.MODEL)
    note.refresh_from_db()
    assert note.processing_status == Status.COMPLETED
    assert (note.box, note.filed_by, note.filing_reason) == (work, "user", "chosen_by_owner")


def test_the_inbox_that_the_owner_chose_stays_too(new_note: NewNote, home: Box) -> None:
    note = new_note(transcript="a pia")
    late = claimed(note, Stage.CLASSIFICATION)
    note.move_to(None)
    late.file_in(in_home(home), FiledBy.RULE)
    note.refresh_from_db()
    assert (note.box, note.filed_by) == (None, "user")


def test_silence_leaves_a_chosen_box_alone(new_note: NewNote, home: Box) -> None:
    note = new_note(box=home)
    claimed(note).record_transcript(Transcript(""))
    note.refresh_from_db()
    assert (note.box, note.filed_by, note.speech) == (home, "user", False)


def test_words_that_the_owner_typed_meanwhile_stay(new_note: NewNote) -> None:
    note = new_note()
    work = claimed(note)
    note.edit_transcript("o que eu disse")
    assert work.record_transcript(Transcript("o que a máquina ouviu", language="pt"))
    note.refresh_from_db()
    assert note.transcript == "o que eu disse"
    assert note.processing_status == Status.CLASSIFYING


def test_a_box_deleted_meanwhile_leaves_the_note_in_the_inbox(new_note: NewNote, home: Box) -> None:
    note = new_note(transcript="a pia")
    work = claimed(note, Stage.CLASSIFICATION)
    decision = in_home(home)
    home.delete_and_free_notes()
    assert work.file_in(decision, FiledBy.RULE)
    note.refresh_from_db()
    assert (note.box, note.filed_by, note.filing_reason) == (None, "", "box_deleted")


def test_a_box_of_somebody_else_is_never_filed_into(new_note: NewNote, bob: User) -> None:
    box = Box.objects.create(owner=bob, name="Casa")
    note = new_note(transcript="a pia")
    claimed(note, Stage.CLASSIFICATION).file_in(in_home(box), FiledBy.MODEL)
    note.refresh_from_db()
    assert note.box is None


def test_a_failure_that_may_pass_is_tried_later(new_note: NewNote) -> None:
    note = new_note()
    assert claimed(note).try_later(Later("provider_error"))
    note.refresh_from_db()
    assert (note.processing_status, note.attempts) == (Status.PENDING, 1)
    assert (note.error_code, note.rung_at, note.lease_token) == ("provider_error", None, None)
    assert note.next_attempt_at > note.created_at
    assert outcomes(note) == ["later"]


def test_being_asked_to_wait_uses_up_no_attempt(new_note: NewNote) -> None:
    note = new_note()
    claimed(note).try_later(Later("provider_busy", retry_after=3, uses_attempt=False))
    note.refresh_from_db()
    assert (note.processing_status, note.attempts) == (Status.PENDING, 0)


def test_a_transcription_fails_after_eight_attempts(new_note: NewNote) -> None:
    note = new_note()
    for _ in range(MAX_ATTEMPTS):
        claimed(note).try_later(Later("provider_timeout"))
        Note.objects.update(next_attempt_at=Now())
    note.refresh_from_db()
    assert (note.processing_status, note.error_code) == (Status.FAILED, "provider_timeout")
    assert outcomes(note) == ["later"] * 7 + ["failed"]


def test_a_stage_fails_a_day_after_its_first_try_and_never_for_waiting(new_note: NewNote) -> None:
    tried, untried = new_note(), new_note()
    long_ago = Now() - timedelta(hours=25)
    Note.objects.update(created_at=long_ago, next_attempt_at=long_ago)
    Note.objects.filter(pk=tried.pk).update(first_tried_at=long_ago)
    busy = Later("provider_busy", retry_after=1, uses_attempt=False)
    for note in (tried, untried):
        claimed(note).try_later(busy)
        note.refresh_from_db()
    assert tried.processing_status == Status.FAILED
    assert untried.processing_status == Status.PENDING


def test_a_failure_for_good_fails_at_once(new_note: NewNote) -> None:
    note = new_note()
    claimed(note).give_up(Never("provider_unauthorized"))
    note.refresh_from_db()
    assert (note.processing_status, note.error_code) == (Status.FAILED, "provider_unauthorized")
    assert outcomes(note) == ["failed"]


def test_a_note_never_fails_for_lack_of_a_box(new_note: NewNote) -> None:
    note = new_note(transcript="a pia")
    claimed(note, Stage.CLASSIFICATION).give_up(Never("provider_unauthorized"))
    note.refresh_from_db()
    assert note.processing_status == Status.COMPLETED
    assert (note.box, note.filing_reason, note.error_code) == (
        None,
        "filing_failed",
        "provider_unauthorized",
    )


@pytest.mark.parametrize("stage", list(Stage))
def test_retry_repeats_the_failed_stage(new_note: NewNote, stage: Stage) -> None:
    note = new_note() if stage is Stage.TRANSCRIPTION else new_note(transcript="a pia")
    claimed(note, stage).give_up(Never("provider_unauthorized"))
    note.refresh_from_db()
    note.retry()
    assert note.stage is stage
    assert (note.attempts, note.error_code, note.completed_at) == (0, "", None)
    claimed(note, stage)


def test_what_has_not_failed_cannot_be_retried(new_note: NewNote, home: Box) -> None:
    waiting, done = new_note(), new_note(transcript="a pia")
    claimed(done, Stage.CLASSIFICATION).file_in(in_home(home), FiledBy.RULE)
    settled = new_note(transcript="a pia")
    claimed(settled, Stage.CLASSIFICATION).give_up(Never("provider_error"))
    settled.move_to(None)
    for note in (waiting, done, settled):
        note.refresh_from_db()
        with pytest.raises(NotRetryable):
            note.retry()


@pytest.mark.parametrize(
    ("asked", "least", "most"), [(3, 3, 3.6), (0, 1, 1.2), (10_000, 900, 1080), (-5, 1, 1.2)]
)
def test_retry_after_is_obeyed_within_bounds(asked: float, least: float, most: float) -> None:
    for _ in range(50):
        delay = retry_delay(Later("provider_busy", retry_after=asked), 0).total_seconds()
        assert least <= delay <= most


@pytest.mark.parametrize(("attempts", "most"), [(0, 4), (1, 4), (2, 8), (5, 64), (8, 300)])
def test_without_retry_after_the_wait_doubles_with_full_jitter(attempts: int, most: float) -> None:
    delays = [retry_delay(Later("x"), attempts).total_seconds() for _ in range(300)]
    assert min(delays) >= 1
    assert max(delays) <= most
    assert max(delays) - min(delays) > (most - 1) / 2, "not all come back at once"


def test_being_asked_to_wait_without_a_time_waits_longer_the_longer_it_lasts() -> None:
    busy = Later("provider_busy", uses_attempt=False)
    soon = [retry_delay(busy, 0).total_seconds() for _ in range(200)]
    later = [retry_delay(busy, 0, timedelta(minutes=2)).total_seconds() for _ in range(200)]
    assert max(soon) <= 4
    assert 4 < max(later) <= 120
    assert max(retry_delay(busy, 0, timedelta(hours=9)).total_seconds() for _ in range(99)) <= 300


def test_a_chosen_box_that_is_deleted_leaves_an_open_note_in_the_inbox(
    new_note: NewNote, home: Box, work: Box
) -> None:
    note = new_note(transcript="a pia", box=home)
    late = claimed(note, Stage.CLASSIFICATION)
    home.delete_and_free_notes()
    late.file_in(in_home(work), FiledBy.RULE)
    note.refresh_from_db()
    assert (note.box, note.filing_reason) == (None, "box_deleted")


def test_choosing_a_box_settles_what_kept_the_note_from_one(new_note: NewNote, home: Box) -> None:
    note = new_note(transcript="a pia")
    claimed(note, Stage.CLASSIFICATION).give_up(Never("provider_error"))
    note.move_to(home)
    assert note.error_code == ""


def test_typed_words_of_a_silent_recording_are_filed(new_note: NewNote) -> None:
    note = new_note()
    work = claimed(note)
    note.edit_transcript("o que eu disse")
    assert work.record_transcript(Transcript(""))
    note.refresh_from_db()
    assert (note.processing_status, note.transcript) == (Status.CLASSIFYING, "o que eu disse")
