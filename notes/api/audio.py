"""The audio of a note: a signed link into the bucket, or the bytes with Range."""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.conf import settings
from django.core.files.storage import default_storage
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from notes.audio.formats import FORMATS, AudioFormat
from notes.connections import release_connection
from notes.errors import Problem
from notes.models import Note
from notes.storage import StorageUnavailable, has_audio

CHUNK = 64 * 1024
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


def audio_response(request: HttpRequest, note: Note) -> HttpResponseBase:
    """302 to a link that lives five minutes, or the audio itself (200, 206, 416).

    Raises:
      Problem: ``no_audio``, ``range_not_satisfiable``, ``storage_unavailable``.
    """
    kind = FORMATS.get(note.audio_format)
    if not kind or not note.audio_key or not _exists(note.audio_key):
        raise Problem("no_audio")
    release_connection()
    if settings.S3_BUCKET:
        return _link(note, kind)
    return _bytes(request, note, kind)


def _exists(key: str) -> bool:
    try:
        return has_audio(key)
    except StorageUnavailable as fault:
        raise Problem("storage_unavailable", headers={"Retry-After": "5"}) from fault


def _link(note: Note, kind: AudioFormat) -> HttpResponse:
    # The bucket answers with our type and our name, whatever the uploader called it.
    url = default_storage.url(
        note.audio_key,
        parameters={  # type: ignore[call-arg]
            "ResponseContentType": kind.mime,
            "ResponseContentDisposition": _disposition(note, kind),
        },
    )
    response = HttpResponse(status=302)
    response["Location"] = url
    response["Cache-Control"] = "no-store"
    return response


def _bytes(request: HttpRequest, note: Note, kind: AudioFormat) -> StreamingHttpResponse:
    size = default_storage.size(note.audio_key)
    asked = _range(request.headers.get("Range", ""), size)
    first, last = asked or (0, size - 1)
    response = StreamingHttpResponse(
        _read(note.audio_key, first, last), status=206 if asked else 200, content_type=kind.mime
    )
    response["Content-Length"] = str(last - first + 1)
    response["Accept-Ranges"] = "bytes"
    response["Content-Disposition"] = _disposition(note, kind)
    response["Cache-Control"] = "private, no-store"
    if asked:
        response["Content-Range"] = f"bytes {first}-{last}/{size}"
    return response


def _disposition(note: Note, kind: AudioFormat) -> str:
    return f'inline; filename="{note.pk}.{kind.extension}"'


def _range(asked: str, size: int) -> tuple[int, int] | None:
    """First and last byte of a single range, or None for what we don't know (RFC 9110, 14.2).

    Raises:
      Problem: ``range_not_satisfiable``.
    """
    match = _RANGE.fullmatch(asked)
    start, end = match.groups() if match else ("", "")
    if start:
        first, last = int(start), min(int(end or size - 1), size - 1)
    elif end:
        first, last = max(0, size - int(end)), size - 1
    else:
        return None
    if first > last:
        raise Problem("range_not_satisfiable", headers={"Content-Range": f"bytes */{size}"})
    return first, last


def _read(key: str, first: int, last: int) -> Iterator[bytes]:
    with default_storage.open(key) as stored:
        stored.seek(first)
        left = last - first + 1
        while left > 0 and (chunk := stored.read(min(CHUNK, left))):
            left -= len(chunk)
            yield chunk
