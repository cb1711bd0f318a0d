"""Conditional requests (RFC 9110, section 13): what has not changed is not sent, and what has is
not overwritten."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from django.utils.http import parse_etags
from ninja import Header, Status

from notes.api.schemas import Answer
from notes.errors import Problem

IfMatch = Annotated[str | None, Header(alias="If-Match")]


def etag_of(shown: Answer) -> str:
    """A strong ETag of ``shown``: other bytes, another tag.

    Fields that the schema names in ``PASSING`` change by what others do. They have a part of their
    own behind a dot, so that a change can be told from one of the thing itself.
    """
    passing = set(getattr(shown, "PASSING", ()))
    own = _digest(shown.model_dump_json(exclude=passing))
    if not passing:
        return f'"{own}"'
    return f'"{own}.{_digest(shown.model_dump_json(include=passing))[:8]}"'


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def unless_known(request: HttpRequest, response: HttpResponse, shown: Answer) -> Any:
    """``shown`` with its ETag, or 304 if the client's If-None-Match names it."""
    etag = etag_of(shown)
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"
    known = [
        tag.removeprefix("W/") for tag in parse_etags(request.headers.get("If-None-Match", ""))
    ]
    return Status(304, None) if etag in known or "*" in known else shown


def check_match(if_match: str | None, show: Callable[[], Answer]) -> None:
    """Refuse a change of something that is not what the client has read.

    Raises:
      Problem: ``precondition_failed``, when If-Match is given and names something else
        than what ``show`` gives; what is ``PASSING`` in it may have changed.
    """
    if if_match is None:
        return
    tags = parse_etags(if_match)
    if "*" not in tags and _own_part(etag_of(show())) not in map(_own_part, tags):
        raise Problem("precondition_failed")


def _own_part(tag: str) -> str:
    """``tag`` without its part for what is passing. A weak one stays weak, and so matches none."""
    return tag.strip('"').partition(".")[0]
