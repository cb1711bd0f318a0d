"""T13: a deploy that starts the new version while the old one still works; web not yet ready."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from threading import Event, Thread

import httpx2
import pytest

from tests.faults.elsewhere import Elsewhere, copy_of_checkout
from tests.faults.rig import Rig
from tests.services import Process, wait_for
from tests.services.postgres import Postgres
from tests.services.valkey import Valkey
from tests.stack import Client, Stack

WITHIN = 30 + 5 + 5
#: So many are sent while both versions serve.
NOTES_TOGETHER = 200
NEW_ACTOR = "transcribe_audio_v2"
OLD_ACTOR = """

@dramatiq.actor(actor_name="transcribe_audio", queue_name=Stage.TRANSCRIPTION.queue)
def transcribe_as_before(note_id: str) -> None:
    pipeline.transcribe(uuid.UUID(note_id))
"""
MIGRATION = """
from django.db import migrations, models

class Migration(migrations.Migration):
    dependencies = [("notes", {last!r})]
    operations = [
        migrations.AddField("note", "summary", models.TextField(null=True)),
    ]
"""


@pytest.mark.faults
def test_an_old_and_a_new_version_side_by_side_lose_no_note() -> None:
    with Rig() as rig:
        rig.provider.latency["transcriptions"] = 0.5
        new = Elsewhere(new_version(), {**rig.stack.env, "SHARED_VOLUME": "1"})
        served_by: list[Client] = [rig.owner]
        try:
            with sending(rig, served_by):
                with gate_polled(new) as answers:
                    new.start()
                served_by.append(new.client(rig.owner.token))
                wait_for(lambda: NEW_ACTOR in rig.stack.log_text(), 60, "the old one never met it")
                wait_for_more(rig, NOTES_TOGETHER)
                # The balancer turns to the new one first, then the old one is told to stop.
                del served_by[0]
                wait_for_more(rig, 3)
                rig.stack.terminate()
                ended = time.monotonic()
                wait_for_more(rig, 10)
            rig.settle(WITHIN)
            recovery = time.monotonic() - ended
            unknown = rig.stack.log_text().count(f"undefined actor '{NEW_ACTOR}'")
            row = rig.close_books(
                "T13 old and new version together",
                recovery=recovery,
                of="from the old one's end until all had ended",
                remark=f"{unknown} messages for an actor the old one does not know;"
                f" /readyz while starting: {', '.join(sorted(set(answers)))}",
            )
        finally:
            new.close()
        assert row.completed == row.accepted
        assert not rig.refused
        assert set(answers) <= {"refused", "200"}
        assert recovery <= WITHIN


def new_version() -> Path:
    """The checkout with one more migration, and a new actor that it rings for instead."""
    tree = copy_of_checkout()
    stages = tree / "notes" / "stages.py"
    text = stages.read_text()
    assert text.count('"transcribe_audio"') == 1
    stages.write_text(text.replace('"transcribe_audio"', f'"{NEW_ACTOR}"'))
    with (tree / "notes" / "tasks.py").open("a") as tasks:
        tasks.write(OLD_ACTOR)
    migrations = tree / "notes" / "migrations"
    last = max(file.stem for file in migrations.glob("0*.py"))
    (migrations / "9999_summary.py").write_text(MIGRATION.format(last=last))
    return tree


def wait_for_more(rig: Rig, count: int) -> None:
    """Let so many more notes be sent."""
    seen = len(rig.sent)
    wait_for(lambda: len(rig.sent) > seen + count, 30 + count, "no notes arrive")


@contextmanager
def sending(rig: Rig, served_by: list[Client]) -> Iterator[None]:
    """Notes all the time, to whichever web processes serve now.

    At random: web and worker taking turns in step, each version would hear itself alone.
    """
    chance = Random(13)
    done = Event()
    faults: list[Exception] = []

    def send() -> None:
        try:
            while not done.wait(0.1):
                rig.owner = chance.choice([*served_by])
                rig.send()
        except Exception as fault:
            faults.append(fault)

    thread = Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
    assert not faults


@contextmanager
def gate_polled(stack: Stack) -> Iterator[list[str]]:
    """What a balancer sees at ``/readyz`` while the block runs."""
    answers: list[str] = []
    done = Event()

    def poll() -> None:
        while not done.wait(0.05):
            answers.append(readiness(stack))

    thread = Thread(target=poll)
    thread.start()
    try:
        yield answers
    finally:
        done.set()
        thread.join()


def readiness(stack: Stack) -> str:
    """The status of ``/readyz``, or ``refused`` while nobody listens."""
    try:
        return str(httpx2.get(f"{stack.url}/readyz", timeout=10, trust_env=False).status_code)
    except httpx2.ConnectError:
        return "refused"


@pytest.mark.faults
def test_web_is_not_ready_before_its_schema_is_there() -> None:
    """Web alone, as when somebody runs it without the launcher that migrates."""
    with Valkey() as valkey, Postgres() as postgres:
        database = postgres.create_database("bau")
        stack = Stack({"SHARED_VOLUME": "1"}, role="web", redis=valkey.url, database=database)
        command = [sys.executable, "-m", "gunicorn"]
        assert readiness(stack) == "refused"
        with Process(command, log=stack.log, env=stack.env) as gunicorn:
            alive = f"{stack.url}/healthz"
            gunicorn.wait_ready(lambda: readiness(stack) != "refused", 20, "listening")
            assert httpx2.get(alive, timeout=10, trust_env=False).status_code == 200
            assert readiness(stack) == "503"
            stack.manage("migrate", "--verbosity=0")
            wait_for(lambda: readiness(stack) == "200", 10, "web does not become ready")
        stack.close()
