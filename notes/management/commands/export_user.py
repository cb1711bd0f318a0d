"""Everything a user has as one zip: for whoever asks the operator for their data."""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.db.models import Sum
from django.utils.text import slugify

from notes.api.export import described
from notes.exports.archive import Archive
from notes.management.people import user_named
from notes.management.progress import Progress
from notes.models import Note

STDOUT = "-"


class Command(BaseCommand):
    help = (
        "Write a zip of all that a user has: notes with their words and segments, boxes, audio."
        " It is there whole or not at all, also after Ctrl-C. Exit code 0: all is in it; 1: audio"
        " is missing, and the manifest says of which notes; 2: there is no zip."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument(
            "--output",
            metavar="FILE",
            help="where to write it; - is the standard output, for a pipe out of a container"
            " (default: a name with user and day, here)",
        )
        parser.add_argument("--force", action="store_true", help="replace a file that is there")
        parser.add_argument("--json", action="store_true", help="print the manifest")

    def handle(self, *args: Any, **options: Any) -> None:
        self.stderr.style_func = None
        user = user_named(options["username"])
        archive = Archive(user, described)
        try:
            if options["output"] == STDOUT:
                place = STDOUT
                self._write(archive, _standard_output())
            else:
                place = options["output"] or _name_for(user)
                with _whole_file(Path(place), replace=options["force"]) as file:
                    self._write(archive, file)
        except KeyboardInterrupt:
            raise CommandError("Stopped; nothing was kept.", returncode=2) from None
        except OSError as fault:
            text = f"{options['output'] or 'The zip'} cannot be written: {fault.strerror}."
            raise CommandError(text, returncode=2) from fault
        self._tell(archive.manifest, place, as_json=options["json"])

    def _write(self, archive: Archive, file: IO[bytes]) -> None:
        notes = Note.objects.for_user(archive.user.pk).exclude(audio_key="")
        size = notes.aggregate(size=Sum("audio_bytes"))["size"] or 0
        progress = Progress(self.stderr, {archive.user.pk: size})
        try:
            for chunk in archive.chunks():
                file.write(chunk)
                progress.advance(len(chunk))
            file.flush()
        finally:
            progress.clear()

    def _tell(self, manifest: dict[str, Any], place: str, *, as_json: bool) -> None:
        # Where the zip itself went to standard output, what is said goes beside it.
        said = self.stderr if place == STDOUT else self.stdout
        if as_json:
            said.write(json.dumps({**manifest, "file": place}, ensure_ascii=False))
        else:
            counts = "{notes} notes, {boxes} boxes, {audio} recordings".format_map(manifest)
            said.write(f"{place}: {counts}")
        missing = manifest["audio_missing"]
        for fault in missing:
            self.stderr.write(f"no audio: note {fault['note']} ({fault['reason']})")
        if missing:
            raise CommandError(f"{len(missing)} recordings are not in it.", returncode=1)


def _name_for(user: User) -> str:
    """A file name that any system takes, whatever the user is called."""
    name = slugify(user.get_username()) or f"user-{user.pk}"
    return f"bau-mental-{name[:60]}-{datetime.now(UTC):%Y-%m-%d}.zip"


def _standard_output() -> IO[bytes]:
    if sys.stdout.isatty():
        raise CommandError("A terminal cannot show a zip; send it to a file.", returncode=2)
    return sys.stdout.buffer


@contextmanager
def _whole_file(path: Path, *, replace: bool) -> Iterator[IO[bytes]]:
    """A file that is at ``path`` once it is complete, readable by its owner alone.

    Raises:
      CommandError: there is something already, and not to be replaced.
    """
    if path.exists() and not replace:
        text = f"{path} is there already; --force replaces it."
        raise CommandError(text, returncode=2)
    part = path.with_name(f".{path.name}.part")
    # One that was left by a killed run is no reason to stop.
    with suppress(FileNotFoundError):
        part.unlink()
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(descriptor)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
