"""What the fake is told to do instead of answering as usual."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field
from typing import Any

ENDPOINTS = ("transcriptions", "chat", "models")


@dataclass(frozen=True)
class Fault:
    """One scripted answer.

    It waits ``hang`` seconds; then it cuts the connection in mid body (``reset``), or answers
    ``status`` with ``body`` (a string goes out as it is, anything else as JSON; without one, an
    error in OpenAI's shape made of ``code``, ``param`` and ``message``). With neither ``reset``
    nor ``status`` the usual answer follows the wait.

    It holds for ``times`` requests (0: until the next reset) to ``endpoint``, of those only whose
    audio has this ``sha256`` and this ``mark`` in its sound, and whose JSON body holds the text
    ``contains``.
    """

    endpoint: str
    times: int = 1
    sha256: str = ""
    mark: str = ""
    contains: str = ""
    hang: float = 0.0
    reset: bool = False
    status: int = 0
    code: str | None = None
    param: str | None = None
    message: str = "A scripted fault."
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    content_type: str = "application/json"

    def __post_init__(self) -> None:
        if self.endpoint not in ENDPOINTS:
            raise ValueError(f"endpoint must be one of {ENDPOINTS}, not {self.endpoint!r}")

    def fits(self, endpoint: str, sha256: str, mark: str, text: str) -> bool:
        return (
            self.endpoint == endpoint
            and self.sha256 in ("", sha256)
            and self.mark in ("", mark)
            and (not self.contains or self.contains in text)
        )

    @property
    def payload(self) -> bytes:
        if self.body is None:
            return error_body(self.status, self.message, code=self.code, param=self.param)
        text = self.body if isinstance(self.body, str) else json.dumps(self.body)
        return text.encode()


class Faults:
    """The faults that wait for their request, in the order they were added."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[tuple[Fault, int]] = []

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._waiting.append((fault, fault.times))

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()

    def take(self, endpoint: str, sha256: str, mark: str, text: str) -> Fault | None:
        """The first fault that fits this request, which counts as one of its ``times``."""
        with self._lock:
            for index, (fault, left) in enumerate(self._waiting):
                if fault.fits(endpoint, sha256, mark, text):
                    if left == 1:
                        del self._waiting[index]
                    elif left:
                        self._waiting[index] = (fault, left - 1)
                    return fault
        return None


def error_body(
    status: int, message: str, *, code: str | None = None, param: str | None = None
) -> bytes:
    """An error as OpenAI writes it: one coarse ``type`` for all that only money mends."""
    kind = "server_error" if status >= 500 else "invalid_request_error"
    if status == 429:
        unpaid = re.search("quota|credit|spend|usage|billing", code or "")
        kind = "insufficient_quota" if unpaid else "rate_limit_error"
    error = {"message": message, "type": kind, "param": param, "code": code}
    return json.dumps({"error": error}).encode()
