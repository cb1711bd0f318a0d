from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.db import connections
from django.db.models.signals import post_migrate


class NotesConfig(AppConfig):
    name = "notes"
    verbose_name = "Baú Mental"

    def ready(self) -> None:
        post_migrate.connect(keep_search, sender=self)
        # Web's processes may be forked after this; the SDK's threads begin anew in each of them.
        if settings.SENTRY_DSN:
            from project.sentry import start_sentry

            start_sentry(settings.SENTRY_DSN)


def keep_search(using: str, **_: Any) -> None:
    """After migrations: bring back what they may have taken from search on SQLite."""
    from notes.search.sqlite_schema import keep_triggers

    if connections[using].vendor == "sqlite":
        keep_triggers(connections[using])
