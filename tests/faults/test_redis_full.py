"""Redis is full and refuses every write, with a retry pending and calls running."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from notes.broker import broker
from notes.models import Note
from notes.stages import Stage
from notes.sweeper import queue_length
from tests.faults.outage import live_through, nothing_is_left_behind
from tests.faults.rig import Rig


@pytest.mark.faults
def test_a_redis_that_is_full_holds_nothing_up() -> None:
    with Rig() as rig:
        before = rig.stack.worker_pid()
        outage = live_through(
            rig,
            fault=lambda: rig.valkey.set_maxmemory(1),
            mend=lambda: rig.valkey.set_maxmemory(0),
            seconds=15.0,
        )
        worker = "lived" if rig.stack.worker_pid() == before else "was started anew"
        row = rig.close_books(
            "Redis full 15 s (noeviction)",
            recovery=outage.drained,
            of="from its return until all was done",
            remark=f"{outage.remark}, the worker {worker}",
        )
        assert row.completed == row.accepted
        outage.check()
        nothing_is_left_behind(rig)


@pytest.mark.database
@pytest.mark.django_db(transaction=True)
def test_what_workers_have_fetched_leaves_the_sweep_its_room(new_note: Callable[..., Note]) -> None:
    for _ in range(3):
        new_note()
    assert queue_length() == 3
    broker().do_fetch(Stage.TRANSCRIPTION.queue, 2)
    assert queue_length() == 1
