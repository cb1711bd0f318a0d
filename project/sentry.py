"""Errors to a Sentry or GlitchTip, if SENTRY_DSN names one, without anything that a person said.

Imported only then.
"""

from __future__ import annotations

import sys
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import sentry_sdk
from sentry_sdk.integrations.django import DjangoIntegration
from sentry_sdk.integrations.logging import LoggingIntegration
from sentry_sdk.integrations.stdlib import StdlibIntegration
from sentry_sdk.utils import event_from_exception

#: What is told of a request: nothing that holds a token, a search or a recording.
REQUEST = ("method", "url")


def start_sentry(dsn: str, **more: Any) -> None:
    """Report what is logged as an error, and what nobody caught; ``more`` is for tests."""
    sentry_sdk.init(dsn, **options(), **more)


def options() -> dict[str, Any]:
    """How the SDK is set up: no bodies, no people, no local variables, no trail of breadcrumbs.

    ``send_default_pii`` is False unless it is set.
    """
    return {
        "max_request_body_size": "never",
        "include_local_variables": False,
        "max_breadcrumbs": 0,
        "traces_sample_rate": None,
        "auto_session_tracking": False,
        "auto_enabling_integrations": False,
        # It would tell vendors, and the decoders' processes, which request of ours they serve.
        "disabled_integrations": [StdlibIntegration()],
        "integrations": [DjangoIntegration(), LoggingIntegration(level=None)],
        "before_send": without_words,
        "shutdown_timeout": 1,
    }


def without_words(event: Any, hint: dict[str, Any]) -> Any:
    """``event`` with where something went wrong, and none of the words it went wrong on."""
    caught = sys.exc_info()
    if "exception" not in event and caught[0] is not None:
        # We log the class of an error alone; the place of it is in what is being handled.
        more, _ = event_from_exception(caught, sentry_sdk.get_client().options)
        event["exception"] = more["exception"]
    for error in (event.get("exception") or {}).get("values", []):
        error["value"] = ""
    asked = event.pop("request", None) or {}
    if asked:
        event["request"] = {name: asked[name] for name in REQUEST if name in asked}
        event["request"]["url"] = _without_query(str(event["request"].get("url", "")))
    for name in ("user", "extra", "breadcrumbs"):
        event.pop(name, None)
    return event


def _without_query(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))
