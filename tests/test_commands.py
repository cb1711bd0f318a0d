"""The commands of manage.py: what they say, what they do, and how they end."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import subprocess
import sys
import uuid
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis as redis_client
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command, load_command_class
from django.core.management.base import BaseCommand
from django.db.models.functions import Now
from django.test import Client
from redis.backoff import NoBackoff
from redis.retry import Retry

from notes.broker import broker
from notes.exports import archive
from notes.management.commands import queue, upload
from notes.models import ApiToken, Box, Delivery, Heartbeat, Note, Webhook
from notes.models.note import FiledBy, Status
from notes.storage import StorageUnavailable, store_audio
from tests.fakes.provider import FakeProvider
from tests.services import free_port
from tests.services.run import REPOSITORY
from tests.test_upload import OGG, STORE

pytestmark = [pytest.mark.database, pytest.mark.django_db]

NewNote = Callable[..., Note]
COMMANDS = (
    *("bootstrap", "create_token", "doctor", "prepare", "process_note", "queue"),
    *("retry_failed", "upload", "export_user", "stats", "delete_user", "purge_orphans"),
)


def run(name: str, *arguments: str, **options: Any) -> str:
    """What the command prints; it ends well."""
    out = io.StringIO()
    call_command(name, *arguments, stdout=out, stderr=io.StringIO(), **options)
    return out.getvalue()


def fail(name: str, *arguments: str, code: int = 1) -> tuple[str, str]:
    """What the command prints, and its last words: it ends with exit code ``code``."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(CommandError) as raised:
        call_command(name, *arguments, stdout=out, stderr=err)
    assert raised.value.returncode == code
    return out.getvalue(), f"{err.getvalue()}{raised.value}"


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help(name: str) -> None:
    command = load_command_class("notes", name)
    assert isinstance(command, BaseCommand)
    assert len(command.help) > 20
    assert command.help in " ".join(command.create_parser("manage.py", name).format_help().split())


# --- create_token --------------------------------------------------------------------------------


def test_create_token_prints_a_token_that_works(alice: User) -> None:
    secret = run("create_token", "alice", "--name", "phone").strip()
    client = Client(headers={"Authorization": f"Bearer {secret}"})
    assert client.get("/api/v1/notes").status_code == 200
    token = ApiToken.objects.get()
    assert (token.name, token.expires_at) == ("phone", None)


def test_create_token_may_be_limited(alice: User) -> None:
    run("create_token", "alice", "--days", "30")
    expires = ApiToken.objects.get().expires_at
    assert expires
    assert timedelta(days=29) < expires - datetime.now(UTC) < timedelta(days=31)


@pytest.mark.parametrize("days", ["0", "-1", "x", "99999999"])
def test_a_token_is_never_made_valid_for_ever_by_mistake(alice: User, days: str) -> None:
    with pytest.raises(CommandError):
        run("create_token", "alice", f"--days={days}")
    assert not ApiToken.objects.exists()


def test_create_token_can_be_read_by_a_program(alice: User) -> None:
    made = json.loads(run("create_token", "alice", "--scope", "notes:write", "--json"))
    token = ApiToken.objects.get()
    assert ApiToken.find(made.pop("token"))
    assert made == {"id": str(token.pk), "user": "alice", "scope": "notes:write"}


def test_create_token_needs_an_active_user(alice: User) -> None:
    assert "createsuperuser" in fail("create_token", "nobody")[1]
    User.objects.update(is_active=False)
    assert "inactive" in fail("create_token", "alice")[1]


# --- bootstrap -----------------------------------------------------------------------------------


def test_bootstrap_makes_one_user_with_three_boxes_once(db: None) -> None:
    first = json.loads(run("bootstrap", "--json"))
    again = json.loads(run("bootstrap", "--json"))
    assert Client().login(username=first["username"], password=first["password"])
    assert (again["username"], again["password"]) == (first["username"], None)
    assert len(first["boxes"]) == len(again["boxes"]) == 3
    for account in (first, again):
        client = Client(headers={"Authorization": f"Bearer {account['token']}"})
        assert len(client.get("/api/v1/boxes").json()) == 3
    assert "password" not in run("bootstrap")


def test_bootstrap_does_not_collect_tokens(alice: User) -> None:
    run("bootstrap")
    ApiToken.objects.update(expires_at=Now() - timedelta(hours=1))
    ApiToken.issue(alice.pk, name="phone", lifetime=timedelta(seconds=-1))
    run("bootstrap")
    assert sorted(ApiToken.objects.values_list("name", flat=True)) == ["bin/up", "phone"]


# --- queue ---------------------------------------------------------------------------------------


def shown(text: str) -> dict[str, str]:
    return {line[:20].strip(): line[21:] for line in text.splitlines() if line.strip()}


def test_queue_shows_an_empty_house(db: None) -> None:
    assert shown(run("queue")) == {
        "due": "0",
        "running": "0",
        "waiting for retry": "0",
        "waiting for a quota": "0",
        "failed": "0",
        "unfiled for a fault": "0",
        "oldest open": "none",
        "rings in Redis": "0",
        "webhook messages": "0 waiting, 0 held, 0 given up",
        "workers": "none",
        "notes in 24 h": "0",
        "worker CPU": "unknown",
        "advice": "stay: nothing calls for a change",
    }


def test_queue_shows_what_waits_runs_and_failed(new_note: NewNote, alice: User) -> None:
    notes = Note.objects
    hour = timedelta(hours=1)
    new_note()
    notes.filter(pk=new_note().pk).update(next_attempt_at=Now() + hour)
    notes.filter(pk=new_note().pk).update(
        processing_status=Status.TRANSCRIBING,
        lease_token=uuid.uuid4(),
        lease_expires_at=Now() + hour,
        created_at=Now() - timedelta(hours=2, minutes=5, seconds=30),
    )
    notes.filter(pk=new_note().pk).update(
        processing_status=Status.TRANSCRIBING,
        lease_token=uuid.uuid4(),
        lease_expires_at=Now() - hour,
    )
    for status in (Status.FAILED, Status.COMPLETED):
        notes.filter(pk=new_note().pk).update(processing_status=status, error_code="x")
    notes.filter(pk=new_note().pk).update(
        next_attempt_at=Now() + hour, error_code="instance_quota_exhausted"
    )
    webhook = Webhook.objects.create(owner=alice, url="https://hooks.example.com/x")
    Delivery.ping(webhook)
    Heartbeat.beat("host:7")
    figures = shown(run("queue"))
    assert figures["waiting for a quota"] == "1"
    assert figures["webhook messages"] == "1 waiting, 0 held, 0 given up"
    assert (figures["due"], figures["running"], figures["waiting for retry"]) == ("2", "1", "1")
    assert (figures["failed"], figures["unfiled for a fault"]) == ("1", "1")
    assert figures["oldest open"] == "2 h 5 min"
    assert figures["workers"].startswith("host:7 (")


@pytest.mark.django_db(transaction=True)
def test_queue_counts_the_rings(new_note: NewNote) -> None:
    new_note()
    assert shown(run("queue"))["rings in Redis"] == "1"


@pytest.fixture
def no_redis(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A Redis that nobody runs."""
    with redis_client.Redis(port=free_port(), retry=Retry(NoBackoff(), 0)) as nobody:
        monkeypatch.setattr(broker(), "bell", nobody)
        monkeypatch.setattr(broker(), "do_qsize", lambda _: nobody.ping())
        yield


def test_queue_says_when_redis_is_away(db: None, no_redis: None) -> None:
    assert "doctor" in shown(run("queue"))["rings in Redis"]


def test_queue_can_be_watched_until_ctrl_c(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds: list[float] = []

    def sleep(seconds: float) -> None:
        rounds.append(seconds)
        if len(rounds) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("notes.management.commands.queue.time.sleep", sleep)
    text = run("queue", "--watch")
    assert text.count("oldest open") == 3
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0 s"), (0, "0 s"), (59.9, "59 s"), (60, "1 min 0 s"), (3600, "1 h 0 s"),
        (7530, "2 h 5 min"), (90_000, "1 d 1 h"), (2_592_061, "30 d 1 min"),
    ],
)  # fmt: skip
def test_a_duration_is_said_in_two_units(seconds: float, text: str) -> None:
    assert queue.duration(timedelta(seconds=seconds)) == text


def test_queue_can_be_read_by_programs(new_note: NewNote) -> None:
    new_note()
    told = json.loads(run("queue", "--json"))
    assert (told["due"], told["failed"], told["workers"]) == (1, 0, "none")


# --- stats ---------------------------------------------------------------------------------------


def test_stats_tells_what_there_is_by_when_it_came(
    new_note: NewNote, alice: User, bob: User, home: Box
) -> None:
    done = {"processing_status": Status.COMPLETED, "completed_at": Now()}
    rows: list[dict[str, Any]] = [
        {**done, "filed_by": FiledBy.RULE, "box": home, "duration_seconds": 90},
        {**done, "created_at": Now() - timedelta(days=3), "filed_by": FiledBy.MODEL, "box": home},
        {**done, "created_at": Now() - timedelta(days=20), "speech": False},
        {"created_at": Now() - timedelta(days=99), "processing_status": Status.FAILED},
    ]
    for columns in rows:
        Note.objects.filter(pk=new_note().pk).update(**columns)
    Note.receive(owner_id=bob.pk, transcript="pão")
    told = json.loads(run("stats", "--json"))
    assert (told["users"], told["boxes"]) == (2, 1)
    windows = told["windows"]
    assert [column["notes"] for column in windows.values()] == [2, 3, 4, 5]
    today, ever = windows["24 h"], windows["all"]
    assert [today[name] for name in ("users with notes", "open", "completed")] == [2, 1, 1]
    assert (ever["filed by a rule"], ever["filed by a model"], ever["silent"]) == (1, 1, 1)
    assert (ever["left in the Inbox"], ever["failed"], ever["minutes of sound"]) == (1, 1, 1.5)
    mine = json.loads(run("stats", "--json", "--user", "bob"))
    assert (mine["windows"]["all"]["notes"], mine["boxes"]) == (1, 0)
    assert re.search(r"^notes +2 +3 +4 +5$", run("stats"), re.MULTILINE)
    assert "no user zoe" in fail("stats", "--user", "zoe", code=2)[1]


# --- export_user ---------------------------------------------------------------------------------


@pytest.fixture
def said(api: Client, home: Box, sample: bytes) -> Note:
    """A voice note of Alice's, with segments and corrected words; and one of words alone."""
    note_id = api.post("/api/v1/notes", {"audio": io.BytesIO(sample)}).json()["id"]
    Note.receive(owner_id=home.owner_id, transcript="Escrita")
    note = Note.objects.get(pk=note_id)
    note.transcript = "pia vasando"
    note.segments = [{"start": 0.5, "end": 2.0, "text": "pia vasando"}]
    note.save()
    note.edit_transcript("Pia vazando")
    return note


def read_zip(path: Path) -> tuple[dict[str, bytes], list[dict[str, Any]]]:
    """What is in it by name, and its notes."""
    with zipfile.ZipFile(path) as file:
        assert file.testzip() is None
        content = {name: file.read(name) for name in file.namelist()}
    return content, json.loads(content["notes.json"])


def test_export_user_writes_all_that_somebody_has(
    said: Note, sample: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    line = run("export_user", "alice")
    [path] = tmp_path.iterdir()
    assert line == f"{path.name}: 2 notes, 1 boxes, 1 recordings\n"
    assert re.fullmatch(r"bau-mental-alice-\d{4}-\d\d-\d\d\.zip", path.name)
    assert path.stat().st_mode & 0o777 == 0o600
    content, notes = read_zip(path)
    assert content[f"audio/{said.pk}.ogg"] == sample
    voice = next(note for note in notes if note["id"] == str(said.pk))
    assert voice["segments"] == [{"start": 0.5, "end": 2.0, "text": "pia vasando"}]
    assert (voice["transcript"], voice["original_transcript"]) == ("Pia vazando", "pia vasando")
    # What is there is not lost by a second run.
    assert "--force" in fail("export_user", "alice", code=2)[1]
    assert json.loads(run("export_user", "alice", "--force", "--json"))["notes"] == 2


@pytest.mark.parametrize(
    ("name", "file"),
    [("zé.da+silva@x", "zedasilvax"), ("../../etc/x", "etcx"), ("漢字", "user-")],
)
def test_the_name_of_an_export_is_safe(
    db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, file: str
) -> None:
    monkeypatch.chdir(tmp_path)
    User.objects.create(username=name)
    run("export_user", name)
    [path] = tmp_path.iterdir()
    assert path.name.startswith(f"bau-mental-{file}")


def test_export_user_says_whose_audio_is_missing(said: Note, tmp_path: Path) -> None:
    default_storage.delete(said.audio_key)
    out = tmp_path / "all.zip"
    told, last = fail("export_user", "alice", "--output", str(out))
    assert "2 notes, 1 boxes, 0 recordings" in told
    assert f"no audio: note {said.pk} (gone)" in last
    assert len(read_zip(out)[1]) == 2


@pytest.mark.parametrize("fault", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_an_export_that_stops_leaves_nothing_behind(
    said: Note, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Any
) -> None:
    def stop(*_: object) -> Iterator[bytes]:
        yield b"some of it"
        raise fault

    monkeypatch.setattr(archive.Archive, "chunks", stop)
    old = tmp_path / "all.zip"
    old.write_bytes(b"of last year")
    fail("export_user", "alice", "--output", str(old), "--force", code=2)
    assert [path.name for path in tmp_path.iterdir()] == ["all.zip"]
    assert old.read_bytes() == b"of last year"


def test_export_user_needs_a_user_and_a_place(alice: User, tmp_path: Path) -> None:
    assert "no user zoe" in fail("export_user", "zoe", code=2)[1]
    away = str(tmp_path / "nowhere" / "all.zip")
    assert "cannot be written" in fail("export_user", "alice", "--output", away, code=2)[1]


def test_an_export_can_go_through_a_pipe(
    said: Note, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    err = io.StringIO()
    call_command("export_user", "alice", "--output", "-", stderr=err)
    piped = tmp_path / "piped.zip"
    piped.write_bytes(capfdbinary.readouterr().out)
    assert len(read_zip(piped)[1]) == 2
    assert "2 notes, 1 boxes, 1 recordings" in err.getvalue()


# --- retry_failed --------------------------------------------------------------------------------


@pytest.fixture
def some_failed(new_note: NewNote) -> dict[str, Note]:
    columns: dict[str, dict[str, Any]] = {
        "key": {"processing_status": Status.FAILED, "error_code": "provider_unauthorized"},
        "busy": {"processing_status": Status.FAILED, "error_code": "provider_busy"},
        "unfiled": {"processing_status": Status.COMPLETED, "error_code": "provider_busy"},
        "settled": {
            "processing_status": Status.COMPLETED,
            "error_code": "provider_busy",
            "filed_by": FiledBy.USER,
        },
        "fine": {"processing_status": Status.COMPLETED},
        "open": {"error_code": "provider_busy"},
    }
    notes = {name: new_note(transcript=name) for name in columns}
    for name, values in columns.items():
        Note.objects.filter(pk=notes[name].pk).update(**values)
    return notes


def open_notes() -> set[str]:
    waiting = Note.objects.filter(processing_status=Status.CLASSIFYING)
    return set(waiting.values_list("transcript", flat=True))


def test_retry_failed_repeats_what_failed_and_nothing_else(some_failed: dict[str, Note]) -> None:
    assert run("retry_failed", "--dry-run") == "To be tried again: 3\n"
    assert open_notes() == {"open"}
    assert run("retry_failed") == "Tried again: 3\n"
    assert open_notes() == {"open", "key", "busy", "unfiled"}
    assert run("retry_failed") == "Tried again: 0\n"


def test_retry_failed_can_be_read_by_a_program(some_failed: dict[str, Note]) -> None:
    assert json.loads(run("retry_failed", "--dry-run", "--json")) == {"notes": 3, "dry_run": True}
    assert json.loads(run("retry_failed", "--json")) == {"notes": 3, "dry_run": False}


def test_retry_failed_may_be_told_which(some_failed: dict[str, Note]) -> None:
    options = ("--code", "provider_unauthorized")
    assert run("retry_failed", *options, "--dry-run") == "To be tried again: 1\n"
    assert run("retry_failed", *options) == "Tried again: 1\n"
    assert open_notes() == {"open", "key"}


# --- process_note --------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_process_note_does_both_steps_at_once(
    api: Client, home: Box, provider: FakeProvider, sample: bytes
) -> None:
    provider.default_text = "A pia está vazando, chamar o encanador."
    note_id = api.post("/api/v1/notes", {"audio": io.BytesIO(sample)}).json()["id"]
    Note.objects.update(next_attempt_at=Now() + timedelta(hours=1))
    assert run("process_note", note_id) == "completed\n"
    assert Note.objects.get().box == home


@pytest.mark.django_db(transaction=True)
def test_process_note_says_why_it_failed_and_what_to_do(
    api: Client, provider: FakeProvider, sample: bytes
) -> None:
    provider.keys = set()
    note_id = api.post("/api/v1/notes", {"audio": io.BytesIO(sample)}).json()["id"]
    out, error = fail("process_note", note_id)
    assert out == "failed provider_unauthorized\n"
    assert "refused the key" in error
    assert "retry_failed" in error


def test_process_note_leaves_a_note_that_a_worker_has(new_note: NewNote) -> None:
    note = new_note(transcript="pão")
    Note.objects.update(lease_token=uuid.uuid4(), lease_expires_at=Now() + timedelta(hours=1))
    assert "queue" in fail("process_note", str(note.pk))[1]


def test_process_note_needs_a_note(db: None) -> None:
    assert "no such note" in fail("process_note", str(uuid.uuid4()))[1]
    with pytest.raises(CommandError):
        run("process_note", "7")


# --- upload --------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three voice notes under wrong names, and things that are none."""
    (tmp_path / "b").mkdir()
    for number, name in enumerate(("a.txt", "b/c.ogg", "d")):
        (tmp_path / name).write_bytes(OGG + bytes([number]))
    (tmp_path / "page.ogg").write_bytes(b"<html>")
    (tmp_path / "empty.ogg").write_bytes(b"")
    return tmp_path


@pytest.fixture
def server(live_server: Any, alice: User, monkeypatch: pytest.MonkeyPatch, settings: Any) -> str:
    """The real API over HTTP, and Alice's token in the environment."""
    monkeypatch.setenv("BAU_TOKEN", ApiToken.issue(alice.pk)[1])
    monkeypatch.setattr(upload, "WAITS", (0.0, 0.0))
    settings.BASE_URL = live_server.url
    return str(live_server.url)


def words(text: str) -> list[str]:
    """The first word of each line and the path's last part."""
    return [f"{line.split()[0]} {Path(line.split()[-1]).name}" for line in text.splitlines()]


@pytest.mark.django_db(transaction=True)
def test_upload_sends_all_audio_of_a_folder_once(server: str, folder: Path) -> None:
    first = run("upload", str(folder))
    assert words(first) == ["sent a.txt", "sent c.ogg", "sent d"]
    assert {line.split()[1] for line in first.splitlines()} == {
        str(pk) for pk in Note.objects.values_list("pk", flat=True)
    }
    again = run("upload", str(folder), str(folder / "d"))
    assert again == first.replace("sent", "known")
    assert Note.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_upload_tells_the_api_what_it_was_told(server: str, folder: Path, home: Box) -> None:
    options = ("--box", "casa", "--language", "pt-BR", "--source", "forwarded")
    run("upload", str(folder / "d"), *options, "--url", f"{server}/")
    note = Note.objects.get()
    assert (note.box, note.requested_language, note.source) == (home, "pt-BR", "forwarded")
    run("upload", str(folder / "a.txt"), "--box", str(home.pk))
    assert Note.objects.filter(box=home).count() == 2


@pytest.mark.django_db(transaction=True)
def test_upload_goes_on_after_a_file_that_is_refused(server: str, folder: Path) -> None:
    paths = [str(folder / name) for name in ("page.ogg", "a.txt", "empty.ogg", "d")]
    out, last = fail("upload", *paths)
    assert words(out) == ["sent a.txt", "sent d"]
    assert "not audio we know" in last
    assert "2 of 4 are there." in last
    assert "again" in last


@pytest.mark.django_db(transaction=True)
def test_upload_waits_for_a_server_that_is_busy(
    server: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    def fail_until_waited_for(key: str, content: Any) -> None:
        if not waits:
            raise StorageUnavailable
        store_audio(key, content)

    monkeypatch.setattr(STORE, fail_until_waited_for)
    monkeypatch.setattr("notes.management.commands.upload.time.sleep", waits.append)
    assert words(run("upload", str(folder / "d"))) == ["sent d"]
    assert waits == [5.0]


@pytest.mark.django_db(transaction=True)
def test_upload_stops_at_the_limit_of_the_day(server: str, folder: Path, settings: Any) -> None:
    settings.USER_NOTES_PER_DAY = 2
    out, last = fail("upload", str(folder))
    assert words(out) == ["sent a.txt", "sent c.ogg"]
    assert "takes no more today. Run the same command tomorrow." in last
    settings.USER_NOTES_PER_DAY = 3
    assert words(run("upload", str(folder))) == ["known a.txt", "known c.ogg", "sent d"]


@pytest.mark.django_db(transaction=True)
def test_upload_can_be_stopped_and_goes_on_where_it_was(
    server: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = upload.Server.send

    def interrupted(self: Any, path: Path, *rest: Any) -> str:
        line = send(self, path, *rest)
        if path.name == "c.ogg":  # the server has it, we have not heard of it
            raise KeyboardInterrupt
        return line

    monkeypatch.setattr(upload.Server, "send", interrupted)
    assert "Run the same command again" in fail("upload", str(folder))[1]
    monkeypatch.setattr(upload.Server, "send", send)
    assert words(run("upload", str(folder))) == ["known a.txt", "known c.ogg", "sent d"]
    assert Note.objects.count() == 3


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["nowhere"], "There is no nowhere."),
        (["."], "no audio"),
        (["d"], "No token"),
        (["d", "--token", "bm_wrong"], "does not know this token"),
        (["d", "--box", "Praia"], "There is no box 'Praia'. There are: Casa."),
    ],
)
@pytest.mark.django_db(transaction=True)
def test_upload_says_what_is_missing(
    server: str, folder: Path, home: Box, monkeypatch: pytest.MonkeyPatch, arguments: Any, text: str
) -> None:
    monkeypatch.chdir(folder if arguments != ["."] else folder.parent)
    (folder.parent / "nothing").mkdir(exist_ok=True)
    if text == "No token":
        monkeypatch.delenv("BAU_TOKEN")
    path = str(folder.parent / "nothing") if arguments == ["."] else arguments[0]
    assert text in fail("upload", path, *arguments[1:], code=2)[1]
    assert not Note.objects.exists()


def test_upload_says_when_nobody_answers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "WAITS", ())
    url = f"http://127.0.0.1:{free_port()}"
    error = fail("upload", str(folder), "--url", url, "--token", "bm_x")[1]
    assert f"{url} does not answer" in error


def manage(*arguments: str, stderr: Any = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.django_db(transaction=True)
def test_upload_shows_a_bar_on_a_terminal_and_plain_lines_elsewhere(
    server: str, folder: Path
) -> None:
    arguments = ("upload", str(folder), "--url", server)
    piped = manage(*arguments)
    assert (piped.returncode, piped.stderr) == (0, "3 of 3 are there.\n")
    assert words(piped.stdout) == ["sent a.txt", "sent c.ogg", "sent d"]
    master, slave = pty.openpty()
    on_terminal = manage(*arguments, stderr=slave)
    os.close(slave)
    with os.fdopen(master, "rb") as terminal:
        seen = terminal.read1().decode()
    assert on_terminal.stdout == piped.stdout.replace("sent", "known")
    assert f"[{'#' * 30}] 100% 3/3" in seen
    assert manage("upload", str(folder), "--token", "bm_x", "--url", server).returncode == 2
