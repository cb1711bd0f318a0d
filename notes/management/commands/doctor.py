"""Looks at everything the product depends on, and says what to do about it."""

from __future__ import annotations

import io
import json
from argparse import ArgumentParser
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from django.conf import settings
from django.core.files.storage import default_storage
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.models.functions import Now

from notes.health import check_database, check_migrations, check_redis
from notes.models import Heartbeat
from notes.openai_client import build_client
from notes.openai_failures import json_answer, vendor_errors
from notes.provider import ProviderError
from notes.storage import delete_audio, new_key, read_audio, store_audio
from notes.texts import NOTE_ERRORS

OK, WARN, FAIL = "ok", "warn", "fail"
#: A model that goes within so many days is worth a warning.
SHUTDOWN_DAYS = 60
NEEDS_DATABASE = ("migrations", "worker")


class Finding(NamedTuple):
    """What was found, and what to do about it."""

    status: str
    text: str
    next_step: str = ""


class Command(BaseCommand):
    help = (
        "Check database, migrations, Redis, storage, provider, models and workers."
        " Exit code 1 if something fails."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        findings: dict[str, Finding] = {}
        for name, check in CHECKS.items():
            if name in NEEDS_DATABASE and findings["database"].status == FAIL:
                findings[name] = Finding(FAIL, "not checked", "Mend the database first.")
            else:
                findings[name] = check()
            if not options["json"]:
                self._tell(name, findings[name])
        if options["json"]:
            self.stdout.write(json.dumps({n: f._asdict() for n, f in findings.items()}))
        bad = [name for name, finding in findings.items() if finding.status == FAIL]
        if bad:
            raise CommandError(f"Not well: {', '.join(bad)}.")

    def _tell(self, name: str, finding: Finding) -> None:
        style = {OK: self.style.SUCCESS, WARN: self.style.WARNING, FAIL: self.style.ERROR}
        line = f"{name:<11} {finding.text}"
        if finding.next_step:
            line += f". {finding.next_step}"
        self.stdout.write(f"{style[finding.status](f'{finding.status:<4}')} {line}")
        self.stdout.flush()


def database() -> Finding:
    try:
        check_database()
    except Exception as fault:
        # Its text may quote the address with the password.
        return Finding(FAIL, f"does not answer ({type(fault).__name__})", "See DATABASE_URL.")
    return Finding(OK, connection.display_name)


def migrations() -> Finding:
    try:
        check_migrations()
    except RuntimeError:
        return Finding(FAIL, "the schema is older than this code", "Run: manage.py prepare")
    except Exception as fault:
        return Finding(FAIL, f"could not be read ({type(fault).__name__})", "See DATABASE_URL.")
    return Finding(OK, "up to date")


def redis() -> Finding:
    try:
        check_redis()
    except Exception as fault:
        text = f"does not answer ({type(fault).__name__}); notes are kept, but wait"
        return Finding(FAIL, text, "Start it, or see REDIS_URL.")
    return Finding(OK, "answers")


def storage() -> Finding:
    """Write, read and delete an object, under a name that the orphan sweep would find."""
    bucket = settings.S3_BUCKET
    key, content = new_key(), b"doctor"
    try:
        store_audio(key, io.BytesIO(content))
        same = read_audio(key) == content
        delete_audio(key)
        good = same and not default_storage.exists(key)
    except Exception as fault:
        cause = fault.__cause__ or fault
        step = "See the settings S3_*." if bucket else "See that MEDIA_ROOT can be written."
        return Finding(FAIL, f"does not take a file ({type(cause).__name__})", step)
    if not good:
        return Finding(FAIL, "does not give back or delete what it took", "Ask its operator.")
    return Finding(OK, f"bucket {bucket}" if bucket else f"folder {settings.MEDIA_ROOT}")


def provider() -> Finding:
    """Does the provider take the key? Asked by the one call that costs nothing."""
    if not settings.OPENAI_API_KEY:
        return Finding(OK, "no key is set; transcription is local, filing goes by rules")
    try:
        _listed_models()
    except ProviderError as fault:
        text = NOTE_ERRORS[fault.code].en.rstrip(".")
        if fault.code == "provider_misconfigured":
            return Finding(WARN, "does not list its models, so the key could not be checked")
        status = WARN if fault.code == "provider_busy" else FAIL
        return Finding(status, text, "See OPENAI_API_KEY and OPENAI_BASE_URL.")
    return Finding(OK, f"{settings.OPENAI_BASE_URL} takes the key")


def models() -> Finding:
    """Are the models that we use there, and will they be for a while?"""
    used = _used_models()
    if not used:
        return Finding(OK, "none of the provider's is used")
    try:
        listed = _listed_models()
    except ProviderError:
        return Finding(WARN, "the provider does not list them", "See provider above.")
    worst = [_shutdown(name, setting, listed) for setting, name in used.items()]
    return max(worst, key=lambda finding: (OK, WARN, FAIL).index(finding.status))


def _used_models() -> dict[str, str]:
    used = {}
    if settings.TRANSCRIBER == "openai":
        used["TRANSCRIPTION_MODEL"] = settings.TRANSCRIPTION_MODEL
    if settings.CLASSIFIER == "llm":
        used["CLASSIFICATION_MODEL"] = settings.CLASSIFICATION_MODEL
    return used


def _shutdown(name: str, setting: str, listed: dict[str, Any]) -> Finding:
    if name not in listed:
        return Finding(WARN, f"the provider does not list {name}", f"See {setting}.")
    try:
        ends = date.fromisoformat(str(listed[name])[:10])
    except ValueError:
        return Finding(OK, "no shutdown is announced")
    days = (ends - datetime.now(UTC).date()).days
    if days < 0:
        return Finding(FAIL, f"{name} was shut down on {ends}", f"Choose another {setting}.")
    if days <= SHUTDOWN_DAYS:
        text = f"{name} is shut down on {ends}, in {days} days"
        return Finding(WARN, text, f"Choose another {setting}.")
    return Finding(OK, f"{name} stays until {ends}")


def _listed_models() -> dict[str, Any]:
    """The shutdown date, or None, of each model that the provider lists.

    Raises:
      ProviderError: it does not say.
    """
    key, url = settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL
    with build_client(key, url, call_seconds=10) as client, vendor_errors():
        answer = client.models.with_raw_response.list()
        data = json_answer(answer.http_response).get("data")
    found = [model for model in data or [] if isinstance(model, dict)]
    return {str(model.get("id")): model.get("shutdown_date") for model in found}


def worker() -> Finding:
    start = "Start one: honcho start worker"
    beat = Heartbeat.objects.annotate(clock=Now()).order_by("-seen_at").first()
    if beat is None:
        return Finding(FAIL, "none has been seen", start)
    age = (vars(beat)["clock"] - beat.seen_at).total_seconds()
    if age > Heartbeat.silence_allowed().total_seconds():
        return Finding(FAIL, f"{beat.worker} was last seen {age:.0f} s ago", start)
    return Finding(OK, f"{beat.worker} was seen {max(age, 0):.0f} s ago")


CHECKS: dict[str, Callable[[], Finding]] = {
    "database": database,
    "migrations": migrations,
    "redis": redis,
    "storage": storage,
    "provider": provider,
    "models": models,
    "worker": worker,
}
