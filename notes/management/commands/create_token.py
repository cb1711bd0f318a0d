"""Makes a token for a client of the API."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from notes.models import ApiToken


class Command(BaseCommand):
    help = "Make an API token for a user and print it once; only its digest is kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="the user's name")
        parser.add_argument("--name", default="", help="what it is for, such as 'my phone'")
        parser.add_argument("--days", type=int, help="how long it is valid (default: for ever)")

    def handle(self, *args: Any, **options: Any) -> None:
        users = get_user_model().objects
        user = users.filter(username=options["user"]).first()
        if user is None:
            raise CommandError(
                f"There is no user '{options['user']}'. Make one: manage.py createsuperuser."
            )
        lifetime = timedelta(days=options["days"]) if options["days"] else None
        _, secret = ApiToken.issue(user.pk, name=options["name"], lifetime=lifetime)
        self.stdout.write(secret)
