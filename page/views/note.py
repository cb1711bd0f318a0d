"""One note: read it, hear it, correct it, put it elsewhere, take it along, delete it."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from notes.api import notes as operations
from notes.api.conditional import etag_of
from notes.api.schemas import NoteDetailOut, NotePatch
from notes.exports.formats import FORMATS
from notes.models.note import OPEN
from page.boxes import boxes_with_counts
from page.views.shell import REFUSALS, Trouble, parsed, signed_in, text_of, trouble_of


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def note(request: HttpRequest, note_id: uuid.UUID) -> HttpResponseBase:
    """The note; a POST replaces its words, unless they changed since the form was made."""
    if request.method != "POST":
        return _render(request, note_id)
    words = text_of(request, "transcript")
    try:
        patch = parsed(NotePatch, {"transcript": words})
        operations.change_note(request, note_id, patch, request.POST.get("etag") or None)
    except REFUSALS as refusal:
        trouble = trouble_of(refusal)
        if trouble.status == 404:
            raise
        return _render(request, note_id, trouble, typed=words)
    return redirect("page:note", note_id=note_id)


def _render(
    request: HttpRequest,
    note_id: uuid.UUID,
    trouble: Trouble | None = None,
    typed: str | None = None,
) -> HttpResponse:
    found = operations.find_note(request, note_id)
    shown: NoteDetailOut = operations.as_shown(request, found)
    boxes, inbox_count = boxes_with_counts(request)
    context = {
        "note": shown,
        "etag": etag_of(shown),
        "is_open": shown.processing_status in OPEN,
        "has_audio": bool(found.audio_key),
        "peaks": shown.waveform,
        "spoken": shown.segments if shown.original_transcript is None else [],
        "typed": shown.transcript if typed is None else typed,
        "formats": list(FORMATS),
        "boxes": boxes,
        "inbox_count": inbox_count,
        "trouble": trouble,
    }
    return render(request, "page/note.html", context, status=trouble.status if trouble else 200)


@require_POST
@signed_in
def move(request: HttpRequest, note_id: uuid.UUID) -> HttpResponseBase:
    """Put the note into a box, or into the Inbox."""
    try:
        operations.change_note(
            request, note_id, parsed(NotePatch, {"box": request.POST.get("box") or None})
        )
    except REFUSALS as refusal:
        trouble = trouble_of(refusal)
        if trouble.status == 404:
            raise
        return _render(request, note_id, trouble)
    return redirect("page:note", note_id=note_id)


@require_POST
@signed_in
def retry(request: HttpRequest, note_id: uuid.UUID) -> HttpResponseBase:
    """Do the failed step again."""
    try:
        operations.retry(request, note_id)
    except REFUSALS as refusal:
        trouble = trouble_of(refusal)
        if trouble.status == 404:
            raise
        return _render(request, note_id, trouble)
    return redirect("page:note", note_id=note_id)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def delete(request: HttpRequest, note_id: uuid.UUID) -> HttpResponseBase:
    """Ask; then delete the note and its audio."""
    if request.method == "POST":
        operations.delete_note(request, note_id)
        return redirect("page:home")
    found = operations.find_note(request, note_id)
    context = {"note": operations.as_shown(request, found), "has_audio": bool(found.audio_key)}
    return render(request, "page/note_delete.html", context)
