"""T17: the container's command in a hostile place: PORT, `.env`, a read-only root."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fakes.provider import FakeProvider
from tests.faults.books import Row
from tests.faults.elsewhere import Elsewhere, copy_of_checkout
from tests.marks import marked
from tests.services import free_port, wait_for
from tests.services.valkey import Valkey

pytestmark = pytest.mark.faults

PROGRAMS = {
    "web": "bin/gunicorn",
    "worker": "-m project.worker",
    "dramatiq": "-m project.run_dramatiq",
}
EXPECTED = {
    None: {"web", "worker", "dramatiq"},
    "web": {"web"},
    "worker": {"worker", "dramatiq"},
}
#: What honcho and other launchers would take over; ours must not even read it.
HOSTILE = """
PORT=1
PROCESS_ROLE=banana
DATABASE_URL=sqlite:////nowhere/at/all.sqlite3
REDIS_URL=redis://nowhere.invalid/0
SECRET_KEY=
STOP_GRACE_SECONDS=-1
PROCFILE=/dev/null
"""
#: Start in a private mount namespace in which the product's folder cannot be written.
READ_ONLY = (
    *("unshare", "--mount", "sh", "-c"),
    'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && cd "$0" && exec "$@"',
)


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Valkey, FakeProvider]]:
    with Valkey() as valkey, FakeProvider() as provider:
        yield valkey, provider


@contextmanager
def started(
    servers: tuple[Valkey, FakeProvider], role: str | None, *, port: int, read_only: bool = False
) -> Iterator[Elsewhere]:
    """The product from a copy with a hostile `.env`; it must leave the copy as it was."""
    valkey, provider = servers
    tree = copy_of_checkout()
    (tree / ".env").write_text(HOSTILE)
    stack = Elsewhere(
        tree,
        {"SHARED_VOLUME": "1", "PYTHONDONTWRITEBYTECODE": "1", "CLASSIFIER": "rules"},
        wrapper=(*READ_ONLY, str(tree)) if read_only else (),
        role=role or "all",
        redis=valkey.url,
        provider=provider.url,
    )
    stack.url, stack.env["PORT"] = f"http://127.0.0.1:{port}", str(port)
    if role is None:
        del stack.env["PROCESS_ROLE"]
    if role == "worker":
        stack.manage("migrate", "--verbosity=0")
    before = files_of(tree)
    with stack:
        yield stack
    assert files_of(tree) == before


def publish(fault: str, remark: str, notes: int = 0) -> None:
    """A line of the table for a start at which ``notes`` notes were sent and completed."""
    Row(
        fault=fault,
        database="sqlite",
        accepted=notes,
        completed=notes,
        failed=0,
        lost=0,
        doubled=0,
        calls=notes,
        recovery=None,
        remark=remark,
    ).publish()


def files_of(tree: Path) -> set[str]:
    """Every file in it; folders that stay empty do no harm."""
    return {str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file()}


def programs(stack: Elsewhere) -> set[str]:
    commands = [command for _, command in stack.processes()]
    return {name for name, part in PROGRAMS.items() if any(part in text for text in commands)}


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def platforms_port() -> int:
    """80, as platforms set PORT, if we may listen there; else another."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", 80))
        except OSError:
            return free_port()
    return 80


def can_mount() -> bool:
    """Root in a container may lack the capability."""
    return (
        os.geteuid() == 0
        and not subprocess.run(
            ["unshare", "--mount", "mount", "--bind", "/tmp", "/tmp"],
            capture_output=True,
            check=False,
        ).returncode
    )


@pytest.mark.parametrize("role", [None, "web", "worker"])
def test_each_role_starts_its_processes_on_the_port_it_is_given_and_ends_with_143(
    servers: tuple[Valkey, FakeProvider], role: str | None
) -> None:
    port = platforms_port()
    with started(servers, role, port=port) as stack:
        wait_for(
            lambda: programs(stack) == EXPECTED[role], 20, lambda: f"running: {programs(stack)}"
        )
        assert listens(port) == (role != "worker")
        assert not listens(port + 100), "honcho's count for a second process"
        running = sorted(programs(stack))
        took = stack.terminate(grace=10)
        assert stack.process.returncode == 143
    publish(
        f"T17 PROCESS_ROLE={role or ''}",
        f"hostile .env, {'PORT=80' if port == 80 else 'PORT set'}: ran {', '.join(running)};"
        f" ended in {took:.1f} s with 143",
    )


@pytest.mark.skipif(not can_mount(), reason="needs root with the right to mount")
def test_a_read_only_folder_is_enough(servers: tuple[Valkey, FakeProvider]) -> None:
    with started(servers, None, port=free_port(), read_only=True) as stack:
        with pytest.raises(OSError, match="Read-only"):
            (Path(f"/proc/{stack.process.pid}/cwd") / "written").write_text("")
        alice = stack.create_user("alice")
        note = alice.wait(alice.upload(marked()[0])["id"])
        assert note["processing_status"] == "completed"
        stack.terminate(grace=10)
        assert stack.process.returncode == 143
    publish("T17 read-only root", "no file written in the tree", notes=1)


def test_a_port_that_is_taken_ends_the_container_with_a_fault(
    servers: tuple[Valkey, FakeProvider],
) -> None:
    """The platform starts it again; one that stayed up without web would go unnoticed."""
    with socket.create_server(("0.0.0.0", free_port())) as taken:
        port = int(taken.getsockname()[1])
        stack = Elsewhere(copy_of_checkout(), redis=servers[0].url)
        stack.env["PORT"] = str(port)
        try:
            assert stack.launch().wait(60) not in (0, None)
        finally:
            stack.close()
