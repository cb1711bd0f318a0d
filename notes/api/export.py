"""``/api/v1/notes/{id}.txt`` and its like, and ``/api/v1/export``."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, cast

from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from ninja import Router

from notes.api.notes import find_note
from notes.api.schemas import NoteOut, ProblemOut, note_out
from notes.auth import needs, user_id
from notes.exports.archive import Archive
from notes.exports.formats import FORMATS, Exported, Format, Segment
from notes.models import Box, Note, Scope

note_router = Router(tags=["export"])
router = Router(tags=["export"])

ERRORS = {frozenset({401, 403, 404, 503}): ProblemOut}


def _as_file(format_: Format, extension: str) -> Callable[[HttpRequest, uuid.UUID], Any]:
    def export_note(request: HttpRequest, note_id: uuid.UUID) -> Any:
        note = find_note(request, note_id)
        boxes = {box.pk: box for box in Box.objects.for_user(user_id(request))}
        text = format_.write(Exported(described(note, boxes), segments_of(note)))
        response = HttpResponse(text, content_type=f"{format_.mime}; charset=utf-8")
        return _download(response, f"{note.pk}.{extension}")

    export_note.__name__ = f"export_note_as_{extension}"
    return export_note


def _content(mime: str, **schema: str) -> dict[str, Any]:
    kind = "object" if mime == "application/json" else "string"
    content = {mime: {"schema": {"type": kind, **schema}}}
    return {"responses": {200: {"description": "OK", "content": content}}}


for _extension, _format in FORMATS.items():
    note_router.get(
        f"/{{uuid:note_id}}.{_extension}",
        response={200: None, **ERRORS},
        summary=_format.summary,
        operation_id=f"export_note_as_{_extension}",
        **needs(Scope.READ, **_content(_format.mime)),
    )(_as_file(_format, _extension))


@router.get(
    "",
    response={200: None, **ERRORS},
    summary="All you have, as a zip",
    **needs(Scope.READ, **_content("application/zip", format="binary")),
)
def export_all(request: HttpRequest) -> Any:
    archive = Archive(cast(AbstractBaseUser, request.user), described)
    response = StreamingHttpResponse(archive.chunks(), content_type="application/zip")
    # A proxy that keeps the whole answer first would take a disk for it.
    response["X-Accel-Buffering"] = "no"
    return _download(response, "bau-mental.zip")


def segments_of(note: Note) -> list[Segment]:
    """When what was said, where the transcriber told."""
    return [Segment(**segment) for segment in note.segments or []]


def described(note: Note, boxes: dict[uuid.UUID, Box]) -> dict[str, Any]:
    """``note`` as the API gives it, ready for JSON."""
    return NoteOut.model_validate(note_out(note, boxes)).model_dump(mode="json")


def _download(response: HttpResponseBase, name: str) -> HttpResponseBase:
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "private, no-store"
    return response
