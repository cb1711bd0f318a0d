"""T16: a periodic duty in three containers, of which one, then all, stand still for a while."""

from __future__ import annotations

import re
import time
from itertools import pairwise

import pytest

from tests.faults.rig import Rig
from tests.faults.ticking import EVERY_SECONDS
from tests.services import wait_for
from tests.stack import Stack

STILL_SECONDS = 15
#: A look at the table each second, and some slack for a busy machine.
LATE_SECONDS = EVERY_SECONDS + 3
ENV = {"DJANGO_SETTINGS_MODULE": "tests.faults.ticking", "SWEEP_SECONDS": "1"}


@pytest.mark.faults
def test_a_duty_is_run_once_per_period_and_caught_up_after_a_standstill() -> None:
    with Rig(env=ENV) as rig:
        containers = [rig.stack, rig.add(), rig.add()]
        started = time.time()
        rig.send(10)
        elapse(20)
        stand_still(containers[:1])
        elapse(10)
        began, ended = stand_still(containers)
        elapse(10)

        ticks = [at for at in ticks_of(containers) if at > started]
        gaps = [later - earlier for earlier, later in pairwise(ticks)]
        caught_up = min(at for at in ticks if at > ended) - ended
        seconds = time.time() - started
        runners = sum(bool(ticks_of([container])) for container in containers)
        rig.settle(30)
        rig.close_books(
            "T16 periodic duties",
            recovery=caught_up,
            of=f"after a standstill of {STILL_SECONDS} s",
            remark=f"a tick of {EVERY_SECONDS} s in 3 containers: {len(ticks)} runs in"
            f" {seconds:.0f} s, by {runners} of them, never 2 within {min(gaps):.1f} s",
        )
        assert min(gaps) > EVERY_SECONDS - 0.5, "two runs for one tick"
        late = [gap for gap in gaps if gap > LATE_SECONDS]
        assert len(late) == 1, "only the standstill of all may delay a tick"
        assert caught_up < 3
        assert not [at for at in ticks if began < at < ended]


def elapse(seconds: float) -> None:
    """Let time pass: periods are what this is about."""
    until = time.monotonic() + seconds
    wait_for(lambda: time.monotonic() > until, seconds + 1, "time stands still")


def stand_still(containers: list[Stack]) -> tuple[float, float]:
    """Freeze these containers for a while; from when to when all of them stood still."""
    for container in containers:
        container.process.suspend()
    began = time.time()
    elapse(STILL_SECONDS)
    ended = time.time()
    for container in containers:
        container.process.resume()
    return began, ended


def ticks_of(containers: list[Stack]) -> list[float]:
    """When the duty was run, oldest first."""
    text = "\n".join(container.log_text() for container in containers)
    return sorted(float(at) for at in re.findall(r"tick at ([\d.]+)", text))
