"""Python's processes keep to one core each; what computes without its lock does not."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from project import cores
from tests.conftest import SAMPLE
from tests.fakes.provider import FakeProvider
from tests.services import proc, wait_for
from tests.services.valkey import Valkey
from tests.stack import Stack

EVERY = os.sched_getaffinity(0)
needs_two = pytest.mark.skipif(len(EVERY) < 2, reason="this machine has one core")


def test_the_next_process_gets_the_core_that_fewest_keep_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cores, "_OURS", [0, 1, 2])
    monkeypatch.setattr("socket.gethostname", lambda: "a")
    first, second, third = cores.in_turn()
    assert {first, second, third} == {0, 1, 2}
    assert cores.least_used([]) == first
    assert cores.least_used([first]) == second
    assert cores.least_used([first, second, third]) == first
    assert cores.least_used([first, first, second, third]) == second


def test_containers_begin_with_different_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "_OURS", [0, 1, 2, 3])
    begun: Counter[int] = Counter()
    for number in range(100):
        monkeypatch.setattr("socket.gethostname", lambda number=number: f"container-{number}")
        begun[cores.in_turn()[0]] += 1
    assert begun.keys() == {0, 1, 2, 3}
    assert max(begun.values()) < 50


@pytest.mark.parametrize("ours", [[], [3]])
def test_where_there_is_no_choice_nothing_is_chosen(
    ours: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cores, "_OURS", ours)
    assert cores.least_used([]) is None
    cores.keep_to(cores.least_used([]))
    assert os.sched_getaffinity(0) == EVERY


@needs_two
@pytest.mark.parametrize("kept", [True, False])
def test_web_and_worker_keep_to_cores_of_their_own_and_decoders_use_all(kept: bool) -> None:
    env = {"WEB_CONCURRENCY": "2", "KEEP_TO_CORES": "1" if kept else "0"}
    with (
        Valkey() as valkey,
        FakeProvider() as provider,
        Stack(env, redis=valkey.url, provider=provider.url) as stack,
    ):
        alice = stack.create_user("alice")
        alice.wait(alice.upload(SAMPLE.read_bytes())["id"])
        worker = stack.worker_pid()
        web = children_of_gunicorn(stack)
        assert len(web) == 2
        on = [os.sched_getaffinity(pid) for pid in web]
        if kept:
            assert [len(each) for each in on] == [1, 1]
            assert on[0] != on[1]
            assert len(affinity_of_threads(worker.child)) == 1
        else:
            assert on == [EVERY, EVERY]
        servers = proc.with_descendants({worker.child}) - {worker.child}
        assert servers
        # Decoders of short notes leave the worker's core alone; their server may use all.
        off = EVERY - affinity_of_threads(worker.child) or EVERY
        assert {frozenset(os.sched_getaffinity(pid)) for pid in servers} <= {
            frozenset(EVERY),
            frozenset(off),
        }
        if kept:
            os.kill(web[0], 9)
            wait_for(lambda: len(children_of_gunicorn(stack)) == 2, 20, "no new process")
            [new] = set(children_of_gunicorn(stack)) - set(web)
            wait_for(lambda: os.sched_getaffinity(new) == on[0], 20, "another core than before")


def children_of_gunicorn(stack: Stack) -> list[int]:
    """The processes that answer requests."""
    known = {pid for pid, command in stack.processes() if "bin/gunicorn" in command}
    table = proc.table()
    return sorted(pid for pid in known if pid in table and table[pid].parent in known)


def affinity_of_threads(pid: int) -> set[int]:
    """All cores that threads which run Dramatiq's work may use."""
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").iterdir():
        found |= os.sched_getaffinity(int(task.name))
    return found
