"""Delete a user with all notes, boxes, tokens, sessions and audio. It cannot be undone."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from notes.erasure import erase_user
from notes.management.people import user_named
from notes.models import Note


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument(
            "--yes", "--no-input", action="store_true", dest="yes", help="do not ask"
        )
        parser.add_argument("--dry-run", action="store_true", help="only say how much there is")

    def handle(self, *args: Any, username: str, yes: bool = False, **options: Any) -> None:
        user = user_named(username, returncode=1)
        if options["dry_run"]:
            notes = Note.objects.for_user(user.pk)
            audio = notes.exclude(audio_key="").count()
            text = f"Would delete: {username}, with {notes.count()} notes and {audio} recordings."
            self.stdout.write(text)
            return
        if not yes and _typed(f"Delete {username} and all they have? Type the name: ") != username:
            raise CommandError("Nothing was deleted.")
        audio = erase_user(user)
        self.stdout.write(f"Deleted: {username}, with {audio} recordings.")


def _typed(question: str) -> str:
    """What is answered; nothing where nobody sits, or whoever does presses Ctrl-C."""
    try:
        return input(question)
    except (EOFError, KeyboardInterrupt):
        return ""
