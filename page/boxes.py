"""Boxes as pages show them."""

from __future__ import annotations

from typing import Any

from django.db.models import Count
from django.http import HttpRequest

from notes.auth import user_id
from notes.models import Box, Note


def boxes_with_counts(request: HttpRequest) -> tuple[list[dict[str, Any]], int]:
    """The person's boxes by name, each with the number of its notes; and that of the Inbox."""
    owner = user_id(request)
    rows = Note.objects.for_user(owner).order_by().values_list("box").annotate(Count("pk"))
    counts = dict(rows)
    boxes = [
        {
            **{name: getattr(box, name) for name in ("id", "name", "description", "color")},
            "keywords": box.keywords,
            "count": counts.get(box.pk, 0),
        }
        for box in Box.objects.for_user(owner)
    ]
    return boxes, counts.get(None, 0)
