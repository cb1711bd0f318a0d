"""A note is taken in once, whatever its sender repeats; what fails leaves nothing behind."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse

from notes.auth import user_id
from notes.errors import Problem
from notes.models import IdempotencyKey, Note
from notes.models.idempotency import InFlight, Mismatch, Reservation
from notes.quota import one_note

#: What a client is told to wait for its first request, in seconds.
IN_FLIGHT_SECONDS = 5


def fingerprint(operation: str, sha256: str, fields: dict[str, Any]) -> str:
    """A digest of what was sent: the content's own digest and the fields beside it.

    Not of the bytes of the body: a client draws a new multipart boundary for each try.
    """
    sent = json.dumps([operation, sha256, fields], sort_keys=True, default=str)
    return hashlib.sha256(sent.encode()).hexdigest()


def take_in(
    request: HttpRequest,
    response: HttpResponse,
    key: str | None,
    content: str,
    make: Callable[[Reservation], Note],
    twin: Callable[[], Note | None] = lambda: None,
) -> Note:
    """The note that ``make`` makes, or the one made before with this ``key`` and ``content``.

    ``make`` is called once the key is reserved and the note is counted; if it fails, both are
    undone. Not where ``twin`` knows a note that will do: the key stands for that one then.

    Raises:
      Problem: ``idempotency_in_flight``, ``idempotency_mismatch``; ``unknown_box``, the box was
        deleted just now.
      notes.limits.LimitReached: no more notes today.
    """
    owner_id = user_id(request)
    held = _reserved(owner_id, key, content)
    if isinstance(held, Note):
        response["Idempotent-Replayed"] = "true"
        return held
    try:
        with held.freed_on_failure():
            if (known := twin()) is not None:
                held.stand_for(known)
                response["Duplicate-Upload"] = "true"
                return known
            with one_note(owner_id):
                return make(held)
    except IntegrityError as fault:
        made = Note.objects.for_user(owner_id).filter(pk=held.note_id).first()
        if made is None:
            raise Problem("unknown_box") from fault
        response["Idempotent-Replayed"] = "true"
        return made


def _reserved(owner_id: int, key: str | None, content: str) -> Reservation | Note:
    try:
        return IdempotencyKey.reserve(owner_id, key, content)
    except Mismatch as fault:
        raise Problem("idempotency_mismatch") from fault
    except InFlight as fault:
        headers = {"Retry-After": str(IN_FLIGHT_SECONDS)}
        raise Problem("idempotency_in_flight", headers=headers) from fault
