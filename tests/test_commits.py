"""What an upload need not wait for: the commits before the one that it does wait for."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from notes.models import IdempotencyKey, Note, Usage
from notes.models.usage import today

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]

postgres_only = pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="SQLite waits for every commit"
)


@pytest.fixture
def waiting() -> Iterator[Callable[[], bool]]:
    """Whether this session waits for its commits, as it does outside the tests' quick server."""

    def ask() -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SHOW synchronous_commit")
            return bool(cursor.fetchone() == ("on",))

    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = on")
    yield ask
    connection.close()


def take_in(user: User, key: str) -> list[str]:
    """The statements that reserve a key and count a note."""
    with CaptureQueriesContext(connection) as said:
        IdempotencyKey.reserve(user.pk, key, "fingerprint")
        assert Usage.take(user.pk, today(), "notes", 1, 1_000, followed=True)
    return [one["sql"] for one in said.captured_queries]


@postgres_only
def test_a_key_and_a_count_are_not_waited_for_and_all_else_is(
    alice: User, waiting: Callable[[], bool]
) -> None:
    take_in(alice, "first")  # the day's books are opened
    said = take_in(alice, "second")
    assert ["synchronous_commit" in one for one in said] == [True, True]
    assert waiting()
    with CaptureQueriesContext(connection) as later:
        Note.receive(owner_id=alice.pk, audio_key="audio/x", audio_format="ogg")
        Usage.take(alice.pk, today(), "audio_milliseconds", 5, 1_000)
    assert "synchronous_commit" not in str(later.captured_queries)


@postgres_only
def test_a_transaction_around_them_is_waited_for(alice: User, waiting: Callable[[], bool]) -> None:
    with transaction.atomic():
        assert "synchronous_commit" not in str(take_in(alice, "first"))
        assert waiting()


def test_both_are_there_all_the_same(alice: User) -> None:
    for key in ("first", "second"):
        take_in(alice, key)
    assert IdempotencyKey.objects.count() == 2
    assert Usage.of(alice.pk, today()).notes == 2
    assert not Usage.take(alice.pk, today(), "notes", 1, 2)
