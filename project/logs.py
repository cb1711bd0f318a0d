"""Log lines: plain text for people, or one JSON object a line for machines."""

from __future__ import annotations

import json
import logging
import time
from logging.config import dictConfig
from typing import TypedDict

#: Their debug and info lines may hold URLs, arguments or bodies: things a person said.
QUIET = ("openai", "httpx2", "httpcore2", "botocore", "boto3", "s3transfer", "urllib3", "av")


class Options(TypedDict):
    """What :data:`project.settings.LOGGING` holds."""

    format: str
    level: str
    role: str


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, role, logger, message, and the exception if any.

    ``extra={"fields": {...}}`` of a log call adds more, for machines to count by.
    """

    def __init__(self, role: str) -> None:
        super().__init__()
        self.role = role

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "role": self.role,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def configure(options: Options) -> None:
    """Set up logging for a process; Django calls this with ``settings.LOGGING``."""
    dictConfig(logging_config(options))


def logging_config(options: Options) -> dict[str, object]:
    """The :func:`logging.config.dictConfig` form of ``options``; gunicorn takes it as it is."""
    text = {"format": "%(levelname)s %(name)s: %(message)s"}
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
        },
    }
