from __future__ import annotations

from django.apps import AppConfig
from django.conf import settings


class NotesConfig(AppConfig):
    name = "notes"
    verbose_name = "Baú Mental"

    def ready(self) -> None:
        """In each process, so after all forks, which the SDK's thread would not survive."""
        if settings.SENTRY_DSN:
            from project.sentry import start_sentry

            start_sentry(settings.SENTRY_DSN)
