"""manage.py doctor: all green where all is well; each planted fault is found, with its repair."""

from __future__ import annotations

import json
from collections import namedtuple
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import redis as redis_client
from django.db.migrations.recorder import MigrationRecorder
from django.db.models.functions import Now
from redis.backoff import NoBackoff
from redis.retry import Retry

from notes import openai_client
from notes.broker import broker
from notes.doctor import CHECKS, machine
from notes.models import Heartbeat, Note
from notes.models.note import Status
from project.storages import s3_storage
from tests.fakes.provider import FakeProvider
from tests.services import free_port
from tests.services.s3 import S3
from tests.services.valkey import Valkey
from tests.test_commands import fail, run

pytestmark = pytest.mark.django_db

NewNote = Callable[..., Note]
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def well(db: None, provider: FakeProvider) -> FakeProvider:
    """An installation with everything in order."""
    Heartbeat.beat("host:1")
    return provider


def found(text: str) -> dict[str, str]:
    """Status by name."""
    return {line.split()[1]: line.split()[0] for line in text.splitlines()}


def bad_line(name: str, status: str = "fail") -> str:
    """The line of the one check that is not ok."""
    if status == "fail":
        text, last = fail("doctor")
        assert last == f"Not well: {name}."
    else:
        text = run("doctor")
    findings = found(text)
    assert {key for key, value in findings.items() if value != "ok"} == {name}
    assert findings[name] == status
    return next(line for line in text.splitlines() if line.split()[1] == name)


def test_doctor_finds_all_well(well: FakeProvider) -> None:
    assert found(run("doctor")) == dict.fromkeys(CHECKS, "ok")
    assert {entry.endpoint for entry in well.requests()} == {"models"}


def test_doctor_speaks_json(well: FakeProvider) -> None:
    findings = json.loads(run("doctor", "--json"))
    assert findings["database"]["status"] == "ok"
    Heartbeat.objects.all().delete()
    findings = json.loads(fail("doctor", "--json")[0])
    assert findings["worker"] == {
        "status": "fail",
        "text": "none has been seen",
        "next_step": "Start one: honcho start worker",
    }


def test_doctor_needs_no_key(db: None) -> None:
    Heartbeat.beat("host:1")
    assert "no key is set" in run("doctor")


def test_doctor_sees_a_worker_that_went_silent(well: FakeProvider) -> None:
    Heartbeat.objects.update(seen_at=Now() - timedelta(minutes=5))
    assert "last seen 30" in bad_line("worker")


def test_doctor_sees_a_missing_migration(well: FakeProvider) -> None:
    from django.db import connection

    MigrationRecorder(connection).migration_qs.filter(app="notes").delete()
    text, last = fail("doctor")
    assert last == "Not well: migrations."
    assert "Run: manage.py prepare" in text
    assert (found(text)["worker"], found(text)["queue"]) == ("warn", "warn")


def test_doctor_sees_a_storage_that_takes_nothing(
    well: FakeProvider, settings: Any, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    folder = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(tmp_path / "file")},
    }
    settings.STORAGES = {**settings.STORAGES, "default": folder}
    assert "MEDIA_ROOT" in bad_line("storage")


def test_doctor_leaves_nothing_in_storage(
    well: FakeProvider, settings: Any, tmp_path: Path
) -> None:
    folder = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(tmp_path)},
    }
    settings.STORAGES = {**settings.STORAGES, "default": folder}
    run("doctor")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_doctor_sees_a_key_that_is_refused(well: FakeProvider) -> None:
    well.keys = {"sk-other"}
    text, last = fail("doctor")
    assert last == "Not well: provider."
    assert "OPENAI_API_KEY" in text
    assert "sk-test" not in text + last


def test_doctor_sees_a_provider_that_is_away(well: FakeProvider, settings: Any) -> None:
    settings.OPENAI_BASE_URL = f"http://127.0.0.1:{free_port()}/v1"
    openai_client.get_client.cache_clear()
    assert "could not be reached" in fail("doctor")[0]


@pytest.mark.parametrize("status", [404, 405])
def test_doctor_knows_that_not_every_server_lists_its_models(
    well: FakeProvider, status: int
) -> None:
    well.fail("models", status=status, times=2)
    text = run("doctor")
    assert (found(text)["provider"], found(text)["models"]) == ("warn", "warn")


@pytest.mark.parametrize("body", [{"data": None}, {"data": ["x", 7]}, {"data": {"id": 1}}, {}])
def test_doctor_takes_a_strange_list_of_models_calmly(well: FakeProvider, body: Any) -> None:
    well.fail("models", status=200, body=body, times=2)
    assert found(run("doctor"))["models"] == "warn"


@pytest.mark.parametrize(
    ("days", "status"), [(-1, "fail"), (0, "warn"), (59, "warn"), (70, "ok"), (None, "ok")]
)
def test_doctor_warns_of_a_model_that_is_shut_down_soon(
    well: FakeProvider, days: int | None, status: str
) -> None:
    today = datetime.now(UTC).date()
    ends = None if days is None else str(today + timedelta(days=days))
    well.models["gpt-6-luna"] = ends
    if status == "ok":
        assert found(run("doctor"))["models"] == "ok"
    else:
        line = bad_line("models", status)
        assert str(ends) in line
        assert "Choose another CLASSIFICATION_MODEL" in line


def test_doctor_warns_of_a_model_that_is_not_listed(well: FakeProvider, settings: Any) -> None:
    settings.TRANSCRIPTION_MODEL = "gpt-nobody"
    assert "gpt-nobody" in bad_line("models", "warn")


@pytest.mark.django_db(databases=[])
def test_doctor_goes_on_without_a_database() -> None:
    # pytest-django refuses every connection here.
    text, last = fail("doctor")
    assert last == "Not well: database."
    assert "see DATABASE_URL" in text
    assert found(text)["redis"] == "ok"


def test_doctor_can_take_warnings_for_failures(well: FakeProvider, settings: Any) -> None:
    run("doctor", "--strict")
    settings.TRANSCRIPTION_MODEL = "gpt-nobody"
    assert fail("doctor", "--strict")[1] == "Not well: models."


# --- Redis, a real one that is set up badly ------------------------------------------------------


@pytest.fixture(scope="module")
def own_valkey() -> Iterator[Valkey]:
    with Valkey() as valkey:
        yield valkey


@pytest.fixture
def redis(own_valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> Iterator[redis_client.Redis]:
    """The one that the product talks to; well again afterwards."""
    with own_valkey.client() as client:
        monkeypatch.setattr(broker(), "bell", client)
        yield client
        for name, value in {
            "maxmemory": 0,
            "maxmemory-policy": "noeviction",
            "appendonly": "yes",
        }.items():
            client.config_set(name, value)


def test_doctor_sees_that_redis_is_away(
    well: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    with redis_client.Redis(port=free_port(), retry=Retry(NoBackoff(), 0)) as nobody:
        monkeypatch.setattr(broker(), "bell", nobody)
        assert "REDIS_URL" in bad_line("redis")


@pytest.mark.parametrize(
    ("name", "value", "repair"),
    [
        ("maxmemory-policy", "allkeys-lru", "CONFIG SET maxmemory-policy noeviction"),
        ("appendonly", "no", "--appendonly yes"),
        ("maxmemory", "1kb", "Raise maxmemory"),
    ],
)
def test_doctor_sees_a_redis_that_is_set_up_badly(
    well: FakeProvider, redis: redis_client.Redis, name: str, value: str, repair: str
) -> None:
    assert found(run("doctor"))["redis"] == "ok"
    redis.config_set(name, value)
    assert repair in bad_line("redis", "warn")


def test_doctor_sees_a_redis_that_is_too_old(
    well: FakeProvider, redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = {**redis.info(), "redis_version": "5.0.7"}
    info.pop("valkey_version", None)
    monkeypatch.setattr(redis, "info", lambda: info)
    assert "6.2 or newer" in bad_line("redis", "warn")


def test_doctor_sees_a_redis_elsewhere_without_a_password(
    well: FakeProvider, redis: redis_client.Redis, settings: Any
) -> None:
    settings.REDIS_URL = "redis://srv-captain--redis:6379/0"
    assert "--requirepass" in bad_line("redis", "warn")


# --- A bucket, a real one ------------------------------------------------------------------------


def keys(s3: S3) -> set[str]:
    """Every object in the bucket."""
    found = s3.client.list_objects_v2(Bucket=s3.bucket).get("Contents", [])
    return {item["Key"] for item in found}


@pytest.mark.parametrize(
    ("wrong", "repair"),
    [
        ({}, ""),
        ({"bucket": "nobodys"}, "Make the bucket, or correct S3_BUCKET"),
        ({"secret_key": "wrong"}, "Correct S3_SECRET_ACCESS_KEY"),
        ({"access_key": "nobody"}, "Correct S3_ACCESS_KEY_ID"),
        ({"endpoint_url": "http://127.0.0.1:9"}, "See S3_ENDPOINT_URL"),
    ],
)
def test_doctor_sees_what_is_wrong_with_a_bucket(
    well: FakeProvider, settings: Any, s3: S3, wrong: dict[str, str], repair: str
) -> None:
    right = {
        "bucket": s3.bucket,
        "endpoint_url": s3.endpoint_url,
        "region": s3.region,
        "access_key": s3.access_key_id,
        "secret_key": s3.secret_access_key,
    }
    before = keys(s3)
    settings.S3_BUCKET = s3.bucket
    settings.STORAGES = {**settings.STORAGES, "default": s3_storage(**{**right, **wrong})}
    if wrong:
        line = bad_line("storage")
        assert repair in line
        assert "wrong" not in line
    else:
        assert found(run("doctor"))["storage"] == "ok"
        # Other tests leave theirs.
        assert keys(s3) == before


# --- Workers that do not keep up, the clock, the disk --------------------------------------------


def test_doctor_sees_notes_that_nobody_takes(well: FakeProvider, new_note: NewNote) -> None:
    new_note()
    assert found(run("doctor"))["queue"] == "ok"
    Note.objects.update(next_attempt_at=Now() - timedelta(minutes=30))
    line = bad_line("queue", "warn")
    assert "1 notes are due, the first for 30 min" in line
    assert "manage.py queue" in line


def test_doctor_sees_notes_that_have_failed(well: FakeProvider, new_note: NewNote) -> None:
    new_note()
    Note.objects.update(processing_status=Status.FAILED, error_code="provider_unauthorized")
    assert "manage.py retry_failed" in bad_line("queue", "warn")


@pytest.mark.parametrize(("seconds", "status"), [(0, "ok"), (-90, "warn"), (900, "fail")])
def test_doctor_compares_clocks(
    well: FakeProvider, monkeypatch: pytest.MonkeyPatch, seconds: int, status: str
) -> None:
    monkeypatch.setattr("notes.doctor.machine.connection", SimpleNamespace(vendor="postgresql"))
    monkeypatch.setattr(machine, "_database_clock", lambda: datetime.now(UTC))
    monkeypatch.setattr(machine, "_now", lambda: datetime.now(UTC) + timedelta(seconds=seconds))
    if status == "ok":
        assert machine.clock().status == "ok"
    else:
        finding = machine.clock()
        assert (finding.status, "timedatectl" in finding.next_step) == (status, True)
        assert f"{abs(seconds)} s off" in finding.text


@pytest.mark.database
def test_the_databases_clock_can_be_read(well: FakeProvider) -> None:
    assert machine.clock().status == "ok"


@pytest.mark.parametrize(("free_mb", "status"), [(90, "fail"), (500, "warn"), (5000, "ok")])
def test_doctor_sees_a_disk_that_is_full(
    well: FakeProvider, monkeypatch: pytest.MonkeyPatch, free_mb: int, status: str
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage(0, 0, free_mb * 1024 * 1024))
    if status == "ok":
        assert found(run("doctor"))["disk"] == "ok"
    else:
        assert "Make room" in bad_line("disk", status)
