"""T5: Redis is down while calls fail, end and are begun, and notes arrive."""

from __future__ import annotations

from tests.faults.outage import live_through
from tests.faults.rig import PACES, PLAIN, Rig


@PACES
def test_a_redis_that_is_down_holds_nothing_up(pace: dict[str, str]) -> None:
    seconds = 10.0 if pace == PLAIN else 4.0
    with Rig(env=pace) as rig:
        before = lasting(rig)
        outage = live_through(rig, fault=rig.valkey.stop, mend=rig.valkey.start, seconds=seconds)
        assert lasting(rig) == before
        row = rig.close_books(
            f"T5 Redis down {seconds:.0f} s",
            recovery=outage.drained,
            of="from its return until all was done",
            remark=outage.remark,
        )
        assert row.completed == row.accepted
        outage.check()


def lasting(rig: Rig) -> list[object]:
    """The processes of the product but for decoders, which come and go."""
    return [one for one in rig.stack.processes() if "notes.audio.forks" not in one.command]
