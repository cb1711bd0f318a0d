"""Every request has an id, and leaves one line in the log that tells nothing about the person."""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from notes.client_address import client_address, truncated
from project.logs import traced

log = logging.getLogger("project.access")

HEADER = "X-Request-ID"
_SANE = re.compile(r"[A-Za-z0-9-]{8,64}")


class RequestIdMiddleware:
    """Takes the client's or the proxy's X-Request-ID if it is sane, else makes one; sends it back.

    It stands in all log lines of the request and in every problem document.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        given = request.headers.get(HEADER, "")
        own = given if _SANE.fullmatch(given) else str(uuid.uuid4())
        with traced(own):
            response = self.get_response(request)
            response[HEADER] = own
            _log(request, response, time.perf_counter() - started)
        return response


def _log(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    # No query, which is what people search for; no full address, which is who they are.
    log.info(
        "%s %s %d %d ms from %s",
        request.method,
        request.path,
        response.status_code,
        round(seconds * 1000),
        truncated(client_address(request)),
    )
