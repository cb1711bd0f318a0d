"""What a web process is asked, counted in memory and added to the tallies every few seconds.

A scrape reaches one process of one container; in the database the counts of all come together. A
process that is killed takes the counts of its last seconds with it.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable
from threading import Event, Lock, Thread

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.db import connections
from django.http import HttpRequest, HttpResponse

from notes.models import Tally

log = logging.getLogger(__name__)

FLUSH_SECONDS = 5.0
#: Upper bounds of how long an answer takes, in seconds; the last has none.
BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
METHODS = ("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS")


class Traffic:
    """Counts that this process has not yet added to the tallies."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: dict[str, float] = defaultdict(float)
        self._flusher: Thread | None = None
        self._stopped = Event()

    def count(self, request: HttpRequest, response: HttpResponse, seconds: float) -> None:
        """One request that was answered. No address, name or text of a person is kept."""
        method = request.method if request.method in METHODS else "other"
        with self._lock:
            self._counts[f"requests|{method}|{response.status_code // 100}xx"] += 1
            for bound in BOUNDS:
                self._counts[f"request_seconds|{bound:g}"] += seconds <= bound
            self._counts["request_seconds|+Inf"] += 1
            self._counts["request_seconds|sum"] += seconds
            if _is_upload(request, response):
                length = request.META.get("CONTENT_LENGTH") or "0"
                self._counts["uploads"] += 1
                self._counts["upload_bytes"] += int(length) if length.isdecimal() else 0
        self._start()

    def flush(self) -> None:
        """Add what was counted to the tallies; kept for later if the database does not answer."""
        with self._lock:
            counts, self._counts = self._counts, defaultdict(float)
        try:
            Tally.add({name: value for name, value in counts.items() if value})
        except Exception as fault:
            with self._lock:
                for name, value in counts.items():
                    self._counts[name] += value
            log.info("counts wait: %s", type(fault).__name__)

    def _start(self) -> None:
        # At the first request, so in gunicorn's child: threads do not survive a fork.
        if self._flusher is None or not self._flusher.is_alive():
            self._flusher = Thread(name="traffic", target=self._run, daemon=True)
            self._flusher.start()

    def _run(self) -> None:
        while not self._stopped.wait(FLUSH_SECONDS):
            self.flush()
            connections.close_all()


traffic = Traffic()


class TrafficMiddleware:
    """Counts requests, uploads and how long answers take, where METRICS_TOKEN opens /metrics."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if not settings.METRICS_TOKEN:
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.monotonic()
        response = self.get_response(request)
        traffic.count(request, response, time.monotonic() - started)
        return response


def _is_upload(request: HttpRequest, response: HttpResponse) -> bool:
    return (
        request.method == "POST"
        and request.path == "/api/v1/notes"
        and response.status_code == 202
        and "Idempotent-Replayed" not in response
    )
