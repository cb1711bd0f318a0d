"""Work that is due every so often, done once however many workers there are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class Duty(models.Model):
    """When a periodic duty last ran. No cron process, no leader: one UPDATE decides who runs it."""

    name = models.CharField(max_length=40, primary_key=True)
    last_run = models.DateTimeField()

    class Meta:
        verbose_name_plural = "duties"

    def __str__(self) -> str:
        return self.name

    @classmethod
    def not_due(cls, periods: Mapping[str, timedelta]) -> set[str]:
        """Which of the duties, named with their periods, need not be tried: one look at all."""
        done = Q(pk__in=[])
        for name, every in periods.items():
            done |= Q(name=name, last_run__gte=Now() - every)
        return set(cls.objects.filter(done).values_list("name", flat=True))

    @classmethod
    def take(cls, name: str, every: timedelta) -> bool:
        """Whether the caller is the one who runs ``name`` now; at most one gets True per period.

        A missed period is caught up by the next caller.
        """
        due = cls.objects.filter(name=name, last_run__lt=Now() - every)
        if due.update(last_run=Now()):
            return True
        _, is_new = cls.objects.get_or_create(name=name, defaults={"last_run": LONG_AGO})
        return is_new and bool(due.update(last_run=Now()))
