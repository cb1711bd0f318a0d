"""Brings the database up to date, and tries the storage, before the processes start."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, SystemCheckError
from django.db import OperationalError, connection

from notes.health import check_migrations
from notes.probe import StorageRefuses, StorageSilent, probe_storage
from project.weak import is_public

#: Any number will do, as long as all containers use the same.
LOCK = 0x62617500
PATIENCE_SECONDS = 300
LOOK_SECONDS = 2
#: A bucket that is away does not keep web from showing notes, nor lose any: we go on without it.
STORAGE_PATIENCE_SECONDS = 15


class Command(BaseCommand):
    help = (
        "Check a public site's settings, migrate the database once, under a lock, and try the"
        " storage; with PROCESS_ROLE=worker wait up to 5 minutes until another container has"
        " migrated. Exit code 2 if settings or storage have to be corrected first."
    )
    # All but those of a deployment look at the code, which cannot have changed.
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        if is_public(settings.BASE_URL):
            self._check_deployment()
        self._bring_schema(options)
        self._try_storage()

    def _check_deployment(self) -> None:
        try:
            call_command("check", deploy=True, fail_level="WARNING")
        except SystemCheckError as fault:
            raise CommandError(str(fault), returncode=2) from None

    def _bring_schema(self, options: dict[str, Any]) -> None:
        self._wait_for(connection.ensure_connection, "the database")
        if settings.PROCESS_ROLE == "worker":
            self._wait_for(check_migrations, "the schema; a web container makes it")
            return
        with migration_lock():
            call_command("migrate", interactive=False, verbosity=min(options["verbosity"], 1))

    def _try_storage(self) -> None:
        deadline = time.monotonic() + STORAGE_PATIENCE_SECONDS
        while True:
            try:
                probe_storage()
                return
            except StorageRefuses as fault:
                raise CommandError(f"The storage {fault}.", returncode=2) from fault
            except StorageSilent as fault:
                if time.monotonic() > deadline:
                    self.stderr.write(f"The storage {fault}. Starting without it; notes wait.")
                    return
                self.stdout.write(f"waiting for the storage, which {fault}")
                self.stdout.flush()
            time.sleep(LOOK_SECONDS)

    def _wait_for(self, check: Any, what: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                check()
                return
            except (OperationalError, RuntimeError) as fault:
                if connection.vendor == "sqlite" and isinstance(fault, OperationalError):
                    raise CommandError(f"SQLite: {fault}. See DATABASE_URL.") from fault
                if time.monotonic() > deadline:
                    raise CommandError(f"Gave up waiting for {what}: {fault}") from fault
            self.stdout.write(f"waiting for {what}")
            self.stdout.flush()
            time.sleep(LOOK_SECONDS)


@contextmanager
def migration_lock() -> Iterator[None]:
    """Held by one container at a time: an advisory lock of PostgreSQL, or of a file for SQLite."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        try:
            yield
        finally:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
        return
    with open(f"{connection.settings_dict['NAME']}.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
