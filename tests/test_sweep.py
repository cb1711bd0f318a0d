"""The doorbell and the sweep: what Redis forgets or refuses, the rows remember."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import cast

import dramatiq
import pytest
import redis
from django.db.models.functions import Now
from redis.backoff import NoBackoff
from redis.retry import Retry

from notes import sweeper
from notes.broker import DoorbellBroker, WorkerLife, bell, broker
from notes.models import Duty, Heartbeat, Note
from notes.stages import Stage
from notes.sweeper import queue_length, sweep
from tests.services import free_port
from tests.test_claim import claimed, lose_lease

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]

NewNote = Callable[..., Note]


@pytest.fixture
def dead_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bell whose wire is cut."""
    nobody = redis.Redis(port=free_port(), retry=Retry(NoBackoff(), 0))
    monkeypatch.setattr(broker(), "bell", nobody)
    monkeypatch.setattr(broker(), "client", nobody)


def rung_at(note: Note) -> datetime | None:
    """When somebody last rang for the note, as the row has it."""
    note.refresh_from_db()
    return note.rung_at


def rings(stage: Stage) -> int:
    return int(broker().do_qsize(stage.queue))


def test_a_new_note_rings_once_it_is_committed(new_note: NewNote) -> None:
    new_note()
    assert (rings(Stage.TRANSCRIPTION), rings(Stage.CLASSIFICATION)) == (1, 0)
    new_note(transcript="pia")
    assert (rings(Stage.TRANSCRIPTION), rings(Stage.CLASSIFICATION)) == (1, 1)


def test_a_ring_carries_an_id_and_wakes_a_sleeper(new_note: NewNote) -> None:
    note = new_note()
    client = broker().client
    queued = cast(list[bytes], client.hvals("bau:transcription.msgs"))
    assert len(queued) == 1
    message = dramatiq.Message.decode(queued[0])
    assert (message.actor_name, message.args) == ("transcribe_audio", (str(note.pk),))
    assert client.llen("bau:transcription.wake") == 1


def test_marks_for_sleepers_do_not_pile_up(new_note: NewNote) -> None:
    for _ in range(40):
        new_note()
    assert broker().client.llen("bau:transcription.wake") == 16


@pytest.mark.usefixtures("dead_redis")
def test_without_redis_a_note_is_taken_in_and_left_to_the_sweep(new_note: NewNote) -> None:
    note = new_note()
    assert rung_at(note) is None
    assert not bell.ring(Stage.TRANSCRIPTION, note.pk)


def test_after_a_failed_ring_the_bell_is_quiet_for_a_while(
    new_note: NewNote, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as cut:
        cut.setattr(broker(), "bell", redis.Redis(port=free_port(), retry=Retry(NoBackoff(), 0)))
        new_note()
    started = time.monotonic()
    assert rung_at(new_note()) is None
    assert time.monotonic() - started < 0.2
    bell._quiet_until = 0.0
    assert rung_at(new_note()) is not None


def test_the_sweep_rings_for_what_nobody_rang_for(new_note: NewNote) -> None:
    notes = [new_note(), new_note(transcript="pia")]
    Note.objects.update(rung_at=None)
    broker().client.flushall()
    assert sweep() == 2
    assert (rings(Stage.TRANSCRIPTION), rings(Stage.CLASSIFICATION)) == (1, 1)
    for note in notes:
        note.refresh_from_db()
        assert note.rung_at is not None
    assert sweep() == 0, "it has just rung"


def test_the_sweep_rings_again_when_a_ring_is_old(new_note: NewNote) -> None:
    note = new_note()
    assert sweep() == 0
    Note.objects.filter(pk=note.pk).update(rung_at=Now() - timedelta(seconds=31))
    assert sweep() == 1


def test_a_ring_that_an_empty_queue_does_not_hold_was_lost(new_note: NewNote) -> None:
    note = new_note()
    Note.objects.filter(pk=note.pk).update(rung_at=Now() - timedelta(seconds=11))
    assert sweep() == 0, "it is in the queue"
    broker().client.flushall()
    assert sweep() == 1
    assert rings(Stage.TRANSCRIPTION) == 1
    broker().client.flushall()
    assert sweep() == 0, "a worker may just have fetched it"


def test_of_lost_rings_a_few_are_rung_at_a_time(
    new_note: NewNote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeper, "LOST_AT_ONCE", 2)
    for _ in range(3):
        new_note()
    broker().client.flushall()
    Note.objects.update(rung_at=Now() - timedelta(seconds=11))
    assert [sweep(), sweep()] == [2, 0]


def test_the_sweep_finds_abandoned_notes_and_leaves_those_in_work(new_note: NewNote) -> None:
    abandoned, in_work, waiting = new_note(), new_note(), new_note()
    claimed(abandoned)
    claimed(in_work)
    lose_lease(abandoned)
    Note.objects.filter(pk=waiting.pk).update(next_attempt_at=Now() + timedelta(minutes=1))
    Note.objects.update(rung_at=None)
    assert sweep() == 1
    abandoned.refresh_from_db()
    assert abandoned.rung_at is not None


def test_the_sweep_adds_nothing_to_a_full_queue(
    new_note: NewNote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeper, "FULL_QUEUE", 3)
    for _ in range(5):
        new_note()
    broker().client.flushall()
    Note.objects.update(rung_at=None)
    assert [sweep(), sweep()] == [3, 0]
    assert queue_length() == 3


@pytest.mark.usefixtures("dead_redis")
def test_a_sweep_that_cannot_ring_leaves_the_notes_to_the_next(new_note: NewNote) -> None:
    notes = [new_note() for _ in range(3)]
    bell._quiet_until = 0.0
    assert sweep() == 0
    assert Note.objects.filter(rung_at__isnull=True).count() == len(notes)


def test_a_worker_keeps_no_delay_queue() -> None:
    own = DoorbellBroker(url="redis://127.0.0.1:1/0", middleware=[WorkerLife()])
    own.declare_queue("transcription")
    assert own.get_declared_queues() == {"transcription"}
    assert own.get_declared_delay_queues() == set()


def test_a_duty_is_taken_once_per_period() -> None:
    assert [Duty.take("tidy", timedelta(hours=1)) for _ in range(3)] == [True, False, False]
    Duty.objects.update(last_run=Now() - timedelta(hours=2))
    assert Duty.take("tidy", timedelta(hours=1)), "a missed period is caught up"


def test_a_worker_is_known_by_its_heartbeat() -> None:
    Heartbeat.beat("host:1")
    first = Heartbeat.objects.get()
    Heartbeat.beat("host:1")
    assert Heartbeat.objects.get().seen_at >= first.seen_at
    Heartbeat.objects.update(seen_at=Now() - timedelta(days=2))
    Heartbeat.forget_the_dead()
    assert not Heartbeat.objects.exists()
