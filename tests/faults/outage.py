"""Living through a Redis that is gone, frozen or full: what those tests have in common."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from typing import cast

from notes.stages import Stage
from tests.faults.rig import Rig, percentile
from tests.services import wait_for

#: What web may take to answer an upload whatever Redis does.
UPLOAD_P95 = 1.2
#: How soon after Redis is well all must be well and all work done.
RECOVERY = 15.0


@dataclass(frozen=True)
class Outage:
    """How it went: the uploads meanwhile, and the seconds after Redis was well."""

    uploads: list[float]
    well: float
    drained: float

    @property
    def remark(self) -> str:
        p95 = percentile(self.uploads, 95)
        return (
            f"({len(self.uploads)} uploads meanwhile, p95 {p95:.2f} s;"
            f" a new note heard after {self.well:.1f} s)"
        )

    def check(self) -> None:
        """What is promised of each of them."""
        assert percentile(self.uploads, 95) < UPLOAD_P95
        assert self.well <= RECOVERY
        assert self.drained <= RECOVERY


def live_through(
    rig: Rig, *, fault: Callable[[], object], mend: Callable[[], object], seconds: float
) -> Outage:
    """Break Redis for so long, while calls fail, end and are begun, and notes arrive."""
    leave_some_waiting_and_some_running(rig)
    with uploading(rig):
        broken = time.monotonic()
        fault()
        time.sleep(seconds)
        mend()
        mended = time.monotonic()
    meanwhile = [sent.seconds for sent in rig.sent if broken < sent.at - sent.seconds < mended]
    assert not rig.refused
    (fresh,) = rig.send(1)
    wait_for(lambda: rig.calls(fresh), 60, "a new note was not heard")
    well = time.monotonic() - mended
    rig.settle(60)
    return Outage(meanwhile, well, drained=time.monotonic() - mended)


def leave_some_waiting_and_some_running(rig: Rig) -> None:
    """Two notes wait for a retry; of six calls that run, three will fail."""
    rig.provider.fail("transcriptions", status=500, times=2)
    rig.send(2)
    rig.wait_for_calls(2)
    wait_for(lambda: rig.states()["pending"] == 2, 10, "no retry is waiting")
    rig.provider.latency["transcriptions"] = 2.0
    rig.provider.fail("transcriptions", hang=2.0, status=500, times=3)
    rig.send(6)
    rig.wait_for_calls(8)


@contextmanager
def uploading(rig: Rig, *, threads: int = 3, pause: float = 0.7) -> Iterator[None]:
    """Upload from several threads until the block ends."""
    over = Event()

    def upload_on() -> None:
        while not over.wait(pause):
            rig.send(1)

    with ThreadPoolExecutor(threads) as pool:
        streams = [pool.submit(upload_on) for _ in range(threads)]
        try:
            yield
        finally:
            over.set()
    for stream in streams:
        stream.result()


def nothing_is_left_behind(rig: Rig) -> None:
    """Wait until Redis has taken back what it handed out and heard no more of, and it is done."""
    wait_for(lambda: not _messages(rig), 60, lambda: f"{_messages(rig)} messages are left")


def _messages(rig: Rig) -> int:
    with rig.valkey.client() as client:
        return sum(cast(int, client.hlen(f"bau:{stage.queue}.msgs")) for stage in Stage)
