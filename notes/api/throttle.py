"""Counts requests before their body is read, and says how one stands with a limit."""

from __future__ import annotations

from typing import cast

from django.http import HttpRequest, HttpResponseBase
from ninja.throttling import BaseThrottle

from notes.auth import user_id
from notes.errors import Problem
from notes.limits import Standing, requests

#: The problem that tells of each limit.
CODES = {"requests": "rate_limited", "notes": "quota_exceeded"}


class RequestsPerMinute(BaseThrottle):
    """USER_REQUESTS_PER_MINUTE; on every operation but the one that clients wait with."""

    def allow_request(self, request: HttpRequest) -> bool:
        """Count the request; False if it is one too many."""
        standing = requests.count(user_id(request))
        if standing is None:
            return True
        vars(request)["standing"] = standing
        return standing.remaining >= 0


def standing_of(request: HttpRequest) -> Standing:
    """How the sender of a counted request stands."""
    return cast(Standing, vars(request)["standing"])


def add_fields(request: HttpRequest, response: HttpResponseBase) -> None:
    """Tell the sender of a counted request how they stand; a 429 has told already."""
    if "standing" in vars(request) and "RateLimit" not in response:
        for name, value in standing_of(request).fields.items():
            response[name] = value


def limit_problem(standing: Standing) -> Problem:
    """The 429: which limit was reached, and when it resets."""
    return Problem(
        CODES[standing.policy],
        headers={"Retry-After": str(standing.wait), **standing.fields},
        members={
            "policy": standing.policy,
            "limit": standing.limit,
            "remaining": 0,
            "reset": standing.wait,
        },
        limit=standing.limit,
        reset=standing.wait,
    )
