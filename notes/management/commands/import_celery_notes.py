"""Takes over boxes, notes and audio of the Celery system."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from notes.celery_import.media import Media, MediaUnavailable, media_bucket, media_folder
from notes.celery_import.owners import NoSuchUser, Owners
from notes.celery_import.source import NotTheCelerySystem, Source
from notes.celery_import.take import Report, Take
from notes.management.progress import Progress
from notes.storage import StorageUnavailable
from project.environment import Environment

#: So many of a list are shown.
SHOWN = 20


class Command(BaseCommand):
    help = (
        "Take over boxes, notes and audio of the Celery system. IMPORT_DATABASE_URL names its"
        " database (read only); its audio is in --media FOLDER or in the bucket of"
        " IMPORT_S3_BUCKET. Safe to run again: what is here is left alone. Exit code 0: all are"
        " here; 1: some are listed as left out; 2: nothing could be tried."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--media", type=Path, metavar="FOLDER", help="its MEDIA_ROOT")
        parser.add_argument(
            "--map",
            action="append",
            default=[],
            metavar="WORKSPACE=USER",
            help="who here owns what is of a workspace (slug, name, id) or of an e-mail address",
        )
        parser.add_argument(
            "--create-users",
            action="store_true",
            help="make an account, without a password, for each user there who made notes",
        )
        parser.add_argument("--dry-run", action="store_true", help="only say what would be done")

    def handle(self, *args: Any, **options: Any) -> None:
        self.stderr.style_func = None
        try:
            with Source(Environment().str("IMPORT_DATABASE_URL", "")) as source:
                report = self._take(source, options)
        except (NotTheCelerySystem, NoSuchUser) as fault:
            raise CommandError(str(fault), returncode=2) from fault
        except MediaUnavailable as fault:
            text = f"The old storage failed ({fault}). See IMPORT_S3_*, then run this again."
            raise CommandError(text, returncode=1) from None
        except StorageUnavailable as fault:
            text = "Our storage did not take the audio. Run the same command again."
            raise CommandError(text, returncode=1) from fault
        self._tell(report, dry=options["dry_run"])
        if not report.is_whole:
            raise CommandError("Some are left out; see above.", returncode=1)

    def _take(self, source: Source, options: dict[str, Any]) -> Report:
        dry = options["dry_run"]
        # A dry run makes no accounts, so it lists those who would get one as nobody's.
        owners = Owners(source, _pairs(options["map"]), create=options["create_users"] and not dry)
        progress = Progress(self.stderr, source.sizes())
        try:
            return Take(source, _media(options["media"]), owners, dry=dry).run(progress.done)
        except KeyboardInterrupt:
            text = "Stopped. Run the same command again for the rest."
            raise CommandError(text, returncode=1) from None
        finally:
            progress.clear()

    def _tell(self, report: Report, *, dry: bool) -> None:
        if dry:
            self.stdout.write("Nothing was written. It would be:")
        for name, count in sorted(report.counts.items()):
            self.stdout.write(f"{name:<30} {count:>9}")
        for whose, count in sorted(report.ownerless.items()):
            self.stdout.write(f"left out: {count} {whose}. Name an owner with --map.")
        for what, files in (
            ("audio that is not there", report.audio_missing),
            ("audio of no kind we know", report.audio_unknown),
        ):
            for line in files[:SHOWN]:
                self.stdout.write(f"{what}: {line}")
            if len(files) > SHOWN:
                self.stdout.write(f"{what}: {len(files) - SHOWN} more")


def _pairs(given: list[str]) -> dict[str, str]:
    pairs = {}
    for pair in given:
        left, equals, name = pair.rpartition("=")
        if not (left and equals and name):
            raise CommandError(f"--map must be WORKSPACE=USER; it is {pair}.", returncode=2)
        pairs[left] = name
    return pairs


def _media(folder: Path | None) -> Media | None:
    if folder is None:
        return media_bucket()
    if not folder.is_dir():
        raise CommandError(f"There is no folder {folder}.", returncode=2)
    return media_folder(folder)
