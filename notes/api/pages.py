"""Pages by key: stable while notes arrive, and as fast at the end as at the beginning."""

from __future__ import annotations

import base64
import binascii
import uuid
from datetime import UTC, datetime

from notes.errors import Problem
from notes.search import Place

MAX_SCORE = 2**31 - 1


def cursor_after(place: Place) -> str:
    """An opaque cursor that continues after ``place``."""
    raw = f"{place.created_at.isoformat()}|{place.note_id}"
    if place.score is not None:
        raw += f"|{place.score}"
    return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")


def place_of(cursor: str) -> Place:
    """What was given to :func:`cursor_after`.

    Raises:
      Problem: ``bad_cursor``.
    """
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        stamp, note_id, *score = raw.split("|")
        created_at = datetime.fromisoformat(stamp).astimezone(UTC)
        if len(score) > 1 or (score and not 0 <= int(score[0]) <= MAX_SCORE):
            raise Problem("bad_cursor")
        return Place(created_at, uuid.UUID(note_id), int(score[0]) if score else None)
    except (ValueError, OverflowError, binascii.Error) as fault:
        raise Problem("bad_cursor") from fault
