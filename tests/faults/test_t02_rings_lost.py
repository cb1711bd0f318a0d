"""T2: rings that never arrive: web is killed before it rings, Redis forgets those it had."""

from __future__ import annotations

import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import httpx2
import pytest

from tests.faults.rig import DATABASES, PACES, Rig, Sent, rung_again
from tests.marks import marked
from tests.services import proc, wait_for

PENDING = "SELECT id, rung_at FROM notes_note WHERE processing_status = 'pending'"


@PACES
@DATABASES
def test_a_note_whose_web_died_before_it_rang_is_found(database: str, pace: dict[str, str]) -> None:
    within = rung_again(pace)
    with Rig(database=database, env=pace) as rig:
        rig.send(1)  # the first call of a worker is slower
        rig.settle(20)
        rig.valkey.suspend()
        unanswered = commit_without_answer(rig)
        killed = time.monotonic()
        # Not resumed: it would hear the ring that web had already written into its socket.
        rig.valkey.kill()
        rig.valkey.start()
        assert rig.calls(unanswered) == []
        wait_for(lambda: rig.calls(unanswered), within + 20, "the note was not found")
        recovery = time.monotonic() - killed
        rig.settle(20)
        rig.send(1)
        rig.settle(20)
        row = rig.close_books(
            "T2 web killed between COMMIT and ring",
            recovery=recovery,
            of="from the kill to the call",
        )
        assert (row.completed, row.calls) == (3, 3)
        # Sooner would mean that the ring arrived after all.
        assert 2 * int(pace["SWEEP_SECONDS"]) - 2 < recovery <= within


def commit_without_answer(rig: Rig) -> Sent:
    """Kill web while its ring waits for a frozen Redis; the note that it had committed."""
    with ThreadPoolExecutor(1) as pool:
        audio, mark = marked()
        upload = pool.submit(rig.owner.upload, audio, idempotency_key=mark)
        ((note, rung_at),) = wait_for(lambda: rig.query(PENDING), 20, "not committed")
        proc.send([web_child(rig)], signal.SIGKILL)
        with pytest.raises(httpx2.TransportError):
            upload.result()
    # Nothing has been written after that COMMIT, not even that the ring failed.
    assert rung_at
    assert rig.query(PENDING) == [(note, rung_at)]
    # Nobody was told that it was accepted, but it was.
    rig.sent.append(Sent(str(note), mark, seconds=0.0))
    return rig.sent[-1]


def web_child(rig: Rig) -> int:
    """The process of gunicorn that answers requests."""
    running = {one.pid for one in rig.stack.processes() if "bin/gunicorn" in one.command}
    parents = {pid: status.parent for pid, status in proc.table().items()}
    (child,) = [pid for pid in running if parents[pid] in running]
    return child


@PACES
@DATABASES
def test_a_redis_that_forgets_all_loses_nothing(database: str, pace: dict[str, str]) -> None:
    within = rung_again(pace)
    with Rig(database=database, env={**pace, "WORKER_THREADS": "2"}) as rig:
        rig.provider.latency["transcriptions"] = 5.0
        rig.send(42)
        queued = rings_in(rig)
        assert queued >= 30
        begun = len(rig.calls())
        rig.valkey.flushall()
        flushed = time.monotonic()
        assert rings_in(rig) == 0
        rig.provider.latency["transcriptions"] = 0.0
        # Each of the two threads may just have fetched one more.
        rig.wait_for_calls(begun + 3, within + 20)
        recovery = time.monotonic() - flushed
        rig.settle(60)
        row = rig.close_books(
            f"T2 FLUSHALL with {queued} queued",
            recovery=recovery,
            of="to the first that was only queued",
            remark=f"({time.monotonic() - flushed:.1f} s to the last)",
        )
        assert (row.completed, row.calls) == (42, 42)
        assert recovery <= within


def rings_in(rig: Rig) -> int:
    """How many rings wait in Redis for a worker to fetch them."""
    with rig.valkey.client() as client:
        return cast(int, client.llen("bau:transcription"))
