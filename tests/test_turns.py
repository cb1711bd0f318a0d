"""Turns in one worker: many at once, a suspect alone, the CPU for one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

import pytest

from notes.turns import Turns
from tests.services import wait_for


class Runner:
    """Takes turns in threads of its own and can hold them."""

    def __init__(self) -> None:
        self.stopping = Event()
        self.turns = Turns(self.stopping)
        self.pool = ThreadPoolExecutor(8)
        self.releases: list[Event] = []

    def start(self, *, alone: bool = False, cpu: bool = False) -> tuple[Future[bool], Event, Event]:
        """A thread in its turn: its result, 'it runs now', and 'let it end'."""
        running, release = Event(), Event()
        self.releases.append(release)

        def body() -> bool:
            with self.turns.take(alone=alone, cpu=cpu) as granted:
                if granted:
                    running.set()
                    release.wait(10)
                return granted

        return self.pool.submit(body), running, release

    def close(self) -> None:
        self.stopping.set()
        for release in self.releases:
            release.set()
        self.pool.shutdown()


@pytest.fixture
def runner() -> Iterator[Runner]:
    made = Runner()
    yield made
    made.close()


def test_ordinary_notes_run_side_by_side(runner: Runner) -> None:
    for _, running, _ in [runner.start() for _ in range(4)]:
        assert running.wait(5)


def test_a_suspect_waits_until_all_others_are_through_and_holds_up_those_that_come(
    runner: Runner,
) -> None:
    _, first_runs, first_ends = runner.start()
    assert first_runs.wait(5)
    _, suspect_runs, suspect_ends = runner.start(alone=True)
    wait_for(lambda: runner.turns._alone, 5, "the suspect never asked")
    _, later_runs, _ = runner.start()
    assert not suspect_runs.wait(0.2)
    assert not later_runs.is_set()
    first_ends.set()
    assert suspect_runs.wait(5)
    assert not later_runs.wait(0.2)
    suspect_ends.set()
    assert later_runs.wait(5)


def test_the_cpu_is_one_notes_at_a_time_and_nobody_waits_for_it(runner: Runner) -> None:
    _, first_runs, first_ends = runner.start(cpu=True)
    assert first_runs.wait(5)
    second, _, _ = runner.start(cpu=True)
    assert second.result(5) is False
    first_ends.set()
    wait_for(lambda: not runner.turns._cpu.locked(), 5, "the CPU was never free")
    _, third_runs, _ = runner.start(cpu=True)
    assert third_runs.wait(5)


def test_a_stop_sends_those_home_that_wait(runner: Runner) -> None:
    _, first_runs, _ = runner.start()
    assert first_runs.wait(5)
    suspect, _, _ = runner.start(alone=True)
    wait_for(lambda: runner.turns._alone, 5, "the suspect never asked")
    runner.stopping.set()
    assert suspect.result(5) is False
    assert not runner.turns._alone


def test_nobody_gets_a_turn_when_it_comes_free_during_a_stop(runner: Runner) -> None:
    _, suspect_runs, suspect_ends = runner.start(alone=True)
    assert suspect_runs.wait(5)
    waiting, _, _ = runner.start()
    runner.stopping.set()
    suspect_ends.set()
    assert waiting.result(5) is False
