"""One OpenAI client per process: bounded in time and size, without retries of its own.

Every server that speaks OpenAI's protocol goes through here.
"""

from __future__ import annotations

import math
import ssl
import time
from collections.abc import Callable, Iterator
from functools import cached_property, update_wrapper
from threading import RLock
from typing import Any, ClassVar, Generic, TypeVar

import httpx2
from django.conf import settings

from notes.openai_sdk import openai

CONNECT_SECONDS = 5.0
READ_SECONDS = 60.0
#: The transcript of 200 dense minutes is about a quarter of a megabyte.
MAX_ANSWER_BYTES = 8 * 1024 * 1024

T = TypeVar("T")


class Shared(Generic[T]):
    """A function of no arguments that runs once per process, however many threads come at once.

    ``cache_clear()`` of any of them forgets all of them, since they are made of one another; it
    is for tests, when nothing is in flight.
    """

    _all: ClassVar[list[Shared[Any]]] = []
    _lock: ClassVar[RLock] = RLock()

    def __init__(self, make: Callable[[], T]) -> None:
        update_wrapper(self, make)
        self._make = make
        self._made: T | None = None
        self._all.append(self)

    def __call__(self) -> T:
        made = self._made
        if made is None:
            with self._lock:
                made = self._made = self._make() if self._made is None else self._made
        return made

    def cache_clear(self) -> None:
        with self._lock:
            for shared in self._all:
                made, shared._made = shared._made, None
                if isinstance(made, openai.OpenAI):
                    made.close()


class Client(openai.OpenAI):
    """The SDK's client, with a short way for what each note asks.

    The SDK's own methods turn each value into itself by its type, and make address and headers anew
    each time: a quarter of the CPU of a call.
    """

    user_agent = f"OpenAI/Python {openai.__version__}"  # as the SDK says it, not by our class

    def ask(
        self, path: str, body: dict[str, Any], file: tuple[str, bytes, str] | None = None
    ) -> httpx2.Response:
        """The answer to ``body`` (JSON, or a form where there is a ``file``: name, bytes, MIME
        type).

        Raises:
          openai.OpenAIError: there is no answer, or it tells of a failure.
        """
        told: dict[str, Any] = {"json": body}
        if file is not None:
            told = {"data": _as_form(body), "files": {"file": file}}
        request = self._client.build_request(
            "POST", self._address(path), headers=self._said_each_time, **told
        )
        try:
            response = self._client.send(request)
        except httpx2.TimeoutException as fault:
            raise openai.APITimeoutError(request=request) from fault
        except (httpx2.RequestError, ssl.SSLError) as fault:
            raise openai.APIConnectionError(request=request) from fault
        if not response.is_success:
            raise self._make_status_error_from_response(response)
        return response

    @cached_property
    def _said_each_time(self) -> httpx2.Headers:
        """The SDK's headers, those of OPENAI_CUSTOM_HEADERS last; httpx2 tells the type."""
        headers = httpx2.Headers(self.auth_headers)
        for name, value in self.default_headers.items():
            if isinstance(value, str):
                headers[name] = value
            else:  # the SDK's word for "leave it out"
                headers.pop(name, None)
        headers.pop("Content-Type", None)
        return headers

    @cached_property
    def _addresses(self) -> dict[str, httpx2.URL]:
        return {}

    def _address(self, path: str) -> httpx2.URL:
        if path not in self._addresses:
            self._addresses[path] = self._prepare_url(path)
        return self._addresses[path]


def _as_form(body: dict[str, Any]) -> dict[str, Any]:
    """``body`` as OpenAI reads a form: lists under ``name[]``, an item each."""
    return {f"{name}[]" if isinstance(value, list) else name: value for name, value in body.items()}


@Shared
def get_client() -> Client:
    """The process's client, as the settings describe it.

    A call may take half of a stage at most, so that its lease outlives it.
    """
    return build_client(
        settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL, call_seconds=settings.STAGE_SECONDS / 2
    )


def build_client(
    api_key: str, base_url: str, *, call_seconds: float = 90.0, read_seconds: float = READ_SECONDS
) -> Client:
    """A client that never retries, never follows a redirect and never waits without end.

    The row owns the retries; the SDK's own would multiply them. A redirect could carry a
    recording to a host that nobody named.
    """
    read = min(read_seconds, call_seconds)
    start, bound = _whole_call(call_seconds)
    http = openai.DefaultHttpxClient(
        timeout=httpx2.Timeout(read, connect=min(CONNECT_SECONDS, read)),
        limits=httpx2.Limits(max_connections=512, max_keepalive_connections=256),
        follow_redirects=False,
        event_hooks={"request": [start], "response": [bound]},
    )
    # Without a key the SDK refuses to start, but a server of one's own may need none.
    key = api_key.strip() or "none"
    return Client(
        api_key=key, base_url=base_url, max_retries=0, timeout=http.timeout, http_client=http
    )


class AnswerTooLong(openai.OpenAIError):
    """More came back than any answer needs."""


class _Bounded(httpx2.SyncByteStream):
    """A body that must be through by ``deadline`` (monotonic) and within ``max_bytes``.

    The timeouts of httpx2 hold for one read or write each; a body that drips would go on for ever.
    """

    def __init__(self, stream: Any, deadline: float, max_bytes: float = math.inf) -> None:
        self._stream = stream
        self._deadline = deadline
        self._max_bytes = max_bytes

    def __iter__(self) -> Iterator[bytes]:
        seen = 0
        for chunk in self._stream:
            seen += len(chunk)
            if seen > self._max_bytes:
                raise AnswerTooLong
            if time.monotonic() > self._deadline:
                raise httpx2.ReadTimeout("the whole call took too long")
            yield chunk

    def close(self) -> None:
        if hasattr(self._stream, "close"):
            self._stream.close()


def _whole_call(
    seconds: float,
) -> tuple[Callable[[httpx2.Request], None], Callable[[httpx2.Response], None]]:
    """The pair of hooks that bounds a call as a whole, request body and answer."""

    def start(request: httpx2.Request) -> None:
        deadline = time.monotonic() + seconds
        request.extensions["deadline"] = deadline
        request.stream = _Bounded(request.stream, deadline)

    def bound(response: httpx2.Response) -> None:
        deadline = response.request.extensions["deadline"]
        response.stream = _Bounded(response.stream, deadline, MAX_ANSWER_BYTES)

    return start, bound
