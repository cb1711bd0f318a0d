"""The notes: what there is, what to send, and where to look for it."""

from __future__ import annotations

import uuid
from typing import Any, cast
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST, require_safe
from ninja.files import UploadedFile

from notes.api import notes as operations
from notes.api.notes import FiltersIn
from notes.api.schemas import AudioForm
from notes.api.usage import get_usage
from notes.errors import Problem
from page.boxes import boxes_with_counts
from page.listing import as_items
from page.views.shell import REFUSALS, Trouble, parsed, signed_in, trouble_of

PAGE = 20
INBOX = "inbox"


@require_safe
@signed_in
def home(request: HttpRequest) -> HttpResponseBase:
    """The first page of notes, or the one after ``cursor``; with ``q``, ``box`` and ``state``."""
    return render_home(request)


def render_home(request: HttpRequest, trouble: Trouble | None = None) -> HttpResponse:
    """The notes, and ``trouble`` that a form on this page had."""
    query, cursor = request.GET, request.GET.get("cursor") or None
    page: dict[str, Any] = {"results": [], "next": None}
    try:
        page = operations.list_notes(request, _filters(request), PAGE, cursor)
    except REFUSALS as refusal:
        trouble = trouble or trouble_of(refusal)
    boxes, inbox_count = boxes_with_counts(request)
    asked = {name: query[name] for name in ("q", "box", "state") if query.get(name)}
    more = urlencode({**asked, "cursor": page["next"]}) if page["next"] else ""
    context = {
        "items": as_items(page["results"]),
        "more": more,
        "is_later_page": bool(cursor),
        "boxes": boxes,
        "inbox_count": inbox_count,
        "asked": asked,
        "usage": get_usage(request),
        "upload_key": uuid.uuid4(),
        "max_upload_mb": settings.MAX_UPLOAD_MB,
        "trouble": trouble,
    }
    return render(request, "page/home.html", context, status=trouble.status if trouble else 200)


def _filters(request: HttpRequest) -> FiltersIn:
    """The filters of the address bar, as the API takes them."""
    query = request.GET
    box = query.get("box") or None
    fields = {
        "box": None if box == INBOX else box,
        "inbox": True if box == INBOX else None,
        "status": query.get("state") or None,
        "search": query.get("q", "").strip() or None,
    }
    return parsed(FiltersIn, {name: value for name, value in fields.items() if value is not None})


@csrf_exempt
@require_POST
@signed_in
def upload(request: HttpRequest) -> HttpResponseBase:
    """A file from the form: for browsers without scripts.

    Exempt only so that nobody's file is read before we know who sends it: the check comes inside.
    """
    return _upload(request)


@csrf_protect
def _upload(request: HttpRequest) -> HttpResponseBase:
    # ninja's class of uploads adds nothing to Django's but a schema.
    file = cast("UploadedFile | None", request.FILES.get("file"))
    try:
        if file is None:
            raise Problem("empty_file")
        key = request.POST.get("key", "")[:255] or None
        note = operations.upload(request, HttpResponse(), file, AudioForm(), key).value
    except REFUSALS as refusal:
        return render_home(request, trouble_of(refusal))
    return redirect("page:note", note_id=note["id"])


@csrf_exempt
def share(request: HttpRequest) -> HttpResponse:
    """What a phone shares is taken by our service worker; without one nothing is taken.

    Such a form has no token to show that the person meant it, so its body is not even read.
    """
    return HttpResponse(status=303, headers={"Location": reverse("page:home")})
