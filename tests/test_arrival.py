"""A request keeps its database connection only where its body is here already."""

from __future__ import annotations

import socket
from types import SimpleNamespace

import pytest
from django.test import RequestFactory
from gunicorn.http.body import Body, ChunkedReader, LengthReader
from gunicorn.http.unreader import SocketUnreader

from notes.arrival import has_arrived


@pytest.mark.parametrize(
    ("sent", "length", "arrived"),
    [
        (b"", 0, True),
        (b"", 5, False),
        (b"1234", 5, False),
        (b"12345", 5, True),
        (b"123456", 5, True),
    ],
)
@pytest.mark.parametrize("read_before", [False, True])
def test_a_body_has_arrived_when_all_of_it_is_in_the_socket_or_read_from_it(
    sent: bytes, length: int, arrived: bool, read_before: bool
) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(sent)
        source = SocketUnreader(ours)
        if read_before and sent:
            source.buf.write(ours.recv(3))  # as the reader of the headers does
        request = RequestFactory().post("/")
        request.META["wsgi.input"] = Body(LengthReader(source, length))
        request.META["gunicorn.socket"] = ours
        assert has_arrived(request) is arrived


def test_what_comes_in_chunks_or_by_another_server_may_keep_us_waiting() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        request = RequestFactory().post("/")
        assert not has_arrived(request)
        chunked = ChunkedReader(SimpleNamespace(headers=[], trailers=[]), SocketUnreader(ours))
        request.META["wsgi.input"] = Body(chunked)
        request.META["gunicorn.socket"] = ours
        assert not has_arrived(request)
