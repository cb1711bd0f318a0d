"""T6: Redis takes in what it is sent and answers nothing, while calls run and a retry waits."""

from __future__ import annotations

import pytest

from tests.faults.outage import live_through, nothing_is_left_behind
from tests.faults.rig import Rig


@pytest.mark.faults
def test_a_redis_that_is_frozen_holds_nothing_up() -> None:
    with Rig() as rig:
        before = rig.stack.worker_pid()
        outage = live_through(rig, fault=rig.valkey.suspend, mend=rig.valkey.resume, seconds=30.0)
        worker = "lived" if rig.stack.worker_pid() == before else "was started anew"
        row = rig.close_books(
            "T6 Redis frozen 30 s",
            recovery=outage.drained,
            of="from its return until all was done",
            remark=f"{outage.remark}, the worker {worker}",
        )
        assert row.completed == row.accepted
        outage.check()
        nothing_is_left_behind(rig)
