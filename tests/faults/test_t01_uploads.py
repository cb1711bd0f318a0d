"""T1: fifty uploads at once, ten of them one and the same; one too large; one that dribbles in."""

from __future__ import annotations

import http.client
import json
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import SAMPLE
from tests.faults.rig import Rig, Sent, percentile
from tests.marks import marked
from tests.stack import Refused

#: What an upload may take on a machine of our own, and on one that others use at the same time.
AIM, BOUND = 0.3, 3.0
BOTH_CORES = {"WEB_CONCURRENCY": "2"}
MEGABYTE = 1024 * 1024


@pytest.mark.faults
def test_uploads_are_taken_in_once_however_they_come(tmp_path: Path) -> None:
    with Rig(env={**BOTH_CORES, "MAX_UPLOAD_MB": "1", "TMPDIR": str(tmp_path)}) as rig:
        rig.send(8)  # a server that has just started is slower
        rush = send_fifty_of_which_ten_are_one(rig)
        assert len(rig.sent) == number_of_rows(rig) == number_of_objects(rig) == 8 + 41
        refuse_one_too_large(rig)
        assert number_of_rows(rig) == number_of_objects(rig) == 8 + 41
        beside = send_beside_a_slow_client(rig)
        rig.settle(60)
        assert [left for left in tmp_path.rglob("*") if left.is_file()] == []
        row = rig.close_books(
            "T1 many, too large, slow",
            remark=f"(POST p95 {rush * 1000:.0f} ms of 50 at once, aim {AIM * 1000:.0f};"
            f" {beside * 1000:.0f} ms beside a slow client; 3 MB: 413)",
        )
        assert (row.accepted, row.completed, row.calls) == (60, 60, 60)
        assert max(rush, beside) < BOUND


def send_fifty_of_which_ten_are_one(rig: Rig) -> float:
    """Upload all at once; the p95 of what web took to answer."""
    uploads = [(marked(), str(uuid.uuid4())) for _ in range(40)]
    uploads += [(marked(), str(uuid.uuid4()))] * 10
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda upload: post(rig, *upload), uploads))
    rig.sent.extend({sent.note: sent for sent in answers}.values())
    return percentile([sent.seconds for sent in answers], 95)


def refuse_one_too_large(rig: Rig) -> None:
    """Upload three times what is allowed, and get an answer that programs can read."""
    with pytest.raises(Refused) as refused:
        rig.owner.upload(SAMPLE.read_bytes() + bytes(3 * MEGABYTE))
    assert refused.value.status == 413
    assert refused.value.response.headers["content-type"] == "application/problem+json"
    assert refused.value.problem["code"] == "file_too_large"


def send_beside_a_slow_client(rig: Rig) -> float:
    """Upload ten notes while another one dribbles in; the p95 of the ten."""
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(post, rig, marked(), str(uuid.uuid4()), seconds=5.0)
        others = rig.send(10, threads=2)
        assert not slow.done()
        rig.sent.append(slow.result())
    return percentile([sent.seconds for sent in others], 95)


def post(rig: Rig, recording: tuple[bytes, str], key: str, *, seconds: float = 0.0) -> Sent:
    """Upload a marked recording by a client that costs little, spread over so many seconds."""
    audio, mark = recording
    head = b'--edge\r\nContent-Disposition: form-data; name="audio"; filename="v.ogg"\r\n\r\n'
    body = head + audio + b"\r\n--edge--\r\n"
    headers = {
        "Authorization": f"Bearer {rig.owner.token}",
        "Content-Type": "multipart/form-data; boundary=edge",
        "Content-Length": str(len(body)),
        "Idempotency-Key": key,
    }
    connection = http.client.HTTPConnection("127.0.0.1", rig.stack.port, timeout=30)
    started = time.monotonic()
    connection.request("POST", "/api/v1/notes", pieces(body, seconds), headers)
    response = connection.getresponse()
    note = json.load(response)
    connection.close()
    if response.status == 409:  # a twin is still being taken in
        time.sleep(float(response.headers["Retry-After"]))
        sent = post(rig, recording, key, seconds=seconds)
        return replace(sent, seconds=time.monotonic() - started)
    assert response.status == 202, note
    return Sent(note["id"], mark, time.monotonic() - started)


def pieces(body: bytes, seconds: float) -> Iterator[bytes]:
    """``body`` at once, or as a phone in a lift sends it."""
    size = -(-len(body) // 20) if seconds else len(body)
    for start in range(0, len(body), size):
        yield body[start : start + size]
        time.sleep(seconds / 20)


def number_of_rows(rig: Rig) -> int:
    return int(rig.query("SELECT count(*) FROM notes_note")[0][0])


def number_of_objects(rig: Rig) -> int:
    """How many audio files are stored."""
    media = Path(rig.stack.env["MEDIA_ROOT"])
    return sum(path.is_file() for path in media.rglob("*"))
