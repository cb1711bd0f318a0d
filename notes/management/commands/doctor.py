"""Looks at everything the product depends on, and says what to do about it."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from notes.doctor import FAIL, OK, WARN, Finding, examine


class Command(BaseCommand):
    help = (
        "Check database, migrations, Redis, storage, provider, models, workers, queue, clock and"
        " disk, in web and worker alike. Exit code 1 if something fails; with --strict also if"
        " something is worth a warning."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument(
            "--strict", action="store_true", help="a warning is a failure, for cron"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        findings: dict[str, Finding] = {}
        for name, finding in examine():
            findings[name] = finding
            if not options["json"]:
                self._tell(name, finding)
        if options["json"]:
            self.stdout.write(json.dumps({n: f._asdict() for n, f in findings.items()}))
        grave = (FAIL, WARN) if options["strict"] else (FAIL,)
        bad = [name for name, finding in findings.items() if finding.status in grave]
        if bad:
            raise CommandError(f"Not well: {', '.join(bad)}.")

    def _tell(self, name: str, finding: Finding) -> None:
        style = {OK: self.style.SUCCESS, WARN: self.style.WARNING, FAIL: self.style.ERROR}
        line = f"{name:<11} {finding.text}"
        if finding.next_step:
            line += f". {finding.next_step}"
        self.stdout.write(f"{style[finding.status](f'{finding.status:<4}')} {line}")
        self.stdout.flush()
