"""How often somebody may ask, and how we say that it was too often.

Requests are counted in the memory of each web process: a row of the database would cost a write
for every read, and Redis may be down. A process grants its share of USER_REQUESTS_PER_MINUTE, so
that all WEB_CONCURRENCY together never grant more; who sends everything over one connection gets
the share. What must be exact, because it costs money, is counted in rows: :mod:`notes.quota`.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from threading import Lock

from django.conf import settings

#: Seconds in which requests are counted.
WINDOW = 60
#: So many users are remembered before the windows that are over are forgotten.
REMEMBERED = 10_000


@dataclass(frozen=True)
class Standing:
    """How somebody stands with a limit: ``remaining`` of ``limit`` in a window of ``window`` s.

    ``remaining`` is -1 for a request that is one too many; ``reset`` is in seconds from now.
    """

    policy: str
    limit: int
    remaining: int
    reset: float
    window: int

    @property
    def wait(self) -> int:
        """Whole seconds until it is worth trying again."""
        return max(math.ceil(self.reset), 1)

    @property
    def fields(self) -> dict[str, str]:
        """Structured fields as draft-ietf-httpapi-ratelimit-headers-10 has them."""
        return {
            "RateLimit-Policy": f'"{self.policy}";q={self.limit};w={self.window}',
            "RateLimit": f'"{self.policy}";r={max(self.remaining, 0)};t={self.wait}',
        }


class LimitReached(Exception):
    """One too many; ``standing`` says of what, and until when."""

    def __init__(self, standing: Standing) -> None:
        super().__init__(standing.policy)
        self.standing = standing


class RequestWindows:
    """Counts the requests of each user in windows of a minute, from their first one on."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._windows: dict[int, tuple[float, int]] = {}

    def count(self, user_id: int) -> Standing | None:
        """Count one request; None if there is no limit."""
        limit = share()
        if not limit:
            return None
        now = time.monotonic()
        with self._lock:
            began, seen = self._windows.get(user_id, (now, 0))
            if now - began >= WINDOW:
                began, seen = now, 0
            seen = min(seen, limit) + 1
            self._windows[user_id] = began, seen
            if len(self._windows) > REMEMBERED:
                self._forget(now - WINDOW)
        return Standing("requests", limit, limit - seen, began + WINDOW - now, WINDOW)

    def _forget(self, before: float) -> None:
        self._windows = {user: one for user, one in self._windows.items() if one[0] > before}

    def clear(self) -> None:
        """Forget all that was counted."""
        self._windows.clear()


requests = RequestWindows()


def share() -> int:
    """How many requests a minute this process grants each user; 0: as many as they like."""
    return math.ceil(settings.USER_REQUESTS_PER_MINUTE / settings.WEB_CONCURRENCY)
