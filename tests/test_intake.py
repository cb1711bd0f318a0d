"""What comes in from outside, through real processes: twins, killed uploads, bodies of nobody."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from tests.conftest import SAMPLE
from tests.faults.rig import QUICK, Rig
from tests.marks import marked
from tests.services import proc, wait_for
from tests.stack import Client, Refused
from tests.test_size_gate import FORM, HEAD, MEGABYTE, NOBODY, NOTES, TAIL

pytestmark = pytest.mark.slow

#: Once without waiting; once as people have it.
RESERVATIONS = [
    pytest.param("4", id="short"),
    pytest.param("60", marks=pytest.mark.faults, id="plain"),
]

SWEEP = """
from datetime import timedelta
from notes import duties
duties.ORPHAN_AGE = timedelta(0)
print(duties.delete_old_orphans())
"""


@pytest.fixture(scope="module", params=RESERVATIONS)
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    env = {**QUICK, "UPLOAD_RESERVATION_SECONDS": request.param}
    with Rig(env=env) as rig:
        yield rig


def calls_for(rig: Rig, mark: str) -> int:
    """How often the vendor was given the recording with this mark."""
    return sum(call.mark == mark for call in rig.provider.requests("transcriptions"))


def number_of_objects(rig: Rig) -> int:
    media = Path(rig.stack.env["MEDIA_ROOT"])
    return sum(path.is_file() for path in media.rglob("*"))


def number_of_notes(rig: Rig) -> int:
    return int(rig.query("SELECT count(*) FROM notes_note")[0][0])


def upload_like_a_phone(
    client: Client, audio: bytes, key: str, **fields: Any
) -> tuple[str, Counter[int]]:
    """The note's id once it is accepted, and how often each status came."""
    seen: Counter[int] = Counter()
    until = time.monotonic() + 120
    while True:
        try:
            note = client.upload(audio, idempotency_key=key, **fields)
        except Refused as refused:
            if refused.status not in (409, 503) or time.monotonic() > until:
                raise
            seen[refused.status] += 1
            time.sleep(float(refused.response.headers["Retry-After"]) / 4)
        else:
            seen[202] += 1
            return str(note["id"]), seen


def test_ten_at_once_with_one_key_are_one_note(
    rig: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    (audio, mark), key = marked(), str(uuid.uuid4())
    notes, objects = number_of_notes(rig), number_of_objects(rig)
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: upload_like_a_phone(rig.owner, audio, key), range(10)))
    assert len({note for note, _ in answers}) == 1
    with pytest.raises(Refused) as refused:
        rig.owner.upload(marked()[0], idempotency_key=key)
    assert (refused.value.status, refused.value.problem["code"]) == (422, "idempotency_mismatch")
    rig.settle(30)
    at_once = number_of_objects(rig) - objects
    statuses = sum((seen for _, seen in answers), Counter[int]())
    with capsys.disabled():
        print(
            f"\n10 uploads, one key: answers {dict(statuses)}, {calls_for(rig, mark)} call of the"
            f" vendor, {at_once} object, other body: 422"
        )
    assert number_of_notes(rig) - notes == calls_for(rig, mark) == 1
    assert at_once == 1


def test_fifty_notes_of_a_queue_that_was_offline_pass(
    rig: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    started = time.monotonic()
    sent = rig.send(50)
    with capsys.disabled():
        print(f"\n50 notes at once: {len(sent)} taken in {time.monotonic() - started:.1f} s")
    assert len(sent) == 50
    assert rig.refused == []


@pytest.mark.parametrize("in_steps", [True, False], ids=["in steps", "at once"])
def test_a_key_outlives_the_web_process_that_held_it(
    rig: Rig, capsys: pytest.CaptureFixture[str], in_steps: bool
) -> None:
    """What is taken in at once has its key and its note or neither, so nobody waits for it."""
    (audio, mark), key = marked(), str(uuid.uuid4())
    fields = {"box": rig.owner.create_box(f"Box of {key}")["id"]} if in_steps else {}
    rig.owner.upload(marked()[0])  # the day's books are open
    rig.settle(60)
    notes, objects = number_of_notes(rig), number_of_objects(rig)
    with ThreadPoolExecutor(1) as pool, held_before_the_row(rig) as waits_for_the_row:
        dying = pool.submit(rig.owner.upload, audio, idempotency_key=key, **fields)
        wait_for(waits_for_the_row, 10, "the upload does not come to its row")
        kill_web(rig)
        killed = time.monotonic()
        with pytest.raises(httpx2.TransportError):
            dying.result(30)
    left = number_of_objects(rig) - objects
    wait_for(lambda: is_alive(rig), 30, "web is gone")
    _, seen = upload_like_a_phone(rig.owner, audio, key, **fields)
    took = time.monotonic() - killed
    _, again = upload_like_a_phone(rig.owner, audio, key, **fields)
    rig.settle(30)
    swept = int(rig.stack.manage("shell", "--no-imports", "-c", SWEEP))
    seconds = int(rig.stack.env["UPLOAD_RESERVATION_SECONDS"])
    with capsys.disabled():
        print(
            f"\nweb killed in an upload, reservation {seconds} s: answers {dict(seen)}, accepted"
            f" {took:.1f} s later; {calls_for(rig, mark)} call of the vendor; {left} object left"
            f" over, {swept} swept"
        )
    assert again == {202: 1}
    assert took > seconds - 1 if in_steps else seen == {202: 1}
    assert number_of_notes(rig) - notes == calls_for(rig, mark) == 1
    assert left == swept == number_of_objects(rig) - objects == 1


@contextmanager
def held_before_the_row(rig: Rig) -> Iterator[Callable[[], object]]:
    """Uploads stop once their audio is stored; gives whether one has come so far.

    Those that wait at the end never get their row: their client is dead by then.
    """
    assert rig.postgres
    waiting = (
        "FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        """ AND query ~ '^\\s*(INSERT INTO "notes_note"|WITH counted)'"""
    )
    url = rig.postgres.url("bau")
    with psycopg.connect(url, autocommit=True) as other, psycopg.connect(url) as lock:
        lock.execute("LOCK TABLE notes_note IN SHARE MODE")
        yield lambda: other.execute(f"SELECT pid {waiting}").fetchall()
        other.execute(f"SELECT pg_terminate_backend(pid) {waiting}")


def is_alive(rig: Rig) -> bool:
    try:
        return httpx2.get(f"{rig.stack.url}/healthz", trust_env=False).status_code == 200
    except httpx2.TransportError:
        return False


def kill_web(rig: Rig) -> None:
    """SIGKILL to gunicorn's workers; its master starts another one."""
    masters = {pid for pid, command in rig.stack.processes() if "bin/gunicorn" in command}
    workers = [pid for pid, status in proc.table().items() if status.parent in masters]
    proc.send(workers, signal.SIGKILL)


# --- Bodies of nobody ----------------------------------------------------------------------------


def web_memory(rig: Rig) -> int:
    """Resident memory of gunicorn's processes, in kB."""
    pids = [pid for pid, command in rig.stack.processes() if "bin/gunicorn" in command]
    pages = [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids]
    return sum(pages) * os.sysconf("SC_PAGE_SIZE") // 1024


def post(rig: Rig, size: int, headers: dict[str, str]) -> tuple[int, int]:
    """Send a form with a file of ``size`` bytes until there is an answer: status, bytes sent."""
    length = len(HEAD) + size + len(TAIL)
    lines = {"Content-Length": str(length), "Content-Type": FORM, **headers}
    head = f"POST {NOTES} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n"
    chunk, sent = bytes(64 * 1024), 0
    with socket.create_connection(("127.0.0.1", rig.stack.port), 30) as connection:
        connection.sendall(head.encode() + HEAD)
        connection.setblocking(False)
        answer = b""
        until = time.monotonic() + 30
        while b"\r\n\r\n" not in answer and time.monotonic() < until:
            try:
                answer += connection.recv(4096)
            except BlockingIOError:
                if sent < size:
                    sent += push(connection, chunk)
                else:
                    time.sleep(0.001)
    return int(answer.split(b" ", 2)[1]), sent


def push(connection: socket.socket, chunk: bytes) -> int:
    """How much of ``chunk`` could be sent just now."""
    try:
        return connection.send(chunk)
    except (BlockingIOError, ConnectionError):
        return 0


def test_memory_stays_flat_under_large_bodies_of_nobody(
    rig: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    matrix = [(dict(cookies), dict(headers)) for cookies, headers in NOBODY.values()]
    for cookies, headers in matrix:
        if cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    for _, headers in matrix:  # what is made at the first request is there after this
        post(rig, MEGABYTE, headers)
    before, statuses, sent = web_memory(rig), Counter[int](), 0
    for _ in range(10):
        for _, headers in matrix:
            status, bytes_sent = post(rig, 50 * MEGABYTE, headers)
            statuses[status] += 1
            sent += bytes_sent
    after = web_memory(rig)
    with capsys.disabled():
        print(
            f"\n{sum(statuses.values())} uploads of 50 MB by nobody: {dict(statuses)}, on average"
            f" {sent / sum(statuses.values()) / 1024:.0f} kB sent before the answer; memory of web"
            f" {before / 1024:.1f} -> {after / 1024:.1f} MB"
        )
    assert statuses == {413: 10 * len(NOBODY)}
    assert after - before < 8 * 1024


@pytest.mark.parametrize("size", [0, 10, 5 * MEGABYTE])
def test_a_chunked_body_is_refused_unread(rig: Rig, size: int) -> None:
    notes = number_of_notes(rig)
    connection = http.client.HTTPConnection("127.0.0.1", rig.stack.port, timeout=30)
    headers = {
        "Authorization": f"Bearer {rig.owner.token}",
        "Content-Type": FORM,
        "Transfer-Encoding": "chunked",
    }
    connection.putrequest("POST", NOTES)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    body = HEAD + SAMPLE.read_bytes() + bytes(size) + TAIL
    try:
        for start in range(0, len(body), MEGABYTE):
            part = body[start : start + MEGABYTE]
            connection.send(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        connection.send(b"0\r\n\r\n")
    except ConnectionError:
        pass  # answered and closed before all was sent
    try:
        status = connection.getresponse().status
    except ConnectionError:
        assert size > 64 * 1024, "a small body must get its answer"
    else:
        assert status == 411
    connection.close()
    assert number_of_notes(rig) == notes


@pytest.mark.parametrize("where", ["length too small", "cut in the file", "cut before the end"])
def test_a_body_that_is_not_whole_makes_no_note_and_spoils_no_key(rig: Rig, where: str) -> None:
    """A phone that walks into a lift sends the same again when it is out."""
    audio, key = marked()[0], str(uuid.uuid4())
    notes, body = number_of_notes(rig), HEAD + audio + TAIL
    told = len(HEAD) + 100 if where == "length too small" else len(body)
    sent = {"cut in the file": len(body) // 2, "cut before the end": len(body) - len(TAIL)}
    head = (
        f"POST {NOTES} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {rig.owner.token}\r\n"
        f"Idempotency-Key: {key}\r\nContent-Type: {FORM}\r\nContent-Length: {told}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", rig.stack.port), 30) as connection:
        connection.sendall(head.encode() + body[: sent.get(where)])
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(4096)
    assert answer == b"" or int(answer.split(b" ", 2)[1]) in (400, 415, 422)
    assert number_of_notes(rig) == notes
    rig.owner.upload(audio, idempotency_key=key)
    assert "Idempotent-Replayed" not in rig.owner.response.headers
