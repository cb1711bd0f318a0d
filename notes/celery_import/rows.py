"""What a row of the Celery system becomes here. No database: rows in, columns out."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple

from notes.celery_import.source import as_moment, as_uuid
from notes.models.note import FiledBy, Source, Status

REASON = "imported"


class Audio(NamedTuple):
    """Audio that was found there. ``fault``: why it cannot be used, as a note's error code."""

    key: str = ""
    format: str = ""
    size: int = 0
    sha256: str = ""
    fault: str = ""


def box_columns(row: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a box, cut to the lengths that we keep."""
    words = [word.strip()[:60] for word in _text(row.get("keywords")).split(",")]
    color = _text(row.get("color"))
    return {
        "name": _text(row["name"])[:80] or "?",
        "description": _text(row.get("description"))[:500],
        "keywords": list(dict.fromkeys(filter(None, words)))[:50],
        "color": color if re.fullmatch("#[0-9a-fA-F]{6}", color) else "",
        "created_at": as_moment(row["created_at"]),
    }


def note_columns(
    row: Mapping[str, Any], *, owner_id: int, box_id: uuid.UUID | None, audio: Audio
) -> dict[str, Any]:
    """The columns of a note: what was finished there is finished, the rest is done here.

    "Completed" meant "transcribed" there. What was filed with a confidence was filed by its rules;
    a box without one is the owner's choice, as is that of an unfinished note.
    """
    words = _text(row.get("transcript"))
    changed = as_moment(row["updated_at"])
    source = str(row.get("source_type") or "")
    columns: dict[str, Any] = {
        "id": as_uuid(row["id"]),
        "owner_id": owner_id,
        "box_id": box_id,
        "audio_key": audio.key,
        "audio_format": audio.format,
        "audio_bytes": audio.size,
        "audio_sha256": audio.sha256,
        "transcript": words,
        "speech": True if words else None,
        "duration_seconds": row.get("duration_seconds"),
        "source": source if source in Source.values else Source.MEMO,
        "created_at": as_moment(row["created_at"]),
        "transcribed_at": changed if words else None,
    }
    is_finished = row["processing_status"] == "completed" and words
    return columns | _filing(row, box_id, finished=bool(is_finished)) | _state(words, audio, row)


def _filing(row: Mapping[str, Any], box_id: uuid.UUID | None, *, finished: bool) -> dict[str, Any]:
    confidence = row.get("ai_confidence")
    if box_id is None:
        return {"filing_reason": REASON} if finished else {}
    if finished and confidence is not None:
        sure = min(max(float(confidence), 0.0), 1.0)
        return {"filed_by": FiledBy.RULE, "filing_confidence": sure, "filing_reason": REASON}
    return {"filed_by": FiledBy.USER, "filing_reason": REASON if finished else "chosen_by_owner"}


def _state(words: str, audio: Audio, row: Mapping[str, Any]) -> dict[str, Any]:
    ended = {"completed_at": as_moment(row["updated_at"])}
    if words and row["processing_status"] == "completed":
        return {"processing_status": Status.COMPLETED, **ended}
    if words:
        return {"processing_status": Status.CLASSIFYING}
    if audio.key:
        return {"processing_status": Status.PENDING}
    code = audio.fault or "audio_missing"
    return {"processing_status": Status.FAILED, "error_code": code, **ended}


def _text(value: Any) -> str:
    """Text that PostgreSQL can store, without space around it."""
    return str(value or "").replace("\x00", "").strip()
