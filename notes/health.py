"""Is the process alive, and can it do its work?"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse

from notes.broker import broker

#: Balancers ask often; an answer is kept so long.
KEPT_SECONDS = 5.0


class HealthMiddleware:
    """Answers ``/healthz`` before anything else: no database, any Host, plain http."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path == "/healthz":
            return HttpResponse("ok", content_type="text/plain")
        return self.get_response(request)


class Readiness:
    """What readiness depends on, asked at most every KEPT_SECONDS."""

    def __init__(self) -> None:
        self._asked_at = -KEPT_SECONDS
        self._answers: dict[str, str] = {}

    def __call__(self) -> dict[str, str]:
        """``ok`` or ``down`` for each dependency."""
        if time.monotonic() - self._asked_at >= KEPT_SECONDS:
            self._answers = {name: _ok(check) for name, check in CHECKS.items()}
            self._asked_at = time.monotonic()
        return self._answers


readiness = Readiness()


def readyz(request: HttpRequest) -> HttpResponse:
    """200 when notes can be taken in, else 503; Redis is reported, not required."""
    answers = readiness()
    ready = all(answers[name] == "ok" for name in ("database", "migrations", "storage"))
    response = JsonResponse(answers, status=200 if ready else 503)
    if not ready:
        response["Retry-After"] = "5"
    return response


def _ok(check: Callable[[], object]) -> str:
    try:
        check()
    except Exception:
        # Whatever it raises, it does not work; the text could name hosts and users.
        return "down"
    return "ok"


def check_database() -> None:
    """Raises if the database does not answer."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def check_migrations() -> None:
    """Raises if the schema is older than this code."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise RuntimeError("migrations are missing")


def check_storage() -> None:
    """Raises if audio could not be stored."""
    if settings.S3_BUCKET:
        default_storage.exists("audio/readyz")
        return
    root = Path(settings.MEDIA_ROOT)
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not os.access(root, os.W_OK | os.X_OK):
        raise PermissionError(root)


def check_redis() -> None:
    """Raises if Redis does not answer at once."""
    broker().bell.ping()


CHECKS: dict[str, Callable[[], object]] = {
    "database": check_database,
    "migrations": check_migrations,
    "storage": check_storage,
    "redis": check_redis,
}
