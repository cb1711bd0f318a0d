"""The row is the job: what has to happen next, when, and who is at it.

Redis holds nothing that matters; a message only says "look now". Everything that decides lies in
these columns, and every time is the database's own.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Expression, F, Q
from django.db.models.functions import Coalesce, Now

from notes.compiled import fixed
from notes.provider import Later, OverQuota

#: A stage that errs this often is given up.
MAX_ATTEMPTS = 8
#: A job whose worker died this often under it is given up.
MAX_CRASHES = 4
#: From this crash on a job runs alone, so that a poisoned one takes no innocent ones with it.
ALONE_FROM_CRASH = 2
#: A stage that has been tried for this long is given up; waiting untried never counts.
MAX_AGE = timedelta(hours=24)
#: Jobs that wait for a quota start within so many seconds after its reset.
RESET_SPREAD = 30.0

#: The columns of a job that nobody holds.
RELEASED: dict[str, Any] = {
    # The token of a lease is no secret.
    "lease_token": None,  # nosec B105
    "lease_expires_at": None,
    "lease_started_at": None,
    "progress_at": None,
}
#: The columns of a stage that starts afresh.
FRESH: dict[str, Any] = {"attempts": 0, "crashes": 0, "first_tried_at": None, "error_code": ""}


class Job(models.Model):
    """The columns of a durable job, and what can be asked of them."""

    attempts = models.PositiveSmallIntegerField(default=0)
    crashes = models.PositiveSmallIntegerField(default=0)
    first_tried_at = models.DateTimeField(null=True, editable=False)
    next_attempt_at = models.DateTimeField(db_default=Now())
    rung_at = models.DateTimeField(null=True, editable=False)
    lease_token = models.UUIDField(null=True, editable=False)
    lease_expires_at = models.DateTimeField(null=True, editable=False)
    lease_started_at = models.DateTimeField(null=True, editable=False)
    progress_at = models.DateTimeField(null=True, editable=False)
    error_code = models.CharField(max_length=40, blank=True)

    class Meta:
        abstract = True

    @property
    def was_interrupted(self) -> bool:
        """Whether somebody held this job and never came back; asked of a claimable row."""
        return self.lease_token is not None

    @property
    def must_run_alone(self) -> bool:
        """Whether this (claimable) job has died often enough to be suspected.

        One that will be given up does not run at all, so it need not wait for that.
        """
        return ALONE_FROM_CRASH <= self.crashes + self.was_interrupted < MAX_CRASHES


def is_claimable(waiting: str, running: str) -> Q:
    """The condition for a job that may be claimed now.

    Either it waits in status ``waiting`` and is due, or it is in ``running`` under a lease that
    has run out.
    """
    due = Q(processing_status=waiting, lease_token__isnull=True, next_attempt_at__lte=Now())
    abandoned = Q(processing_status=running, lease_expires_at__lte=Now())
    return due | abandoned


def is_suspected() -> Q:
    """The condition for a claimable job that must run alone."""
    interrupted = Q(crashes=ALONE_FROM_CRASH - 1, lease_token__isnull=False)
    return Q(crashes__gte=ALONE_FROM_CRASH) | interrupted


def lease(token: uuid.UUID, started_at: datetime | Now) -> dict[str, Any]:
    """The columns of a lease that begins now."""
    return {
        "lease_token": token,
        "lease_expires_at": _in_seconds(settings.LEASE_SECONDS),
        "lease_started_at": started_at,
        "progress_at": Now(),
        "first_tried_at": _FIRST_TRIED,
    }


_FIRST_TRIED = fixed(Coalesce(F("first_tried_at"), Now()))


@cache
def _in_seconds(seconds: float) -> Expression:
    return fixed(Now() + timedelta(seconds=seconds))


def renew_leases(jobs: models.QuerySet[Any], tokens: Iterable[uuid.UUID]) -> int:
    """Prolong all leases of a process in one statement; how many were still ours.

    A lease without stored progress for STAGE_SECONDS is not prolonged: a call that hangs must not
    hold its note for ever.
    """
    alive = Now() - timedelta(seconds=settings.STAGE_SECONDS)
    held = jobs.filter(lease_token__in=list(tokens), progress_at__gt=alive)
    return held.update(lease_expires_at=Now() + timedelta(seconds=settings.LEASE_SECONDS))


def retry_delay(error: Later, attempts: int, trying_for: timedelta = timedelta(0)) -> timedelta:
    """How long to wait before the next try, of which ``attempts`` have failed.

    What the vendor asked for, between 1 s and 15 min and a little more so that not all come at
    once; else full jitter under a bound of at most 5 min. It doubles with each attempt or, where
    being asked to wait uses none up, is as long as we have been trying. A quota is waited for
    until its reset, and then not by all at once either.
    """
    # Chance spreads the tries; nobody must not guess it.
    if isinstance(error, OverQuota):
        spread = random.uniform(0.0, RESET_SPREAD)  # noqa: S311  # nosec B311
        return timedelta(seconds=error.reset_in + spread)
    if error.retry_after is not None:
        asked = min(max(error.retry_after, 1.0), 900.0)
        return timedelta(seconds=asked * random.uniform(1.0, 1.2))  # noqa: S311  # nosec B311
    bound = min(300.0, max(2.0 * 2 ** max(attempts, 1), trying_for.total_seconds()))
    return timedelta(seconds=random.uniform(1.0, bound))  # noqa: S311  # nosec B311
