"""Figures made readable: a table with must and goal, a picture, the machine they are from."""

from __future__ import annotations

import json
import math
import os
import platform
import statistics
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"
RESULTS = Path(__file__).parent / "results"
MARKS = ("<!-- bench.run: begin -->", "<!-- bench.run: end -->")

#: By name of the figure: what must be and what is aimed at; as a share of the twin's, or, where
#: the third is True, as an absolute figure of the product.
BOUNDS: dict[str, tuple[float, float, bool]] = {
    "pick-up, p50 ms": (0.5, 0.2, False),
    "pick-up, p95 ms": (0.5, 0.2, False),
    "answer to the provider's call, p50 ms": (0.5, 0.2, False),
    "answer to the provider's call, p95 ms": (0.5, 0.2, False),
    "idle CPU, worker and Redis, % of a core": (1.0, 0.5, True),
    "hand-off, p50 ms": (0.5, 0.2, False),
    "upload, 1 client, p50 ms": (0.9, 0.5, False),
    "uploads/s, 16 clients": (1.5, 3.0, False),
    "uploads/s, 16 clients of one person": (1.5, 3.0, False),
    "web CPU per upload, ms": (0.8, 0.5, False),
    "SQL statements per upload": (9, 5, True),
    "SQL statements per note in the worker": (18, 10, True),
    "notes/h at 5 s + 1 s": (22, 27, False),
    "notes/h at 5 s + 1 s (128 threads)": (40, 45, False),
    "worker CPU per note, ms": (0.4, 0.2, False),
    "memory idle after use, MB PSS": (0.6, 0.4, False),
    "memory under load, MB PSS": (0.65, 0.45, False),
    "start to first 200, s": (2.5, 1.5, False),
    "list, page 1 of 1,000,000 notes, p50 ms": (0.1, 0.02, False),
    "list, page 1,000 of 1,000,000 notes, p50 ms": (0.1, 0.02, False),
    "search of a selective word of 1,000,000 notes, p50 ms": (0.1, 0.05, False),
    "transcriptions of a note delivered 21 times": (1, 1, True),
    "audio seconds billed per 100 mixed notes": (0.8, 0.65, False),
    **{
        f"{fault}: {what}": bound
        for fault in ("kill -9", "SIGTERM, calls of 30 s", "FLUSHALL", "Redis down 10 s")
        for what, bound in (
            ("lost or stuck after 60 s, of 4", (0, 0, True)),
            ("seconds until all had ended (60: never)", (60, 30, True)),
        )
    },
}


@dataclass(frozen=True)
class Line:
    """One figure of both sides, each round's."""

    name: str
    ours: list[float]
    twin: list[float]

    @property
    def ratio(self) -> float:
        """The product's median as a share of the twin's."""
        twin = statistics.median(self.twin)
        return statistics.median(self.ours) / twin if twin else float("inf")

    @property
    def bound(self) -> str:
        """What was asked, in words of the table."""
        if self.name not in BOUNDS:
            return ""
        must, goal, absolute = BOUNDS[self.name]
        unit = "" if absolute else "x"
        return f"{must:g}{unit} / {goal:g}{unit}"

    @property
    def verdict(self) -> str:
        """``goal``, ``must`` or ``missed``; nothing where nothing was asked."""
        if self.name not in BOUNDS:
            return ""
        must, goal, absolute = BOUNDS[self.name]
        value = statistics.median(self.ours) if absolute else self.ratio
        if goal > must:  # the more the better
            return "goal" if value >= goal else "must" if value >= must else "missed"
        return "goal" if value <= goal else "must" if value <= must else "missed"


def table(lines: list[Line]) -> str:
    """Markdown: medians of the rounds, the range of the product's, ratio, what was asked."""
    rows = [
        "| measure | product | twin | ratio | must / goal | |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for line in lines:
        ours, twin = statistics.median(line.ours), statistics.median(line.twin)
        rows.append(
            f"| {line.name} | {ours:.4g} ({min(line.ours):.3g}-{max(line.ours):.3g}) |"
            f" {twin:.4g} ({min(line.twin):.3g}-{max(line.twin):.3g}) |"
            f" {times(line.ratio)} | {line.bound} | {line.verdict} |"
        )
    return "\n".join(rows)


def times(ratio: float) -> str:
    """With a digit more where the aims are so fine."""
    return f"{ratio:.3f}x" if 0 < ratio < 0.1 else f"{ratio:.2f}x"


def machine() -> str:
    """What it was measured on, in one line."""
    model = "unknown processor"
    for row in Path("/proc/cpuinfo").read_text().splitlines():
        if row.startswith("model name"):
            model = row.partition(":")[2].strip()
            break
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return (
        f"{os.cpu_count()} cores ({model}), {pages / 2**30:.0f} GB, Linux {platform.release()},"
        f" Python {platform.python_version()}"
    )


def picture(lines: list[Line]) -> str:
    """An SVG: the product's share of the twin's, on a scale of powers of two."""
    shown = [line for line in lines if 0 < line.ratio < float("inf")]
    height, middle, step = 22 * len(shown) + 40, 520, 42
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 820 {height}" font-size="12"'
        ' font-family="sans-serif"><rect width="100%" height="100%" fill="#fff"/>',
        f'<path d="M{middle} 24V{height}" stroke="#999"/>'
        f'<text x="{middle}" y="16" text-anchor="middle" fill="#333">as the twin (1x)</text>',
    ]
    for number, line in enumerate(shown):
        y, width = 30 + 22 * number, step * _log2(line.ratio)
        colour = {"missed": "#b03a2e", "must": "#b9770e", "goal": "#1e8449"}.get(
            line.verdict, "#5d6d7e"
        )
        parts.append(
            f'<rect x="{min(middle, middle + width):.0f}" y="{y}" width="{abs(width):.0f}"'
            f' height="14" fill="{colour}"/><text x="4" y="{y + 11}" fill="#333">'
            f"{line.name} {times(line.ratio)}</text>"
        )
    return "\n".join([*parts, "</svg>", ""])


def _log2(ratio: float) -> float:
    return max(-5.0, min(6.5, math.log2(ratio)))


def keep(measure: str, lines: list[Line]) -> None:
    """Keep every round's figures of a measure, with when and where they were taken."""
    RESULTS.mkdir(exist_ok=True)
    rows = [{"name": line.name, "product": line.ours, "twin": line.twin} for line in lines]
    taken = {"when": f"{datetime.now(UTC):%Y-%m-%d}", "machine": machine(), "lines": rows}
    (RESULTS / f"{measure}.json").write_text(json.dumps(taken, indent=1) + "\n")


def write(measures: list[str]) -> None:
    """Replace what stands between the marks in docs/performance.md, and its picture."""
    kept = [RESULTS / f"{name}.json" for name in measures]
    taken = [json.loads(path.read_text()) for path in kept if path.exists()]
    lines = [Line(r["name"], r["product"], r["twin"]) for one in taken for r in one["lines"]]
    where = sorted({f"{one['when']}: {one['machine']}" for one in taken})
    (DOCS / "img" / "performance.svg").write_text(picture(lines))
    on = "\n".join(f"- {one}" for one in where)
    shown = "![The product's share of the twin's](img/performance.svg)"
    between(MARKS, f"Measured on:\n\n{on}\n\n{table(lines)}\n\n{shown}")


def between(marks: tuple[str, str], text: str) -> None:
    """Replace what stands between two marks of docs/performance.md."""
    page = DOCS / "performance.md"
    before, begin, rest = page.read_text().partition(marks[0])
    _, end, after = rest.partition(marks[1])
    if not end:
        raise ValueError(f"{page} lacks {marks}")
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}")
