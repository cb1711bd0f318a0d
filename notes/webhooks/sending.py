"""One POST to a stranger's server: to a checked address, soon over, and nothing of it believed."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from http.client import HTTPException
from threading import Timer
from typing import NamedTuple

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from notes.provider import Later, Never
from notes.webhooks.addresses import AddressRefused, Target, parse, resolve

#: For the connection, and for each silence of the receiver.
STEP_SECONDS = 5.0
#: For all of it: a receiver that sends a byte now and then must not hold a thread.
TOTAL_SECONDS = 10.0


class Answer(NamedTuple):
    """What counts of an answer. ``retry_after`` in seconds, None where it is not given so."""

    status: int
    retry_after: float | None


def post(
    url: str, body: bytes, headers: Mapping[str, str], *, allow_private: bool = False
) -> Answer:
    """Send ``body``; the body of the answer is not read, redirects are not followed.

    No proxy of the environment is used: it would resolve the name a second time.

    Raises:
      Later: it could not be sent, or nobody answered in time. The receiver may have it even so.
      Never: the address is not one that a webhook may have.
    """
    deadline = time.monotonic() + TOTAL_SECONDS
    try:
        target = parse(url, allow_private=allow_private)
    except AddressRefused as fault:
        raise Never("address_refused") from fault
    addresses = resolve(target, allow_private=allow_private)
    try:
        with _connected(target, addresses, deadline) as connection:
            connection.request(
                "POST",
                target.path,
                body=body,
                headers={**headers, "Host": target.authority, "Accept-Encoding": "identity"},
                preload_content=False,
            )
            response = connection.getresponse()
            return Answer(response.status, _seconds(response.headers.get("Retry-After")))
    except (ssl.SSLError, ssl.CertificateError) as fault:
        raise Later("receiver_tls") from fault
    except (OSError, HTTPError, HTTPException, ValueError) as fault:
        late = isinstance(fault, TimeoutError) or time.monotonic() >= deadline
        raise Later("receiver_timeout" if late else "receiver_unreachable") from fault


def judge(answer: Answer) -> None:
    """Nothing, if the receiver has taken it (2xx).

    Raises:
      Later: it has not, or sent us elsewhere, where we do not go.
      Never: 410, by which a receiver says that it wants no more.
    """
    if 200 <= answer.status < 300:
        return
    if answer.status == 410:
        raise Never("receiver_gone")
    redirected = 300 <= answer.status < 400
    code = "receiver_redirected" if redirected else "receiver_refused"
    raise Later(code, retry_after=answer.retry_after)


@contextmanager
def _connected(
    target: Target, addresses: list[str], deadline: float
) -> Iterator[HTTPConnection | HTTPSConnection]:
    """A connection to the first of ``addresses`` that takes one, cut at ``deadline``."""
    connection = _connect(target, addresses, deadline)
    plain = connection.sock
    assert plain is not None  # noqa: S101  # nosec B101
    # SSLSocket's own shutdown would first forget its TLS, under the feet of the thread that reads.
    cut = Timer(max(0.0, deadline - time.monotonic()), _cut, (plain,))
    cut.daemon = True
    cut.start()
    try:
        yield connection
    finally:
        cut.cancel()
        connection.close()


def _connect(
    target: Target, addresses: list[str], deadline: float
) -> HTTPConnection | HTTPSConnection:
    fault: Exception = TimeoutError()
    for address in addresses:
        patience = min(STEP_SECONDS, deadline - time.monotonic())
        if patience <= 0:
            break
        connection = _connection(target, address, patience)
        try:
            connection.connect()
        except (OSError, HTTPError) as failure:
            connection.close()
            fault = failure
        else:
            return connection
    if isinstance(fault, HTTPError) and "timed out" in str(fault):
        raise TimeoutError from fault
    raise fault


def _connection(target: Target, address: str, patience: float) -> HTTPConnection | HTTPSConnection:
    if target.scheme == "http":
        return HTTPConnection(address, target.port, timeout=patience)
    return HTTPSConnection(
        address,
        target.port,
        timeout=patience,
        server_hostname=target.host,
        ssl_context=_tls(),
    )


@cache
def _tls() -> ssl.SSLContext:
    """The system's certificates (SSL_CERT_FILE names others), loaded once: they take 20 ms."""
    return ssl.create_default_context()


def _cut(connection: socket.socket) -> None:
    with suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def _seconds(retry_after: str | None) -> float | None:
    """``Retry-After`` where it is a number; as a date it is not worth a parser."""
    text = (retry_after or "").strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) < 8 else None
