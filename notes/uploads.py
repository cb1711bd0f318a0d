"""Is it audio, and not too much of it? Asked at once, of the bytes themselves."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from ninja.files import UploadedFile

from notes.audio.formats import HEAD_BYTES, AudioFormat, sniff
from notes.errors import Problem, problem_response

#: What a form may hold beside the file, in bytes.
FORM_BYTES = 64 * 1024


class SizeGate:
    """Refuses a body that is too large by its Content-Length, before a byte of it is read.

    A body without one is empty to WSGI, so nothing passes beside the gate.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or "0"
        limit = settings.MAX_UPLOAD_MB * 1024 * 1024 + FORM_BYTES
        if length.isdecimal() and int(length) > limit:
            return problem_response(
                request, Problem("file_too_large", limit=settings.MAX_UPLOAD_MB)
            )
        return self.get_response(request)


@dataclass(frozen=True)
class AcceptedAudio:
    """An upload that may be stored."""

    file: UploadedFile
    format: AudioFormat
    size: int
    sha256: str


def accept(file: UploadedFile) -> AcceptedAudio:
    """``file``, if it looks like audio within the limits; its name and type are not asked.

    Raises:
      Problem: ``empty_file``, ``file_too_large`` or ``not_audio``.
    """
    size = file.size or 0
    if size == 0:
        raise Problem("empty_file")
    if size > settings.MAX_UPLOAD_MB * 1024 * 1024:
        raise Problem("file_too_large", limit=settings.MAX_UPLOAD_MB)
    file.seek(0)
    audio_format = sniff(file.read(HEAD_BYTES))
    if audio_format is None:
        raise Problem("not_audio")
    return AcceptedAudio(file, audio_format, size, _sha256(file))


def _sha256(file: UploadedFile) -> str:
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    file.seek(0)
    return digest.hexdigest()
