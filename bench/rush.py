"""Many uploads at once, by one thread that waits for all of them.

A client in Python's own library costs half of what the product's web does for an upload, on the
processors that are measured; this one a tenth of a millisecond, requests being made beforehand.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

#: What a server may take for one answer, in seconds.
TIMEOUT = 60


@dataclass
class Client:
    """One connection after the other, with one request after the other."""

    port: int
    requests: list[bytes]
    wire: socket.socket | None = None
    begun: float = 0.0
    answer: bytes = b""
    taken: list[float] = field(default_factory=list)

    def send(self) -> socket.socket | None:
        """Send the next request; the socket that its answer comes from, None if that was all."""
        if not self.requests:
            self.close()
            return None
        if self.wire is None:
            self.wire = socket.create_connection(("127.0.0.1", self.port), TIMEOUT)
            self.wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.answer, self.begun = b"", time.monotonic()
        self.wire.sendall(self.requests.pop())
        return self.wire

    def has_answer(self) -> bool:
        """Take what has come; whether the answer is complete.

        Raises:
          RuntimeError: the server refused, or hung up.
        """
        assert self.wire  # nosec B101
        piece = self.wire.recv(65536)
        self.answer += piece
        head, ended, body = self.answer.partition(b"\r\n\r\n")
        fields = head.lower()
        if not ended or len(body) < _length(fields):
            if not piece:
                raise RuntimeError(f"hung up after {self.answer[:300]!r}")
            return False
        if fields.split(b" ", 2)[1] not in (b"201", b"202"):
            raise RuntimeError(f"refused: {self.answer[:600]!r}")
        self.taken.append(time.monotonic() - self.begun)
        if b"connection: close" in fields:
            self.close()
        return True

    def close(self) -> None:
        if self.wire is not None:
            self.wire.close()
        self.wire = None


def rush(port: int, requests: Sequence[Sequence[bytes]]) -> tuple[list[float], float]:
    """Each of ``requests`` is sent by a client of its own: seconds of each, and of the whole.

    Raises:
      RuntimeError: an upload was refused, or not answered.
    """
    clients = [Client(port, list(own)) for own in requests]
    begun = time.monotonic()
    with selectors.DefaultSelector() as selector:
        for client in clients:
            if (waiting := client.send()) is not None:
                selector.register(waiting, selectors.EVENT_READ, client)
        while selector.get_map():
            if not (ready := selector.select(TIMEOUT)):
                raise RuntimeError(f"no answer in {TIMEOUT} s")
            for key, _ in ready:
                client = key.data
                if client.has_answer():
                    selector.unregister(key.fileobj)
                    if (waiting := client.send()) is not None:
                        selector.register(waiting, selectors.EVENT_READ, client)
    seconds = time.monotonic() - begun
    return [one for client in clients for one in client.taken], seconds


def _length(fields: bytes) -> int:
    """What the head of an answer says of its body, in bytes."""
    for line in fields.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return int(value)
    raise RuntimeError(f"an answer of unknown length: {fields!r}")
