"""A message for a webhook, durable as a note is: the row is the job.

It is written with the ending that it tells of, or not at all; claimed under a lease, and its ending
carries the lease's token. So it may arrive twice, under the same id, but not never.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, cast

from django.db import connection, models, transaction
from django.db.models import Exists, F, OuterRef, Q, UUIDField, Value
from django.db.models.functions import Coalesce, Now

from notes.models.job import FRESH, RELEASED, Job, is_claimable, lease
from notes.models.note import Note, Status
from notes.models.webhook import PausedBy, Webhook
from notes.provider import Later, ProviderError
from notes.webhooks.postman import postman

#: How long after the try before each try is made; when all have failed, the delivery has.
SCHEDULE = tuple(timedelta(seconds=seconds) for seconds in (0, 30, 120, 600, 3600))
#: Longer than a call can take (notes.webhooks.sending), so that no lease needs renewing.
LEASE = timedelta(seconds=30)
#: A receiver that asks us to wait for longer is tried again after this.
LONGEST_WAIT = timedelta(hours=1)
#: How long the log is kept.
KEPT = timedelta(days=30)

COMPLETED, FAILED, PING = "note.completed", "note.failed", "webhook.ping"
#: The event that an ending of a note is, and the column of a webhook that asks for it.
EVENTS = {Status.COMPLETED: (COMPLETED, "on_completed"), Status.FAILED: (FAILED, "on_failed")}


class DeliveryStatus(models.TextChoices):
    """What a delivery waits for, or how it ended."""

    PENDING = "pending"
    HELD = "held"
    DELIVERED = "delivered"
    FAILED = "failed"


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    """Deliveries, asked for by their owner or by what has to be done with them."""

    def for_user(self, user_id: int) -> DeliveryQuerySet:
        """The deliveries to the webhooks that ``user_id`` owns."""
        return self.filter(webhook__owner_id=user_id)


class Delivery(Job):
    """One message to one webhook. The same message to two webhooks has the same ``message_id``."""

    webhook = models.ForeignKey(
        Webhook, on_delete=models.CASCADE, related_name="deliveries", db_index=False
    )
    message_id = models.UUIDField(editable=False)
    event = models.CharField(max_length=20)
    note = models.ForeignKey(
        Note, on_delete=models.CASCADE, null=True, related_name="deliveries", editable=False
    )
    box_id = models.UUIDField(null=True, editable=False)
    note_error = models.CharField(max_length=40, blank=True)
    happened_at = models.DateTimeField()
    processing_status = models.CharField(
        max_length=12, choices=DeliveryStatus.choices, default=DeliveryStatus.PENDING
    )
    response_status = models.PositiveSmallIntegerField(null=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "deliveries"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["webhook", "message_id"], name="delivered_as_one")
        ]
        indexes = [
            models.Index(fields=["webhook", "-id"], name="delivery_newest"),
            models.Index(fields=["processing_status", "next_attempt_at"], name="delivery_due"),
            models.Index(
                fields=["webhook"], condition=Q(lease_token__isnull=False), name="delivery_held"
            ),
        ]

    def __str__(self) -> str:
        return str(self.message_id)

    # --- What an owner does ----------------------------------------------------------------------

    @classmethod
    def ping(cls, webhook: Webhook) -> Delivery:
        """A message that tells of nothing, so that an owner can try a webhook, paused or not."""
        with transaction.atomic():
            delivery = cls.objects.create(
                webhook=webhook, message_id=uuid.uuid4(), event=PING, happened_at=Now()
            )
            _wake_on_commit()
        delivery.refresh_from_db()
        return delivery

    def send_again(self) -> None:
        """Start anew with the first try, at once, under the same id; also when it was delivered."""
        idle = Delivery.objects.filter(pk=self.pk, lease_token__isnull=True)
        with transaction.atomic():
            idle.update(processing_status=DeliveryStatus.PENDING, ended_at=None, **_anew())
            _wake_on_commit()
        self.refresh_from_db()

    @classmethod
    def hold(cls, webhook_id: uuid.UUID) -> None:
        """Keep what waits for a webhook from being tried."""
        cls._waiting(webhook_id, DeliveryStatus.PENDING).update(
            processing_status=DeliveryStatus.HELD
        )

    @classmethod
    def release(cls, webhook_id: uuid.UUID) -> None:
        """Let what was kept be tried, at once and afresh."""
        cls._waiting(webhook_id, DeliveryStatus.HELD).update(
            processing_status=DeliveryStatus.PENDING, **_anew()
        )
        _wake_on_commit()

    @classmethod
    def _waiting(cls, webhook_id: uuid.UUID, status: DeliveryStatus) -> models.QuerySet[Delivery]:
        idle = cls.objects.filter(webhook=webhook_id, lease_token__isnull=True)
        return idle.filter(processing_status=status).exclude(event=PING)

    # --- What a worker does ----------------------------------------------------------------------

    @classmethod
    def claim_next(cls) -> Delivery | None:
        """Take the lease of the delivery that has been due for longest, if any is.

        A webhook gets one call at a time, so a slow one takes one thread and not all. Each claim
        uses up a try, so that a delivery cannot end worker after worker.
        """
        others = cls.objects.filter(webhook=OuterRef("webhook"), lease_expires_at__gt=Now())
        busy = Exists(others.filter(lease_token__isnull=False))
        pending = cls.objects.filter(processing_status=DeliveryStatus.PENDING)
        due = pending.filter(is_claimable(DeliveryStatus.PENDING, DeliveryStatus.PENDING))
        first = due.filter(~busy).select_related("webhook").annotate(clock=Now())
        while (delivery := first.order_by("next_attempt_at", "id").first()) is not None:
            columns = {
                **lease(uuid.uuid4(), delivery.claimed_at),
                "lease_expires_at": Now() + LEASE,
            }
            same = due.filter(pk=delivery.pk, lease_token=delivery.lease_token)
            if same.update(attempts=F("attempts") + 1, **columns):
                delivery.lease_token = columns["lease_token"]
                delivery.attempts += 1
                return delivery
        return None

    @property
    def claimed_at(self) -> datetime:
        """The database's time at which a claimed delivery was read."""
        return cast(datetime, vars(self)["clock"])

    @property
    def is_spent(self) -> bool:
        """Whether a claimed delivery has no try left: its last ones never came back."""
        return self.attempts > len(SCHEDULE)

    def succeed(self, response_status: int) -> bool:
        """The receiver has taken it."""
        with transaction.atomic():
            ours = self._end(DeliveryStatus.DELIVERED, response_status, "")
            if ours:
                self.webhook.count_success()
        return ours

    def try_later(self, error: Later, response_status: int | None) -> bool:
        """Wait for the next try of SCHEDULE, or give it up if there is none."""
        if self.attempts >= len(SCHEDULE):
            return self.give_up(error, response_status)
        # Spread by chance, so that not all come at once; nobody must not guess it.
        wait = SCHEDULE[self.attempts] * random.uniform(1.0, 1.1)  # noqa: S311  # nosec B311
        if error.retry_after is not None:
            wait = max(wait, min(timedelta(seconds=error.retry_after), LONGEST_WAIT))
        return bool(
            self._held().update(
                next_attempt_at=Now() + wait,
                response_status=response_status,
                error_code=error.code,
                **RELEASED,
            )
        )

    def give_up(self, error: ProviderError, response_status: int | None = None) -> bool:
        """End it undelivered; a receiver that is gone is not called again."""
        with transaction.atomic():
            ours = self._end(DeliveryStatus.FAILED, response_status, error.code)
            if ours and self.event != PING:
                self.webhook.count_failure()
            if ours and error.code == "receiver_gone":
                self.webhook.pause(PausedBy.GONE)
        return ours

    def _end(self, status: DeliveryStatus, response_status: int | None, error_code: str) -> bool:
        columns = {"response_status": response_status, "error_code": error_code, **RELEASED}
        return bool(self._held().update(processing_status=status, ended_at=Now(), **columns))

    def _held(self) -> models.QuerySet[Delivery]:
        return Delivery.objects.filter(pk=self.pk, lease_token=self.lease_token)

    @classmethod
    def hand_back(cls, tokens: Collection[uuid.UUID]) -> int:
        """Give up leases that could not be finished before a stop: the try does not count."""
        held = cls.objects.filter(lease_token__in=list(tokens))
        return held.update(attempts=F("attempts") - 1, **RELEASED)

    @classmethod
    def expire(cls) -> None:
        """Delete what is older than KEPT, delivered or not."""
        cls.objects.filter(created_at__lt=Now() - KEPT).delete()


def listeners() -> Exists:
    """Whether the note of the outer query has an owner with a webhook; costs its reader nothing."""
    return Exists(Webhook.objects.filter(owner=OuterRef("owner"), paused_by=""))


def concerns_nobody(note: Note, status: str) -> bool:
    """Whether it is known that nobody is to be told of this ending."""
    return cast(Status, status) not in EVENTS or not vars(note).get("listeners", True)


def announce(note: Note, status: str) -> None:
    """Write down, in the transaction of an ending, whom to tell of it: one statement.

    ``note`` may have been read with ``listeners``; where there were none, no statement at all. What
    is told is the row as it is now.
    """
    event, wanted = EVENTS.get(cast(Status, status), (None, ""))
    if event is None or concerns_nobody(note, status):
        return
    webhooks = Webhook.objects.filter(owner__notes=note.pk, paused_by="", **{wanted: True})
    columns: dict[str, Any] = {
        "webhook_id": F("pk"),
        "note_id": F("owner__notes"),
        "box_id": F("owner__notes__box"),
        "note_error": F("owner__notes__error_code"),
        "happened_at": Coalesce(F("owner__notes__completed_at"), Now()),
        "message_id": Value(uuid.uuid4(), output_field=UUIDField()),
        "event": Value(event),
        "processing_status": Value(DeliveryStatus.PENDING.value),
        "attempts": Value(0),
        "crashes": Value(0),
        "error_code": Value(""),
    }
    rows = webhooks.order_by().values_list(*columns.values())
    query, parameters = rows.query.sql_with_params()
    names = ", ".join(connection.ops.quote_name(name) for name in columns)
    table = connection.ops.quote_name(Delivery._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} ({names}) {query}", parameters)
        if cursor.rowcount:
            _wake_on_commit()


def _anew() -> dict[str, Any]:
    """The columns of a delivery that starts with its first try, now."""
    return {**FRESH, "next_attempt_at": Now(), "response_status": None}


def _wake_on_commit() -> None:
    transaction.on_commit(postman.wake, robust=True)
