"""T14: PostgreSQL restarted with calls running and uploads arriving."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import httpx2
import pytest

from tests.faults.rig import QUICK, Rig, percentile, seconds_until
from tests.services import wait_for

#: What web may use beside the worker: uploads from so many threads at once.
UPLOADERS = 3
WELL_SECONDS = 45
#: Longer than a lease, and than several tries of a pool to connect.
OUTAGE = 25.0


@pytest.mark.faults
def test_a_restarted_database_loses_no_call_and_no_upload() -> None:
    with Rig() as rig:
        assert rig.postgres
        warm_up(rig)
        before = rig.postgres.connections("bau")
        rig.provider.latency["transcriptions"] = 4.0
        running = rig.send(4)
        rig.wait_for_calls(len(running) + 2)

        with uploading(rig) as answers:
            wait_for(lambda: len(answers) > 10, 20, "no uploads")
            restarted = time.monotonic()
            rig.postgres.restart()
            down = time.monotonic() - restarted
            rig.provider.latency["transcriptions"] = 0.2
            seen = len(answers)
            wait_for(lambda: len(answers) > seen + 10, 30, "uploads are not taken in again")
        rig.settle(WELL_SECONDS)
        recovery = time.monotonic() - restarted

        refusals = [code for code, _ in answers if code != 202]
        seconds = percentile([seconds for _, seconds in answers], 95)
        [later] = rig.send()
        well = seconds_until(
            lambda: rig.owner.get(later.note)["processing_status"] == "completed", 5, "wedged"
        )
        wait_for(
            lambda: rig.postgres and rig.postgres.connections("bau") <= before + 1,
            90,
            lambda: f"{rig.postgres and rig.postgres.connections('bau')} connections, not {before}",
        )
        row = rig.close_books(
            "T14 PostgreSQL restarted",
            recovery=recovery,
            of=f"until all had ended; down {down:.1f} s",
            remark=f"{len(refusals)} of {len(answers)} uploads told 503, answers p95"
            f" {seconds:.2f} s; connections back to {before}; a later note in {well:.1f} s",
        )
        assert set(refusals) <= {503}
        assert row.completed == row.accepted
        assert recovery <= WELL_SECONDS
        assert no_half_notes(rig)


def warm_up(rig: Rig) -> None:
    """Have every pool at the size that this load needs, so that there is a baseline."""
    rig.send(2)
    rig.settle(20)


class uploading:
    """Uploads from a few phones without a pause while the block runs; status and seconds of each.

    They keep what was accepted in the books, by the rig; a phone that gets no answer at all has
    found a bug here, since web stays up.
    """

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._done = Event()
        self._pool = ThreadPoolExecutor(UPLOADERS)
        self.answers: list[tuple[int, float]] = []

    def __enter__(self) -> list[tuple[int, float]]:
        self._phones = [self._pool.submit(self._upload) for _ in range(UPLOADERS)]
        return self.answers

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._pool.shutdown()
        for phone in self._phones:
            phone.result()

    def _upload(self) -> None:
        while not self._done.wait(0.1):
            started = time.monotonic()
            accepted = self._rig.send()
            status = 202 if accepted else self._rig.refused[-1].status
            self.answers.append((status, time.monotonic() - started))


def no_half_notes(rig: Rig) -> bool:
    """Also a note whose upload was told 503, but was committed, is whole and has ended."""
    halves = rig.query(
        "SELECT id FROM notes_note WHERE audio_key = '' OR audio_bytes = 0"
        " OR processing_status <> 'completed'"
    )
    return not halves


@pytest.mark.faults
def test_an_outage_longer_than_a_lease_repeats_no_call_and_is_told_clearly() -> None:
    with Rig(env=QUICK) as rig:
        assert rig.postgres
        rig.provider.latency["transcriptions"] = 2.0
        rig.send(4)
        rig.wait_for_calls(4)
        rig.postgres.stop()
        stopped = time.monotonic()
        assert rig.send() == []
        took = time.monotonic() - stopped
        refused = rig.refused[-1]
        assert (refused.status, refused.problem["code"]) == (503, "database_unavailable")
        assert int(refused.response.headers["Retry-After"]) > 0
        ready = httpx2.get(f"{rig.stack.url}/readyz", timeout=30, trust_env=False)
        assert (ready.status_code, ready.json()["database"]) == (503, "down")
        wait_for(lambda: time.monotonic() > stopped + OUTAGE, OUTAGE, "the outage does not end")
        rig.postgres.start()
        back = seconds_until(rig.send, 30, "web does not find its database again")
        rig.settle(30)
        row = rig.close_books(
            "T14 PostgreSQL away",
            recovery=back,
            of=f"to the next upload, after {OUTAGE:.0f} s",
            remark=f"uploads told 503 after {took:.1f} s",
        )
        assert row.calls == row.accepted, "what was paid for was not stored"
        assert took < 12
        assert back < 8
