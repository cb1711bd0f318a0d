"""The books of a fault test: what was accepted, how it ended, what was paid for it."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import asdict, dataclass

#: bin/faults names a file here, to make its table of the lines.
REPORT = "BAU_FAULTS_REPORT"


@dataclass(frozen=True)
class Row:
    """One line of the table: a fault and what came of it.

    ``lost`` are accepted notes that did not end; ``doubled`` those with two results of a stage, or
    with a call to the provider that no recorded try accounts for. ``recovery`` is in seconds, from
    the moment that ``of`` names.
    """

    fault: str
    database: str
    accepted: int
    completed: int
    failed: int
    lost: int
    doubled: int
    calls: int
    recovery: float | None
    of: str = ""
    remark: str = ""

    def publish(self) -> None:
        """Print the line, and add it to the report if somebody makes one."""
        seconds = "-" if self.recovery is None else f"{self.recovery:.1f}"
        print(
            f"\n{self.fault} ({self.database}): accepted {self.accepted}, completed"
            f" {self.completed}, failed {self.failed}, lost {self.lost}, doubled {self.doubled},"
            f" provider calls {self.calls}, recovery {seconds} s {self.of} {self.remark}".rstrip()
        )
        if path := os.environ.get(REPORT):
            with open(path, "a") as report:
                report.write(json.dumps(asdict(self)) + "\n")


def doubled(tries: list[tuple[str, str, str]], calls: Counter[str]) -> set[str]:
    """The notes that were done or paid twice.

    ``tries`` are (note, stage, outcome) of all attempts; ``calls`` the transcriptions asked of
    the provider, by note.
    """
    results = Counter((note, stage) for note, stage, outcome in tries if outcome == "succeeded")
    tried = Counter(note for note, stage, _ in tries if stage == "transcription")
    twice = {note for (note, _), count in results.items() if count > 1}
    return twice | {note for note, count in calls.items() if count > tried[note]}
