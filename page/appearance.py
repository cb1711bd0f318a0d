"""Language, theme and time zone: kept by the browser, so that the sign-in page has them too."""

from __future__ import annotations

import zoneinfo
from datetime import timedelta, tzinfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

THEMES = ("auto", "light", "dark")
LANGUAGES = dict(settings.LANGUAGES)
#: The page's script sets it; times are in UTC, and say so, until it has.
ZONE_COOKIE = "timezone"
KEPT = timedelta(days=400)


def theme_of(request: HttpRequest) -> str:
    """One of THEMES; ``auto`` follows the device."""
    theme = request.COOKIES.get("theme", "")
    return theme if theme in THEMES else "auto"


def zone_of(request: HttpRequest) -> tzinfo:
    """Where the person is, as their browser told."""
    name = request.COOKIES.get(ZONE_COOKIE, "")
    try:
        return zoneinfo.ZoneInfo(name) if name else timezone.get_default_timezone()
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        return timezone.get_default_timezone()


def remember(response: HttpResponse, name: str, value: str) -> None:
    """Keep ``value`` in this browser."""
    response.set_cookie(
        name,
        value,
        max_age=KEPT,
        samesite="Lax",
        secure=bool(settings.SESSION_COOKIE_SECURE),
        # The page's script reads what it was told; nothing of it is secret.
        httponly=False,
    )
