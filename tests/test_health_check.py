"""The container's own health check: what its role runs, and nothing else."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from project import health_check
from tests.services import free_port
from tests.services.run import REPOSITORY


@contextmanager
def web(answer: bytes) -> Iterator[int]:
    """A server that says ``answer`` to whoever asks once; its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(10)


def told(monkeypatch: pytest.MonkeyPatch, **env: object) -> list[str]:
    for name, value in env.items():
        monkeypatch.setenv(name, str(value))
    return list(health_check.troubles())


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nok", ""),
        (b"HTTP/1.1 500 Internal Server Error\r\n\r\n", "web answers /healthz with"),
        (b"", "web answers /healthz with ''"),
        (b"\xff\n", "web answers /healthz with"),
    ],
)
def test_web_is_well_when_it_answers_200(
    monkeypatch: pytest.MonkeyPatch, answer: bytes, trouble: str
) -> None:
    with web(answer) as port:
        found = told(monkeypatch, PROCESS_ROLE="web", PORT=port)
    assert len(found) == bool(trouble)
    assert "".join(found).startswith(trouble)


def test_a_web_that_does_not_listen_is_not_well(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    (found,) = told(monkeypatch, PROCESS_ROLE="web", PORT=port)
    assert found.startswith(f"web does not answer on port {port}")


@pytest.mark.parametrize(
    ("silent", "sweep", "trouble"),
    [
        (None, "", "the worker has not come up"),
        (5, "", ""),
        (70, "", "the worker was last alive 70 s ago"),
        (70, "30", ""),
    ],
)
def test_a_worker_is_well_while_its_loop_turns(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, silent: int | None, sweep: str, trouble: str
) -> None:
    alive = tmp_path / "alive"
    monkeypatch.setenv(health_check.ALIVE_FILE, str(alive))
    if silent is not None:
        health_check.say_alive()
        os.utime(alive, (time.time() - silent,) * 2)
    found = told(monkeypatch, PROCESS_ROLE="worker", SWEEP_SECONDS=sweep)
    assert len(found) == bool(trouble)
    assert "".join(found).startswith(trouble)


def test_without_a_file_to_touch_or_a_place_for_it_a_worker_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(health_check.ALIVE_FILE, raising=False)
    health_check.say_alive()
    monkeypatch.setenv(health_check.ALIVE_FILE, str(tmp_path / "absent" / "alive"))
    health_check.say_alive()
    assert not list(tmp_path.iterdir())


def test_both_are_asked_where_both_run_and_django_is_not_loaded(tmp_path: Path) -> None:
    code = (
        "import sys; from project import health_check; code = health_check.main();"
        "print(code, 'django' in sys.modules)"
    )
    asked = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        env={"PORT": str(free_port()), health_check.ALIVE_FILE: str(tmp_path / "absent")},
        capture_output=True,
        text=True,
        check=True,
    )
    first, second, last = asked.stdout.splitlines()
    assert first.startswith("web does not answer")
    assert second.startswith("the worker has not come up")
    assert last == "1 False"
