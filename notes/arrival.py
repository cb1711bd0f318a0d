"""Whether reading a request's body would wait for its client."""

from __future__ import annotations

import fcntl
import struct
import termios

from django.http import HttpRequest


def has_arrived(request: HttpRequest) -> bool:
    """Whether the whole body is in this machine, so that it can be read at once.

    False where that cannot be told: in chunks, or not by gunicorn. Its reader knows how much it has
    still to give and what it holds of that; the rest must be in the socket (tcp(7), FIONREAD).
    """
    reader = getattr(request.META.get("wsgi.input"), "reader", None)
    left, source = getattr(reader, "length", None), getattr(reader, "unreader", None)
    connection = request.META.get("gunicorn.socket")
    if left is None or source is None or connection is None:
        return False
    missing = int(left) - int(source.buf.getbuffer().nbytes)
    return missing <= 0 or missing <= _waiting(connection.fileno())


def _waiting(descriptor: int) -> int:
    """How many bytes can be read from a socket now."""
    answer = fcntl.ioctl(descriptor, termios.FIONREAD, struct.pack("i", 0))
    return int(struct.unpack("i", answer)[0])
