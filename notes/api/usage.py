"""``/api/v1/usage``: what is left of today."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema

from notes.api.schemas import ProblemOut
from notes.auth import needs, user_id
from notes.limits import share
from notes.models import Scope, Usage
from notes.models.usage import seconds_to_reset, today

router = Router(tags=["usage"])

ERRORS = {frozenset({401, 403, 413, 422, 429}): ProblemOut}


class AmountOut(Schema):
    """What was used; ``limit`` and ``remaining`` are null where there is no limit."""

    used: float
    limit: float | None
    remaining: float | None


class UsageOut(Schema):
    """A day of one user, in UTC; ``audio_seconds`` include what is just being transcribed."""

    day: date
    resets_at: datetime
    notes: AmountOut
    audio_seconds: AmountOut
    requests_per_minute: int | None


@router.get(
    "",
    response={200: UsageOut, **ERRORS},
    summary="What you have used today, and may use",
    **needs(Scope.READ),
)
def get_usage(request: HttpRequest) -> Any:
    row = Usage.of(user_id(request), today())
    resets_at = timezone.now() + timedelta(seconds=seconds_to_reset())
    return {
        "day": row.day,
        "resets_at": resets_at.replace(microsecond=0),
        "notes": _amount(row.notes, settings.USER_NOTES_PER_DAY),
        "audio_seconds": _amount(
            row.audio_milliseconds / 1000, settings.USER_AUDIO_MINUTES_PER_DAY * 60
        ),
        "requests_per_minute": share() or None,
    }


def _amount(used: float, limit: int) -> dict[str, float | None]:
    return {
        "used": used,
        "limit": limit or None,
        "remaining": max(limit - used, 0) if limit else None,
    }
