"""Idempotency-Key: which note a client's key stands for, so that sending again makes no second.

As draft-ietf-httpapi-idempotency-key-header-07 has it. A key names the note before there is one:
the request that reserves it makes the note under this very id. So whether the first request is
done is asked of the note itself, and of two requests that both believe to hold the key one finds
its id taken: the primary key decides, not a clock.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, models
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from notes.commits import commit_later
from notes.connections import release_connection
from notes.models.note import Note

log = logging.getLogger(__name__)

#: How long a key is remembered.
LIFE = timedelta(hours=24)
#: How long a request waits for a twin that is being taken in, and how long before its second look,
#: in seconds; each pause is half as long again as the one before, since twins seldom come alone.
PATIENCE = 2.0
PAUSE = 0.05
#: Whether a key is a first one, which this one statement finds out.
_RESERVE = """
    INSERT INTO notes_idempotencykey (owner_id, "key", fingerprint, note_id, reservation)
    VALUES (%s, %s, %s, %s, %s) ON CONFLICT (owner_id, "key") DO NOTHING
"""


#: How ids are stored, which the two databases do differently.
_ID: models.UUIDField[Any, Any] = models.UUIDField()


class InFlight(Exception):
    """The first request with this key is not done yet."""


class Mismatch(Exception):
    """The key was used with other content."""


@dataclass(frozen=True)
class Reservation:
    """The right to make the note ``note_id``; ``token`` is None where no key was given."""

    note_id: uuid.UUID
    token: uuid.UUID | None = None

    @contextmanager
    def freed_on_failure(self) -> Iterator[None]:
        """Free the key if the note is not made, so that the client may send again at once."""
        try:
            yield
        except BaseException:
            self._free()
            raise

    def stand_for(self, note: Note) -> None:
        """Have the key name ``note``, which was there already."""
        if self.token is not None:
            IdempotencyKey.objects.filter(reservation=self.token).update(note=note)

    def _free(self) -> None:
        if self.token is None:
            return
        made = Exists(Note.objects.filter(pk=OuterRef("note_id")))
        try:
            IdempotencyKey.objects.filter(~made, reservation=self.token).delete()
        except (DatabaseError, InterfaceError) as fault:
            log.warning("a key was not freed and will expire: %s", type(fault).__name__)


class IdempotencyKey(models.Model):
    """A key of one user, and the note that is or will be made with it.

    ``fingerprint`` is a digest of what was sent. ``reservation`` names the request that makes the
    note; another one takes its place when UPLOAD_RESERVATION_SECONDS have passed without a note,
    since then the first has died.
    """

    owner = models.ForeignKey(  # the constraint below has an index that begins with it
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    # The key is there before its note, and goes with it.
    note = models.ForeignKey(Note, on_delete=models.CASCADE, db_constraint=False, related_name="+")
    reservation = models.UUIDField(default=uuid.uuid4, unique=True)
    reserved_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "key"], name="key_once_per_owner")]
        indexes = [models.Index(fields=["reserved_at"], name="key_age")]

    def __str__(self) -> str:
        return str(self.note_id)

    @classmethod
    def reserve(cls, owner_id: int, key: str | None, fingerprint: str) -> Reservation | Note:
        """The right to make a note, or the note that was made with this key before.

        While a twin of this request is being taken in we wait a little for its note, so that a
        phone that sends twice at once gets two good answers.

        Raises:
          InFlight: the twin is still not done; worth another try.
          Mismatch: the key was used with other content.
        """
        if key is None:
            return Reservation(uuid.uuid4())
        until, pause, known = time.monotonic() + PATIENCE, PAUSE, None
        while True:
            if known is None and (right := cls._new(owner_id, key, fingerprint)) is not None:
                return right
            known = cls._known(owner_id, key)
            if known and (answer := known._answer(fingerprint)) is not None:
                return answer
            if time.monotonic() > until:
                raise InFlight
            release_connection()
            time.sleep(pause)
            pause *= 1.5

    @classmethod
    def _known(cls, owner_id: int, key: str) -> IdempotencyKey | None:
        return cls.objects.annotate(clock=Now()).filter(owner_id=owner_id, key=key).first()

    @classmethod
    def _new(cls, owner_id: int, key: str, fingerprint: str) -> Reservation | None:
        """The first one's right; None if there is such a key."""
        right = Reservation(uuid.uuid4(), uuid.uuid4())
        as_stored = _ID.get_db_prep_value
        ids = [as_stored(value, connection) for value in (right.note_id, right.token)]
        returning = f"RETURNING {later}" if (later := commit_later()) else ""
        with connection.cursor() as cursor:
            cursor.execute(f"{_RESERVE} {returning}", [owner_id, key, fingerprint, *ids])
            return right if cursor.rowcount else None

    def _answer(self, fingerprint: str) -> Reservation | Note | None:
        """What the row says to a request with ``fingerprint``; None: look again."""
        age = cast(datetime, vars(self)["clock"]) - self.reserved_at
        if age > LIFE:
            IdempotencyKey.objects.filter(reservation=self.reservation).delete()
            return None
        if self.fingerprint != fingerprint:
            raise Mismatch
        note = Note.objects.for_user(self.owner_id).filter(pk=self.note_id).first()
        if note is not None or age < timedelta(seconds=settings.UPLOAD_RESERVATION_SECONDS):
            return note
        return self._taken_over()

    def _taken_over(self) -> Reservation | None:
        """The place of a request that died, unless somebody else was quicker."""
        mine = Reservation(self.note_id, uuid.uuid4())
        dead = IdempotencyKey.objects.filter(reservation=self.reservation)
        return mine if dead.update(reservation=mine.token, reserved_at=Now()) else None

    @classmethod
    def forget_the_old(cls) -> int:
        """Delete keys that are no longer remembered; how many there were."""
        return cls.objects.filter(reserved_at__lt=Now() - LIFE).delete()[0]
