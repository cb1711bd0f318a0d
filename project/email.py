"""How letters are sent: one address that says everything."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote, urlsplit

PORTS = {"smtp": 25, "smtp+tls": 587, "smtp+ssl": 465}


class Email(NamedTuple):
    """Django's settings for sending; ``starttls`` begins in the clear, ``tls`` does not."""

    backend: str = "django.core.mail.backends.dummy.EmailBackend"
    host: str = ""
    port: int = 25
    user: str = ""
    password: str = ""
    starttls: bool = False
    tls: bool = False


def email(url: str) -> Email:
    """``smtp+tls://user:password@host:587`` taken apart; an empty ``url`` sends nothing.

    Raises:
      ValueError: it is no such address; the message says what to write and repeats nothing of it.
    """
    if not url:
        return Email()
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError("Must be smtp://, smtp+tls:// or smtp+ssl:// user:password@host:port.")
    return Email(
        backend="django.core.mail.backends.smtp.EmailBackend",
        host=parts.hostname,
        port=port or PORTS[parts.scheme],
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        starttls=parts.scheme == "smtp+tls",
        tls=parts.scheme == "smtp+ssl",
    )
