"""Which workers are alive."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class Heartbeat(models.Model):
    """A worker process, and when it was last well enough to say so."""

    worker = models.CharField(max_length=120, primary_key=True)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    #: What :class:`notes.vitals.Vitals` measures; NULL from a version that measures nothing.
    vitals = models.JSONField(null=True, editable=False)

    def __str__(self) -> str:
        return self.worker

    @classmethod
    def beat(cls, worker: str, vitals: dict[str, Any] | None = None) -> None:
        """Say that ``worker`` (``host:pid``) is alive now, and how it is."""
        seen = {"seen_at": Now(), "vitals": vitals}
        if not cls.objects.filter(worker=worker).update(**seen):
            cls.objects.update_or_create(worker=worker, defaults={"started_at": Now(), **seen})

    @classmethod
    def alive(cls) -> models.QuerySet[Heartbeat]:
        """The workers that were seen lately."""
        return cls.objects.filter(seen_at__gt=Now() - cls.silence_allowed())

    @classmethod
    def forget_the_dead(cls, after: timedelta = timedelta(days=1)) -> None:
        """Drop workers that have been silent for longer than ``after``."""
        cls.objects.filter(seen_at__lt=Now() - after).delete()

    @staticmethod
    def silence_allowed() -> timedelta:
        """How long a worker may be silent before it counts as dead."""
        return timedelta(seconds=max(60, 3 * settings.SWEEP_SECONDS))
