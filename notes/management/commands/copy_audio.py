"""Brings the audio of a folder into the storage that is set, under the same names."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from notes.management.progress import Progress
from notes.storage import ROOT, StorageUnavailable, has_audio, store_audio


class Command(BaseCommand):
    help = (
        "Copy the audio in FOLDER (an earlier MEDIA_ROOT) into the bucket or folder that is set."
        " What is there already is left alone, and nothing is deleted, so it can run twice. Exit"
        " code 0: all is there; 1: some is not; 2: nothing could be tried."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, metavar="FOLDER")

    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["folder"]
        if not folder.is_dir():
            raise CommandError(f"There is no folder {folder}.", returncode=2)
        if not settings.S3_BUCKET and folder.resolve() == Path(settings.MEDIA_ROOT).resolve():
            raise CommandError("That is where audio is kept now; set S3_BUCKET.", returncode=2)
        files = sorted(path for path in (folder / ROOT).rglob("*") if path.is_file())
        progress = Progress(self.stderr, {path: path.stat().st_size for path in files})
        copied = 0
        try:
            for path in files:
                copied += _copy(path, path.relative_to(folder).as_posix())
                progress.done(path)
        except StorageUnavailable:
            progress.clear()
            text = "The storage did not take it. Run the same command again to copy the rest."
            raise CommandError(text, returncode=1) from None
        progress.clear()
        self.stdout.write(f"{len(files)} are there, {copied} of them copied now.")


def _copy(path: Path, key: str) -> bool:
    """Whether it had to be copied."""
    if has_audio(key):
        return False
    with path.open("rb") as content:
        store_audio(key, content)
    return True
