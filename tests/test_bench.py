"""The bench itself: what it makes of figures, and that both sides can be asked at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench import report
from bench.report import Line, picture, table
from bench.servers import LINE
from bench.sides import cpu_seconds, pss_megabytes
from tests.services.run import REPOSITORY


@pytest.mark.parametrize(
    ("name", "ours", "twin", "ratio", "verdict"),
    [
        ("pick-up, p50 ms", [5.0, 9.0, 7.0], [70.0, 10.0, 90.0], 0.1, "goal"),
        ("pick-up, p50 ms", [30.0], [100.0], 0.3, "must"),
        ("pick-up, p50 ms", [60.0], [100.0], 0.6, "missed"),
        ("uploads/s, 16 clients", [400.0], [100.0], 4.0, "goal"),
        ("uploads/s, 16 clients", [120.0], [100.0], 1.2, "missed"),
        ("SQL statements per upload", [9.0], [3.0], 3.0, "must"),
        ("upload, 1 client, p95 ms", [9.0], [3.0], 3.0, ""),
    ],
)
def test_a_figure_is_judged_by_the_medians_of_its_rounds(
    name: str, ours: list[float], twin: list[float], ratio: float, verdict: str
) -> None:
    line = Line(name, ours, twin)
    assert line.ratio == pytest.approx(ratio)
    assert line.verdict == verdict
    assert name in table([line])
    assert name in picture([line])


def test_the_page_is_made_of_all_results_that_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "DOCS", tmp_path)
    monkeypatch.setattr(report, "RESULTS", tmp_path / "results")
    (tmp_path / "img").mkdir()
    page = tmp_path / "performance.md"
    page.write_text("# Before\n{}\nold\n{}\n# After\n".format(*report.MARKS))
    for measure, figure in (("idle", 0.3), ("drain", 7.0), ("idle", 0.2)):
        report.keep(measure, [Line(f"of {measure}", [figure], [1.0])])
        report.write(["drain", "idle", "never measured"])
    text = page.read_text()
    assert text.startswith("# Before\n")
    assert text.endswith("# After\n")
    assert "old" not in text
    assert "| of drain | 7 (7-7) |" in text
    assert "| of idle | 0.2 (0.2-0.2) |" in text
    assert text.count("| of idle |") == 1
    assert "of drain 7.00x" in (tmp_path / "img" / "performance.svg").read_text()


def test_a_process_that_has_ended_uses_nothing() -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    assert pss_megabytes([ended.pid]) == 0
    assert cpu_seconds([ended.pid]) == 0
    assert pss_megabytes([ended.pid, os.getpid()]) > 1


def test_statements_are_read_from_the_log_with_their_time() -> None:
    lines = (
        "bench|1795443000.123|LOG:  statement: SELECT 1",
        'bench|1795443000.124|LOG:  execute <unnamed>: UPDATE "notes_note" SET',
        "bench|1795443000.125|LOG:  statement: ",
        "bench|1795443000.126|ERROR:  no such table",
    )
    found = [LINE.match(line) for line in lines]
    assert [one and (one["db"], one["at"], one["text"]) for one in found] == [
        ("bench", "1795443000.123", "SELECT 1"),
        ("bench", "1795443000.124", 'UPDATE "notes_note" SET'),
        ("bench", "1795443000.125", ""),
        None,
    ]


def test_the_bench_says_what_it_can_measure() -> None:
    command = [sys.executable, "-m", "bench.run", "nonsense"]
    said = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    assert said.returncode == 2
    assert "no such measure: nonsense; there are pick-up," in said.stderr


@pytest.mark.slow
def test_both_sides_take_in_notes() -> None:
    command = [sys.executable, "-m", "bench.run", "upload", "--smoke"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stderr
    assert "| SQL statements per upload |" in done.stdout
