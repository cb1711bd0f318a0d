"""What web and worker ask again and again is planned once per connection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, LiteralString

import pytest
from django.db import DataError, NotSupportedError, OperationalError
from django.db.utils import ConnectionHandler
from django.test.utils import CaptureQueriesContext
from psycopg import sql
from psycopg.types.numeric import Int2, Int4

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


def test_of_statements_with_words_in_them_nothing_is_kept(wrapper: base.DatabaseWrapper) -> None:
    _asked(wrapper, "a")
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT %s", ["what a person said"])
    assert not wrapper.connection._prepared._counts


@pytest.mark.parametrize("kind", ["text", "varchar(5)"])
def test_a_plan_that_a_migration_has_spoiled_is_made_anew(
    wrapper: base.DatabaseWrapper, server: Postgres, kind: str
) -> None:
    assert _asked(wrapper, "a") == [(1, "a")]
    _alter(server, kind)
    assert _asked(wrapper, "a") == [(1, "a")]
    assert _asked(wrapper, "b") == [(2, "b")]
    assert len(_prepared(wrapper)) == 1


def test_in_a_transaction_it_fails_for_later_and_the_next_connection_can(
    wrapper: base.DatabaseWrapper, server: Postgres
) -> None:
    assert _asked(wrapper, "a") == [(1, "a")]
    _alter(server, "varchar(7)")
    wrapper.set_autocommit(False)
    with pytest.raises(OperationalError):
        _asked(wrapper, "a")
    wrapper.close()  # as at the end of a request, and of a job
    assert _asked(wrapper, "a") == [(1, "a")]


def test_what_the_server_cannot_do_is_told_as_that(wrapper: base.DatabaseWrapper) -> None:
    wrapper.set_autocommit(False)
    with wrapper.prepared_cursor() as cursor, pytest.raises(NotSupportedError):
        cursor.execute("SELECT title FROM things GROUP BY title FOR UPDATE")
    assert not wrapper.connection.closed


def _alter(server: Postgres, kind: LiteralString) -> None:
    server.execute(sql.SQL("ALTER TABLE things ALTER title TYPE {}").format(sql.SQL(kind)))


@pytest.mark.parametrize("value", [Int2(40_000), Int4(2**33 + 5)])
def test_a_number_too_large_for_its_column_is_refused_and_not_cut(
    wrapper: base.DatabaseWrapper, value: int
) -> None:
    with wrapper.prepared_cursor() as cursor, pytest.raises(DataError):
        cursor.execute("SELECT %s", [value])


def test_a_statement_that_cannot_be_shown_is_logged_without_its_parameters(
    wrapper: base.DatabaseWrapper,
) -> None:
    with CaptureQueriesContext(wrapper) as said, pytest.raises(DataError):
        _asked(wrapper, "\0")
    assert [one["sql"] for one in said.captured_queries] == [BY_TITLE]
