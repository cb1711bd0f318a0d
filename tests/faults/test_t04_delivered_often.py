"""T4: one note delivered twenty times to two workers, of which one lives an hour ahead."""

from __future__ import annotations

import ast
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from tests.doorbell import ring
from tests.faults.rig import DATABASES, QUICK, Rig
from tests.services import proc, wait_for
from tests.services.run import REPOSITORY
from tests.stack import Stack

#: Python imports a module of this name when it starts, before the product can ask for the time.
HOUR_AHEAD = "import time\nreal = time.time\ntime.time = lambda: real() + 3600\n"
#: What decides about claims, leases and retries; all of it by the database's clock.
DECIDING = ("models", "pipeline.py", "leases.py", "sweeper.py", "turns.py", "worker.py", "tasks.py")
WALL_CLOCKS = {"time.time", "datetime.now", "datetime.utcnow", "datetime.today", "timezone.now"}


@DATABASES
def test_twenty_deliveries_are_one_call(database: str, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(HOUR_AHEAD)
    env = {**QUICK, "WORKER_THREADS": "8", "LOG_LEVEL": "DEBUG"}
    with Rig(database=database, env=env) as rig:
        workers = [rig.stack, rig.add("worker", env={"PYTHONPATH": str(tmp_path)})]
        rig.provider.latency["transcriptions"] = 3.0
        with frozen(rig, workers):
            (note,) = rig.send(1)
            ring(rig.valkey.url, note.note, 20)
        rig.wait_for_calls(1)
        ring(rig.valkey.url, note.note, 20)
        rig.settle(30)
        ring(rig.valkey.url, note.note, 20)
        wait_for(lambda: not waiting(rig), 30, lambda: f"{waiting(rig)} are not looked at")
        looked = [stack.log_text().count("Received message transcribe_audio") for stack in workers]
        row = rig.close_books(
            "T4 delivered 61 times to 2 workers",
            remark=f"({looked[0]} and {looked[1]} looked at; the second one's clock 1 h ahead)",
        )
        assert (row.completed, row.calls) == (1, 1)
        assert newest_heartbeat(rig) > time.time() + 3000, "the clock was not ahead"
        assert min(looked) > 0
        assert sum(looked) >= 61


@contextmanager
def frozen(rig: Rig, workers: list[Stack]) -> Iterator[None]:
    """Stop the workers, so that all of them find the same messages when they go on.

    None is stopped while it writes: SQLite has one writer at a time, and web is to be the next.
    """
    children = [worker.worker_pid().child for worker in workers]

    def stopped() -> bool:
        proc.send(children, signal.SIGSTOP)
        if not rig.can_be_written():
            proc.send(children, signal.SIGCONT)
            return False
        return True

    wait_for(stopped, 10, "the workers write without a pause")
    try:
        yield
    finally:
        proc.send(children, signal.SIGCONT)


def waiting(rig: Rig) -> object:
    """How many messages are in Redis, be they fetched or not."""
    with rig.valkey.client() as client:
        return client.hlen("bau:transcription.msgs")


def newest_heartbeat(rig: Rig) -> float:
    """When Redis last heard of a worker, by that worker's own clock."""
    with rig.valkey.client() as client:
        newest = client.zrange("bau:__heartbeats__", -1, -1, withscores=True)
    ((_, milliseconds),) = cast(list[tuple[str, float]], newest)
    return milliseconds / 1000


def test_no_worker_decides_by_its_own_clock() -> None:
    asked = {
        f"{path.name}: {call}"
        for name in DECIDING
        for path in sources(REPOSITORY / "notes" / name)
        for call in calls_in(path)
        if call.endswith(tuple(WALL_CLOCKS))
    }
    # When a day of the quota begins: a wrong clock moves that, and nothing else.
    assert asked == {"usage.py: timezone.now"}


def sources(path: Path) -> list[Path]:
    return sorted(path.rglob("*.py")) if path.is_dir() else [path]


def calls_in(path: Path) -> Iterator[str]:
    """Every function that the module calls, as written."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)
