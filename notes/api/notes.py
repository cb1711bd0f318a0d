"""``/api/v1/notes``."""

from __future__ import annotations

import hashlib
import uuid
from contextlib import suppress
from typing import Annotated, Any

from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from ninja import File, Form, Header, Query, Router, Schema, Status
from ninja.files import UploadedFile
from pydantic import StringConstraints

from notes.api.audio import audio_response
from notes.api.pages import cursor_after, older_than
from notes.api.schemas import (
    AudioForm,
    NoteDetailOut,
    NotePage,
    NotePatch,
    ProblemOut,
    StatusName,
    Text,
    TextNoteIn,
    note_detail_out,
    note_out,
)
from notes.auth import user_id
from notes.connections import release_connection
from notes.errors import Problem
from notes.models import Box, Note
from notes.models.note import NotRetryable
from notes.models.note import Status as NoteStatus
from notes.storage import StorageUnavailable, delete_audio, new_key, store_audio
from notes.uploads import accept

router = Router(tags=["notes"])

ERRORS = {frozenset({400, 401, 403, 404, 409, 413, 415, 422, 503}): ProblemOut}
Key = Annotated[
    Annotated[Text, StringConstraints(min_length=1, max_length=255)] | None,
    Header(alias="Idempotency-Key"),
]


class Filters(Schema):
    """Which notes to list."""

    box: uuid.UUID | None = None
    inbox: bool | None = None
    status: StatusName | None = None
    search: Annotated[Text, StringConstraints(max_length=200)] | None = None


@router.post("", response={202: NoteDetailOut, **ERRORS}, summary="Send a voice note")
def upload(
    request: HttpRequest,
    response: HttpResponse,
    audio: File[UploadedFile],
    form: Form[AudioForm],
    idempotency_key: Key = None,
    allow_duplicate: Annotated[
        bool, Query(description="Make a second note of bytes sent within the last day")
    ] = False,
) -> Any:
    accepted = accept(audio)
    if (again := _replay(request, response, idempotency_key, accepted.sha256)) is not None:
        return Status(202, again)
    if not allow_duplicate and (twin := Note.twin(user_id(request), accepted.sha256)):
        return Status(202, _same_again(request, response, twin))
    box = _own_box(request, form.box)
    note_id = uuid.uuid4()
    key = new_key(note_id)
    release_connection()
    try:
        store_audio(key, accepted.file)
    except StorageUnavailable as fault:
        raise Problem("storage_unavailable", headers={"Retry-After": "5"}) from fault
    try:
        note = Note.receive(
            id=note_id,
            owner_id=user_id(request),
            audio_key=key,
            audio_format=accepted.format.name,
            audio_bytes=accepted.size,
            audio_sha256=accepted.sha256,
            box=box,
            requested_language=form.language,
            source=form.source,
            recorded_at=form.recorded_at,
            idempotency_key=idempotency_key,
        )
    except IntegrityError:
        delete_audio(key)
        return Status(202, _raced(request, response, idempotency_key, accepted.sha256))
    return Status(202, _received(request, response, note))


@router.post("/text", response={202: NoteDetailOut, **ERRORS}, summary="Send a written note")
def write(
    request: HttpRequest,
    response: HttpResponse,
    data: TextNoteIn,
    idempotency_key: Key = None,
) -> Any:
    sha256 = hashlib.sha256(data.text.encode()).hexdigest()
    if (again := _replay(request, response, idempotency_key, sha256)) is not None:
        return Status(202, again)
    try:
        note = Note.receive(
            owner_id=user_id(request),
            transcript=data.text,
            audio_sha256=sha256,
            box=_own_box(request, data.box),
            idempotency_key=idempotency_key,
        )
    except IntegrityError:
        return Status(202, _raced(request, response, idempotency_key, sha256))
    return Status(202, _received(request, response, note))


@router.get("", response={200: NotePage, **ERRORS}, summary="Your notes, newest first")
def list_notes(
    request: HttpRequest,
    filters: Query[Filters],
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: str | None = None,
) -> Any:
    notes = Note.objects.for_user(user_id(request)).defer("waveform", "segments")
    if filters.box is not None:
        notes = notes.filter(box=_own_box(request, filters.box))
    if filters.inbox is not None:
        notes = notes.filter(box__isnull=filters.inbox)
    if filters.status is not None:
        notes = notes.filter(processing_status=filters.status)
    if filters.search:
        notes = notes.filter(transcript__icontains=filters.search)
    if cursor:
        notes = notes.filter(older_than(cursor))
    page = list(notes[: limit + 1])
    boxes = _boxes(request)
    return {
        "results": [note_out(note, boxes) for note in page[:limit]],
        "next": cursor_after(page[limit - 1]) if len(page) > limit else None,
    }


@router.get(
    "/{uuid:note_id}", response={200: NoteDetailOut, 304: None, **ERRORS}, summary="One note"
)
def get_note(request: HttpRequest, response: HttpResponse, note_id: uuid.UUID) -> Any:
    note = NoteDetailOut.model_validate(_shown(request, find_note(request, note_id)))
    etag = f'"{hashlib.sha256(note.model_dump_json().encode()).hexdigest()[:32]}"'
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"
    known = request.headers.get("If-None-Match", "")
    if etag in known or known == "*":
        return Status(304, None)
    return note


@router.patch("/{uuid:note_id}", response={200: NoteDetailOut, **ERRORS}, summary="Correct a note")
def change_note(request: HttpRequest, note_id: uuid.UUID, data: NotePatch) -> Any:
    note = find_note(request, note_id)
    if "box" in data.model_fields_set:
        _move(request, note, data.box)
    if data.transcript is not None:
        note.edit_transcript(data.transcript)
    return _shown(request, note)


@router.delete("/{uuid:note_id}", response={204: None, **ERRORS}, summary="Delete note and audio")
def delete_note(request: HttpRequest, note_id: uuid.UUID) -> Any:
    find_note(request, note_id).erase()
    return Status(204, None)


@router.post(
    "/{uuid:note_id}/retry",
    response={202: NoteDetailOut, **ERRORS},
    summary="Repeat the failed step",
)
def retry(request: HttpRequest, note_id: uuid.UUID) -> Any:
    note = find_note(request, note_id)
    try:
        note.retry()
    except NotRetryable as fault:
        raise Problem("not_retryable") from fault
    return Status(202, _shown(request, note))


@router.get(
    "/{uuid:note_id}/audio",
    response={frozenset({200, 206, 302}): None, **ERRORS},
    summary="The audio",
)
def get_audio(request: HttpRequest, note_id: uuid.UUID) -> Any:
    return audio_response(request, find_note(request, note_id))


def find_note(request: HttpRequest, note_id: uuid.UUID) -> Note:
    """The user's own note.

    Raises:
      Problem: ``not_found``, for a note of somebody else as for none.
    """
    note = Note.objects.for_user(user_id(request)).filter(pk=note_id).first()
    if note is None:
        raise Problem("not_found")
    return note


def _move(request: HttpRequest, note: Note, box_id: uuid.UUID | None) -> None:
    try:
        note.move_to(_own_box(request, box_id))
    except IntegrityError as fault:  # the box was deleted just now
        raise Problem("unknown_box") from fault


def _own_box(request: HttpRequest, box_id: uuid.UUID | None) -> Box | None:
    if box_id is None:
        return None
    box = Box.objects.for_user(user_id(request)).filter(pk=box_id).first()
    if box is None:
        raise Problem("unknown_box")
    return box


def _boxes(request: HttpRequest) -> dict[uuid.UUID, Box]:
    return {box.pk: box for box in Box.objects.for_user(user_id(request))}


def _shown(request: HttpRequest, note: Note) -> dict[str, Any]:
    names_boxes = note.box_id or note.filing_suggestions
    return note_detail_out(note, _boxes(request) if names_boxes else {})


def _received(request: HttpRequest, response: HttpResponse, note: Note) -> dict[str, Any]:
    response["Location"] = f"/api/v1/notes/{note.pk}"
    response["Retry-After"] = "2"
    return _shown(request, note)


def _replay(
    request: HttpRequest, response: HttpResponse, key: str | None, sha256: str
) -> dict[str, Any] | None:
    """The note that was made with this Idempotency-Key before, if there is one."""
    if key is None:
        return None
    note = Note.objects.for_user(user_id(request)).filter(idempotency_key=key).first()
    if note is None:
        return None
    if note.audio_sha256 != sha256:
        raise Problem("idempotency_mismatch")
    response["Idempotent-Replayed"] = "true"
    return _received(request, response, note)


def _same_again(request: HttpRequest, response: HttpResponse, twin: Note) -> dict[str, Any]:
    """The note that these bytes have made already; one that failed is tried again."""
    if twin.processing_status == NoteStatus.FAILED:
        with suppress(NotRetryable):  # somebody else was quicker
            twin.retry()
    response["Duplicate-Upload"] = "true"
    return _received(request, response, twin)


def _raced(
    request: HttpRequest, response: HttpResponse, key: str | None, sha256: str
) -> dict[str, Any]:
    """The note of a twin of this request that was quicker.

    Raises:
      Problem: ``unknown_box``: there was no twin; the box was deleted just now.
    """
    if (note := _replay(request, response, key, sha256)) is None:
        raise Problem("unknown_box")
    return note
