"""The health check of a worker: one exit code, and one line that helps."""

from __future__ import annotations

import socket
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import OperationalError
from django.db.models.functions import Now

from notes.models import Heartbeat

pytestmark = pytest.mark.database


def check(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """The exit code and what was printed."""
    code = 0
    try:
        call_command("check_worker", *arguments)
    except SystemExit as end:
        code = int(end.code or 0)
    return code, capsys.readouterr().out


def silent_for(seconds: int, worker: str = "elsewhere:1") -> None:
    Heartbeat.beat(worker)
    Heartbeat.objects.filter(worker=worker).update(seen_at=Now() - timedelta(seconds=seconds))


@pytest.mark.django_db
def test_a_worker_that_was_seen_lately_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    silent_for(500, "elsewhere:1")
    silent_for(55, "elsewhere:2")
    assert check(capsys) == (0, "")


@pytest.mark.django_db
@pytest.mark.parametrize("silent", [None, 65], ids=["never", "a while ago"])
def test_without_a_living_worker_one_line_says_what_to_do(
    capsys: pytest.CaptureFixture[str], silent: int | None
) -> None:
    if silent:
        silent_for(silent)
    code, said = check(capsys)
    assert code == 1
    assert len(said.splitlines()) == 1
    assert said.startswith("No worker was seen lately. Notes are safe and wait; start")


@pytest.mark.django_db
def test_of_this_host_only_its_own_workers_count(capsys: pytest.CaptureFixture[str]) -> None:
    host = socket.gethostname()
    silent_for(1, f"{host}-2:7")
    code, said = check(capsys, "--host")
    assert code == 1
    assert f"No worker on {host} was seen" in said
    silent_for(1, f"{host}:7")
    assert check(capsys, "--host") == (0, "")


def test_a_database_that_does_not_answer_is_told_in_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr("django.db.models.query.QuerySet.exists", refuse)
    code, said = check(capsys)
    assert code == 1
    assert said == "The database does not answer (OperationalError); see that it runs.\n"
