"""A part of a long recording whose words are known, kept until the whole note's are."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class Part(models.Model):
    """Stored as soon as its answer is there, so that a kill or an error repeats only open parts.

    ``start_ms`` and ``end_ms`` are milliseconds of the recording; the same recording and limits
    are always cut in the same places. ``segments`` are as on the note.
    """

    note = models.ForeignKey(  # the constraint below has an index that begins with it
        "notes.Note", on_delete=models.CASCADE, related_name="parts", db_index=False
    )
    start_ms = models.PositiveIntegerField()
    end_ms = models.PositiveIntegerField()
    text = models.TextField(blank=True)
    language = models.CharField(max_length=16, blank=True)
    segments = models.JSONField(default=list, blank=True)
    seconds_sent = models.FloatField(default=0.0)
    stored_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["start_ms"]
        constraints = [
            models.UniqueConstraint(fields=["note", "start_ms", "end_ms"], name="part_once")
        ]

    def __str__(self) -> str:
        return f"{self.start_ms}-{self.end_ms}"
