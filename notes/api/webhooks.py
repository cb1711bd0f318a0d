"""``/api/v1/webhooks``."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Status

from notes.api.schemas import ProblemOut
from notes.api.webhook_schemas import (
    DeliveryOut,
    DeliveryPage,
    WebhookIn,
    WebhookOut,
    WebhookPatch,
    WebhookWithSecret,
    delivery_out,
    event_columns,
    webhook_out,
)
from notes.auth import user_id
from notes.errors import Problem
from notes.models import Delivery, Webhook
from notes.models.webhook import MAX_WEBHOOKS, PausedBy
from notes.webhooks.addresses import AddressRefused, parse

router = Router(tags=["webhooks"])

ERRORS = {frozenset({400, 401, 403, 404, 409, 413, 422, 503}): ProblemOut}


@router.get("", response={200: list[WebhookOut], **ERRORS}, summary="All your webhooks")
def list_webhooks(request: HttpRequest) -> Any:
    return [webhook_out(each) for each in Webhook.objects.for_user(user_id(request))]


@router.post(
    "",
    response={201: WebhookWithSecret, **ERRORS},
    summary="Make a webhook; its secret is shown here and never again",
)
def create_webhook(request: HttpRequest, data: WebhookIn, response: HttpResponse) -> Any:
    _check(data.url)
    owner = user_id(request)
    with transaction.atomic():
        # Two at once come one after the other, so that the limit holds.
        User.objects.select_for_update(no_key=True).filter(pk=owner).first()
        if Webhook.objects.for_user(owner).count() >= MAX_WEBHOOKS:
            raise Problem("too_many_webhooks", limit=MAX_WEBHOOKS)
        webhook = Webhook.objects.create(
            owner_id=owner,
            url=data.url,
            description=data.description,
            **event_columns(data.events),
        )
    webhook.refresh_from_db()
    response["Location"] = f"/api/v1/webhooks/{webhook.pk}"
    return Status(201, _with_secret(webhook, response))


@router.get("/{uuid:webhook_id}", response={200: WebhookOut, **ERRORS}, summary="One webhook")
def get_webhook(request: HttpRequest, webhook_id: uuid.UUID) -> Any:
    return webhook_out(find_webhook(request, webhook_id))


@router.patch(
    "/{uuid:webhook_id}",
    response={200: WebhookOut, **ERRORS},
    summary="Change, pause or resume a webhook",
)
def change_webhook(request: HttpRequest, webhook_id: uuid.UUID, data: WebhookPatch) -> Any:
    webhook = find_webhook(request, webhook_id)
    columns: dict[str, Any] = {}
    if data.url is not None:
        _check(data.url)
        columns["url"] = data.url
    if data.description is not None:
        columns["description"] = data.description
    if data.events is not None:
        columns |= event_columns(data.events)
    if columns:
        Webhook.objects.for_user(user_id(request)).filter(pk=webhook.pk).update(**columns)
    if data.active is not None:
        webhook.resume() if data.active else webhook.pause(PausedBy.OWNER)
    webhook.refresh_from_db()
    return webhook_out(webhook)


@router.delete(
    "/{uuid:webhook_id}", response={204: None, **ERRORS}, summary="Delete a webhook and its log"
)
def delete_webhook(request: HttpRequest, webhook_id: uuid.UUID) -> Any:
    find_webhook(request, webhook_id).delete()
    return Status(204, None)


@router.post(
    "/{uuid:webhook_id}/rotate-secret",
    response={200: WebhookWithSecret, **ERRORS},
    summary="Take a new secret; the old one goes on signing for 24 hours",
)
def rotate_secret(request: HttpRequest, webhook_id: uuid.UUID, response: HttpResponse) -> Any:
    webhook = find_webhook(request, webhook_id)
    webhook.rotate_secret()
    return _with_secret(webhook, response)


@router.post(
    "/{uuid:webhook_id}/ping",
    response={202: DeliveryOut, **ERRORS},
    summary="Send a message that tells of nothing, also where it is paused",
)
def ping(request: HttpRequest, webhook_id: uuid.UUID) -> Any:
    return Status(202, delivery_out(Delivery.ping(find_webhook(request, webhook_id))))


@router.get(
    "/{uuid:webhook_id}/deliveries",
    response={200: DeliveryPage, **ERRORS},
    summary="What was sent in the last 30 days, newest first",
)
def list_deliveries(
    request: HttpRequest,
    webhook_id: uuid.UUID,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: uuid.UUID | None = None,
) -> Any:
    mine = Delivery.objects.for_user(user_id(request))
    all_of_it = deliveries = mine.filter(webhook=find_webhook(request, webhook_id))
    if cursor is not None:
        last = all_of_it.filter(message_id=cursor).first()
        if last is None:
            raise Problem("bad_cursor")
        deliveries = deliveries.filter(pk__lt=last.pk)
    page = list(deliveries[: limit + 1])
    return {
        "results": [delivery_out(delivery) for delivery in page[:limit]],
        "next": page[limit - 1].message_id if len(page) > limit else None,
    }


@router.post(
    "/{uuid:webhook_id}/deliveries/{uuid:delivery_id}/redeliver",
    response={202: DeliveryOut, **ERRORS},
    summary="Send it again, with the same id",
)
def redeliver(request: HttpRequest, webhook_id: uuid.UUID, delivery_id: uuid.UUID) -> Any:
    webhook = find_webhook(request, webhook_id)
    mine = Delivery.objects.for_user(user_id(request)).filter(webhook=webhook)
    delivery = mine.filter(message_id=delivery_id).first()
    if delivery is None:
        raise Problem("not_found")
    delivery.send_again()
    return Status(202, delivery_out(delivery))


def find_webhook(request: HttpRequest, webhook_id: uuid.UUID) -> Webhook:
    """The user's own webhook.

    Raises:
      Problem: ``not_found``, for a webhook of somebody else as for none.
    """
    webhook = Webhook.objects.for_user(user_id(request)).filter(pk=webhook_id).first()
    if webhook is None:
        raise Problem("not_found")
    return webhook


def _check(url: str) -> None:
    """Refuse what is plainly no address for a webhook. Names are resolved when they are called."""
    try:
        parse(url, allow_private=settings.WEBHOOKS_ALLOW_PRIVATE)
    except AddressRefused as fault:
        raise Problem("bad_webhook_url") from fault


def _with_secret(webhook: Webhook, response: HttpResponse) -> dict[str, Any]:
    response["Cache-Control"] = "no-store"
    return {**webhook_out(webhook), "secret": webhook.secret}
