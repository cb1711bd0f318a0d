"""Gives an empty installation its first user, so that it can be tried at once."""

from __future__ import annotations

import json
import secrets
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand
from django.db.models.functions import Now

from notes.models import ApiToken, Box

USERNAME = "voce"
# What the token is called, not the token.
TOKEN_NAME = "bin/up"  # noqa: S105  # nosec B105
#: For the sample note that ``bin/up`` sends; short, since each start makes one.
TRIAL = timedelta(hours=1)
BOXES: dict[str, tuple[str, list[str]]] = {
    "Casa": (
        "Consertos, compras e contas da casa",
        ["encanador", "cozinha", "pia", "lâmpada", "conta de luz", "aluguel", "faxina"],
    ),
    "Trabalho": (
        "Clientes, reuniões e entregas",
        ["reunião", "cliente", "proposta", "relatório", "prazo", "projeto"],
    ),
    "Saúde": (
        "Consultas, exames e remédios",
        ["médico", "exame", "remédio", "consulta", "receita", "dentista"],
    ),
}


class Command(BaseCommand):
    help = "If there is no user yet, make one with three boxes; print a token that lives an hour."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        user, password = self._first_user()
        ApiToken.objects.filter(name=TOKEN_NAME, expires_at__lt=Now()).delete()
        _, token = ApiToken.issue(user.pk, name=TOKEN_NAME, lifetime=TRIAL)
        boxes = list(Box.objects.for_user(user.pk).values_list("name", flat=True))
        answer = {"username": user.get_username(), "password": password, "token": token}
        if options["json"]:
            self.stdout.write(json.dumps({**answer, "boxes": boxes}))
            return
        for name, value in answer.items():
            if value:
                self.stdout.write(f"{name}: {value}")

    def _first_user(self) -> tuple[Any, str | None]:
        """The oldest user and None, or a new one with three boxes and its password."""
        users = get_user_model().objects
        if (user := users.filter(is_active=True).order_by("pk").first()) is not None:
            return user, None
        password = secrets.token_urlsafe(12)
        user = users.create_superuser(USERNAME, password=password)
        for name, (description, keywords) in BOXES.items():
            Box.objects.create(
                owner_id=user.pk, name=name, description=description, keywords=keywords
            )
        return user, password
