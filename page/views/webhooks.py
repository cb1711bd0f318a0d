"""Webhooks, in the settings: make, pause, try and delete them."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from notes.api import webhooks as operations
from notes.api.webhook_schemas import WebhookIn, WebhookPatch
from page.views.settings import render_settings
from page.views.shell import REFUSALS, form_of, parsed, signed_in, trouble_of


@require_POST
@signed_in
def make(request: HttpRequest) -> HttpResponseBase:
    """Make a webhook and show its secret, this once."""
    try:
        asked = form_of(request, WebhookIn, "url", "description")
        webhook = operations.create_webhook(request, asked, HttpResponse()).value
    except REFUSALS as refusal:
        return render_settings(request, trouble_of(refusal))
    return render_settings(request, new_webhook=webhook)


@require_POST
@signed_in
def change(request: HttpRequest, webhook_id: uuid.UUID) -> HttpResponseBase:
    """What the button says: ``pause``, ``resume``, ``ping`` or ``delete``."""
    what = request.POST.get("do")
    if what in ("pause", "resume"):
        patch = parsed(WebhookPatch, {"active": what == "resume"})
        operations.change_webhook(request, webhook_id, patch)
    elif what == "ping":
        operations.ping(request, webhook_id)
    elif what == "delete":
        operations.delete_webhook(request, webhook_id)
    return redirect("page:settings")
