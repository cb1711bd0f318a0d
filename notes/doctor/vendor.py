"""The provider: its key, the models that are used, and how long those stay."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from django.conf import settings

from notes.doctor.finding import FAIL, OK, WARN, Finding, worst
from notes.openai_client import build_client
from notes.openai_failures import json_answer, vendor_errors
from notes.provider import ProviderError
from notes.texts import NOTE_ERRORS

#: A model that goes within so many days is worth a warning.
SHUTDOWN_DAYS = 60


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
    return worst(_shutdown(name, setting, listed) for setting, name in used.items())


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
