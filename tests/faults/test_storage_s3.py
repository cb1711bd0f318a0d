"""Storage faults: the bucket down, frozen or emptied; a note deleted while it is transcribed."""

from __future__ import annotations

import time

import pytest
from botocore.exceptions import ClientError

from tests.faults.rig import Rig, seconds_until
from tests.services import wait_for
from tests.services.s3 import S3

pytestmark = pytest.mark.faults

#: An answer must come before a proxy gives up on us (nginx: 60 s), and a phone before that.
PATIENCE = 30.0


def test_a_bucket_that_is_down_or_frozen_at_upload_is_told_and_leaves_no_row() -> None:
    with Rig(s3=True) as rig:
        bucket = bucket_of(rig)
        rig.send()
        bucket.kill()
        down = refused_within(rig, PATIENCE)
        bucket.start()
        back = seconds_until(rig.send, 20, "uploads are not taken in again")
        bucket.suspend()
        frozen = refused_within(rig, PATIENCE)
        others = seconds_until(lambda: rig.owner.list()["results"], 2, "web is held up")
        bucket.resume()
        wait_for(rig.send, 30, "uploads are not taken in again")
        rig.settle(30)
        rig.close_books(
            "Storage down or frozen at upload",
            recovery=back,
            of="to the next upload",
            remark=f"503 after {down:.1f} s when down, {frozen:.1f} s when frozen;"
            f" a list meanwhile {others:.2f} s",
        )
        [(rows,)] = rig.query("SELECT count(*) FROM notes_note")
        assert rows == len(rig.sent), "a refused upload left a row"


def test_a_bucket_that_is_down_when_the_worker_reads_is_asked_again() -> None:
    with Rig(s3=True, role="web") as rig:
        bucket = bucket_of(rig)
        rig.send(4)
        bucket.kill()
        rig.add("worker")
        wait_for(lambda: codes(rig) == {"storage_unavailable"}, 60, lambda: f"{codes(rig)}")
        assert not rig.calls()
        bucket.start()
        recovery = seconds_until(lambda: rig.states()["completed"] == 4, 60, "not completed")
        row = rig.close_books(
            "Storage down when the worker reads", recovery=recovery, of="from its return to the end"
        )
        assert (row.completed, row.calls) == (4, 4)


def test_a_missing_object_fails_its_note_alone_and_at_once() -> None:
    with Rig(s3=True, role="web") as rig:
        [lost, _, _] = rig.send(3)
        bucket = bucket_of(rig)
        bucket.client.delete_object(Bucket=bucket.bucket, Key=key_of(rig, lost.note))
        rig.add("worker")
        rig.settle(30)
        row = rig.close_books("Audio object missing")
        assert (row.completed, row.failed, row.calls) == (2, 1, 2)
        assert rig.owner.get(lost.note)["error"]["code"] == "audio_missing"


def test_a_note_deleted_while_it_is_transcribed_leaves_nothing() -> None:
    with Rig(s3=True) as rig:
        rig.provider.latency["transcriptions"] = 2.0
        [deleted, _] = rig.send(2)
        rig.wait_for_calls(2)
        key = key_of(rig, deleted.note)
        assert exists(rig, key)
        rig.owner.delete(deleted.note)
        gone = seconds_until(lambda: not exists(rig, key), 5, "the object is still there")
        wait_for(lambda: "late result dropped" in rig.stack.log_text(), 10, "no late result")
        rig.settle(20)
        rig.sent.remove(deleted)  # its owner took it back
        rig.close_books(
            "Note deleted while transcribing", recovery=gone, of="until its audio is gone"
        )
        for table, column in (("notes_note", "id"), ("notes_attempt", "note_id")):
            assert rig.query(f"SELECT 1 FROM {table} WHERE {column} = '{deleted.note}'") == []


def bucket_of(rig: Rig) -> S3:
    assert rig.s3
    return rig.s3


def refused_within(rig: Rig, seconds: float) -> float:
    """How long it takes until an upload is refused, in the words of the contract."""
    started = time.monotonic()
    assert rig.send() == []
    took = time.monotonic() - started
    refused = rig.refused[-1]
    assert (refused.status, refused.problem["code"]) == (503, "storage_unavailable")
    assert int(refused.response.headers["Retry-After"]) > 0
    assert took < seconds
    return took


def codes(rig: Rig) -> set[str]:
    return {str(code) for (code,) in rig.query("SELECT error_code FROM notes_note")}


def key_of(rig: Rig, note: str) -> str:
    [(key,)] = rig.query(f"SELECT audio_key FROM notes_note WHERE id = '{note}'")
    return str(key)


def exists(rig: Rig, key: str) -> bool:
    bucket = bucket_of(rig)
    try:
        bucket.client.head_object(Bucket=bucket.bucket, Key=key)
    except ClientError as fault:
        if fault.response["Error"]["Code"] != "404":
            raise
        return False
    return True
