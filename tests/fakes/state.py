"""What the fake knows and can be told, in process or by ``POST /_control``."""

from __future__ import annotations

import threading
from typing import Any

from tests.fakes.faults import Fault, Faults
from tests.fakes.hearing import Clip
from tests.fakes.log import Log
from tests.fakes.rules import MODELS

#: What ``POST /_control`` may set, besides adding ``faults``.
SETTINGS = (
    *("latency", "keys", "texts", "default_text", "models"),
    *("chat_refuses", "max_seconds", "listens"),
)


class State:
    """Everything that can be set, the faults that wait, and the log.

    ``latency``: seconds per endpoint. ``keys``: the valid API keys, None for any. ``texts``:
    transcripts by the mark in the sound, or sha256 of the audio; ``default_text`` for all others,
    None for one made from mark or sha. ``models``: shutdown date by name. ``chat_refuses``:
    parameters and formats that a lesser server would not take, such as ``json_schema`` or
    ``temperature``. ``max_seconds``: the longest recording taken in one request. ``listens``: False
    for an answer without decoding what came, which takes 20 ms of a processor that a bench shares.
    ``clip`` (in process only): the recording that parts are parts of; the answer is the words of
    what was received of it.
    """

    def __init__(self) -> None:
        self.log = Log()
        self.faults = Faults()
        self.closed = threading.Event()
        self.set_defaults()

    def set_defaults(self) -> None:
        self.latency: dict[str, float] = {"transcriptions": 0.0, "chat": 0.0}
        self.keys: set[str] | None = None
        self.texts: dict[str, str] = {}
        self.default_text: str | None = None
        self.models: dict[str, str | None] = dict(MODELS)
        self.chat_refuses: set[str] = set()
        self.max_seconds: float | None = None
        self.listens = True
        self.clip: Clip | None = None

    def reset(self) -> None:
        """As new: default settings, no faults, an empty log."""
        self.faults.clear()
        self.log.clear()
        self.set_defaults()

    def control(self, orders: dict[str, Any]) -> None:
        """Do what ``POST /_control`` says: dictionaries are merged, the rest is replaced.

        Raises:
          ValueError, TypeError: an order nobody knows; nothing has been done then.
        """
        unknown = set(orders) - {*SETTINGS, "faults"}
        if unknown:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
        faults = [Fault(**fault) for fault in orders.get("faults", [])]
        for name in SETTINGS:
            if name in orders:
                self._set(name, orders[name])
        for fault in faults:
            self.faults.add(fault)

    def _set(self, name: str, value: Any) -> None:
        if name in ("latency", "texts", "models"):
            setattr(self, name, {**getattr(self, name), **value})
        elif name in ("keys", "chat_refuses"):
            setattr(self, name, None if value is None else set(value))
        else:
            setattr(self, name, value)
