"""When to split: what the signs say, in a table."""

from __future__ import annotations

import socket
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from notes import vitals
from notes.advice import Signs, advise, signs
from notes.models import Heartbeat
from notes.vitals import Vitals
from tests.services import free_port
from tests.test_commands import NewNote, run, shown

QUIET = Signs(
    uploads=40, late=timedelta(0), running=0, threads=64, cpu_share=0.02, web_seconds=0.01,
    is_split=False,
)  # fmt: skip
LATE = {"late": timedelta(minutes=5), "running": 64}


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, "stay"),
        ({"cpu_share": None, "web_seconds": None, "threads": 0}, "stay"),
        ({"uploads": 1000}, "stay"),
        ({"uploads": 1001}, "split"),
        ({"cpu_share": 0.7}, "split"),
        ({"web_seconds": 0.5}, "split"),
        (LATE, "threads"),
        ({**LATE, "running": 3}, "stay"),
        ({**LATE, "cpu_share": 0.9}, "split"),
        ({"is_split": True, "uploads": 5000, "cpu_share": 0.9, "web_seconds": None}, "stay"),
        ({**LATE, "is_split": True}, "threads"),
        ({**LATE, "is_split": True, "cpu_share": 0.9}, "worker"),
    ],
)
def test_the_advice_follows_from_the_signs(changes: dict[str, Any], word: str) -> None:
    given = advise(QUIET._replace(**changes))
    assert given.word == word
    assert bool(given.steps) == (word != "stay")


def test_the_two_steps_to_split_are_told(settings: Any) -> None:
    settings.S3_BUCKET = "bucket"
    steps = " ".join(advise(QUIET._replace(cpu_share=0.9)).steps)
    assert "PROCESS_ROLE=worker" in steps
    assert "PROCESS_ROLE=web" in steps


@pytest.mark.database
@pytest.mark.django_db
def test_the_signs_are_read_from_the_rows(new_note: NewNote) -> None:
    note = new_note()
    type(note).objects.update(next_attempt_at=Now() - timedelta(minutes=3))
    vital = {"role": "worker", "threads": 4, "running": 4, "cpu_share": 0.8, "web_seconds": None}
    Heartbeat.beat("a:1", vital)
    Heartbeat.beat("b:1", {**vital, "cpu_share": 0.2})
    Heartbeat.beat("of an older version:1")
    seen = signs()
    assert seen.late > timedelta(minutes=2)
    assert (seen.uploads, seen.running, seen.threads, seen.cpu_share) == (1, 8, 8, 0.8)
    assert seen.is_split
    lines = shown(run("queue"))
    assert (lines["notes in 24 h"], lines["worker CPU"]) == ("1", "80%")
    assert lines["advice"].startswith("worker: ")


def test_a_worker_measures_what_it_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, cpu = iter([0.0, 10.0, 610.0]), iter([0.0, 5.0, 305.0])
    monkeypatch.setattr("notes.vitals.time.monotonic", lambda: next(clock))
    monkeypatch.setattr(vitals, "_cpu_seconds", lambda: next(cpu))
    monkeypatch.setattr(vitals, "processors", lambda: 2.0)
    monkeypatch.setattr(vitals, "_web_seconds", lambda: 0.4)
    measure = Vitals()
    assert measure.sample(0)["web_seconds"] is None
    last = measure.sample(3)
    assert (last["cpu_share"], last["web_seconds"], last["running"]) == (0.25, 0.4, 3)


def test_a_web_that_does_not_answer_counts_as_slow_and_none_as_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(vitals, "PROBE_TIMEOUT", 0.2)
    monkeypatch.setenv("BAU_WEB_PORT", str(free_port()))
    assert vitals._web_seconds() is None
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        monkeypatch.setenv("BAU_WEB_PORT", str(frozen.getsockname()[1]))
        assert vitals._web_seconds() == vitals.PROBE_TIMEOUT
    assert vitals.processors() > 0
