"""Is it audio, and not too much of it? Asked at once, of the bytes themselves."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from ninja.files import UploadedFile

from notes.audio.formats import HEAD_BYTES, AudioFormat, sniff
from notes.error_views import error_response, wants_page
from notes.errors import Problem, problem_response

#: What a form may hold beside the file, in bytes.
FORM_BYTES = 64 * 1024
#: What a body may have where nothing longer than a box or a token is sent.
SMALL_BYTES = 64 * 1024
UPLOAD = "/api/v1/notes"
#: The same from a form of the page.
FORM_UPLOAD = "/upload"
#: What a phone shares: answered without a look at its body (page.views.home.share).
UNREAD = "/share"


def upload_bytes() -> int:
    """What the body of an upload may have."""
    return int(settings.MAX_UPLOAD_MB) * 1024 * 1024 + FORM_BYTES


class SizeGate:
    """Refuses a body that is too large by its Content-Length, before a byte of it is read.

    It stands before everything that looks into a body, such as the CSRF check. A body without a
    length is not read at all: WSGI takes it for empty, so its sender is told.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        problem = self._problem(request)
        if problem is None:
            return self.get_response(request)
        with translation.override(translation.get_language_from_request(request)):
            show = error_response if wants_page(request) else problem_response
            return show(request, problem)

    def _problem(self, request: HttpRequest) -> Problem | None:
        if request.path_info == UNREAD:
            return None
        is_upload = request.method == "POST" and request.path_info in (UPLOAD, FORM_UPLOAD)
        length = request.META.get("CONTENT_LENGTH") or ""
        if "HTTP_TRANSFER_ENCODING" in request.META or (is_upload and not length):
            return Problem("length_required")
        if not length.isdecimal() or int(length) <= self._cap(request, is_upload):
            return None
        if is_upload:
            return Problem("file_too_large", limit=settings.MAX_UPLOAD_MB)
        return Problem("body_too_large")

    def _cap(self, request: HttpRequest, is_upload: bool) -> int:
        if is_upload:
            return upload_bytes()
        if request.path_info.startswith((f"{UPLOAD}/", "/notes/")):  # texts and transcripts
            return int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
        return SMALL_BYTES


class CappedUpload(FileUploadHandler):
    """Counts what really comes, and stops at what the gate lets in.

    Raises:
      django.core.exceptions.RequestDataTooBig: it was more; nothing of it is kept.
    """

    def __init__(self, request: HttpRequest | None = None) -> None:
        super().__init__(request)
        self._seen = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        self._seen += len(raw_data)
        if self._seen > upload_bytes():
            self._drop_what_was_kept()
            raise RequestDataTooBig("the file is larger than its Content-Length may be")
        return raw_data

    def _drop_what_was_kept(self) -> None:
        """Delete the unfinished temporary file, which Django's parser would leave to chance."""
        for handler in self.request.upload_handlers if self.request else ():
            if (unfinished := getattr(handler, "file", None)) is not None:
                unfinished.close()

    def file_complete(self, file_size: int) -> None:
        """Leaves the file to the handlers after this one."""


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
