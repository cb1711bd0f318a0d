"""The story of a delivery: claim it, sign it, send it, write down how it went."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable
from datetime import UTC
from typing import Any

from django.conf import settings

from notes.connections import release_connection
from notes.models import Delivery
from notes.models.delivery import COMPLETED, PING
from notes.provider import Later, Never
from notes.webhooks.sending import Answer, judge, post
from notes.webhooks.signatures import signed_headers

log = logging.getLogger(__name__)

_held: set[uuid.UUID] = set()


def deliver_next(on_claim: Callable[[], None] = lambda: None) -> bool:
    """Deliver what has been due for longest, telling by ``on_claim``; False if nothing was due."""
    delivery = Delivery.claim_next()
    if delivery is None:
        return False
    on_claim()
    assert delivery.lease_token is not None  # noqa: S101  # nosec B101
    _held.add(delivery.lease_token)
    try:
        if not _deliver(delivery):
            log.warning("delivery %s: somebody else has taken over", delivery)
    finally:
        _held.discard(delivery.lease_token)
    return True


def hand_back() -> int:
    """Give up what is under way, so that the next worker sends it at once; how many there were."""
    return Delivery.hand_back(_held.copy())


def _deliver(delivery: Delivery) -> bool:
    if delivery.is_spent:
        return delivery.give_up(Never("interrupted"))
    body = payload(delivery)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "BauMental-Webhooks/1",
        **signed_headers(
            f"msg_{delivery.message_id.hex}",
            int(delivery.claimed_at.timestamp()),
            body,
            delivery.webhook.secrets_at(delivery.claimed_at),
        ),
    }
    release_connection()
    answer: Answer | None = None
    try:
        answer = post(
            delivery.webhook.url, body, headers, allow_private=settings.WEBHOOKS_ALLOW_PRIVATE
        )
        judge(answer)
    except Later as error:
        log.info("delivery %s: %s", delivery, error.code)
        return delivery.try_later(error, answer.status if answer else None)
    except Never as error:
        log.info("delivery %s: %s", delivery, error.code)
        return delivery.give_up(error, answer.status if answer else None)
    return delivery.succeed(answer.status)


def payload(delivery: Delivery) -> bytes:
    """What is sent: which note and how it ended, none of its words. The same with every try."""
    moment = delivery.happened_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    data: dict[str, Any] = {"webhook": str(delivery.webhook_id)}
    if delivery.event != PING:
        data = {
            "note": str(delivery.note_id),
            "processing_status": "completed" if delivery.event == COMPLETED else "failed",
            "box": str(delivery.box_id) if delivery.box_id else None,
            "error": delivery.note_error or None,
            "completed_at": moment,
        }
    message = {"type": delivery.event, "timestamp": moment, "data": data}
    return json.dumps(message, separators=(",", ":")).encode()
