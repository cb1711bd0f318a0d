"""The usual upload is taken in by one statement; everything else is left to be found out."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection
from django.db.backends.utils import CursorWrapper
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from notes.models import IdempotencyKey, Note, Usage
from notes.models.admission import receive_new
from notes.models.idempotency import Reservation
from notes.models.usage import today

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]

postgres_only = pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="SQLite goes step by step"
)
KEY, CONTENT, SOUND = "a key", "f" * 64, "a" * 64


@pytest.fixture(autouse=True)
def books(alice: User) -> None:
    """The day's books are open: another note came before."""
    assert Usage.take(alice.pk, today(), "notes", 1, 100)


def state(user: User) -> tuple[int, int]:
    """How many notes are counted, and how many keys are reserved."""
    return Usage.of(user.pk, today()).notes, IdempotencyKey.objects.count()


def receive(user: User, key: str = KEY, **columns: Any) -> Note | None:
    told = {
        "audio_key": "audio/y", "audio_format": "ogg", "audio_bytes": 3, "audio_sha256": SOUND,
        "requested_language": "", "source": "memo", "recorded_at": None,
    }  # fmt: skip
    return receive_new(user.pk, key, CONTENT, **{**told, **columns})


def recording(user: User, **columns: Any) -> Note:
    told = {"audio_key": "audio/x", "audio_format": "ogg", "audio_sha256": SOUND, **columns}
    return Note.objects.create(owner=user, **told)


def reserved_before(user: User) -> None:
    assert isinstance(IdempotencyKey.reserve(user.pk, KEY, CONTENT), Reservation)


def full(user: User) -> None:
    Usage.take(user.pk, today(), "notes", 99, None)


@postgres_only
def test_a_new_key_for_new_sound_is_a_note_in_one_statement(alice: User) -> None:
    with CaptureQueriesContext(connection) as asked:
        note = receive(alice, audio_bytes=7, source="forwarded")
    assert len(asked) == 1
    assert note is not None
    key = IdempotencyKey.objects.get()
    assert (key.note_id, key.fingerprint, key.owner_id) == (note.pk, CONTENT, alice.pk)
    assert state(alice) == (2, 1)
    stored = Note.objects.get()
    assert (stored.audio_key, stored.audio_bytes, stored.source) == ("audio/y", 7, "forwarded")
    assert stored.processing_status == "pending"
    assert stored.rung_at is not None
    names = [field.attname for field in Note._meta.concrete_fields if field.attname != "rung_at"]
    assert {n: getattr(note, n) for n in names} == {n: getattr(stored, n) for n in names}


@postgres_only
@pytest.mark.parametrize("before", [reserved_before, recording, full], ids=lambda one: one.__name__)
def test_anything_else_is_not_touched(
    alice: User, before: Callable[[User], Any], settings: Any
) -> None:
    settings.USER_NOTES_PER_DAY = 100
    before(alice)
    was = state(alice)
    notes = Note.objects.count()
    assert receive(alice) is None
    assert state(alice) == was
    assert Note.objects.count() == notes


@postgres_only
def test_the_first_note_of_a_day_is_nothing_unusual(alice: User) -> None:
    Usage.objects.all().delete()
    assert receive(alice) is not None
    assert state(alice) == (1, 1)


@postgres_only
def test_others_and_days_long_gone_do_not_count(alice: User, bob: User, settings: Any) -> None:
    settings.USER_NOTES_PER_DAY = 0
    recording(bob)
    assert isinstance(IdempotencyKey.reserve(bob.pk, KEY, CONTENT), Reservation)
    old = recording(alice)
    Note.objects.filter(pk=old.pk).update(created_at=Now() - timedelta(hours=25))
    recording(alice, audio_format="", audio_key="")  # a written note has no sound
    assert receive(alice) is not None


@postgres_only
def test_of_many_at_once_with_one_key_one_is_taken_in_and_counted(alice: User) -> None:
    def ask(number: int) -> Note | None:
        try:
            return receive(alice, audio_sha256=f"{number:064}")
        except IntegrityError:
            return None
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        taken = [one for one in pool.map(ask, range(30)) if one]
    assert len(taken) == 1
    assert state(alice) == (2, 1)
    assert [note.pk for note in taken] == list(Note.objects.values_list("pk", flat=True))


@postgres_only
def test_its_plan_for_all_uploads_finds_the_key_and_the_sound_by_their_indexes(alice: User) -> None:
    assert receive(alice) is not None
    plans = plans_like("%counted AS%")
    assert plans
    for plan in plans:
        assert "using key_once_per_owner" in plan
        assert "using note_same_audio" in plan
        assert "Seq Scan" not in plan


@postgres_only
def test_the_same_sound_is_found_by_its_index_where_that_is_asked_alone(alice: User) -> None:
    assert Note.twin(alice.pk, SOUND) is None
    plans = plans_like('SELECT "notes_note"."id"%audio_sha256%')
    assert plans
    assert all("using note_same_audio" in plan for plan in plans)


def plans_like(statement: str) -> list[str]:
    """How what this connection has prepared is executed whatever its parameters are."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, cardinality(parameter_types) FROM pg_prepared_statements"
            " WHERE statement LIKE %s",
            [statement],
        )
        prepared = cursor.fetchall()
        cursor.execute("SET plan_cache_mode = force_generic_plan")
        try:
            return [_plan(cursor, f"{name}({', '.join(['NULL'] * n)})") for name, n in prepared]
        finally:
            cursor.execute("RESET plan_cache_mode")


def _plan(cursor: CursorWrapper, call: str) -> str:
    cursor.execute(f"EXPLAIN EXECUTE {call}")
    return "\n".join(line for (line,) in cursor.fetchall())
