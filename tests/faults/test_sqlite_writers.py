"""SQLite under sixteen phones and sixty-four worker threads: one writer, and nobody is refused."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.rig import Rig, percentile

PHONES = 16
SECONDS = 20.0


@pytest.mark.faults
def test_many_writers_never_meet_a_locked_database() -> None:
    with Rig(database="sqlite", env={"WORKER_THREADS": "64"}) as rig:
        rig.provider.latency["transcriptions"] = 0.5
        until = time.monotonic() + SECONDS
        with ThreadPoolExecutor(PHONES) as pool:
            phones = [pool.submit(keep_sending, rig, until) for _ in range(PHONES)]
        for phone in phones:
            phone.result()
        ended = time.monotonic()
        rig.settle(120)
        recovery = time.monotonic() - ended
        seconds = [sent.seconds for sent in rig.sent]
        row = rig.close_books(
            f"SQLite, {PHONES} writers and 64 worker threads",
            recovery=recovery,
            of="from the last upload until all had ended",
            remark=f"{len(seconds) / SECONDS:.0f} uploads a second, p95"
            f" {percentile(seconds, 95):.2f} s, none refused",
        )
        assert not rig.refused
        assert "locked" not in rig.stack.log_text()
        assert "OperationalError" not in rig.stack.log_text()
        assert row.completed == row.accepted


def keep_sending(rig: Rig, until: float) -> None:
    while time.monotonic() < until:
        rig.send()
