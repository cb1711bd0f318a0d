"""T10: SIGTERM to the container's first process, again and again, with calls running."""

from __future__ import annotations

import pytest

from tests.faults.rig import PLAIN, QUICK, Rig
from tests.services import wait_for

HELD = "SELECT id FROM notes_note WHERE lease_token IS NOT NULL"
UNUSED = "SELECT id FROM notes_note WHERE attempts > 0 OR crashes > 0"
#: Each time four notes run and two wait for a thread.
RUNNING, WAITING = 4, 2


@pytest.mark.parametrize(
    ("pace", "rounds", "call"),
    [
        pytest.param(QUICK, 2, 1.5, id="quick"),
        pytest.param(PLAIN, 10, 3.0, marks=pytest.mark.faults, id="plain"),
    ],
)
def test_calls_that_run_at_sigterm_are_finished_and_not_repeated(
    pace: dict[str, str], rounds: int, call: float
) -> None:
    exits = []
    with Rig(env={**pace, "WORKER_THREADS": str(RUNNING)}) as rig:
        for number in range(1, rounds + 1):
            exits.append(stopped_with_calls_running(rig, call, number))
            rig.stack.start()
            rig.provider.latency["transcriptions"] = 0.0
            rig.settle(30)
        assert not rig.query(UNUSED)
        row = rig.close_books(
            "T10 SIGTERM",
            recovery=max(exits),
            of="to the slowest exit",
            remark=f"({rounds} of {rounds} finished their calls of {call:g} s)",
        )
        assert row.completed == row.calls == row.accepted == rounds * (RUNNING + WAITING)


def stopped_with_calls_running(rig: Rig, call: float, number: int) -> float:
    """Stop the container while notes run; the calls end, no other begins, nothing is held."""
    before = len(rig.calls())
    rig.provider.latency["transcriptions"] = call
    rig.send(RUNNING + WAITING)
    rig.wait_for_calls(before + RUNNING)
    took = rig.stack.terminate()
    calls = rig.calls()[before:]
    assert [one.status for one in calls] == [200] * RUNNING, f"round {number}"
    assert not rig.query(HELD), f"round {number}"
    wait_for(lambda: not rig.stack.processes(), 1, "a process was left behind")
    assert rig.states()["pending"] == WAITING
    return took
