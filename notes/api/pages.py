"""Pages by key: stable while notes arrive, and as fast at the end as at the beginning."""

from __future__ import annotations

import base64
import binascii
import uuid
from datetime import UTC, datetime

from django.db.models import DateTimeField, Q, Value
from django.db.models.functions import Cast

from notes.errors import Problem
from notes.models import Note


def cursor_after(note: Note) -> str:
    """An opaque cursor that continues after ``note``."""
    raw = f"{note.created_at.isoformat()}|{note.pk}"
    return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")


def older_than(cursor: str) -> Q:
    """The condition for notes that come after ``cursor``, newest first.

    Raises:
      Problem: ``bad_cursor``.
    """
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        stamp, _, note_id = raw.partition("|")
        created_at, pk = datetime.fromisoformat(stamp).astimezone(UTC), uuid.UUID(note_id)
    except (ValueError, OverflowError, binascii.Error) as fault:
        raise Problem("bad_cursor") from fault
    # SQLite compares times as text and stores its own with three decimals; Django's parameters have
    # six. The cast writes them alike.
    moment = Cast(Value(created_at), DateTimeField())
    return Q(created_at__lt=moment) | Q(created_at=moment, pk__lt=pk)
