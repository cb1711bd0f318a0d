"""What a check finds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

OK, WARN, FAIL = "ok", "warn", "fail"


class Finding(NamedTuple):
    """What was found, and what to do about it."""

    status: str
    text: str
    next_step: str = ""


def worst(findings: Iterable[Finding]) -> Finding:
    """The gravest of ``findings``; of several, the first."""
    return max(findings, key=lambda finding: (OK, WARN, FAIL).index(finding.status))
