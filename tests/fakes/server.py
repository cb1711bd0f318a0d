"""The HTTP side of the fake: reads requests, obeys the script, answers."""

from __future__ import annotations

import hashlib
import json
import socket
import struct
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.fakes import answers, multipart, rules
from tests.fakes.faults import Fault
from tests.fakes.hearing import Sound, listen
from tests.fakes.log import Entry
from tests.fakes.state import State

ENDPOINTS = {
    ("POST", "/v1/audio/transcriptions"): "transcriptions",
    ("POST", "/v1/chat/completions"): "chat",
    ("GET", "/v1/models"): "models",
}


class Server(ThreadingHTTPServer):
    """Many connections at once, all of them cut when it closes."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 512

    def __init__(self, address: tuple[str, int], state: State) -> None:
        self.state = state
        self.connections: set[socket.socket] = set()
        super().__init__(address, Handler)

    def cut_connections(self) -> None:
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it was gone already

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is what many tests are about."""


class Handler(BaseHTTPRequestHandler):
    """One connection; each request is logged before anything else happens to it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def setup(self) -> None:
        super().setup()
        self.state = self.server.state
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        self.server.connections.discard(self.connection)
        super().finish()

    def log_message(self, format: str, *args: Any) -> None:
        """The log of requests tells more."""

    def do_GET(self) -> None:
        self._route()

    def do_POST(self) -> None:
        self._route()

    def _route(self) -> None:
        endpoint = ENDPOINTS.get((self.command, self.path.rstrip("/")))
        if endpoint:
            entry = self.state.log.begin(endpoint)
            try:
                self._serve(endpoint, entry, self._body())
            finally:
                self.state.log.end(entry, 0)
        else:
            self._administer(self._body())

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    # --- The vendor -----------------------------------------------------------------------------

    def _serve(self, endpoint: str, entry: Entry, body: bytes) -> None:
        form, asked = self._read(endpoint, entry, body)
        sound = self._listen(form, entry)
        fault = self.state.faults.take(endpoint, entry.sha256, entry.mark, json.dumps(asked or ""))
        if fault and self._obey(fault, entry):
            return
        try:
            rules.check_key(self.headers.get("Authorization", ""), self.state.keys)
            if endpoint != "models":
                rules.check_model(entry.model, self.state.models)
            answer = self._answer(endpoint, entry, form, asked, sound)
        except rules.Refusal as refusal:
            self._send(refusal.status, refusal.body, entry=entry)
            return
        # What it takes to listen is part of it.
        self._wait(self.state.latency.get(endpoint, 0.0) - (time.monotonic() - entry.started))
        self._send(200, json.dumps(answer).encode(), entry=entry)

    def _read(self, endpoint: str, entry: Entry, body: bytes) -> tuple[multipart.Form, Any]:
        """The form or the JSON in ``body``, noted in ``entry``."""
        form, asked = multipart.Form(), None
        if endpoint == "transcriptions":
            form = multipart.parse(self.headers.get("Content-Type", ""), body)
            data = form.data or b""
            entry.fields, entry.filename, entry.mime = form.fields, form.filename, form.mime
            entry.bytes, entry.sha256 = len(data), hashlib.sha256(data).hexdigest()
            entry.model = form.value("model")
        elif endpoint == "chat":
            asked = entry.json = _loads(body)
            entry.bytes = len(body)
            entry.model = str(asked.get("model", "")) if isinstance(asked, dict) else ""
        return form, asked

    def _listen(self, form: multipart.Form, entry: Entry) -> Sound | None:
        sound = listen(form.data) if form.data and self.state.listens else None
        if sound:
            entry.mark, entry.seconds = sound.mark, sound.seconds
        return sound

    def _answer(
        self, endpoint: str, entry: Entry, form: multipart.Form, asked: Any, sound: Sound | None
    ) -> Any:
        if endpoint == "models":
            return {"object": "list", "data": [_model(*item) for item in self.state.models.items()]}
        if endpoint == "chat":
            rules.check_chat(asked, self.state.chat_refuses)
            return answers.completion(entry.model, answers.filing(asked["messages"]))
        rules.check_transcription(form)
        rules.check_length(entry.seconds, self.state.max_seconds)
        if self.state.clip and sound:
            return answers.transcription(form, self.state.clip.words_in(sound))
        default = self.state.default_text
        text = answers.text_for(entry.mark or entry.sha256) if default is None else default
        return answers.transcription(form, self.state.texts.get(entry.mark or entry.sha256, text))

    def _obey(self, fault: Fault, entry: Entry) -> bool:
        """Do what the script says; False if the usual answer shall follow."""
        self._wait(fault.hang)
        if fault.reset:
            self._cut(entry)
        elif fault.status:
            self._send(fault.status, fault.payload, fault.content_type, fault.headers, entry)
        return fault.reset or bool(fault.status)

    def _wait(self, seconds: float) -> None:
        if seconds > 0:
            self.state.closed.wait(seconds)

    def _cut(self, entry: Entry) -> None:
        """Half an answer, then a reset instead of the rest."""
        self.state.log.end(entry, 0)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b'{"text": "half an ans')
        self.close_connection = True
        linger = struct.pack("ii", 1, 0)  # close by RST
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.rfile.close()
        self.connection.close()

    def _send(
        self,
        status: int,
        body: bytes,
        content_type: str = "application/json",
        headers: dict[str, str] | None = None,
        entry: Entry | None = None,
    ) -> None:
        if entry:
            self.state.log.end(entry, status)
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    # --- The test -------------------------------------------------------------------------------

    def _administer(self, body: bytes) -> None:
        status = 200
        answer: dict[str, Any] = {"ok": True}
        match (self.command, self.path):
            case ("GET", "/_log"):
                answer = self.state.log.as_json()
            case ("POST", "/_reset"):
                self.state.reset()
            case ("POST", "/_control"):
                try:
                    self.state.control(_loads(body) or {})
                except (ValueError, TypeError) as error:
                    status, answer = 400, {"error": str(error)}
            case _:
                status, answer = 404, {"error": {"message": "Invalid URL", "code": None}}
        self._send(status, json.dumps(answer).encode())


def _loads(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _model(name: str, shutdown_date: str | None) -> dict[str, Any]:
    model = {"id": name, "object": "model", "created": 1_780_000_000, "owned_by": "openai"}
    return {**model, "shutdown_date": shutdown_date}
