"""Log lines: plain text for people, or one JSON object a line for machines."""

from __future__ import annotations

import json
import logging
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from logging.config import dictConfig
from types import TracebackType
from typing import TypedDict

#: Their debug and info lines may hold URLs, arguments or bodies: things a person said.
QUIET = ("openai", "httpx2", "httpcore2", "botocore", "boto3", "s3transfer", "urllib3", "av")
#: With DEBUG it would log every statement with its values.
QUIET_BELOW_INFO = ("django.db.backends",)

#: The id of the request that this thread answers, or whose note it works on; else "".
request_id: ContextVar[str] = ContextVar("request_id", default="")


@contextmanager
def traced(own: str) -> Iterator[None]:
    """Have all lines of this thread bear the request id ``own``, until the block ends."""
    token = request_id.set(own)
    try:
        yield
    finally:
        request_id.reset(token)


class Options(TypedDict):
    """What :data:`project.settings.LOGGING` holds."""

    format: str
    level: str
    role: str


#: What these raise may quote what a person said (a value that does not fit, a body).
DISCREET = ("django", "notes", "dramatiq", "project", "ninja")


class DiscreetFormatter(logging.Formatter):
    """Of exceptions in our code it tells class and place, not what they say."""

    def format(self, record: logging.LogRecord) -> str:
        if record.exc_info and record.name.partition(".")[0] in DISCREET:
            # Other handlers may get the record too, and with its cached text.
            record = logging.makeLogRecord(vars(record))
            record.exc_text = _places(record.exc_info)  # type: ignore[arg-type]
        return self.text(record)

    def text(self, record: logging.LogRecord) -> str:
        """The line."""
        return super().format(record)


def _places(exc_info: tuple[type[BaseException], BaseException, TracebackType | None]) -> str:
    kind, _, trace = exc_info
    return "".join(["Traceback:\n", *traceback.format_tb(trace), kind.__qualname__])


class TextFormatter(DiscreetFormatter):
    """``INFO notes.api: ...``, with the id of the request at its end."""

    def text(self, record: logging.LogRecord) -> str:
        """The line."""
        line = super().text(record)
        return f"{line} [{own}]" if (own := request_id.get()) else line


class JsonFormatter(DiscreetFormatter):
    """One JSON object a line: time, level, role, logger, message, and the exception if any.

    ``extra={"fields": {...}}`` of a log call adds more, for machines to count by.
    """

    def __init__(self, role: str) -> None:
        super().__init__()
        self.role = role

    def text(self, record: logging.LogRecord) -> str:
        """The object."""
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "role": self.role,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if own := request_id.get():
            line["request_id"] = own
        if record.exc_info:
            line["exception"] = record.exc_text or self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def configure(options: Options) -> None:
    """Set up logging for a process; Django calls this with ``settings.LOGGING``."""
    dictConfig(logging_config(options))


def logging_config(options: Options) -> dict[str, object]:
    """The :func:`logging.config.dictConfig` form of ``options``; gunicorn takes it as it is."""
    text = {"()": TextFormatter, "format": "%(levelname)s %(name)s: %(message)s"}
    as_json = {"()": JsonFormatter, "role": options["role"]}
    out = {"level": options["level"], "handlers": ["out"], "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": as_json if options["format"] == "json" else text},
        "handlers": {"out": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"level": options["level"], "handlers": ["out"]},
        "loggers": {
            "gunicorn.error": out,
            # It would log query strings: what people search for.
            "gunicorn.access": {"level": "WARNING"},
            **{name: {"level": "WARNING"} for name in QUIET},
            **{name: {"level": "INFO"} for name in QUIET_BELOW_INFO},
        },
    }
