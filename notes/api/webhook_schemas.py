"""What the API takes and gives about webhooks."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime
from typing import Any, Literal

from ninja import Field, Schema
from pydantic import StrictBool

from notes.api.schemas import StrictSchema, Text
from notes.models import Delivery, Webhook
from notes.models.delivery import COMPLETED, FAILED, DeliveryStatus
from notes.texts import DELIVERY_ERRORS, PAUSES, in_my_language
from notes.webhooks.addresses import MAX_LENGTH

EventName = Literal["note.completed", "note.failed"]
BOTH: list[EventName] = ["note.completed", "note.failed"]


class WebhookIn(StrictSchema):
    """A new webhook."""

    url: str = Field(min_length=1, max_length=MAX_LENGTH)
    description: Text = Field("", max_length=80)
    events: list[EventName] = Field(BOTH, min_length=1, max_length=2)


class WebhookPatch(StrictSchema):
    """What to change of a webhook; what is left out stays. ``active`` pauses or resumes it."""

    url: str | None = Field(None, min_length=1, max_length=MAX_LENGTH)
    description: Text | None = Field(None, max_length=80)
    events: list[EventName] | None = Field(None, min_length=1, max_length=2)
    active: StrictBool | None = None


class PauseOut(Schema):
    """Why a webhook is not called, and since when."""

    code: str
    message: str
    since: datetime


class WebhookOut(Schema):
    """A webhook. ``failures`` are the deliveries given up in a row; the tenth pauses it."""

    id: uuid.UUID
    url: str
    description: str
    events: list[EventName]
    active: bool
    paused: PauseOut | None
    failures: int
    old_secret_until: datetime | None
    created_at: datetime


class WebhookWithSecret(WebhookOut):
    """A webhook, and the secret that signs its messages: this once."""

    secret: str


class DeliveryErrorOut(Schema):
    """Why the last try failed."""

    code: str
    message: str


class DeliveryOut(Schema):
    """A message to a webhook. The header ``webhook-id`` is ``msg_`` and ``id`` without hyphens."""

    id: uuid.UUID
    event: Literal["note.completed", "note.failed", "webhook.ping"]
    note: uuid.UUID | None
    status: Literal["pending", "held", "delivered", "failed"]
    attempts: int
    next_attempt_at: datetime | None
    response_status: int | None
    error: DeliveryErrorOut | None
    created_at: datetime
    ended_at: datetime | None


class DeliveryPage(Schema):
    """Deliveries, newest first; ``next`` is the ``cursor`` of the following page, if any."""

    results: list[DeliveryOut]
    next: uuid.UUID | None


def event_columns(events: Collection[str]) -> dict[str, bool]:
    """``events`` as the model stores them."""
    return {"on_completed": COMPLETED in events, "on_failed": FAILED in events}


def webhook_out(webhook: Webhook) -> dict[str, Any]:
    """``webhook`` as :class:`WebhookOut`."""
    wanted = {COMPLETED: webhook.on_completed, FAILED: webhook.on_failed}
    return {
        **{name: getattr(webhook, name) for name in _AS_STORED},
        "events": [event for event, is_wanted in wanted.items() if is_wanted],
        "active": not webhook.paused_by,
        "paused": {
            "code": webhook.paused_by,
            "message": in_my_language(PAUSES[webhook.paused_by]),
            "since": webhook.paused_at,
        }
        if webhook.paused_by
        else None,
    }


_AS_STORED = ("id", "url", "description", "failures", "old_secret_until", "created_at")


def delivery_out(delivery: Delivery) -> dict[str, Any]:
    """``delivery`` as :class:`DeliveryOut`."""
    is_open = delivery.processing_status == DeliveryStatus.PENDING
    text = DELIVERY_ERRORS.get(delivery.error_code)
    return {
        "id": delivery.message_id,
        "event": delivery.event,
        "note": delivery.note_id,
        "status": delivery.processing_status,
        "attempts": delivery.attempts,
        "next_attempt_at": delivery.next_attempt_at if is_open else None,
        "response_status": delivery.response_status,
        "error": {"code": delivery.error_code, "message": in_my_language(text)} if text else None,
        "created_at": delivery.created_at,
        "ended_at": delivery.ended_at,
    }
