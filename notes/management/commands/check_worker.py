"""The health check of a worker: is one alive, by the database's own clock?"""

from __future__ import annotations

import socket
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError

from notes.models import Heartbeat


class Command(BaseCommand):
    help = (
        "Exit with 0 if a worker was seen alive in the last minute, else with 1 and one line that"
        " says what to do. Asks the database only, so a Redis that is down does not matter."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", action="store_true", help="only workers of this host")

    def handle(self, *args: Any, **options: Any) -> None:
        host = socket.gethostname() if options["host"] else None
        if trouble := _trouble(host):
            self.stdout.write(trouble)
            raise SystemExit(1)


def _trouble(host: str | None) -> str:
    """What is wrong with the workers (of ``host``) and what to do about it; empty if nothing."""
    alive = Heartbeat.alive()
    if host is not None:
        alive = alive.filter(worker__startswith=f"{host}:")
    try:
        if alive.exists():
            return ""
    except DatabaseError as fault:
        return f"The database does not answer ({type(fault).__name__}); see that it runs."
    where = f" on {host}" if host else ""
    return (
        f"No worker{where} was seen lately. Notes are safe and wait;"
        " start (or restart) the container with the role worker or all, and read its log."
    )
