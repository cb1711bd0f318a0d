"""What was used on a day, by each user and by all together."""

from __future__ import annotations

import datetime as dt
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import Any

from django.conf import settings
from django.db import connection, models
from django.db.models import Expression, F, Q
from django.utils import timezone

from notes.commits import CommitsLater
from notes.compiled import Given, Updated, fixed

#: How long the books of a day are kept.
KEPT = timedelta(days=90)


def today() -> dt.date:
    """The day that is counted on, in UTC.

    By this machine's clock, unlike everything about leases: clocks that differ by a second only
    disagree on which of two rows to count at midnight, and each row is exact by itself.
    """
    return timezone.now().date()


def seconds_to_reset() -> float:
    """How long the day still lasts."""
    midnight = datetime.combine(today() + timedelta(days=1), dt.time(), UTC)
    return max((midnight - timezone.now()).total_seconds(), 0.0)


class Usage(models.Model):
    """One day of one user; of the whole installation where ``owner`` is None.

    Every change is one conditional UPDATE, so that a limit holds exactly however many ask at once.
    Audio is counted in whole milliseconds, whose sums are exact.
    """

    owner = models.ForeignKey(  # the constraint below has an index that begins with it
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        related_name="usage",
        db_index=False,
    )
    day = models.DateField()
    notes = models.PositiveIntegerField(default=0)
    audio_milliseconds = models.PositiveBigIntegerField(default=0)

    class Meta:
        verbose_name_plural = "usage"
        constraints = [
            models.UniqueConstraint(fields=["owner", "day"], name="usage_once_per_day"),
            models.UniqueConstraint(
                fields=["day"], condition=Q(owner__isnull=True), name="usage_of_all_once_per_day"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.owner_id or 'all'} {self.day}"

    @classmethod
    def take(
        cls,
        owner_id: int | None,
        day: dt.date,
        column: str,
        amount: int,
        limit: int | None,
        *,
        followed: bool = False,
    ) -> bool:
        """Add ``amount`` to ``column``, unless that would pass ``limit`` (None: there is none).

        Its commit is not waited for where it is ``followed`` at once by one that is
        (:mod:`notes.commits`).
        """
        room = _room(
            column,
            everybody=owner_id is None,
            limited=limit is not None,
            later=followed and not connection.in_atomic_block,
        )
        most = None if limit is None else limit - amount
        take = partial(room, day, owner_id, most, columns={column: _more(column)}, amount=amount)
        if take():
            return True
        cls.objects.get_or_create(owner_id=owner_id, day=day)
        # The row may also have been made by somebody else since the first try.
        return bool(take())

    @classmethod
    def give_back(cls, owner_id: int | None, day: dt.date, column: str, amount: int) -> None:
        """Take ``amount`` off again."""
        row = cls.objects.filter(owner_id=owner_id, day=day, **{f"{column}__gte": amount})
        row.update(**{column: F(column) - amount})

    @classmethod
    def of(cls, owner_id: int | None, day: dt.date) -> Usage:
        """The books of that day; an unsaved row of zeros where nothing was used."""
        row = cls.objects.filter(owner_id=owner_id, day=day).first()
        return row or cls(owner_id=owner_id, day=day)

    @classmethod
    def forget_the_old(cls) -> int:
        """Delete the books of days long gone; how many rows there were."""
        return cls.objects.filter(day__lt=today() - KEPT).delete()[0]


@cache
def _room(column: str, *, everybody: bool, limited: bool, later: bool) -> Updated:
    """Of a day, an owner and a most: the row of ``column``, as long as that is not more.

    Of everybody's row the owner is ignored, of one without a limit the most.
    """

    def build(day: Any, owner_id: Any, most: Any) -> models.QuerySet[Usage]:
        row = Usage.objects.filter(day=day, owner_id=None if everybody else owner_id)
        if limited:
            row = row.filter(**{f"{column}__lte": most})
        return row.filter(CommitsLater()) if later else row

    return Updated(build)


@cache
def _more(column: str) -> Expression:
    """``column`` with the amount added."""
    return fixed(F(column) + Given("amount"))
