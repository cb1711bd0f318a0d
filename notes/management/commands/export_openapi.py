"""Write the API's contract to docs/openapi.json, or check that it is the current one."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from notes.api import api
from notes.api.contract import as_json
from notes.api.routes import PREFIX


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="change nothing; fail if the file is not current"
        )

    def handle(self, *args: Any, check: bool = False, **options: Any) -> None:
        file = settings.BASE_DIR / "docs" / "openapi.json"
        current = as_json(api.get_openapi_schema(path_prefix=PREFIX))
        if not check:
            file.write_text(current, encoding="utf-8")
            self.stdout.write(f"Written: {file}")
        elif not file.exists() or file.read_text(encoding="utf-8") != current:
            raise CommandError("docs/openapi.json is not current; run: manage.py export_openapi")
