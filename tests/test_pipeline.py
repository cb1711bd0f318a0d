"""The way of a note through the pipeline, with the vendor's protocol spoken for real."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO, StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models.functions import Now

from notes import pipeline, transcription
from notes.broker import broker
from notes.leases import leases
from notes.models import Attempt, Box, Note, Work
from notes.models.note import Status
from notes.stages import Stage
from notes.storage import new_key, store_audio
from notes.sweeper import sweep
from notes.tasks import classify_note, transcribe_audio
from project.logs import TextFormatter, traced
from tests.fakes.provider import FakeProvider

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]

Spoken = Callable[..., Note]


@pytest.fixture
def spoken(alice: User, sample: bytes) -> Spoken:
    """Makes notes whose audio is stored."""

    def make(audio_format: str = "ogg", **columns: Any) -> Note:
        note_id = uuid.uuid4()
        key = new_key()
        store_audio(key, BytesIO(sample))
        columns |= {"id": note_id, "audio_key": key, "audio_format": audio_format}
        return Note.receive(owner_id=alice.pk, **columns)

    return make


def process(note: Note) -> Note:
    """Both stages, as an actor does them."""
    transcribe_audio.fn(str(note.pk))
    note.refresh_from_db()
    return note


def test_who_has_found_the_words_goes_on_to_the_box_without_a_ring(
    provider: FakeProvider, spoken: Spoken, sample: bytes, home: Box
) -> None:
    says(provider, sample, "anota em Casa: chamar o encanador para ver a pia")
    note = process(spoken())
    assert (note.processing_status, note.box) == (Status.COMPLETED, home)
    assert broker().do_qsize(Stage.CLASSIFICATION.queue) == 0


def test_where_that_is_cut_off_the_note_is_rung_for_and_not_paid_for_again(
    provider: FakeProvider, spoken: Spoken, sample: bytes, home: Box
) -> None:
    says(provider, sample, "anota em Casa: chamar o encanador para ver a pia")
    note = spoken()
    assert pipeline.transcribe(note.pk)
    Note.objects.filter(pk=note.pk).update(rung_at=Now() - timedelta(seconds=60))
    sweep()
    assert broker().do_qsize(Stage.CLASSIFICATION.queue) == 1
    assert process(note).processing_status == Status.CLASSIFYING  # its words are known
    classify_note.fn(str(note.pk))
    note.refresh_from_db()
    assert (note.processing_status, note.box) == (Status.COMPLETED, home)
    assert len(provider.requests("transcriptions")) == 1


def test_a_worker_that_is_told_to_stop_meanwhile_leaves_the_box_to_the_next_sweep(
    provider: FakeProvider,
    spoken: Spoken,
    sample: bytes,
    home: Box,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    says(provider, sample, "anota em Casa: chamar o encanador para ver a pia")
    record = Work.record_transcript

    def then_stopped(*told: Any) -> bool:
        ours = record(*told)
        leases.draining.set()
        return ours

    monkeypatch.setattr(Work, "record_transcript", then_stopped)
    note = spoken()
    try:
        assert not pipeline.transcribe(note.pk)
    finally:
        leases.draining.clear()
    note.refresh_from_db()
    assert (note.processing_status, note.rung_at) == (Status.CLASSIFYING, None)


def test_silence_has_no_second_stage(
    provider: FakeProvider, spoken: Spoken, sample: bytes, home: Box
) -> None:
    says(provider, sample, "")
    note = spoken()
    assert not pipeline.transcribe(note.pk)
    note.refresh_from_db()
    assert (note.processing_status, note.speech) == (Status.COMPLETED, False)


def says(provider: FakeProvider, sample: bytes, text: str) -> None:
    provider.default_text = text


def test_a_spoken_keyword_files_a_note_without_asking_the_model(
    provider: FakeProvider, spoken: Spoken, sample: bytes, home: Box, work: Box
) -> None:
    says(provider, sample, "anota em Casa: chamar o encanador para ver a pia")
    note = process(spoken())
    assert note.processing_status == Status.COMPLETED
    assert (note.box, note.filed_by, note.filing_reason) == (home, "rule", "spoken_command")
    assert provider.requests("chat") == []


def test_the_model_is_asked_where_the_rules_are_not_sure(
    provider: FakeProvider, spoken: Spoken, sample: bytes, home: Box, work: Box
) -> None:
    says(provider, sample, "aquilo de ontem com o cliente novo")
    note = process(spoken())
    assert (note.box, note.filed_by, note.filing_reason) == (work, "model", "model_chose")
    tries = Attempt.objects.filter(note=note).values_list("stage", "provider", "model")
    assert list(tries) == [
        ("transcription", "openai", "gpt-transcribe"),
        ("classification", "openai", "gpt-6-luna"),
    ]


def test_the_request_carries_languages_and_clean_keywords_of_this_owner_only(
    provider: FakeProvider, spoken: Spoken, home: Box, bob: User
) -> None:
    Box.objects.create(owner=bob, name="Segredo")
    Box.objects.filter(pk=home.pk).update(keywords=["a<b>\nc"])
    process(spoken())
    fields = provider.requests("transcriptions")[0].fields
    assert "language" not in fields
    assert fields["languages[]"] == ["pt"]
    assert fields["keywords[]"] == ["Casa", "a b c"]


def test_a_stage_that_is_done_is_not_paid_for_again(
    provider: FakeProvider, spoken: Spoken, home: Box
) -> None:
    note = spoken()
    for _ in range(3):
        process(note)
    assert len(provider.requests("transcriptions")) == 1
    assert len(provider.requests("chat")) == 1


def test_a_classification_that_errs_repeats_no_transcription(
    provider: FakeProvider, spoken: Spoken, sample: bytes, work: Box
) -> None:
    says(provider, sample, "aquilo de ontem com o cliente novo")
    provider.fail("chat", status=500)
    note = process(spoken())
    assert (note.processing_status, note.attempts) == (Status.CLASSIFYING, 1)
    assert note.error_code == "provider_error"
    Note.objects.update(next_attempt_at=note.created_at)
    pipeline.classify(note.pk)
    note.refresh_from_db()
    assert (note.processing_status, note.box, note.error_code) == (Status.COMPLETED, work, "")
    assert len(provider.requests("transcriptions")) == 1


def test_a_chosen_box_saves_the_question(
    provider: FakeProvider, spoken: Spoken, home: Box, work: Box
) -> None:
    note = process(spoken(box=work))
    assert (note.processing_status, note.box, note.filed_by) == (Status.COMPLETED, work, "user")
    assert note.transcript
    assert provider.requests("chat") == []


def test_a_model_that_fails_for_good_leaves_the_note_in_the_inbox(
    provider: FakeProvider, spoken: Spoken, home: Box
) -> None:
    provider.fail("chat", status=401)
    note = process(spoken())
    assert (note.processing_status, note.box) == (Status.COMPLETED, None)
    assert (note.filing_reason, note.error_code) == ("filing_failed", "provider_unauthorized")


def test_silence_asks_no_model(
    provider: FakeProvider, spoken: Spoken, sample: bytes, home: Box
) -> None:
    says(provider, sample, "")
    note = process(spoken())
    assert (note.processing_status, note.speech) == (Status.COMPLETED, False)
    assert provider.requests("chat") == []


def test_missing_audio_fails_with_a_code_and_no_call(
    provider: FakeProvider, new_note: Callable[..., Note]
) -> None:
    note = process(new_note())
    assert (note.processing_status, note.error_code) == (Status.FAILED, "audio_missing")
    assert provider.requests("transcriptions") == []


def test_a_poisoned_note_is_given_up_before_it_kills_again(
    provider: FakeProvider, spoken: Spoken
) -> None:
    note = spoken()
    Note.objects.filter(pk=note.pk).update(crashes=4)
    process(note)
    assert (note.processing_status, note.error_code) == (Status.FAILED, "worker_crashed")
    assert provider.requests("transcriptions") == []


def test_a_fault_of_our_own_is_told_by_code_and_tried_again(
    provider: FakeProvider,
    spoken: Spoken,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("a secret")

    monkeypatch.setattr(transcription, "joined", broken)
    note = process(spoken())
    assert (note.processing_status, note.error_code) == (Status.PENDING, "internal_error")
    assert "KeyError" in caplog.text
    assert "secret" not in caplog.text, "an exception's text may hold what a person said"


def test_a_stopping_worker_claims_nothing(provider: FakeProvider, spoken: Spoken) -> None:
    note = spoken()
    leases.draining.set()
    try:
        process(note)
    finally:
        leases.draining.clear()
    assert note.processing_status == Status.PENDING
    assert provider.requests("transcriptions") == []


def test_all_lines_of_a_note_name_the_request_that_brought_it(
    provider: FakeProvider, spoken: Spoken
) -> None:
    said = StringIO()
    handler = logging.StreamHandler(said)
    handler.setFormatter(TextFormatter("%(message)s"))
    product = logging.getLogger("notes")
    product.addHandler(handler)
    try:
        with traced("request-of-alice"):
            note = spoken()
        provider.fail("transcriptions", status=500)
        pipeline.transcribe(note.pk)
        # Nobody rings for it but the sweep, which knows of no request.
        Note.objects.update(next_attempt_at=note.created_at)
        process(note)
        process(nobodys := spoken())
    finally:
        product.removeHandler(handler)
    lines = said.getvalue().splitlines()
    own = [line for line in lines if str(note.pk) in line]
    assert len(own) == 4  # one for each try, and why the first had no result
    assert all(line.endswith(" [request-of-alice]") for line in own)
    assert not [line for line in lines if str(nobodys.pk) in line and line.endswith("]")]
