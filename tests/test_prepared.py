"""What web and worker ask again and again is planned once per connection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError
from django.db.utils import ConnectionHandler

from project.databases import postgresql
from project.postgresql import base
from tests.services.postgres import Postgres

BY_TITLE = "SELECT id, title FROM things WHERE title = %s"


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with Postgres() as postgres:
        postgres.execute("CREATE TABLE things (id int, title varchar(9))")
        postgres.execute("INSERT INTO things VALUES (1, 'a'), (2, 'b')")
        yield postgres


@pytest.fixture(autouse=True)
def _may_connect(django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


@pytest.fixture
def wrapper(server: Postgres) -> Iterator[base.DatabaseWrapper]:
    yield from _connected(server, prepare=True)


@pytest.fixture
def without(server: Postgres) -> Iterator[base.DatabaseWrapper]:
    yield from _connected(server, prepare=False)


def _connected(server: Postgres, *, prepare: bool) -> Iterator[base.DatabaseWrapper]:
    config = postgresql(server.url(), pool_size=1, prepare=prepare)
    handler = ConnectionHandler({"default": config})
    wrapper = base.DatabaseWrapper(dict(handler.settings["default"]), alias=f"prepare-{prepare}")
    try:
        yield wrapper
    finally:
        wrapper.close()
        wrapper.close_pool()


def _asked(wrapper: base.DatabaseWrapper, title: str) -> list[Any]:
    with wrapper.prepared_cursor() as cursor:
        cursor.execute(BY_TITLE, [title])
        return list(cursor.fetchall())


def _prepared(wrapper: base.DatabaseWrapper) -> list[str]:
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        return [one for (one,) in cursor.fetchall()]


def test_a_statement_asked_twice_is_prepared_once(wrapper: base.DatabaseWrapper) -> None:
    assert [_asked(wrapper, "a"), _asked(wrapper, "b")] == [[(1, "a")], [(2, "b")]]
    assert _prepared(wrapper) == [BY_TITLE.replace("%s", "$1")]


def test_nothing_is_prepared_where_that_is_not_wanted(without: base.DatabaseWrapper) -> None:
    assert _asked(without, "a") == [(1, "a")]
    assert _prepared(without) == []


def test_a_plan_that_a_migration_has_spoiled_fails_once_and_for_later(
    wrapper: base.DatabaseWrapper, server: Postgres
) -> None:
    assert _asked(wrapper, "a") == [(1, "a")]
    server.execute("ALTER TABLE things ALTER title TYPE text")
    with pytest.raises(OperationalError):
        _asked(wrapper, "a")
    wrapper.close_if_unusable_or_obsolete()  # as at the end of a request, and of a job
    assert _asked(wrapper, "a") == [(1, "a")]
