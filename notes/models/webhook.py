"""Where an owner wants to be told that a note has ended."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models, transaction
from django.db.models import F
from django.db.models.functions import Now

from notes.webhooks.signatures import new_secret

#: An owner may have so many. Each can have one call under way, so this bounds one owner's share.
MAX_WEBHOOKS = 5
#: A webhook that gave up this many deliveries in a row is paused.
MAX_FAILURES = 10
#: The old secret goes on signing, beside the new one, while receivers are changed over.
OLD_SECRET_LIVES = timedelta(hours=24)


class PausedBy(models.TextChoices):
    """Why a webhook is not called."""

    OWNER = "owner"
    FAILURES = "too_many_failures"
    GONE = "receiver_gone"


class WebhookQuerySet(models.QuerySet["Webhook"]):
    """Webhooks, always asked for by their owner."""

    def for_user(self, user_id: int) -> WebhookQuerySet:
        """The webhooks that ``user_id`` owns."""
        return self.filter(owner_id=user_id)


class Webhook(models.Model):
    """An address, the events it wants, and the secrets that sign what is sent there.

    The secrets are stored as they are, since each call is signed with them.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="webhooks"
    )
    url = models.CharField(max_length=500)
    description = models.CharField(max_length=80, blank=True)
    on_completed = models.BooleanField(default=True)
    on_failed = models.BooleanField(default=True)
    secret = models.CharField(max_length=80, default=new_secret, editable=False)
    old_secret = models.CharField(max_length=80, blank=True, editable=False)
    old_secret_until = models.DateTimeField(null=True, editable=False)
    failures = models.PositiveSmallIntegerField(default=0, editable=False)
    paused_by = models.CharField(max_length=20, choices=PausedBy.choices, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = WebhookQuerySet.as_manager()

    class Meta:
        ordering = ["created_at", "id"]

    def __str__(self) -> str:
        return str(self.pk)

    def secrets_at(self, moment: datetime) -> list[str]:
        """The secrets that sign at ``moment``, the newest first."""
        old = self.old_secret_until is not None and self.old_secret_until > moment
        return [self.secret, self.old_secret] if old else [self.secret]

    def rotate_secret(self) -> None:
        """Take a new secret; what was the secret signs too for OLD_SECRET_LIVES."""
        with transaction.atomic():
            Webhook.objects.filter(pk=self.pk).update(
                old_secret=F("secret"),
                old_secret_until=Now() + OLD_SECRET_LIVES,
                secret=new_secret(),
            )
            self.refresh_from_db()

    def pause(self, by: PausedBy) -> None:
        """Call it no more. What waits is kept for :meth:`resume`; nothing is added to it."""
        from notes.models.delivery import Delivery

        with transaction.atomic():
            running = Webhook.objects.filter(pk=self.pk, paused_by="")
            if running.update(paused_by=by, paused_at=Now()):
                Delivery.hold(self.pk)

    def resume(self) -> None:
        """Call it again, and deliver what has waited, each from its first try on."""
        from notes.models.delivery import Delivery

        with transaction.atomic():
            paused = Webhook.objects.filter(pk=self.pk).exclude(paused_by="")
            if paused.update(paused_by="", paused_at=None, failures=0):
                Delivery.release(self.pk)

    def count_failure(self) -> None:
        """Note that a delivery was given up; after MAX_FAILURES in a row the webhook is paused."""
        own = Webhook.objects.filter(pk=self.pk)
        own.update(failures=F("failures") + 1)
        if own.filter(failures__gte=MAX_FAILURES).exists():
            self.pause(PausedBy.FAILURES)

    def count_success(self) -> None:
        """Note that a delivery has arrived; no write where all went well before."""
        Webhook.objects.filter(pk=self.pk, failures__gt=0).update(failures=0)
