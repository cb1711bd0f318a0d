"""Alive and ready: two questions, asked often, by machines that sign in nowhere."""

from __future__ import annotations

from typing import Any

import pytest
import redis
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from redis.backoff import NoBackoff
from redis.retry import Retry

from notes import health
from notes.broker import broker
from tests.services import free_port

EVERYTHING = {"database": "ok", "migrations": "ok", "storage": "ok", "redis": "ok"}


@pytest.fixture(autouse=True)
def fresh_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "readiness", health.Readiness())


def test_healthz_answers_any_host_without_a_database(client: Client) -> None:
    for host in ("localhost", "10.0.0.5", "evil.example", "bad host"):
        response = client.get("/healthz", headers={"Host": host})
        assert (response.status_code, response.content) == (200, b"ok")


@pytest.mark.database
@pytest.mark.django_db
def test_readyz_names_what_works(client: Client) -> None:
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (200, EVERYTHING)


def test_readyz_is_503_without_a_database(client: Client) -> None:
    # No mark, no database: pytest-django refuses every connection.
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {**EVERYTHING, "database": "down", "migrations": "down"}
    assert int(response.headers["Retry-After"]) > 0


@pytest.mark.database
@pytest.mark.django_db
def test_readyz_is_503_on_an_older_schema(client: Client) -> None:
    from django.db import connection

    MigrationRecorder(connection).migration_qs.filter(app="notes").delete()
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {**EVERYTHING, "migrations": "down"}


@pytest.mark.django_db
def test_readyz_is_503_where_audio_cannot_be_stored(
    client: Client, settings: Any, tmp_path: Any
) -> None:
    (tmp_path / "file").write_bytes(b"")
    settings.MEDIA_ROOT = str(tmp_path / "file" / "media")
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {**EVERYTHING, "storage": "down"}


@pytest.mark.django_db
def test_readyz_reports_redis_but_does_not_require_it(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with redis.Redis(port=free_port(), retry=Retry(NoBackoff(), 0)) as nobody:
        monkeypatch.setattr(broker(), "bell", nobody)
        response = client.get("/readyz")
    assert (response.status_code, response.json()) == (200, {**EVERYTHING, "redis": "down"})


@pytest.mark.django_db
def test_readyz_asks_again_only_after_a_while(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setitem(health.CHECKS, "redis", lambda: asked.append(1))
    for _ in range(5):
        client.get("/readyz")
    assert len(asked) == 1
    monkeypatch.setattr(health.readiness, "_asked_at", -health.KEPT_SECONDS)
    client.get("/readyz")
    assert len(asked) == 2


def test_readyz_does_not_tell_why(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OSError("redis://user:password@host")

    monkeypatch.setitem(health.CHECKS, "redis", fail)
    assert b"password" not in client.get("/readyz").content
