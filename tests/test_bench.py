"""The bench itself: what it makes of figures, and that both sides can be asked at all."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bench.report import Line, picture, table
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
