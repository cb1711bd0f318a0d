"""One recording through the decoder's child, as the tests want to see it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from notes.audio.order import Order
from notes.audio.preparing import prepare, unnamed_file
from notes.audio.report import Findings, Part
from notes.provider import Later, ProviderError
from tests.services.run import REPOSITORY

DATA = REPOSITORY.parent / "shared" / "data"


class Decided(NamedTuple):
    """What became of a recording: a code, or parts and findings."""

    code: str
    parts: list[Part]
    findings: Findings | None

    @property
    def seconds(self) -> float:
        assert self.findings, self.code
        return self.findings.seconds

    @property
    def speech(self) -> bool:
        assert self.findings, self.code
        return self.findings.speech

    def row(self, name: str) -> str:
        """A line for a table of decisions."""
        found = self.findings
        if not found:
            return f"{name:44} {self.code}"
        what = "speech" if found.speech else "no speech"
        cut = ", breaks off" if found.truncated else ""
        made = f"{found.container.split(',')[0]}/{found.codec}"
        return f"{name:44} {what:9} {found.seconds:7.2f} s  {made}{cut}"


def decide(content: bytes | Path, order: Order | None = None) -> Decided:
    """Prepare ``content``; a failure is told by its code, "later:" before it if that is meant."""
    file = content.open("rb") if isinstance(content, Path) else unnamed_file([content])
    try:
        with file, prepare(file, order or Order()) as preparation:
            parts = list(preparation.parts())
            return Decided("", parts, preparation.findings)
    except ProviderError as error:
        return Decided(f"{'later:' if isinstance(error, Later) else ''}{error.code}", [], None)
