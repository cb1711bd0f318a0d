"""What the API takes and gives."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal

from ninja import Field, Schema
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from notes.models import Box, Note
from notes.models.note import OPEN, Status
from notes.search import Engine, Order
from notes.texts import FILING_REASONS, NOTE_ERRORS, in_my_language

SourceName = Literal["memo", "group_audio", "forwarded"]
StatusName = Literal["pending", "transcribing", "classifying", "completed", "failed"]
FiledByName = Literal["user", "rule", "model"]


def _storable(text: str) -> str:
    """PostgreSQL cannot store NUL, nothing can store half a surrogate pair; nobody means them."""
    if "\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("must not contain NUL or half of a surrogate pair")
    return text


def _in_utc(moment: datetime) -> datetime:
    """A time without an offset is taken as UTC."""
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError as fault:
        raise ValueError("is outside of the calendar") from fault


#: What :func:`_storable` asks, as far as a document can say it; and the same with a word in it.
STORABLE = r"^[^\x00]*$"
NOT_BLANK = r"^[^\x00]*[^\s\x00][^\x00]*$"

Text = Annotated[str, StringConstraints(pattern=STORABLE), AfterValidator(_storable)]
Moment = Annotated[datetime, AfterValidator(_in_utc)]
Keyword = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=60, pattern=NOT_BLANK),
    AfterValidator(_storable),
]
BoxName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=80, pattern=NOT_BLANK),
    AfterValidator(_storable),
]
Color = Annotated[str, StringConstraints(pattern=r"^(#[0-9a-fA-F]{6})?$")]
Language = Annotated[str, StringConstraints(pattern=r"^([a-z]{2}(-[A-Za-z]{2})?)?$")]


class StrictSchema(Schema):
    """A body with an unknown field is refused, so that a typo does not pass for success."""

    model_config = ConfigDict(extra="forbid")


class Answer(BaseModel):
    """What an upload and a list give. Its values are ready: ninja's Schema would look up each by a
    Python function, for aliases and resolvers that nothing here has.
    """

    model_config = ConfigDict(from_attributes=True)


class BoxRef(Answer):
    """A box as a note names it."""

    id: uuid.UUID
    name: str


class BoxOut(Answer):
    """A box."""

    id: uuid.UUID
    name: str
    description: str
    keywords: list[str]
    color: str
    created_at: datetime


class BoxIn(StrictSchema):
    """A new box."""

    name: BoxName
    description: Text = Field("", max_length=500)
    keywords: list[Keyword] = Field(default_factory=list, max_length=50)
    color: Color = ""


class BoxPatch(StrictSchema):
    """What to change of a box; what is left out stays."""

    name: BoxName | None = None
    description: Text | None = Field(None, max_length=500)
    keywords: list[Keyword] | None = Field(None, max_length=50)
    color: Color | None = None


class SuggestionOut(Answer):
    """A box that came close."""

    box: BoxRef
    confidence: float


class ErrorOut(Answer):
    """Why the last try failed."""

    code: str
    message: str
    retryable: bool


class NoteOut(Answer):
    """A note."""

    id: uuid.UUID
    processing_status: StatusName
    transcript: str
    language: str | None
    duration_seconds: float | None
    box: BoxRef | None
    filed_by: FiledByName | None
    filing_confidence: float | None
    filing_reason: str | None
    filing_suggestions: list[SuggestionOut]
    source: SourceName
    attempts: int
    next_attempt_at: datetime | None
    error: ErrorOut | None
    speech: bool | None
    created_at: datetime
    recorded_at: datetime | None
    transcribed_at: datetime | None
    completed_at: datetime | None
    truncated: bool
    speech_share: float | None
    peak: float | None
    rms: float | None
    parts_done: int
    parts_total: int | None
    audio_expires_at: datetime | None


class SegmentOut(Answer):
    """Some words and when they were said, in seconds."""

    start: float
    end: float
    text: str


class NoteDetailOut(NoteOut):
    """A note, with what would make a list of them heavy.

    ``original_transcript`` is what was heard (or first written), once its owner has changed it;
    ``queue_position`` is how many notes wait before this one, at most 1000 told, while it waits;
    the answer to a note just sent does not tell it.
    """

    #: What moves without anybody changing the note: no ground to refuse a change.
    PASSING: ClassVar = ("queue_position",)

    waveform: list[float]
    segments: list[SegmentOut]
    original_transcript: str | None
    queue_position: int | None


class SnippetOut(Answer):
    """Where a search found a note: part of its transcript, as plain text.

    ``start`` is where the part begins in the transcript, ``highlights`` are [start, end) of the
    words in ``text``; all count Unicode code points.
    """

    text: str
    start: int
    highlights: list[tuple[int, int]]


class ListedNote(NoteOut):
    """A note in a list; with ``snippet`` if it was searched for."""

    snippet: SnippetOut | None = None


class SearchOut(Answer):
    """How a search was answered: ``postgresql`` knows word forms, ``sqlite`` whole words and the
    beginning of the last one; ``rank`` has the best first."""

    engine: Engine
    order: Order


class NotePage(Answer):
    """Notes; ``next`` is the ``cursor`` of the following page, if there is one.

    Newest first, unless ``search`` says otherwise.
    """

    results: list[ListedNote]
    next: str | None
    search: SearchOut | None = None


class AudioForm(Schema):
    """The fields beside the file of an upload."""

    box: uuid.UUID | None = None
    language: Language = ""
    source: SourceName = "memo"
    recorded_at: Moment | None = None


class TextNoteIn(StrictSchema):
    """A note that needs no transcription."""

    text: Annotated[
        str,
        StringConstraints(
            strip_whitespace=True, min_length=1, max_length=100_000, pattern=NOT_BLANK
        ),
        AfterValidator(_storable),
    ]
    box: uuid.UUID | None = None


class NotePatch(StrictSchema):
    """What to change of a note; ``box: null`` moves it to the Inbox."""

    transcript: Text | None = Field(None, max_length=200_000)
    box: uuid.UUID | None = None


class FaultOut(Answer):
    """What is wrong with a field: where it is, and why."""

    loc: list[str]
    message: str


class ProblemOut(Answer):
    """An error, as RFC 9457 has it; the last four only where a limit was reached."""

    type: str
    title: str
    status: int
    code: str
    instance: str
    request_id: str
    errors: list[FaultOut] | None = None
    policy: str | None = None
    limit: int | None = None
    remaining: int | None = None
    reset: int | None = None


def note_out(note: Note, boxes: dict[uuid.UUID, Box]) -> dict[str, Any]:
    """``note`` as :class:`NoteOut`; ``boxes`` are its owner's, for the names of suggestions."""
    return {
        **{name: getattr(note, name) for name in _AS_STORED},
        "language": note.language or None,
        "box": boxes.get(note.box_id) if note.box_id else None,
        "filed_by": note.filed_by or None,
        "filing_reason": _reason(note),
        "filing_suggestions": _suggestions(note, boxes),
        "next_attempt_at": note.next_attempt_at if note.processing_status in OPEN else None,
        "error": _error(note),
    }


def note_detail_out(
    note: Note, boxes: dict[uuid.UUID, Box], queue_position: int | None
) -> dict[str, Any]:
    """``note`` as :class:`NoteDetailOut`."""
    heavy = {
        "waveform": note.waveform or [],
        "segments": note.segments or [],
        "original_transcript": note.original_transcript if note.transcript_edited_at else None,
        "queue_position": queue_position,
    }
    return {**note_out(note, boxes), **heavy}


_AS_STORED = (
    "id", "processing_status", "transcript", "duration_seconds", "filing_confidence", "source",
    "attempts", "speech", "created_at", "recorded_at", "transcribed_at", "completed_at",
    "truncated", "speech_share", "peak", "rms", "parts_done", "parts_total", "audio_expires_at",
)  # fmt: skip


def _reason(note: Note) -> str | None:
    text = FILING_REASONS.get(note.filing_reason)
    return in_my_language(text, evidence=note.filing_evidence) if text else None


def _suggestions(note: Note, boxes: dict[uuid.UUID, Box]) -> list[dict[str, Any]]:
    """The runners-up that still exist."""
    pairs = [(uuid.UUID(s["box"]), s["confidence"]) for s in note.filing_suggestions]
    return [{"box": boxes[box], "confidence": sure} for box, sure in pairs if box in boxes]


def _error(note: Note) -> dict[str, Any] | None:
    if not note.error_code:
        return None
    text = NOTE_ERRORS.get(note.error_code, NOTE_ERRORS["internal_error"])
    settled = note.processing_status == Status.COMPLETED and note.filed_by == "user"
    return {
        "code": note.error_code,
        "message": in_my_language(text),
        # While it is open we retry by ourselves; once it has ended its owner may, unless they
        # have put it somewhere themselves and there is nothing left to do.
        "retryable": not settled,
    }
