"""Which notes were taken over from another system."""

from __future__ import annotations

from django.db import models


class Imported(models.Model):
    """A note of the Celery system that was taken over once, under its own id.

    It outlives the note, so that what its owner has deleted here does not come back.
    """

    id = models.UUIDField(primary_key=True)
    imported_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "imported"

    def __str__(self) -> str:
        return str(self.pk)
