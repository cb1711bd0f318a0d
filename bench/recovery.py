"""What is left of accepted notes after a fault, with the settings of both sides as shipped."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

from bench.kinds import Figures, Scale
from bench.measures import sounds
from bench.sides import Side
from tests.services import wait_for

#: Half of them are in a call when the fault comes, at least: the twin works on two at a time.
NOTES = 4
#: How long after the fault is over everything must have ended.
PATIENCE = 60.0


def killed(side: Side, scale: Scale) -> Figures:
    """SIGKILL to the whole container with calls running, and a start."""

    def fault() -> None:
        side.process.kill()
        side.start_again()

    return _after(side, "kill -9", fault, call=3.0)


def terminated(side: Side, scale: Scale) -> Figures:
    """A platform's restart with calls of 30 s running: ten seconds of grace."""

    def fault() -> None:
        side.stop_like_a_platform()
        side.start_again()

    return _after(side, "SIGTERM, calls of 30 s", fault, call=30.0)


def flushed(side: Side, scale: Scale) -> Figures:
    """Redis forgets everything while notes wait in the queue."""
    with side.worker_stopped():
        _send(side)
        side.valkey.flushall()
    return _ended(side, "FLUSHALL")


def without_redis(side: Side, scale: Scale) -> Figures:
    """Notes come while Redis is down for ten seconds."""
    side.valkey.kill()
    down = time.monotonic()
    _send(side)
    while time.monotonic() < down + 10:
        time.sleep(0.1)
    side.valkey.start()
    return _ended(side, "Redis down 10 s")


def _after(side: Side, name: str, fault: Callable[[], None], *, call: float) -> Figures:
    side.servers.provide(transcription=call)
    _send(side)
    wait_for(lambda: len(side.servers.asked("transcriptions")) >= 2, 30, "no call has begun")
    fault()
    return _ended(side, name)


def _send(side: Side) -> None:
    """Each over its own connection; a refusal may have left a row, which counts all the same."""
    for audio in sounds(NOTES):
        connection = side.connection()
        with contextlib.suppress(RuntimeError, OSError):
            side.upload(connection, audio)
        connection.close()


def _ended(side: Side, name: str) -> Figures:
    over = time.monotonic()
    while (left := side.unfinished()) and time.monotonic() < over + PATIENCE:
        time.sleep(0.2)
    return {
        f"{name}: lost or stuck after 60 s, of {NOTES}": left,
        f"{name}: seconds until all had ended (60: never)": min(PATIENCE, time.monotonic() - over),
    }
