"""Settings that would work and must not be used: placeholders, secrets in clear, doors left open.

No Django here: it runs while the settings are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

#: Django asks for as much (security.W009).
KEY_CHARACTERS, KEY_DIFFERENT_CHARACTERS = 50, 5
TOKEN_CHARACTERS = 16
#: Suffixes of names that no public name server knows (RFC 2606, 6762, 8375, 9476, and custom).
PRIVATE_SUFFIXES = (
    *(".local", ".localhost", ".internal", ".lan", ".home", ".home.arpa", ".test", ".invalid"),
    *(".intranet", ".corp", ".private"),
)
#: What stands in examples where a secret belongs.
PLACEHOLDER = re.compile(
    r"change.?(me|this|it)|replace.?(me|this|with)|troque|substitua|django-insecure|placeholder"
    # Anchored where a random secret might hold it by chance.
    r"|^(your|seu|sua)[-_ ]|example|exemplo|\.\.\.|…|^<.*>$|^sk-(proj-)?x*$|^[-x*]+$|\$\$?cap_",
    re.IGNORECASE,
)
#: Passwords of examples; on this machine alone they do no harm.
EXAMPLE_PASSWORDS = {"password", "secret", "senha", "postgres", "redis", "admin", "123456"}
KEY_HINT = """Make one with: python -c "import secrets; print(secrets.token_urlsafe(50))"."""

#: Settings of the Celery system, and what they are here.
RENAMED = {
    "CELERY_BROKER_URL": "Is called REDIS_URL here: set that, and remove this one.",
    "CELERY_RESULT_BACKEND": (
        "Has no counterpart, since results are in the database (DATABASE_URL): remove it."
    ),
    "CELERY_MODE": (
        "Is called PROCESS_ROLE here (all, web or worker): set that, and remove this one."
    ),
}

Weakness = tuple[str, str]


class Given(NamedTuple):
    """The settings that are looked at. ``servers`` have a login in their address."""

    base_url: str
    allowed_hosts: list[str]
    debug: bool
    secret_keys: Mapping[str, list[str]]
    secrets: Mapping[str, str]
    servers: Mapping[str, str]
    services: Mapping[str, str]


def renamed_settings(environment: Mapping[str, str]) -> Iterator[Weakness]:
    """Name and sentence for each setting of the Celery system that is still set."""
    for name, sentence in RENAMED.items():
        if environment.get(name):
            yield name, sentence


def weak_settings(given: Given) -> Iterator[Weakness]:
    """Name and sentence for each weak setting; no sentence repeats a value."""
    yield from _weak_site(given)
    for name, keys in given.secret_keys.items():
        for sentence in dict.fromkeys(filter(None, map(_weak_key, keys))):
            yield name, sentence
    for name, secret in given.secrets.items():
        if sentence := _weak_secret(secret):
            yield name, sentence
    token = given.secrets.get("METRICS_TOKEN", "")
    if token and len(token) < TOKEN_CHARACTERS:
        yield "METRICS_TOKEN", f"Is too short; {TOKEN_CHARACTERS} random characters are needed."
    for name, address in given.servers.items():
        if sentence := _weak_server(address):
            yield name, sentence
    for name, address in given.services.items():
        if sentence := _weak_service(address):
            yield name, sentence


def is_public(url: str) -> bool:
    """Whether the host of ``url`` may be reached from outside of its own network.

    A name without a dot (``srv-captain--db``) belongs to a container network.
    """
    host = (_split(url).hostname or "").rstrip(".")
    if not host:
        return False
    try:
        return ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith(PRIVATE_SUFFIXES)


def _weak_site(given: Given) -> Iterator[Weakness]:
    if not is_public(given.base_url):
        return
    if given.debug:
        yield "DEBUG", "Must be 0 with a public BASE_URL: its error pages show our insides."
    if not given.base_url.startswith("https://"):
        yield "BASE_URL", "Must begin with https:// on a public host: tokens would travel in clear."
    if "*" in given.allowed_hosts:
        yield "ALLOWED_HOSTS", "Must not be * with a public BASE_URL; its host is allowed already."


def _weak_key(key: str) -> str:
    if not key:
        return ""
    if sentence := _weak_secret(key):
        return f"{sentence} {KEY_HINT}"
    if len(key) < KEY_CHARACTERS:
        return f"Has {len(key)} characters; {KEY_CHARACTERS} random ones are needed. {KEY_HINT}"
    if len(set(key)) < KEY_DIFFERENT_CHARACTERS:
        return f"Is not random. {KEY_HINT}"
    return ""


def _weak_secret(secret: str) -> str:
    if secret[:1] in ("'", '"') and secret[:1] == secret[-1:]:
        return "Is in quotation marks; they would be part of it. Remove them."
    if PLACEHOLDER.search(secret):
        return "Is the placeholder of an example; put your own in its place."
    return ""


def _weak_server(address: str) -> str:
    parts = _split(address)
    if parts.scheme in ("", "sqlite", "unix"):
        return ""
    password = unquote(parts.password or "")
    public = is_public(address)
    if not password and public:
        return "Needs a password: its host can be reached from outside."
    elsewhere = parts.hostname not in ("localhost", "127.0.0.1", "::1")
    if _weak_secret(password) or (elsewhere and password.lower() in EXAMPLE_PASSWORDS):
        return "Holds the placeholder of an example as password; put your own in its place."
    return ""


def _weak_service(address: str) -> str:
    if not address:
        return ""
    parts = _split(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "Must be an address such as https://host.example.com."
    if parts.scheme == "http" and is_public(address):
        return "Must begin with https:// on a public host: secrets would travel in clear."
    return ""


def _split(url: str) -> SplitResult:
    """``url`` in parts; empty parts where it cannot be taken apart, which is told elsewhere."""
    try:
        parts = urlsplit(url)
        _ = parts.port
        return parts
    except ValueError:
        return urlsplit("")
