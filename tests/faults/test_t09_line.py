"""T9, seen from inside: whoever cannot have a turn of its own goes home, and takes no thread."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from notes import pipeline
from notes.broker import broker
from notes.leases import leases
from notes.models import Note, Work
from notes.models.note import Status
from notes.stages import Stage
from notes.turns import Turns
from tests.fakes.provider import FakeProvider

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]

NewNote = Callable[..., Note]


class NeedsTheCpu:
    """A transcriber of which one note at a time may run."""

    exclusive = True


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> Turns:
    """The turns of a worker of our own."""
    made = Turns(stopping=leases.draining)
    monkeypatch.setattr(pipeline, "turns", made)
    return made


def rings() -> list[str]:
    """The notes that were rung for since the last look, in this order."""
    messages = broker().do_fetch(Stage.TRANSCRIPTION.queue, 100) or []
    return [json.loads(message)["args"][0] for message in messages]


def crash(*notes: Note, crashes: int) -> None:
    """As if so many workers had died under these notes."""
    Note.objects.filter(pk__in=[note.pk for note in notes]).update(crashes=crashes)


def abandoned(note: Note) -> None:
    """As if one more worker had died under this note, and its lease had run out."""
    work = Work.find(note.pk, Stage.TRANSCRIPTION)
    assert work is not None
    assert work.claim()
    Note.objects.filter(pk=note.pk).update(lease_expires_at=Now() - timedelta(seconds=1))


def test_who_finds_the_cpu_taken_goes_home_without_a_sound(
    turns: Turns, new_note: NewNote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "get_transcriber", NeedsTheCpu)
    waiting = new_note()
    rings()
    with turns.take(alone=False, cpu=True):
        pipeline.transcribe(waiting.pk)
    # A ring here would come back at once, again and again, as long as the other note takes.
    assert rings() == []


def test_a_suspect_that_finds_another_in_its_turn_goes_home(
    turns: Turns, new_note: NewNote, provider: FakeProvider
) -> None:
    suspect = new_note()
    crash(suspect, crashes=2)
    rings()
    with turns.take(alone=True, cpu=False):
        pipeline.transcribe(suspect.pk)
    suspect.refresh_from_db()
    assert (suspect.processing_status, suspect.lease_token) == (Status.PENDING, None)
    assert rings() == []
    # Another worker may have room for it, so the next sweep rings again.
    assert suspect.rung_at is None


def test_a_suspect_that_is_through_rings_for_the_most_suspect_one(
    turns: Turns, new_note: NewNote, provider: FakeProvider
) -> None:
    first, twice, taken, taken_last, innocent = [new_note() for _ in range(5)]
    crash(first, twice, crashes=2)
    crash(taken, taken_last, crashes=2)
    crash(innocent, crashes=1)
    for note in (taken, taken_last):
        abandoned(note)
    rings()
    pipeline.transcribe(first.pk)
    assert rings() == [str(taken_last.pk)]
    crash(twice, crashes=3)
    pipeline.transcribe(taken_last.pk)
    assert rings() == [str(twice.pk)]


def test_who_is_given_up_needs_no_turn(
    turns: Turns, new_note: NewNote, provider: FakeProvider
) -> None:
    poison = new_note()
    crash(poison, crashes=3)
    abandoned(poison)
    with turns.take(alone=False, cpu=False):
        pipeline.transcribe(poison.pk)
    poison.refresh_from_db()
    assert (poison.processing_status, poison.error_code) == (Status.FAILED, "worker_crashed")
    assert provider.requests() == []
