"""T9: a note that kills its worker, and kill -9 of a child and of a whole worker."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import pytest

from tests.faults.rig import PLAIN, Rig, Sent, seconds_until
from tests.services import wait_for
from tests.stack import Stack

CRASHES = 4
#: Tells whose call it was: each container names another model.
MODELS = ("gpt-transcribe", "whisper-1")
FAST = {"LEASE_SECONDS": "3", "SWEEP_SECONDS": "1"}


@contextmanager
def deadly(rig: Rig, poison: Sent, workers: dict[str, Stack]) -> Iterator[list[float]]:
    """Kill the worker that sends this note to the provider, each time; yields when that was."""
    deaths: list[float] = []
    done = Event()

    def watch() -> None:
        while not done.wait(0.05):
            for call in rig.calls(poison)[len(deaths) :]:
                os.kill(workers[call.model].worker_pid().child, signal.SIGKILL)
                deaths.append(time.monotonic())

    watcher = Thread(target=watch, name="poison")
    watcher.start()
    try:
        yield deaths
    finally:
        done.set()
        watcher.join()


@pytest.mark.parametrize(
    ("pace", "containers", "neighbours", "call"),
    [
        pytest.param(FAST, 1, 6, 0.7, id="one worker"),
        pytest.param(PLAIN, 2, 20, 20.0, id="two workers"),
    ],
)
@pytest.mark.faults
@pytest.mark.timeout(900)
def test_a_poisoned_note_fails_and_its_neighbours_complete(
    pace: dict[str, str], containers: int, neighbours: int, call: float
) -> None:
    env = {**pace, "WORKER_THREADS": "64", "TRANSCRIPTION_MODEL": MODELS[0]}
    with Rig(env=env) as rig:
        workers = {MODELS[0]: rig.stack}
        for model in MODELS[1:containers]:
            workers[model] = rig.add(env={"TRANSCRIPTION_MODEL": model})
        rig.provider.latency["transcriptions"] = call
        innocent = rig.send(neighbours)
        [poison] = rig.send()
        rig.wait_for_calls(neighbours + 1)
        with deadly(rig, poison, workers) as deaths:
            rig.settle(800)
        recovery = time.monotonic() - deaths[0]
        most = max(len(rig.calls(one)) for one in innocent)
        row = rig.close_books(
            "T9 poisoned note",
            recovery=recovery,
            of="from the first crash until all had ended",
            remark=f"({containers} workers; neighbours called {most} times at most)",
        )
        assert (row.completed, row.failed) == (neighbours, 1)
        assert (len(deaths), len(rig.calls(poison))) == (CRASHES, CRASHES)
        assert rig.owner.get(poison.note)["error"]["code"] == "worker_crashed"
        assert most <= 3


@pytest.mark.faults
def test_a_killed_child_of_one_worker_leaves_the_other_at_work_and_is_soon_back() -> None:
    with Rig(env={**PLAIN, "WORKER_THREADS": "2"}) as rig:
        rig.add()
        rig.provider.latency["transcriptions"] = 3.0
        rig.send(24)
        rig.wait_for_calls(4)
        os.kill(rig.stack.worker_pid().child, signal.SIGKILL)
        killed = time.monotonic()

        def running() -> int:
            return sum(one.ended is None for one in rig.calls() if one.started > killed)

        # Calls of the dead go on at the provider, so only those that began later are counted.
        assert seconds_until(lambda: running() >= 2, 4, "the other worker stood still") < 4
        wait_for(lambda: running() >= 4, 30, "no second worker")
        recovery = time.monotonic() - killed
        rig.settle(90)
        row = rig.close_books("T9 one worker of two killed", recovery=recovery, of="to all threads")
        assert (row.completed, row.calls) == (24, 26)
        assert recovery <= 15


def is_well(stack: Stack) -> bool:
    """Whether the health check of this container's worker passes."""
    try:
        return stack.manage("check_worker", "--host") == ""
    except RuntimeError:
        return False


@pytest.mark.faults
def test_a_killed_worker_is_replaced_and_a_dead_worker_is_told_to_be_unwell() -> None:
    with Rig(env=PLAIN) as rig:
        rig.provider.latency["transcriptions"] = 3.0
        rig.send(2)
        rig.wait_for_calls(2)
        old = rig.stack.worker_pid()
        os.kill(old.child, signal.SIGKILL)
        killed = time.monotonic()
        wait_for(lambda: rig.stack.worker_pid().child != old.child, 20, "no new worker")
        rig.send()
        rig.wait_for_calls(3)
        recovery = time.monotonic() - killed
        rig.settle(60)
        assert is_well(rig.stack)
        rig.stack.kill_group()
        unwell = seconds_until(lambda: not is_well(rig.stack), 90, "still said to be well")
        rig.stack.start()
        well = seconds_until(lambda: is_well(rig.stack), 15, "not well after a new start")
        rig.send()
        rig.settle(20)
        row = rig.close_books(
            "T9 worker, then all killed",
            recovery=recovery,
            of="to the next call",
            remark=f"(all killed: unwell after {unwell:.0f} s; well {well:.0f} s after the start)",
        )
        assert row.completed == 4
        assert recovery <= 15
