"""Makes a link with which one person makes their own account."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from page.models import Invitation

MAX_DAYS = 365


class Command(BaseCommand):
    help = "Print a link with which one person makes their own account, once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", nargs="?", default="", help="whom it is for, for your own list")
        parser.add_argument(
            "--days", type=int, default=7, metavar="N", help="how long it is open (default: 7)"
        )

    def handle(self, *args: Any, name: str, days: int, **options: Any) -> None:
        if not 1 <= days <= MAX_DAYS:
            raise CommandError(f"--days must be from 1 to {MAX_DAYS}.")
        secret = Invitation.issue(name=name, lifetime=timedelta(days=days))
        self.stdout.write(settings.BASE_URL.rstrip("/") + reverse("page:join", args=[secret]))
