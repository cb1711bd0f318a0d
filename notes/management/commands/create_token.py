"""Makes a token for a client of the API."""

from __future__ import annotations

import json
from argparse import ArgumentParser, ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from notes.models import ApiToken, Scope


def _days(text: str) -> timedelta:
    if not text.isdecimal() or not 1 <= int(text) <= 36_500:
        raise ArgumentTypeError("must be a number of days from 1 on")
    return timedelta(days=int(text))


class Command(BaseCommand):
    help = "Make an API token for a user and print it once; only its digest is kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="the user's name")
        parser.add_argument("--name", default="", help="what it is for, such as 'my phone'")
        parser.add_argument(
            "--days", type=_days, metavar="N", help="how long it is valid (default: for ever)"
        )

        parser.add_argument(
            "--scope",
            choices=Scope.values,
            default=Scope.FULL.value,
            help="what it opens: notes:write only sends notes (for a phone's shortcut), notes:read"
            " only reads, full does both and changes things (default)",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        users = get_user_model().objects
        name = options["user"]
        user = users.filter(**{get_user_model().USERNAME_FIELD: name}).first()
        if user is None:
            raise CommandError(f"There is no user '{name}'. Make one: manage.py createsuperuser")
        if not user.is_active:
            raise CommandError(f"'{name}' is inactive, so a token would open nothing.")
        token, secret = ApiToken.issue(
            user.pk,
            name=options["name"][:80],
            lifetime=options["days"],
            scope=Scope(options["scope"]),
        )
        described = {"id": str(token.pk), "user": name, "scope": token.scope, "token": secret}
        self.stdout.write(json.dumps(described) if options["json"] else secret)
