"""What was tried for a note, so that a person can read why it took long."""

from __future__ import annotations

from django.db import models


class Attempt(models.Model):
    """One try of a stage, written when the try ends, or as interrupted by whoever takes over.

    ``audio_seconds`` is how long the recording is; ``seconds_sent`` is what this try asked the
    vendor to hear, ``seconds_saved`` what it did not have to: silence, shortened pauses, and parts
    that an earlier try had paid for.
    """

    class Outcome(models.TextChoices):
        SUCCEEDED = "succeeded"
        LATER = "later"
        FAILED = "failed"
        INTERRUPTED = "interrupted"
        HANDED_BACK = "handed_back"

    note = models.ForeignKey("notes.Note", on_delete=models.CASCADE, related_name="tries")
    stage = models.CharField(max_length=16)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    outcome = models.CharField(max_length=16, choices=Outcome.choices)
    error_code = models.CharField(max_length=40, blank=True)
    provider = models.CharField(max_length=40, blank=True)
    model = models.CharField(max_length=80, blank=True)
    audio_seconds = models.FloatField(null=True, blank=True)
    seconds_sent = models.FloatField(null=True, blank=True)
    seconds_saved = models.FloatField(null=True, blank=True)

    class Meta:
        ordering = ["started_at", "id"]
        indexes = [models.Index(fields=["ended_at"], name="attempt_ended")]

    def __str__(self) -> str:
        return f"{self.stage} {self.outcome}"
