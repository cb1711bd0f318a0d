"""T11: SIGTERM with calls of 30 s, when the platform waits 10 s and when it waits 60 s."""

from __future__ import annotations

import time

import pytest

from tests.faults.rig import Rig

CALL_SECONDS = 30.0
COUNTED = "SELECT id FROM notes_note WHERE attempts > 0 OR crashes > 0"
HANDED_BACK = "SELECT id FROM notes_attempt WHERE outcome = 'handed_back'"


@pytest.mark.faults
def test_calls_that_outlast_the_grace_are_handed_back_and_count_as_nothing() -> None:
    env = {"STOP_GRACE_SECONDS": "10", "WORKER_THREADS": "2"}
    with Rig(env=env) as rig:
        rig.provider.latency["transcriptions"] = CALL_SECONDS
        rig.send(3)
        rig.wait_for_calls(2)
        exit_seconds = rig.stack.terminate()
        assert rig.states() == {"pending": 3}
        assert len(rig.query(HANDED_BACK)) == 2
        assert not rig.query(COUNTED)
        rig.provider.latency["transcriptions"] = 0.5
        started = time.monotonic()
        rig.stack.start()
        rig.wait_for_calls(3)
        recovery = time.monotonic() - started
        rig.settle(30)
        assert not rig.query(COUNTED)
        row = rig.close_books(
            "T11 SIGTERM, short grace",
            recovery=recovery,
            of="from the next start to the first rerun",
            remark=f"(exit after {exit_seconds:.1f} s of 10 s grace)",
        )
        assert (row.completed, row.calls) == (3, 5)
        assert exit_seconds <= 9
        assert recovery <= 6


@pytest.mark.faults
def test_calls_within_a_long_grace_are_finished() -> None:
    with Rig(env={"STOP_GRACE_SECONDS": "60", "WORKER_THREADS": "2"}) as rig:
        rig.provider.latency["transcriptions"] = CALL_SECONDS
        rig.send(2)
        rig.wait_for_calls(2)
        exit_seconds = rig.stack.terminate(grace=60)
        rig.stack.start()
        rig.settle(30)
        row = rig.close_books(
            "T11 SIGTERM, long grace",
            recovery=exit_seconds,
            of="to the exit",
            remark=f"(calls of {CALL_SECONDS:.0f} s)",
        )
        assert (row.completed, row.calls) == (2, 2)
        assert exit_seconds <= CALL_SECONDS + 5
