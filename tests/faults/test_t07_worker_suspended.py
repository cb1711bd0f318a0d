"""T7: a worker is suspended, another takes over, and the first one comes back too late."""

from __future__ import annotations

import signal
import time

import pytest

from tests.faults.rig import PLAIN, Rig
from tests.services import proc, wait_for
from tests.stack import Stack

#: What a worker logs of a result that it may no longer store.
LATE = "late result dropped"
OUTCOMES = "SELECT outcome FROM notes_attempt WHERE stage = 'transcription'"
THREADS = 4
SUSPENDED_SECONDS = 45.0


def continue_after(seconds: float, stopped: float, stack: Stack) -> None:
    """Let the worker run again ``seconds`` after it was suspended: the fault itself."""
    time.sleep(max(0.0, stopped + seconds - time.monotonic()))
    proc.send(stack.worker_pid(), signal.SIGCONT)


@pytest.mark.faults
def test_what_a_suspended_worker_brings_too_late_is_dropped() -> None:
    within = int(PLAIN["LEASE_SECONDS"]) + int(PLAIN["SWEEP_SECONDS"]) + 1
    with Rig(env={"WORKER_THREADS": str(THREADS)}) as rig:
        rig.add()
        # As many as both can run, so that half of them are with the one that is suspended.
        rig.provider.latency["transcriptions"] = 4.0
        rig.send(2 * THREADS)
        rig.wait_for_calls(2 * THREADS)
        rig.provider.latency["transcriptions"] = 0.5
        proc.send(rig.stack.worker_pid(), signal.SIGSTOP)
        stopped = time.monotonic()
        rig.wait_for_calls(2 * THREADS + 1, within + 20)
        recovery = time.monotonic() - stopped
        rig.settle(20)
        assert LATE not in rig.stack.log_text()
        continue_after(SUSPENDED_SECONDS, stopped, rig.stack)
        wait_for(lambda: rig.stack.log_text().count(LATE) == THREADS, 20, "not all were dropped")
        rig.send(2)
        rig.settle(20)
        outcomes = sorted(outcome for (outcome,) in rig.query(OUTCOMES))
        assert outcomes == ["interrupted"] * THREADS + ["succeeded"] * (2 * THREADS + 2)
        row = rig.close_books(
            "T7 worker suspended",
            recovery=recovery,
            of="to the takeover",
            remark=f"({SUSPENDED_SECONDS:.0f} s; {THREADS} late results dropped)",
        )
        assert (row.completed, row.calls) == (2 * THREADS + 2, 3 * THREADS + 2)
        assert recovery <= within
