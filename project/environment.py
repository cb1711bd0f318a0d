"""The environment as settings read it: typed, with secrets from files, all faults at once."""

from __future__ import annotations

import sys
from typing import Any, NoReturn
from urllib.parse import urlsplit

import marshmallow as ma
from environs import EnvValidationError, FileAwareEnv

LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]")


class Environment(FileAwareEnv):
    """Reads variables; an empty one counts as not set, as web panels leave them.

    ``NAME_FILE`` names a file with the value of ``NAME``. Faults are collected until
    :meth:`refuse_bad_values`.
    """

    def __init__(self) -> None:
        super().__init__(eager=False, strip_whitespace=True)

    def _get_value(self, env_key: str, default: Any) -> Any:
        try:
            value = super()._get_value(env_key, default)
        except ValueError:
            self.complain(env_key, f"{env_key}_FILE names a file that cannot be read.")
            return default
        return default if value == "" else value

    def complain(self, name: str, why: str) -> None:
        """Remember a fault of the setting ``name``; ``why`` is a sentence that says what to do."""
        self._errors[name].append(why)

    def refuse_bad_values(self) -> None:
        """End the process with exit code 2 and one line for each bad setting, if there are any."""
        try:
            self.seal()
        except EnvValidationError as faults:
            _refuse(faults.error_messages)  # type: ignore[arg-type]


def _refuse(faults: dict[str, list[str]]) -> NoReturn:
    for name, sentences in sorted(faults.items()):
        print(f"{name}: {' '.join(sentences)}", file=sys.stderr)
    print("Not started. Correct the settings above; .env.example explains each.", file=sys.stderr)
    raise SystemExit(2)


def at_least(minimum: int) -> ma.validate.Range:
    """A validator for whole numbers not below ``minimum``."""
    return ma.validate.Range(min=minimum, error="Must be {min} or more; it is {input}.")


def one_of(*choices: str) -> ma.validate.OneOf:
    """A validator for one of the given words."""
    return ma.validate.OneOf(choices, error="Must be {choices}; it is {input}.")


#: A validator for a language as ISO 639-1 has it.
two_letters = ma.validate.Regexp(r"^[a-z]{2}$", error="Must be two letters such as pt or en.")


def http_url(value: str) -> str:
    """``value`` without a final slash.

    Raises:
      marshmallow.ValidationError: it is not an http or https address with a host.
    """
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        good = False
    if not good:
        raise ma.ValidationError("Must be an address such as https://notes.example.com.")
    return value.rstrip("/")


def is_local(url: str) -> bool:
    """Whether ``url`` can only be reached from this machine."""
    return (urlsplit(url).hostname or "") in ("localhost", "127.0.0.1", "::1")


def is_redis_url(url: str) -> bool:
    """Whether ``url`` can be taken apart as an address of Redis."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("redis", "rediss", "unix") and (parts.port or 1) > 0
    except ValueError:
        return False
