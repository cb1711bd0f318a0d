"""T12: how soon an idle worker begins, what idling costs, and how work spreads over workers.

Pick-up is from web's answer to the claim, as the row has it. Between the claim and the call to the
provider the recording is decoded, measured and encoded again, which takes about 13 ms for each of
its seconds; that is shown as "first call", for notes of four seconds.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.faults.rig import PLAIN, Rig, Sent, percentile
from tests.services import proc, wait_for
from tests.stack import Stack


class PickUp(NamedTuple):
    """Milliseconds from web's answer to the claim, and to the call to the provider."""

    claim: float
    call: float


def pick_ups(rig: Rig, count: int) -> list[PickUp]:
    """Upload notes one by one to an idle worker."""
    return [pick_up(rig, *rig.send()) for _ in range(count)]


def pick_up(rig: Rig, sent: Sent) -> PickUp:
    offset = time.time() - time.monotonic()
    rig.owner.wait(sent.note)
    [(claimed,)] = rig.query(
        "SELECT extract(epoch FROM started_at) FROM notes_attempt"
        f" WHERE note_id = '{sent.note}' AND stage = 'transcription'"
    )
    call = rig.calls(sent)[0].started - sent.at
    return PickUp((float(claimed) - offset - sent.at) * 1000, call * 1000)


def figures(taken: list[float]) -> str:
    return f"p50 {percentile(taken, 50):.1f} ms, p95 {percentile(taken, 95):.1f} ms"


def claims(taken: list[PickUp]) -> list[float]:
    return [one.claim for one in taken]


def calls(taken: list[PickUp]) -> list[float]:
    return [one.call for one in taken]


def cpu_seconds(pids: set[int]) -> float:
    """What these processes have used of the CPU, in user and system mode."""
    ticks = 0
    for pid in pids:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(after_name[11]) + int(after_name[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def share_of_a_core(*groups: set[int], seconds: float) -> list[float]:
    """The percentage of a core that each group of processes uses while nothing happens."""
    started = time.monotonic()
    before = [cpu_seconds(pids) for pids in groups]
    time.sleep(seconds)
    elapsed = time.monotonic() - started
    used = [cpu_seconds(pids) - was for pids, was in zip(groups, before, strict=True)]
    return [100 * one / elapsed for one in used]


def worker_processes(stack: Stack) -> set[int]:
    """The supervisor, Dramatiq's, the server of decoders and those it has forked."""
    [supervisor] = [pid for pid, command in stack.processes() if "-m project.worker" in command]
    return {supervisor, *proc.with_descendants({supervisor})}


# The quick one runs beside whatever else the machine does, so its bounds are wide. For both the
# sweep is production's: what idling costs depends on it.
@pytest.mark.parametrize(
    ("count", "p50", "p95", "seconds", "share"),
    [
        pytest.param(30, 200.0, 1000.0, 4.0, 5.0, id="quick"),
        pytest.param(200, 20.0, 60.0, 30.0, 1.0, marks=pytest.mark.faults, id="plain"),
    ],
)
def test_an_idle_worker_costs_next_to_nothing_and_begins_at_once(
    count: int, p50: float, p95: float, seconds: float, share: float
) -> None:
    with Rig(env=PLAIN) as rig:
        pick_ups(rig, 5)  # the first ones open connections
        # A decoder waits a second for its owner's next recording; server and spare stay.
        wait_for(lambda: len(worker_processes(rig.stack)) == 4, 20, "a decoder does not end")
        worker = worker_processes(rig.stack)
        # What a start and a first note set off has to end first.
        at_rest = 2.0 if share < 5 else 20.0
        wait_for(lambda: share_of_a_core(worker, seconds=2.0)[0] < at_rest, 60, "no rest")
        groups = worker, rig.valkey.process.family(), rig.stack.process.family() - worker
        of_worker, of_valkey, of_rest = share_of_a_core(*groups, seconds=seconds)
        before = pick_ups(rig, count)
        rig.valkey.restart()
        pick_ups(rig, 5)
        after = pick_ups(rig, count)
        row = rig.close_books(
            "T12 idle",
            remark=f"(pick-up {figures(claims(before))}; after a restart of Redis"
            f" {figures(claims(after))}; first call {figures(calls([*before, *after]))};"
            f" {count} each; of a core over {seconds:.0f} s: worker {of_worker:.2f} %,"
            f" Redis {of_valkey:.2f} %, web and launcher {of_rest:.2f} %)",
        )
        assert row.completed == row.calls == row.accepted
        assert of_worker + of_valkey < share
        for taken in (before, after):
            assert percentile(claims(taken), 50) < p50
            assert percentile(claims(taken), 95) < p95


@pytest.mark.faults
def test_four_jobs_on_two_workers_with_two_threads_take_as_long_as_one() -> None:
    job = 6.0
    with Rig(env={**PLAIN, "WORKER_THREADS": "2"}) as rig:
        rig.add()
        pick_ups(rig, 4)
        rig.provider.latency["transcriptions"] = job
        started = time.monotonic()
        sent = rig.send(4)
        rig.settle(60)
        calls = rig.calls(*sent)
        makespan = max(one.ended or 0.0 for one in calls) - started
        rig.close_books(
            "T12 makespan",
            recovery=makespan,
            of=f"for 4 jobs of {job:.0f} s on 2 x 2 threads",
            remark=f"({makespan / job:.2f} x job)",
        )
        assert len(calls) == 4
        assert 1.0 <= makespan / job <= 1.15
