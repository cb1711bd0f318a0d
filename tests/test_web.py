"""gunicorn's processes and threads: who answers what a connection asks, and what they share."""

from __future__ import annotations

import http.client
import os
import select
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from gunicorn.workers.gthread import TConn, ThreadWorker

from project.web import CLOSED, PATIENCE, Crowd, PatientWorker
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


TCP = Path("/proc/net/tcp")
LISTENING = "0A"


def connections(pid: int, port: int) -> int:
    """How many connections to ``port`` the process has, until it has closed them too."""
    rows = [line.split() for line in TCP.read_text().splitlines()[1:]]
    ours = {
        f"socket:[{row[9]}]"
        for row in rows
        if int(row[1].split(":")[1], 16) == port and row[3] != LISTENING
    }
    count = 0
    for one in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # it has just been closed
            count += os.readlink(one) in ours
    return count


@pytest.fixture(scope="module")
def pair() -> Iterator[Stack]:
    """Web alone, with two processes."""
    with Stack({"SHARED_VOLUME": "1", "WEB_CONCURRENCY": "2"}, role="web") as stack:
        yield stack


def servers(stack: Stack) -> list[int]:
    """Those of gunicorn's processes that answer."""
    all_of_them = gunicorn(stack)
    return [pid for pid in all_of_them if proc.table()[pid].parent in all_of_them]


@pytest.mark.skipif(not TCP.exists(), reason="Linux tells whose a connection is")
def test_connections_that_stay_open_are_shared_among_processes(pair: Stack) -> None:
    most = []
    for _ in range(7):  # while others keep the machine busy one of the two may be late
        many = [connection(pair) for _ in range(16)]
        for one in many:
            assert ask(one) == 200
        most.append(max(connections(pid, pair.port) for pid in servers(pair)))
        for one in many:
            one.close()
        wait_for(
            lambda: not any(connections(pid, pair.port) for pid in servers(pair)), 10, "still open"
        )
    assert sorted(most)[2] <= 9, most


@pytest.mark.parametrize(
    ("own", "others", "is_quick", "takes"),
    [
        pytest.param(2, 3, False, True, id="it has fewer"),
        pytest.param(3, 3, False, True, id="as many"),
        pytest.param(3, CLOSED, False, True, id="the other takes none"),
        pytest.param(3, 2, True, False, id="the other has fewer and takes it"),
        pytest.param(3, 2, False, True, id="the other has fewer and is stuck"),
    ],
)
def test_a_new_connection_goes_to_the_process_that_has_fewer(
    monkeypatch: pytest.MonkeyPatch, own: int, others: int, is_quick: bool, takes: bool
) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()),
    ):
        worker = one_of_two(monkeypatch, own, others)
        if is_quick:  # it does so while this one waits
            monkeypatch.setattr(time, "sleep", lambda _: listener.accept()[0].close())
        assert _takes(worker, listener) == takes


def test_what_was_left_to_a_stuck_process_in_vain_is_not_again_until_it_moves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()),
    ):
        worker = one_of_two(monkeypatch, 3, 2)
        assert _takes(worker, listener)
        assert not worker._leaves_it()
        worker.crowd.say(1, 1)
        assert worker._leaves_it()


def one_of_two(monkeypatch: pytest.MonkeyPatch, own: int, others: int) -> Any:
    """A worker with so many connections, beside another's; it notes down what it takes."""
    worker: Any = object.__new__(PatientWorker)
    worker.taken, worker.alive = [], True
    monkeypatch.setattr(ThreadWorker, "accept", lambda _, listener: worker.taken.append(listener))
    worker.crowd, worker.place, worker.nr_conns = Crowd(3), 0, own
    worker.crowd.say(0, own)
    worker.crowd.say(1, others)
    return worker


def _takes(worker: Any, listener: socket.socket) -> bool:
    """Whether it takes what waits at ``listener``, asked again and again as long as that waits."""
    while select.select([listener], [], [], 0)[0] and not worker.taken:
        worker.accept(listener)
    return bool(worker.taken)


@pytest.mark.parametrize("broken_off", [False, True])
def test_a_connection_that_ends_leaves_the_count_once(broken_off: bool) -> None:
    worker: Any = object.__new__(PatientWorker)
    worker.nr_conns = 5
    ours, theirs = socket.socketpair()
    ended = TConn(None, ours, None, None)
    theirs.close()
    if broken_off:  # gunicorn has closed it already
        ours.close()
    answered: Future[bool] = Future()
    answered.set_result(False)
    worker.finish_request(ended, answered)
    assert worker.nr_conns == 4


def test_a_process_that_is_stuck_gets_no_connection_and_delays_none(pair: Stack) -> None:
    stuck = servers(pair)[0]
    many = [connection(pair) for _ in range(8)]
    os.kill(stuck, signal.SIGSTOP)
    try:
        begun = time.monotonic()
        for one in many:
            assert ask(one) == 200
        assert time.monotonic() - begun < 1
    finally:
        os.kill(stuck, signal.SIGCONT)
        for one in many:
            one.close()


def test_a_place_in_the_crowd_is_free_until_it_is_taken() -> None:
    crowd = Crowd(2)
    assert crowd.free_place([]) == 0
    assert crowd.free_place([0, None]) == 1
    assert crowd.free_place([1, 0]) is None
    crowd.say(1, 3)
    crowd.say(None, 0)
    assert crowd.least() == 3


def gunicorn(stack: Stack) -> set[int]:
    return {pid for pid in stack.process.family() if "bin/gunicorn" in proc.command_line(pid)}


@pytest.mark.parametrize(("role", "count"), [("all", 1), ("web", 2)])
def test_web_alone_has_two_processes_and_shares_what_they_load(role: str, count: int) -> None:
    with Stack({"SHARED_VOLUME": "1"}, role=role) as stack:
        wait_for(lambda: len(gunicorn(stack)) == 1 + count, 10, "not so many processes")
        [master] = gunicorn(stack) - set(servers(stack))
        has_loaded_the_api = "_pydantic_core" in Path(f"/proc/{master}/maps").read_text()
        assert has_loaded_the_api == (count > 1)
