"""Boxes: make, change and delete them."""

from __future__ import annotations

import uuid
from contextlib import suppress
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from notes.api import boxes as operations
from notes.api.schemas import BoxIn, BoxPatch
from notes.errors import Problem
from page.boxes import boxes_with_counts
from page.texts import say
from page.views.shell import REFUSALS, Trouble, parsed, signed_in, text_of, trouble_of

#: The boxes that the first screen offers, as the catalogue names them.
STARTERS = ("home", "work", "health")


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def boxes(request: HttpRequest) -> HttpResponseBase:
    """All boxes; a POST makes one."""
    if request.method != "POST":
        return _render(request)
    try:
        operations.create_box(request, parsed(BoxIn, _typed(request)), HttpResponse())
    except REFUSALS as refusal:
        return _render(request, trouble_of(refusal))
    return redirect("page:boxes")


@require_POST
@signed_in
def first(request: HttpRequest) -> HttpResponseBase:
    """Three boxes to begin with; one that is there already stays as it is."""
    for starter in STARTERS:
        fields = {
            "name": say(f"starter.{starter}.name"),
            "description": say(f"starter.{starter}.description"),
            "keywords": say(f"starter.{starter}.keywords").split(", "),
        }
        with suppress(Problem):
            operations.create_box(request, parsed(BoxIn, fields), HttpResponse())
    return redirect("page:home")


def _render(request: HttpRequest, trouble: Trouble | None = None) -> HttpResponse:
    all_boxes, inbox_count = boxes_with_counts(request)
    context = {
        "boxes": all_boxes,
        "inbox_count": inbox_count,
        "typed": request.POST,
        "trouble": trouble,
    }
    return render(request, "page/boxes.html", context, status=trouble.status if trouble else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def box(request: HttpRequest, box_id: uuid.UUID) -> HttpResponseBase:
    """One box to change."""
    found = operations.find_box(request, box_id)
    typed: dict[str, Any] = {
        "name": found.name,
        "description": found.description,
        "keywords": ", ".join(found.keywords),
        "color": found.color,
    }
    trouble = None
    if request.method == "POST":
        try:
            operations.change_box(request, box_id, parsed(BoxPatch, _typed(request)))
            return redirect("page:boxes")
        except REFUSALS as refusal:
            trouble, typed = trouble_of(refusal), request.POST.dict()
    context = {"box": found, "typed": typed, "trouble": trouble}
    return render(request, "page/box.html", context, status=trouble.status if trouble else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def delete(request: HttpRequest, box_id: uuid.UUID) -> HttpResponseBase:
    """Ask; then delete the box. Its notes go to the Inbox."""
    if request.method == "POST":
        operations.delete_box(request, box_id)
        return redirect("page:boxes")
    return render(request, "page/box_delete.html", {"box": operations.find_box(request, box_id)})


def _typed(request: HttpRequest) -> dict[str, Any]:
    """The form, as the API takes it: keywords stand between commas or on lines of their own."""
    words = text_of(request, "keywords").replace("\n", ",").split(",")
    return {
        "name": request.POST.get("name", ""),
        "description": text_of(request, "description"),
        "keywords": [word.strip() for word in words if word.strip()],
        "color": "" if request.POST.get("no_color") else request.POST.get("color", ""),
    }
