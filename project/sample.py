"""The sample note, sent through REST as any client sends one; standard library only."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, Request, build_opener

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "samples" / "encanador.ogg"


class Refused(Exception):
    """Web answered with an error; the message is what it said."""


class Site:
    """The running product at ``url``, spoken to under the name that ``base_url`` gives it."""

    def __init__(self, url: str, base_url: str) -> None:
        self.url = url
        self.host = urlsplit(base_url).netloc

    def call(self, path: str, *, token: str = "", body: tuple[bytes, str] | None = None) -> Any:
        """What web answers: the JSON in it, or None if it is something else.

        Raises:
          Refused: it answered with an error.
          OSError: it did not answer.
        """
        headers = {"Host": self.host}
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        data, kind = body or (None, "")
        headers |= {"Content-Type": kind} if body else {}
        # The address is that of our own site, given by whoever started us.
        request = Request(self.url + path, data=data, headers=headers)  # noqa: S310
        try:
            # No proxy: we talk to our own machine.
            with build_opener(ProxyHandler({})).open(request, timeout=10) as response:
                answer = response.read()
                is_json = "json" in response.headers.get("Content-Type", "")
        except HTTPError as error:
            raise Refused(f"{path} answered {error.code}: {error.read().decode()}") from error
        return json.loads(answer) if is_json else None

    def send_sample(self, token: str) -> str:
        """Upload the sample; the path of its note."""
        note = self.call("/api/v1/notes", token=token, body=_multipart("audio", SAMPLE))
        return f"/api/v1/notes/{note['id']}"

    def note_if_done(self, path: str, token: str) -> Any:
        """The note at ``path`` once it is completed or failed, else None."""
        note = self.call(path, token=token)
        return note if note["processing_status"] in ("completed", "failed") else None


def _multipart(field: str, file: Path) -> tuple[bytes, str]:
    """A form with one file, as a browser sends it: the body and its content type."""
    boundary = secrets.token_hex(16)
    head = (
        f"--{boundary}\r\n"
        f'Content-Disposition: form-data; name="{field}"; filename="{file.name}"\r\n'
        "Content-Type: audio/ogg\r\n\r\n"
    )
    body = head.encode() + file.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
    return body, f"multipart/form-data; boundary={boundary}"


def describe(note: dict[str, Any]) -> list[str]:
    """What became of ``note``, in lines for a person."""
    if note["processing_status"] == "failed":
        error = note["error"] or {}
        return [f"failed: {error.get('code')}: {error.get('message')}"]
    box = note["box"]
    lines = [
        f"transcript: {note['transcript'] or '(none)'}",
        f"box: {box['name'] if box else 'none, it stays in the Inbox'}",
    ]
    return [*lines, f"reason: {note['filing_reason']}"] if note["filing_reason"] else lines


def is_filed(note: dict[str, Any]) -> bool:
    """Whether the note has words and a box."""
    return bool(note["transcript"] and note["box"])
