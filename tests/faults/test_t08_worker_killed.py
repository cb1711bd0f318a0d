"""T8: kill -9 of the worker with notes running, fetched ahead and waiting for a retry."""

from __future__ import annotations

import signal
import time

from tests.faults.rig import DATABASES, PACES, Rig, latest
from tests.services import proc, wait_for


@PACES
@DATABASES
def test_a_killed_worker_loses_nothing(database: str, pace: dict[str, str]) -> None:
    within = latest(pace)
    with Rig(database=database, env={**pace, "WORKER_THREADS": "4"}) as rig:
        # Two notes wait for a retry, four run, four are fetched ahead.
        rig.provider.fail("transcriptions", status=500, times=2)
        waiting = rig.send(2)
        rig.wait_for_calls(2)
        rig.provider.latency["transcriptions"] = 4.0
        rig.send(8)
        rig.wait_for_calls(6)
        # Which note a call is for is known once its sound has been heard.
        wait_for(lambda: all(call.mark for call in rig.calls()[2:6]), 3.0, "a call without sound")
        before = len(rig.calls())
        killed = time.monotonic()
        proc.send(rig.stack.worker_pid(), signal.SIGKILL)
        rig.provider.latency["transcriptions"] = 0.5
        running = {call.mark for call in rig.calls()[2:6]}
        wait_for(
            lambda: any(call.mark in running for call in rig.calls()[before:]),
            within + 20,
            "no note that ran was tried again",
        )
        recovery = time.monotonic() - killed
        rig.settle(60)
        row = rig.close_books("T8 worker killed", recovery=recovery, of="to the first rerun")
        assert (row.completed, len(waiting)) == (10, 2)
        assert recovery <= within
