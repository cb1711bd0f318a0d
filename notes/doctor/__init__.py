"""Looks at everything the product depends on, and says what to do about it.

A check is a function without arguments that returns a :class:`Finding`; no text of one holds a
secret. They only look: what is wrong is mended by a person.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from notes.doctor import machine, parts, vendor, work
from notes.doctor.finding import FAIL, OK, WARN, Finding

__all__ = ["FAIL", "OK", "WARN", "Finding", "examine"]

CHECKS: dict[str, Callable[[], Finding]] = {
    "database": parts.database,
    "migrations": parts.migrations,
    "redis": parts.redis,
    "storage": parts.storage,
    "provider": vendor.provider,
    "models": vendor.models,
    "worker": work.worker,
    "queue": work.queue,
    "clock": machine.clock,
    "disk": machine.disk,
}
NEEDS_DATABASE = ("migrations", "worker", "queue", "clock")
NEEDS_SCHEMA = ("worker", "queue")


def examine() -> Iterator[tuple[str, Finding]]:
    """Each check's name and finding, as soon as there is one."""
    status: dict[str, str] = {}
    for name, check in CHECKS.items():
        if name in NEEDS_DATABASE and status["database"] == FAIL:
            finding = Finding(WARN, "not checked", "Mend the database first.")
        elif name in NEEDS_SCHEMA and status["migrations"] == FAIL:
            finding = Finding(WARN, "not checked", "Mend the migrations first.")
        else:
            finding = check()
        status[name] = finding.status
        yield name, finding
