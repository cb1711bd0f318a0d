"""``/api/v1/notes``."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Annotated, Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from ninja import File, Form, Header, Query, Router, Schema, Status
from ninja.files import UploadedFile
from pydantic import StringConstraints

from notes.api.audio import audio_response
from notes.api.conditional import IfMatch, check_match, unless_known
from notes.api.once import fingerprint, take_in
from notes.api.pages import cursor_after, place_of
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
from notes.api.search import found_page
from notes.auth import needs, user_id
from notes.compiled import writes_at_once
from notes.connections import release_connection
from notes.errors import Problem
from notes.models import Box, Note, Scope, admission
from notes.models.idempotency import Reservation
from notes.models.note import NotRetryable
from notes.models.note import Status as NoteStatus
from notes.search import Filters, Place
from notes.storage import StorageUnavailable, delete_audio, new_key, store_audio
from notes.uploads import AcceptedAudio, accept

router = Router(tags=["notes"])
WRITE, READ = Scope.WRITE, Scope.READ

ERRORS = {frozenset({400, 401, 403, 404, 409, 411, 413, 415, 422, 429, 503}): ProblemOut}
Key = Annotated[
    Annotated[Text, StringConstraints(min_length=1, max_length=255)] | None,
    Header(alias="Idempotency-Key"),
]


class FiltersIn(Schema):
    """Which notes to list."""

    box: uuid.UUID | None = None
    inbox: bool | None = None
    status: StatusName | None = None
    search: Annotated[Text, StringConstraints(max_length=200)] | None = None


@router.post(
    "", response={202: NoteDetailOut, **ERRORS}, summary="Send a voice note", **needs(WRITE)
)
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
    fields = {**form.dict(), "allow_duplicate": allow_duplicate}
    content = fingerprint("upload", accepted.sha256, fields)
    recording = {
        "audio_format": accepted.format.name,
        "audio_bytes": accepted.size,
        "audio_sha256": accepted.sha256,
        "requested_language": form.language,
        "source": form.source,
        "recorded_at": form.recorded_at,
    }

    def make(held: Reservation) -> Note:
        box = _own_box(request, form.box)
        with _stored(accepted) as audio_key:
            return Note.receive(
                id=held.note_id,
                owner_id=user_id(request),
                audio_key=audio_key,
                box=box,
                **recording,
            )

    def twin() -> Note | None:
        if allow_duplicate:
            return None
        return _tried_again(Note.twin(user_id(request), accepted.sha256))

    is_usual = not form.box and not allow_duplicate and _is_stored_soon(accepted)
    note = None
    if idempotency_key and is_usual and writes_at_once():
        note = _new_note(request, accepted, idempotency_key, content, recording)
    try:
        note = note or take_in(request, response, idempotency_key, content, make, twin)
    except StorageUnavailable as fault:
        raise Problem("storage_unavailable", headers={"Retry-After": "5"}) from fault
    return Status(202, _received(request, response, note))


@router.post(
    "/text", response={202: NoteDetailOut, **ERRORS}, summary="Send a written note", **needs(WRITE)
)
def write(
    request: HttpRequest,
    response: HttpResponse,
    data: TextNoteIn,
    idempotency_key: Key = None,
) -> Any:
    sha256 = hashlib.sha256(data.text.encode()).hexdigest()
    content = fingerprint("write", sha256, {"box": data.box})

    def make(held: Reservation) -> Note:
        return Note.receive(
            id=held.note_id,
            owner_id=user_id(request),
            transcript=data.text,
            audio_sha256=sha256,
            box=_own_box(request, data.box),
        )

    note = take_in(request, response, idempotency_key, content, make)
    return Status(202, _received(request, response, note))


@router.get(
    "", response={200: NotePage, **ERRORS}, summary="Your notes, newest first", **needs(READ)
)
def list_notes(
    request: HttpRequest,
    filters: Query[FiltersIn],
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: str | None = None,
) -> Any:
    after = place_of(cursor) if cursor else None
    box = _own_box(request, filters.box)
    chosen = Filters(box.pk if box else None, filters.inbox, filters.status)
    if filters.search:
        return found_page(user_id(request), filters.search, chosen, after, limit)
    notes = Note.objects.for_user(user_id(request))
    notes = notes.narrowed(chosen.box, chosen.inbox, chosen.status).without_details()
    if after:
        notes = notes.older_than(after.created_at, after.note_id)
    page = list(notes[: limit + 1])
    boxes = _boxes(request)
    last = page[limit - 1] if len(page) > limit else None
    return {
        "results": [note_out(note, boxes) for note in page[:limit]],
        "next": cursor_after(Place(last.created_at, last.pk)) if last else None,
    }


# Not counted: it is how clients wait for a note.
@router.get(
    "/{uuid:note_id}",
    response={200: NoteDetailOut, 304: None, **ERRORS},
    summary="One note",
    throttle=[],
    **needs(READ),
)
def get_note(request: HttpRequest, response: HttpResponse, note_id: uuid.UUID) -> Any:
    return unless_known(request, response, as_shown(request, find_note(request, note_id)))


@router.patch("/{uuid:note_id}", response={200: NoteDetailOut, **ERRORS}, summary="Correct a note")
def change_note(
    request: HttpRequest, note_id: uuid.UUID, data: NotePatch, if_match: IfMatch = None
) -> Any:
    try:
        with transaction.atomic():
            note = find_note(request, note_id, lock=True)
            check_match(if_match, lambda: as_shown(request, note))
            if "box" in data.model_fields_set:
                note.move_to(_own_box(request, data.box))
            if data.transcript is not None:
                note.edit_transcript(data.transcript)
    except IntegrityError as fault:  # the box was deleted just now
        raise Problem("unknown_box") from fault
    return _shown(request, note, note.ahead_of_it())


@router.delete("/{uuid:note_id}", response={204: None, **ERRORS}, summary="Delete note and audio")
def delete_note(request: HttpRequest, note_id: uuid.UUID, if_match: IfMatch = None) -> Any:
    with transaction.atomic():
        note = find_note(request, note_id, lock=True)
        check_match(if_match, lambda: as_shown(request, note))
        note.erase()
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
    return Status(202, _shown(request, note, note.ahead_of_it()))


@router.get(
    "/{uuid:note_id}/audio",
    response={frozenset({200, 206, 302}): None, **ERRORS},
    summary="The audio",
    **needs(READ),
)
def get_audio(request: HttpRequest, note_id: uuid.UUID) -> Any:
    return audio_response(request, find_note(request, note_id))


def find_note(request: HttpRequest, note_id: uuid.UUID, *, lock: bool = False) -> Note:
    """The user's own note; with ``lock`` nobody else changes it in this transaction.

    Raises:
      Problem: ``not_found``, for a note of somebody else as for none.
    """
    notes = Note.objects.for_user(user_id(request))
    note = (notes.select_for_update() if lock else notes).filter(pk=note_id).first()
    if note is None:
        raise Problem("not_found")
    return note


def _own_box(request: HttpRequest, box_id: uuid.UUID | None) -> Box | None:
    if box_id is None:
        return None
    box = Box.objects.for_user(user_id(request)).filter(pk=box_id).first()
    if box is None:
        raise Problem("unknown_box")
    return box


def _boxes(request: HttpRequest) -> dict[uuid.UUID, Box]:
    return {box.pk: box for box in Box.objects.for_user(user_id(request))}


def _shown(request: HttpRequest, note: Note, ahead: int | None) -> dict[str, Any]:
    names_boxes = note.box_id or note.filing_suggestions
    return note_detail_out(note, _boxes(request) if names_boxes else {}, ahead)


def as_shown(request: HttpRequest, note: Note) -> NoteDetailOut:
    return NoteDetailOut.model_validate(_shown(request, note, note.ahead_of_it()))


def _received(request: HttpRequest, response: HttpResponse, note: Note) -> dict[str, Any]:
    response["Location"] = f"/api/v1/notes/{note.pk}"
    response["Retry-After"] = "2"
    return _shown(request, note, None)  # counting the others costs more than storing it


def _tried_again(twin: Note | None) -> Note | None:
    """``twin``, under way once more if it had failed."""
    if twin is not None and twin.processing_status == NoteStatus.FAILED:
        with suppress(NotRetryable):  # somebody else was quicker
            twin.retry()
    return twin


def _is_stored_soon(accepted: AcceptedAudio) -> bool:
    """Whether to store it takes no longer than to ask first whether it may be."""
    return not settings.S3_BUCKET and accepted.size <= settings.FILE_UPLOAD_MAX_MEMORY_SIZE


def _new_note(
    request: HttpRequest, accepted: AcceptedAudio, key: str, content: str, recording: dict[str, Any]
) -> Note | None:
    """The note, if all is as it nearly always is; else None, and nothing is left of it.

    Of a key that came twice in one instant the second is refused by the database. A storage that
    takes nothing is no answer to a client whose note is safe, so that is found out first.
    """
    with suppress(IntegrityError, StorageUnavailable), _stored(accepted) as audio_key:
        recording = {**recording, "audio_key": audio_key}
        note = admission.receive_new(user_id(request), key, content, **recording)
        if note is None:
            delete_audio(audio_key)
        return note
    return None


@contextmanager
def _stored(accepted: AcceptedAudio) -> Iterator[str]:
    """The key under which the audio is stored, for a note; deleted if the database refuses that.

    What becomes of a note whose database failed is not known: its audio is left to the sweep.

    Raises:
      StorageUnavailable: it was not stored.
    """
    audio_key = new_key()
    if settings.S3_BUCKET:  # a folder takes a moment, less than to borrow a connection again
        release_connection()
    store_audio(audio_key, accepted.file)
    try:
        yield audio_key
    except IntegrityError:
        delete_audio(audio_key)
        raise
