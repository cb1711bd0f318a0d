"""manage.py prepare: what it does not let start."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.views.debug import ExceptionReporter

from notes.management.commands import prepare
from notes.probe import StorageRefuses, StorageSilent, probe_storage
from project.storages import s3_storage
from tests.services import free_port
from tests.test_commands import fail, run

pytestmark = pytest.mark.django_db

FOLDER = "django.core.files.storage.FileSystemStorage"


def folder(settings: Any, path: Path) -> None:
    storage = {"BACKEND": FOLDER, "OPTIONS": {"location": str(path)}}
    settings.STORAGES = {**settings.STORAGES, "default": storage}


@pytest.mark.parametrize(
    ("setting", "value", "check"),
    [
        ("SESSION_COOKIE_SECURE", False, "security.W012"),
        ("SECURE_HSTS_SECONDS", 0, "security.W004"),
        ("DEBUG", True, "security.W018"),
    ],
)
def test_a_public_site_that_does_not_pass_djangos_checks_does_not_start(
    settings: Any, setting: str, value: object, check: str
) -> None:
    settings.BASE_URL = "https://notas.bau.com.br"
    settings.SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W008", "security.W021"]
    settings.SECRET_KEY = "Zk3v8Qw1xN5tR7yB2mC4dF6gH9jL0pS_aEiOuTzXcVbNmKjHgF"
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    settings.SECURE_HSTS_SECONDS = 31_536_000
    settings.ALLOWED_HOSTS = ["notas.bau.com.br"]
    call_command("prepare", verbosity=0, stdout=io.StringIO())
    setattr(settings, setting, value)
    assert check in fail("prepare", code=2)[1]


def test_a_folder_that_cannot_be_written_does_not_start(settings: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    folder(settings, tmp_path / "file")
    assert "See MEDIA_ROOT" in fail("prepare", code=2)[1]


def test_a_storage_that_does_not_give_back_what_it_took_is_refused(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder(settings, tmp_path)
    probe_storage()
    monkeypatch.setattr("django.core.files.storage.FileSystemStorage.delete", lambda *_: None)
    with pytest.raises(StorageRefuses, match="give back or delete"):
        probe_storage()


def test_a_bucket_that_is_away_is_waited_for_a_while_and_not_required(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.S3_BUCKET = "bucket"
    nowhere = s3_storage(
        bucket="bucket",
        endpoint_url=f"http://127.0.0.1:{free_port()}",
        region="auto",
        access_key="a",
        secret_key="b",
    )
    settings.STORAGES = {**settings.STORAGES, "default": nowhere}
    with pytest.raises(StorageSilent):
        probe_storage()
    monkeypatch.setattr(prepare, "STORAGE_PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr(prepare, "LOOK_SECONDS", 0.1)
    assert "waiting for the storage" in run("prepare", verbosity=0)


def test_a_report_of_an_error_shows_no_address(settings: Any, rf: Any) -> None:
    settings.REDIS_URL = "redis://:hunter2@db/0"
    settings.SENTRY_DSN = "https://hunter2@sentry/1"
    settings.METRICS_TOKEN = "hunter2"
    settings.DRAMATIQ_BROKER = {"OPTIONS": {"url": "redis://:hunter2@db/0"}}
    try:
        raise ValueError
    except ValueError as error:
        reporter = ExceptionReporter(rf.get("/"), type(error), error, error.__traceback__)
        frames = reporter.get_traceback_data()
    assert frames["settings"]["REDIS_URL"] == reporter.filter.cleansed_substitute
    assert "hunter2" not in str(frames["settings"])
