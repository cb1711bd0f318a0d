"""A connection from the pool works, although the server is seldom asked whether it does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db.utils import ConnectionHandler
from psycopg_pool import ConnectionPool

from project.databases import postgresql
from project.postgresql import base
from tests.services.postgres import Postgres


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with Postgres() as postgres:
        yield postgres


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The connections for which the server was asked."""
    seen: list[Any] = []
    ask = ConnectionPool.check_connection

    def asking(connection: psycopg.Connection[Any]) -> None:
        seen.append(connection)
        ask(connection)

    monkeypatch.setattr(ConnectionPool, "check_connection", asking)
    return seen


@pytest.fixture
def pool(server: Postgres) -> Iterator[ConnectionPool[Any]]:
    """One connection, as Django makes it."""
    wrapper = base.DatabaseWrapper(settings_of(server), alias="checked")
    try:
        with wrapper.pool as pool:
            pool.wait(10)
            yield pool
    finally:
        wrapper.close_pool()


def settings_of(server: Postgres) -> dict[str, Any]:
    config = postgresql(server.url(), pool_size=1)
    handler = ConnectionHandler({"default": config})
    return dict(handler.settings["default"])


def test_a_connection_in_use_a_moment_ago_is_taken_without_a_question(
    pool: ConnectionPool[Any], asked: list[Any]
) -> None:
    for _ in range(3):
        with pool.connection() as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    assert len(asked) == 1


def test_one_that_was_idle_for_long_is_asked(
    pool: ConnectionPool[Any], asked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "TRUSTED_SECONDS", 0.0)
    for _ in range(3):
        with pool.connection():
            pass
    assert len(asked) == 3


def test_one_that_the_server_has_ended_is_replaced_unnoticed(
    pool: ConnectionPool[Any], asked: list[Any], server: Postgres
) -> None:
    with pool.connection() as connection:
        dead = connection.info.backend_pid
    with psycopg.connect(server.url(), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [dead])
    with pool.connection() as connection:
        assert connection.info.backend_pid != dead
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert asked
