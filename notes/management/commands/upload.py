"""Sends voice notes from files, by the REST API like any other client."""

from __future__ import annotations

import hashlib
import io
import os
import time
import uuid
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx2
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from notes.audio.formats import HEAD_BYTES, sniff
from notes.management.progress import Progress
from project.environment import is_local

#: Waits before another try where the server is busy or does not answer.
WAITS = (1.0, 2.0, 5.0, 10.0)
LONGEST_WAIT = 60.0
#: 409: an earlier try with the same key is still being taken in.
BUSY = (409, 429, 502, 503, 504)


class NotSent(Exception):
    """The server did not take this file; the text says why."""


class Command(BaseCommand):
    help = (
        "Send files, or all audio in folders, as voice notes. Nothing is sent twice: after Ctrl-C"
        " or a failure run the same command again within a day. Exit code 0: all are there; 1: some"
        " are not; 2: nothing could be tried."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="file or folder")
        parser.add_argument("--url", help="the server (default: BASE_URL)")
        parser.add_argument("--token", help="an API token (better: in the environment, BAU_TOKEN)")
        parser.add_argument("--box", help="name or id of the box to put them in")
        parser.add_argument("--language", help="what is spoken, such as pt or en")
        parser.add_argument("--source", choices=("memo", "group_audio", "forwarded"))

    def handle(self, *args: Any, **options: Any) -> None:
        self.stderr.style_func = None
        files = list(audio_files(options["paths"]))
        if not files:
            raise CommandError("There is no audio in there.", returncode=2)
        with Server(options["url"] or settings.BASE_URL, _token(options)) as server:
            form = {name: options[name] for name in ("language", "source") if options[name]}
            if options["box"]:
                form["box"] = server.box_id(options["box"])
            self._send_all(server, files, form)

    def _send_all(self, server: Server, files: list[Path], form: dict[str, str]) -> None:
        progress = Progress(self.stderr, {path: path.stat().st_size for path in files})
        sent = failed = 0
        try:
            for path in files:
                try:
                    line = server.send(path, form, progress.advance)
                except (NotSent, OSError) as fault:
                    failed += 1
                    progress.clear()
                    self.stderr.write(f"failed {_shown(path)}: {fault}")
                else:
                    sent += 1
                    progress.clear()
                    self.stdout.write(f"{line} {_shown(path)}")
                progress.done(path)
        except KeyboardInterrupt:
            failed = len(files) - sent
        progress.clear()
        self.stderr.write(f"{sent} of {len(files)} are there.")
        if failed:
            raise CommandError("Run the same command again to send the rest.", returncode=1)


def _token(options: dict[str, Any]) -> str:
    token = str(options["token"] or os.environ.get("BAU_TOKEN", "")).strip()
    if not token:
        text = "No token. Make one with create_token, and set BAU_TOKEN to it."
        raise CommandError(text, returncode=2)
    return token


def audio_files(paths: Iterable[Path]) -> Iterator[Path]:
    """The named files, and of named folders the files that are audio; each once, in order.

    Raises:
      CommandError: there is no such path.
    """
    seen: set[Path] = set()
    for path in paths:
        if not path.exists():
            raise CommandError(f"There is no {_shown(path)}.", returncode=2)
        found = sorted(filter(_is_audio, path.rglob("*"))) if path.is_dir() else [path]
        yield from (file for file in found if file.resolve() not in seen)
        seen.update(file.resolve() for file in found)


def _is_audio(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return sniff(file.read(HEAD_BYTES)) is not None
    except OSError:
        return False


def _shown(path: Path) -> str:
    """The path for a person, also where its bytes are no text."""
    return os.fsencode(path).decode(errors="replace")


class Server:
    """The REST API, as far as it is needed here."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        self._http = httpx2.Client(
            base_url=f"{self.url}/api/v1",
            headers={"Authorization": f"Bearer {token}", "Accept-Language": "en"},
            timeout=httpx2.Timeout(60, connect=5),
            # A proxy of the environment cannot reach this machine's own addresses.
            trust_env=not is_local(self.url),
        )

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def box_id(self, wanted: str) -> str:
        """The id of the box with this id or name.

        Raises:
          CommandError: there is none.
        """
        try:
            boxes = self._ask(lambda: self._http.get("/boxes")).json()
        except NotSent as fault:
            raise CommandError(str(fault), returncode=2) from fault
        for box in boxes:
            if wanted.casefold() in (box["id"], box["name"].casefold()):
                return str(box["id"])
        names = ", ".join(box["name"] for box in boxes) or "none"
        raise CommandError(f"There is no box '{wanted}'. There are: {names}.", returncode=2)

    def send(self, path: Path, form: dict[str, str], told: Callable[[int], None]) -> str:
        """Send one file; ``sent`` or ``known`` (it was there already), and the note's id.

        Raises:
          NotSent, OSError: this file was not taken.
          CommandError: no file would be.
        """
        with Watched(path, told) as file:
            key = _key(hashlib.file_digest(file, "sha256").hexdigest(), form)

            def post() -> httpx2.Response:
                # The file's name is nobody's business.
                audio = ("voice", file, "application/octet-stream")
                headers = {"Idempotency-Key": key}
                return self._http.post("/notes", files={"audio": audio}, data=form, headers=headers)

            answer = self._ask(post)
        word = "known" if "Idempotent-Replayed" in answer.headers else "sent"
        return f"{word} {uuid.UUID(answer.json()['id'])}"

    def _ask(self, call: Callable[[], httpx2.Response]) -> httpx2.Response:
        """The answer to ``call``, tried again while the server is busy or away."""
        for wait in (*WAITS, None):
            try:
                answer = call()
            except httpx2.TransportError as fault:
                if wait is None:
                    text = f"{self.url} does not answer. See that it runs, then try again."
                    raise CommandError(text, returncode=1) from fault
            else:
                if answer.status_code not in BUSY or wait is None:
                    return self._accepted(answer)
                wait = _asked_wait(answer, wait)
                if answer.status_code == 429 and wait > LONGEST_WAIT:
                    text = f"{self.url} takes no more today. Run the same command tomorrow."
                    raise CommandError(text, returncode=1)
            time.sleep(min(wait, LONGEST_WAIT))
        raise AssertionError("unreachable")

    def _accepted(self, answer: httpx2.Response) -> httpx2.Response:
        if answer.status_code == 401:
            text = f"{self.url} does not know this token. Make one there with create_token."
            raise CommandError(text, returncode=2)
        if answer.is_success:
            return answer
        if "problem+json" in answer.headers.get("Content-Type", ""):
            raise NotSent(str(answer.json().get("title")))
        raise NotSent(f"{self.url} answered {answer.status_code}. Is it the right address?")


def _key(content: str, form: dict[str, str]) -> str:
    """The Idempotency-Key of a file: the same for the same command, however often it is run."""
    fields = "".join(f"{name}={value};" for name, value in sorted(form.items()))
    return f"file-{hashlib.sha256((content + fields).encode()).hexdigest()}"


def _asked_wait(answer: httpx2.Response, wait: float) -> float:
    asked = answer.headers.get("Retry-After", "")
    return float(asked) if asked.isdecimal() else wait


class Watched(io.BufferedReader):
    """A file that tells how much of it is read."""

    def __init__(self, path: Path, told: Callable[[int], None]) -> None:
        super().__init__(io.FileIO(path))
        self._told = told

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self._told(len(data))
        return data
