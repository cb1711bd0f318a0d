"""How the decoder's child process talks to its parent: messages on a pipe, each with its length.

A message is a kind (one byte), a length (four bytes, big endian) and that many bytes. Kinds are
JSON events, bytes of the copy, and a sign of life.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from typing import Any

HEAD = struct.Struct(">cI")
EVENT, DATA, ALIVE = b"J", b"D", b"A"
#: On the leash of a decoder: first its pid (or minus an error number), then its exit code or minus
#: the signal.
REPORT = struct.Struct(">i")
#: Nothing longer is believed.
MAX_MESSAGE = 1 << 20


class Damaged(Exception):
    """What came is not a message."""


def event(name: str, **fields: Any) -> bytes:
    """The message for an event, for instance the end of a part."""
    body = json.dumps({"event": name, **fields}, allow_nan=False).encode()
    return HEAD.pack(EVENT, len(body)) + body


def data(content: bytes) -> bytes:
    """The messages for bytes of the copy."""
    pieces = [content[at : at + MAX_MESSAGE] for at in range(0, len(content), MAX_MESSAGE)]
    return b"".join(HEAD.pack(DATA, len(piece)) + piece for piece in pieces)


def alive() -> bytes:
    """The message that says nothing but that the work goes on."""
    return HEAD.pack(ALIVE, 0)


def write_all(descriptor: int, message: bytes) -> None:
    """Write all of it, however long the reader takes."""
    rest = memoryview(message)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def read_message(read: Callable[[int], bytes]) -> tuple[bytes, bytes] | None:
    """The next message as kind and body, or None at the end.

    ``read(n)`` gives n bytes, or fewer only at the end.

    Raises:
      Damaged: these bytes are no message.
    """
    head = read(HEAD.size)
    if not head:
        return None
    if len(head) < HEAD.size:
        raise Damaged
    kind, length = HEAD.unpack(head)
    if length > MAX_MESSAGE or kind not in (EVENT, DATA, ALIVE):
        raise Damaged
    body = read(length)
    if len(body) < length:
        raise Damaged
    return kind, body
