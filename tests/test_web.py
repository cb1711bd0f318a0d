"""gunicorn's processes and threads: who answers what a connection asks, and what they share."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from project.web import PATIENCE
from tests.services import proc, wait_for
from tests.stack import Stack

THREADS = 2
REQUEST = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def web() -> Iterator[Stack]:
    """One process with two threads."""
    env = {"WEB_CONCURRENCY": "1", "WEB_THREADS": str(THREADS), "SHARED_VOLUME": "1"}
    with Stack(env, role="web") as stack:
        yield stack


def connection(web: Stack) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", web.port, timeout=10)


def ask(connection: http.client.HTTPConnection, path: str = "/healthz") -> int:
    connection.request("GET", path)
    response = connection.getresponse()
    response.read()
    return response.status


def test_a_connection_is_served_at_once_again_after_a_while_and_when_it_was_let_go(
    web: Stack,
) -> None:
    one = connection(web)
    for pause in (0.0, 0.0, 3 * PATIENCE / 1000, 0.0):
        time.sleep(pause)  # what a client does meanwhile
        before = one.sock
        assert ask(one) == 200
        assert before in (None, one.sock), "it had to connect anew"
    one.close()


def test_more_connections_than_threads_are_all_served(web: Stack) -> None:
    many = [connection(web) for _ in range(4 * THREADS)]
    with ThreadPoolExecutor(len(many)) as pool:
        for _ in range(5):
            assert set(pool.map(ask, many)) == {200}
    begun = time.monotonic()
    for one in [*many, *many[::-1]]:
        assert ask(one) == 200
    assert time.monotonic() - begun < 5
    for one in many:
        one.close()


def test_silent_connections_hold_no_thread(web: Stack) -> None:
    silent = [connection(web) for _ in range(3 * THREADS)]
    for one in silent:
        assert ask(one) == 200
    new = connection(web)
    begun = time.monotonic()
    assert ask(new) == 200
    assert time.monotonic() - begun < 1
    for one in [*silent, new]:
        one.close()


def test_requests_sent_together_are_answered_in_turn(web: Stack) -> None:
    with socket.create_connection(("127.0.0.1", web.port), timeout=10) as sock:
        sock.sendall(3 * REQUEST)
        said = b""
        while said.count(b"HTTP/1.1 200 OK") < 3 and (more := sock.recv(8192)):
            said += more
    assert said.count(b"HTTP/1.1 200 OK") == 3


def test_a_client_that_hangs_up_harms_nobody(web: Stack) -> None:
    for _ in range(3 * THREADS):
        one = connection(web)
        assert ask(one) == 200
        one.close()
    last = connection(web)
    assert ask(last) == 200
    last.close()
    assert "Traceback" not in web.log.read_text()


def gunicorn(stack: Stack) -> set[int]:
    return {pid for pid in stack.process.family() if "bin/gunicorn" in proc.command_line(pid)}


@pytest.mark.parametrize(("role", "count"), [("all", 1), ("web", 2)])
def test_web_alone_has_two_processes_and_shares_what_they_load(role: str, count: int) -> None:
    with Stack({"SHARED_VOLUME": "1"}, role=role) as stack:
        wait_for(lambda: len(gunicorn(stack)) == 1 + count, 10, "not so many processes")
        [master] = [
            pid for pid in gunicorn(stack) if proc.table()[pid].parent not in gunicorn(stack)
        ]
        has_loaded_the_api = "_pydantic_core" in Path(f"/proc/{master}/maps").read_text()
        assert has_loaded_the_api == (count > 1)
