"""What a person says, and who they are, is nowhere but in their own rows and audio."""

from __future__ import annotations

import io
import sqlite3
import struct
import wave
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import redis
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.test import Client

from notes.models import Note
from tests.fakes.provider import FakeProvider
from tests.marks import marked, samples_of
from tests.rows import make_row, owned_models, owner_path, rows_of
from tests.services import wait_for
from tests.services.s3 import S3
from tests.services.valkey import Valkey
from tests.stack import Stack
from tests.test_upload import OGG, upload

#: Words that occur nowhere else, by what they stand for.
CANARIES = {
    "file name": "canarioarquivo",
    "audio tag": "canarioetiqueta",
    "transcript": "canariotranscrito",
    "refused transcript": "canariorecusado",
    "written note": "canarioescrito",
    "correction": "canariocorrigido",
    "e-mail": "canariopessoa@example.com",
    "search": "canariobusca",
    "box": "canariocaixa",
    "bad field": "canariocampo",
    "bad id": "canarioidentidade",
}
WORDS = (b"a", b"b", b"c")
NEW_USER = """
from django.contrib.auth.models import User
from notes.models import ApiToken

user = User.objects.create_user("{email}", email="{email}")
print(ApiToken.issue(user.pk, name="tests")[1])
"""


def tagged_wav(word: str) -> tuple[bytes, str]:
    """Speech with ``word`` as its title, in a RIFF INFO list, and the mark in its sound."""
    recording, mark = marked()
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(samples_of(recording).astype("<i2").tobytes())
    title = word.encode() + b"\x00" * (len(word) % 2)
    info = b"INFO" + b"INAM" + struct.pack("<I", len(title)) + title
    audio = out.getvalue() + b"LIST" + struct.pack("<I", len(info)) + info
    return audio[:4] + struct.pack("<I", len(audio) - 8) + audio[8:], mark


def everything_in(server: Valkey) -> str:
    """Every key and value that the Redis holds, of whatever type."""
    client: Any = redis.Redis.from_url(server.url)
    try:
        keys = list(client.scan_iter(count=1000))
        values = [_value(client, key) for key in keys]
        return repr(keys) + repr(values)
    finally:
        client.close()


def _value(client: Any, key: bytes) -> Any:
    read = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"set": client.smembers,
        b"zset": lambda key: client.zrange(key, 0, -1),
    }
    return read[client.type(key)](key)


@pytest.mark.slow
def test_no_canary_leaves_its_cage(s3: S3, valkey: Valkey) -> None:
    env = {**s3.env, "LOG_LEVEL": "DEBUG", "LOG_FORMAT": "json"}
    (said, mark), (refused_audio, _) = (tagged_wav(CANARIES["audio tag"]) for _ in range(2))
    with FakeProvider() as provider, Stack(env, redis=valkey.url, provider=provider.url) as stack:
        provider.texts[mark] = CANARIES["transcript"]
        code = NEW_USER.format(email=CANARIES["e-mail"])
        client = stack.client(stack.manage("shell", "--no-imports", "-c", code).split()[-1])
        http, name = client.http, f"{CANARIES['file name']}.wav"
        problems = [
            http.post("/api/v1/boxes", json={"name": CANARIES["box"], "cor": CANARIES["box"]}),
            http.get("/api/v1/notes", params={"status": CANARIES["bad field"]}),
            http.patch(f"/api/v1/boxes/{CANARIES['bad id']}", json={"name": 1}),
            http.post("/api/v1/notes/text", json={"text": {"x": CANARIES["bad field"]}}),
            http.post("/api/v1/notes/text", content=CANARIES["bad field"]),
            http.post("/api/v1/notes", files={"audio": (name, CANARIES["bad field"].encode())}),
        ]
        client.call("POST", "boxes", json={"name": CANARIES["box"]})
        # The vendor quotes what it was sent, in an error that is final.
        message = {"error": {"message": CANARIES["refused transcript"], "code": "invalid_value"}}
        provider.fail("transcriptions", status=400, body=message)
        failed = client.upload(refused_audio, name)["id"]
        assert client.wait(failed)["processing_status"] == "failed"
        done = client.upload(said, name)["id"]
        assert client.wait(done)["transcript"] == CANARIES["transcript"]
        client.wait(client.text(CANARIES["written note"])["id"])
        client.call("PATCH", f"notes/{done}", json={"transcript": CANARIES["correction"]})
        client.call("GET", "notes", params={"search": CANARIES["search"]})
        link = http.get(f"/api/v1/notes/{done}/audio")
        assert link.status_code == 302
        signature = parse_qs(urlsplit(link.headers["Location"]).query)["X-Amz-Signature"][0]
        assert http.get(f"/api/v1/notes/{done}/audio", params={"t": client.token}).status_code
        client.call("DELETE", f"notes/{failed}")
        wait_for(lambda: "DELETE" in stack.log_text(), 10, "the log")
        with sqlite3.connect(stack.directory / "db.sqlite3") as database:
            attempts = repr(database.execute("SELECT * FROM notes_attempt").fetchall())
            errors = repr(database.execute("SELECT error_code FROM notes_note").fetchall())
        database.close()
        places = {
            "log": stack.log_text(),
            "Redis": everything_in(valkey),
            "attempts": attempts,
            "errors": errors,
            "problems": "".join(answer.text for answer in problems),
        }
    assert all(answer.is_error for answer in problems)
    assert '"level": "debug"' in places["log"]
    words = {**CANARIES, "token": client.token, "signature": signature}
    # An id in the address is the client's own word for a thing, and is answered as it came.
    places["problems"] = places["problems"].replace(f"/boxes/{CANARIES['bad id']}", "")
    words.pop("bad id")
    leaks = [(what, at) for what, word in words.items() for at in places if word in places[at]]
    assert leaks == []


# --- Deleting a person ---------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("way", ["command", "admin"])
def test_with_a_user_goes_all_they_have(
    api: Client, alice: User, api_of_bob: Client, bob: User, way: str
) -> None:
    keys = [Note.objects.get(pk=upload(api, OGG + word).json()["id"]).audio_key for word in WORDS]
    theirs = Note.objects.get(pk=upload(api_of_bob).json()["id"]).audio_key
    for model in owned_models():
        make_row(model, alice)
    Client().force_login(alice)
    Client().force_login(bob)
    before = rows_of(bob)
    assert all(rows_of(alice).values())
    if way == "command":
        call_command("delete_user", "alice", "--yes")
    else:
        root = Client()
        root.force_login(User.objects.create_superuser("root"))
        root.post(f"/admin/auth/user/{alice.pk}/delete/", {"post": "yes"})
    assert not User.objects.filter(username="alice").exists()
    for model in owned_models():
        assert not model._base_manager.exclude(**{str(owner_path(model)): bob}).exists()
    assert [default_storage.exists(key) for key in keys] == [False] * 3
    assert default_storage.exists(theirs)
    assert rows_of(bob) == before
    owners = {session.get_decoded()["_auth_user_id"] for session in Session.objects.all()}
    assert str(bob.pk) in owners
    assert str(alice.pk) not in owners


@pytest.mark.django_db
def test_a_user_is_not_deleted_by_a_slip(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builtins.input", lambda _: "no")
    with pytest.raises(CommandError, match="Nothing was deleted"):
        call_command("delete_user", "alice")

    def nobody(question: str) -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", nobody)
    with pytest.raises(CommandError, match="Nothing was deleted"):
        call_command("delete_user", "alice")
    with pytest.raises(CommandError, match="no user"):
        call_command("delete_user", "zoe", "--no-input")
    out = io.StringIO()
    call_command("delete_user", "alice", "--dry-run", stdout=out)
    assert "alice, with 0 notes and 0 recordings" in out.getvalue()
    assert User.objects.filter(username="alice").exists()
