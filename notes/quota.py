"""What may be used in a day: notes by each user, and audio by each user and by all together.

Counted in rows (:class:`notes.models.Usage`), exactly, whatever Redis does. A day ends at midnight
UTC. Audio is reserved before the call that costs money and settled after it. What a worker that
died had reserved stays counted until the day ends: the vendor may well have charged for it.
"""

from __future__ import annotations

import datetime as dt
import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings
from django.db import InterfaceError, OperationalError

from notes.connections import release_connection
from notes.limits import LimitReached, Standing
from notes.models import Usage
from notes.models.usage import seconds_to_reset, today
from notes.provider import Never, OverQuota, ProviderError

log = logging.getLogger(__name__)

DAY = 86_400
AUDIO = "audio_milliseconds"
#: Why a note waits: its owner's day is used up, or everybody's.
QUOTA_CODES = ("quota_exhausted", "instance_quota_exhausted")


@dataclass
class Used:
    """What a call uses, in seconds: set it when the call has told; None: what was reserved."""

    seconds: float | None


@contextmanager
def one_note(owner_id: int) -> Iterator[None]:
    """Count a note that is being taken in; it is given back if that fails.

    Raises:
      LimitReached: the user has sent USER_NOTES_PER_DAY notes today.
    """
    day, limit = today(), settings.USER_NOTES_PER_DAY
    if not Usage.take(owner_id, day, "notes", 1, limit or None, followed=True):
        raise LimitReached(Standing("notes", limit, -1, seconds_to_reset(), DAY))
    try:
        yield
    except BaseException:
        with _books_may_wait():
            Usage.give_back(owner_id, day, "notes", 1)
        raise


@contextmanager
def reserved(owner_id: int, seconds: float | None) -> Iterator[Used]:
    """Around one paid call: reserve the ``seconds`` of audio it will be given, settle after it.

    Where the length is not known yet (None) nothing is reserved: the call is made while anything
    is left of the day, and counted when ``Used.seconds`` is set. A call that gave no result
    (:class:`ProviderError`) is not counted. No database connection is held during the call.

    Raises:
      OverQuota: it does not fit into what is left of the day, for the user or for all.
      Never: "audio_too_long", it would not fit into any day.
    """
    day, amount = today(), _milliseconds(seconds)
    _reserve(owner_id, day, amount)
    release_connection()
    used = Used(None)
    try:
        yield used
    except ProviderError:
        used.seconds = 0.0
        raise
    finally:
        with _books_may_wait():
            if used.seconds is not None:
                _settle(owner_id, day, _milliseconds(used.seconds) - amount)


def audio_limit(owner_id: int | None) -> int | None:
    """Milliseconds of audio a day for a user, or for all (None); None: as much as they like."""
    minutes = settings.USER_AUDIO_MINUTES_PER_DAY
    if owner_id is None:
        minutes = settings.INSTANCE_AUDIO_MINUTES_PER_DAY
    return minutes * 60_000 or None


def share_used() -> float | None:
    """Of what all together may use today, 0 to 1; None where that is as much as they like."""
    limit = audio_limit(None)
    return Usage.of(None, today()).audio_milliseconds / limit if limit else None


def _accounts(owner_id: int) -> Iterator[tuple[int | None, int | None, str]]:
    """Whose books are kept, up to which limit, and the code if it is reached; the user's first."""
    own, everybodys = QUOTA_CODES
    yield owner_id, audio_limit(owner_id), own
    if (limit := audio_limit(None)) is not None:
        yield None, limit, everybodys


def _reserve(owner_id: int, day: dt.date, amount: int) -> None:
    """Take ``amount`` ms from the user's day, then from everybody's.

    One statement each and no transaction, so that the row that all share is locked for an instant
    and nobody waits for another while holding it.
    """
    accounts = list(_accounts(owner_id))
    if any(limit is not None and amount > limit for _, limit, _ in accounts):
        raise Never("audio_too_long")
    for who, limit, code in accounts:
        if not _take(who, day, amount, limit, followed=(who, limit, code) != accounts[-1]):
            if who is None:
                Usage.give_back(owner_id, day, AUDIO, amount)
            raise OverQuota(code, reset_in=seconds_to_reset())


def _take(who: int | None, day: dt.date, amount: int, limit: int | None, *, followed: bool) -> bool:
    if amount:
        return Usage.take(who, day, AUDIO, amount, limit, followed=followed)
    return limit is None or Usage.of(who, day).audio_milliseconds < limit


def _settle(owner_id: int, day: dt.date, difference: int) -> None:
    if not difference:
        return
    for who, _, _ in _accounts(owner_id):
        if difference > 0:
            Usage.take(who, day, AUDIO, difference, None)
        else:
            Usage.give_back(who, day, AUDIO, -difference)


@contextmanager
def _books_may_wait() -> Iterator[None]:
    """A database that is away costs the books a line, not the note its result."""
    try:
        yield
    except (InterfaceError, OperationalError) as fault:
        log.warning("usage was not written down: %s", type(fault).__name__)


def _milliseconds(seconds: float | None) -> int:
    return math.ceil((seconds or 0.0) * 1000)
