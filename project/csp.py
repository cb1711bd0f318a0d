"""Content-Security-Policy and Permissions-Policy.

The setting has the name and shape of Django 6 (``SECURE_CSP``), where this file goes and
``django.middleware.csp.ContentSecurityPolicyMiddleware`` takes its place.

The settings import this file, and gunicorn's master reads those and never needs Django, which would
cost it 10 MB. So Django is imported late.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

SELF, NONE = "'self'", "'none'"


def strict_policy(media_origins: Sequence[str] = ()) -> dict[str, list[str]]:
    """Nothing inline, nothing from elsewhere but audio from ``media_origins``, the bucket's."""
    return {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "media-src": [SELF, "blob:", *media_origins],
        "manifest-src": [SELF],
        "worker-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }


def build_policy(policy: Mapping[str, Sequence[str]]) -> str:
    """``policy`` as the header has it."""
    return "; ".join(" ".join([directive, *sources]) for directive, sources in policy.items())


class BrowserPolicyMiddleware:
    """Puts both headers on every answer, errors and files included."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        from django.conf import settings

        self.get_response = get_response
        self.content = build_policy(settings.SECURE_CSP)
        self.permissions = settings.PERMISSIONS_POLICY

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", self.content)
        response.headers.setdefault("Permissions-Policy", self.permissions)
        return response
