"""Somebody's server that takes webhooks: real HTTP, answers as told, keeps what it got."""

from __future__ import annotations

import json
import ssl
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any, NamedTuple, Self

from tests.services import free_port, wait_for


class Call(NamedTuple):
    """One request, with lower-case header names."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def message(self) -> Any:
        """The parsed body."""
        return json.loads(self.body)


class Receiver:
    """Listens on loopback once started; ``stop`` and ``start`` keep the port: down and back.

    ``status`` and ``headers`` make the answer; ``slow`` seconds pass before it, or between the
    letters of it with ``drip``.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.port = free_port()
        self.tls = tls
        self.status, self.headers, self.slow, self.drip = 200, dict[str, str](), 0.0, False
        self.calls: list[Call] = []
        self.accepted = 0
        self.most_at_once = self._at_once = 0
        self.lock, self.closing = Lock(), Event()
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?to=me"

    def start(self) -> Self:
        receiver = self
        self.closing.clear()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.answer(self)

            def log_message(self, format: str, *args: Any) -> None:
                """``calls`` tells more."""

        class Server(ThreadingHTTPServer):
            daemon_threads, block_on_close, request_queue_size = True, False, 128

            def get_request(self) -> Any:
                receiver.accepted += 1
                return super().get_request()

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A client that hung up is what some tests are about."""

        self._server = Server(("127.0.0.1", self.port), Handler)
        if self.tls:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self) -> None:
        self.closing.set()
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in request.headers.items()}
        with self.lock:
            self.calls.append(Call(request.path, headers, body, time.monotonic()))
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            if self.drip:
                while not self.closing.wait(self.slow):
                    request.wfile.write(b"H")
            self.closing.wait(self.slow)
        finally:
            with self.lock:
                self._at_once -= 1
        request.send_response(self.status)
        for name, value in self.headers.items():
            request.send_header(name, value)
        request.end_headers()

    def wait_for(self, count: int, timeout: float = 30) -> list[Call]:
        """All calls, once there are ``count``."""
        wait_for(lambda: len(self.calls) >= count, timeout, lambda: f"calls: {self.calls}")
        return self.calls

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
