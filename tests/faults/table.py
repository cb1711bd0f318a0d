"""Writes the lines of a run of bin/faults into docs/reliability.md, between its markers.

``python -m tests.faults.table REPORT``. It says nothing: the summary of pytest is the last word.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
COLUMNS = ("fault", "database", "accepted", "completed", "failed", "lost", "doubled", "calls")
HEADINGS = (*COLUMNS, "recovery", "remark")


def main(report: Path) -> None:
    rows = [json.loads(line) for line in report.read_text().splitlines()]
    fill("faults", table(rows))


def table(rows: list[dict[str, object]]) -> str:
    """The rows as Markdown, T1 before T2 before T10, then the others by name."""
    lines = [_line(list(HEADINGS)), _line(["---"] * len(HEADINGS))]
    return "\n".join(lines + [_line(_cells(row)) for row in sorted(rows, key=_order)])


def fill(name: str, text: str, page: Path = PAGE) -> None:
    """Put ``text`` between the markers ``name`` of the page, in place of what is there."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, rest = page.read_text().split(begin)
    after = rest.split(end)[1]
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def _cells(row: dict[str, object]) -> list[str]:
    recovery = row["recovery"]
    seconds = f"{recovery:.1f} s {row['of']}".strip() if isinstance(recovery, float) else "-"
    return [*(str(row[name]) for name in COLUMNS), seconds, str(row["remark"] or "")]


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"


def _order(row: dict[str, object]) -> tuple[int, str, str]:
    number = re.match(r"T(\d+)", str(row["fault"]))
    return int(number[1]) if number else 99, str(row["fault"]), str(row["database"])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
