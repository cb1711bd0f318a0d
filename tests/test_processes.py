"""Which processes run, what a signal does to them, and what is left afterwards."""

import json
import os
import re
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from project.priority import NICENESS
from tests.fakes.provider import FakeProvider
from tests.marks import marked
from tests.services import Process, minimal_environment, proc, this_run, wait_for
from tests.services.postgres import Postgres
from tests.services.run import REPOSITORY
from tests.services.valkey import Valkey
from tests.stack import Client, Stack

GRACE = 8
#: What the platform gives beyond STOP_GRACE_SECONDS.
SLACK = 2
BACK_SECONDS = 5
SETTLED = 30
#: What :func:`job` tells of a note whose worker had to stop: it is due, and nothing counts.
HANDED_BACK = ["pending", "0", "0", "None", "None"]

PROGRAMS = {
    "web": "bin/gunicorn",
    "supervisor": "-m project.worker",
    "dramatiq": "-m project.run_dramatiq",
}
#: gunicorn's master and one process; a container for web alone has two of these.
WEB, WEB_ALONE = {"web": 2}, {"web": 3}
WORKER = {"supervisor": 1, "dramatiq": 1}
ALL = WEB | WORKER


def recording() -> bytes:
    """The sample with a tail of its own, which no decoder minds."""
    return marked()[0]


def kinds(pids: set[int]) -> dict[str, int]:
    """How many of these processes run each of our programs; shells and launchers do not count."""
    commands = [proc.command_line(pid) for pid in pids]
    found = (kind for text in commands for kind, part in PROGRAMS.items() if part in text)
    return dict(Counter(found))


def settled(process: Process, expected: dict[str, int]) -> None:
    """Wait until exactly the expected programs run."""
    wait_for(
        lambda: kinds(process.family()) == expected,
        SETTLED,
        lambda: f"{expected} expected, not {kinds(process.family())}:\n{process.log_text()}",
    )


@dataclass
class Product:
    """A running container with both roles, its vendor, and Alice."""

    stack: Stack
    provider: FakeProvider
    alice: Client

    def serves(self) -> None:
        """A new note is transcribed and filed."""
        note = self.alice.wait(self.alice.upload(recording())["id"], timeout=20)
        assert note["processing_status"] == "completed"

    def in_a_call(self, seconds: float) -> tuple[str, str]:
        """A note whose transcription has just begun and takes so long; its id and its mark."""
        audio, mark = marked()
        self.provider.fail("transcriptions", hang=seconds, mark=mark)
        note = self.alice.upload(audio)
        wait_for(lambda: self.calls(mark), 20, "the call has not begun")
        return note["id"], mark

    def calls(self, mark: str) -> int:
        """How often the vendor was asked for this recording's words."""
        asked = self.provider.requests("transcriptions")
        return sum(call.mark == mark for call in asked)


@contextmanager
def started() -> Iterator[Product]:
    with (
        FakeProvider() as provider,
        Valkey() as valkey,
        Stack(redis=valkey.url, provider=provider.url) as stack,
    ):
        yield Product(stack, provider, stack.create_user("alice"))


@pytest.fixture(scope="module")
def running() -> Iterator[Product]:
    with started() as product:
        yield product


@pytest.fixture
def product(running: Product) -> Iterator[Product]:
    """The running one, started again if a test has ended it; pytest shows a failure's log."""
    stack = running.stack
    seen = len(stack.log_text())
    running.provider.reset()
    if not stack.process.alive:
        stack.start()
    yield running
    print(stack.log_text()[seen:])


@contextmanager
def health_polled(stack: Stack) -> Iterator[list[str]]:
    """What `/healthz` answered while the block runs, asked all the time."""
    answers: list[str] = []
    done = threading.Event()

    def poll() -> None:
        with httpx2.Client(base_url=stack.url, timeout=2, trust_env=False) as http:
            while not done.wait(0.05):
                try:
                    answers.append(str(http.get("/healthz").status_code))
                except httpx2.TransportError as error:
                    answers.append(type(error).__name__)

    thread = threading.Thread(target=poll)
    thread.start()
    try:
        yield answers
    finally:
        done.set()
        thread.join()


# --- A part dies -----------------------------------------------------------------------------


def test_a_killed_worker_is_soon_replaced_and_web_never_notices() -> None:
    began = time.monotonic()
    with started() as product, health_polled(product.stack) as answers:
        stack = product.stack
        product.serves()
        cold = time.monotonic() - began
        old = stack.worker_pid()
        killed = time.monotonic()
        os.kill(old.child, signal.SIGKILL)
        wait_for(lambda: stack.worker_pid().child != old.child, 20, "no new worker")
        product.serves()
        took = time.monotonic() - killed
        wait_for(
            lambda: not set(old) & {pid for pid, _ in stack.processes()},
            GRACE + SLACK,
            lambda: f"{old} left an orphan: {stack.processes()}",
        )
        settled(stack.process, ALL)

    print(
        f"worker killed: a new note was done {took:.1f} s later (after the start: {cold:.1f} s);"
        f" {len(answers)} polls of web"
    )
    # On a machine that has other things to do all starts take longer; a second of pause precedes
    # this one.
    assert took < max(BACK_SECONDS, cold + 2)
    assert set(answers) == {"200"}


def test_the_container_ends_when_the_supervisor_is_killed_and_leaves_no_process(
    product: Product,
) -> None:
    stack = product.stack
    settled(stack.process, ALL)
    note, _ = product.in_a_call(30)

    [supervisor] = [pid for pid, command in stack.processes() if PROGRAMS["supervisor"] in command]
    killed = time.monotonic()
    os.kill(supervisor, signal.SIGKILL)
    wait_for(
        lambda: not stack.process.alive and not stack.process.family(),
        GRACE + SLACK,
        lambda: f"left: {stack.processes()}",
    )

    print(f"supervisor killed: nothing left {time.monotonic() - killed:.1f} s later")
    assert job(stack, note) == HANDED_BACK


# --- SIGTERM ---------------------------------------------------------------------------------


def test_calls_that_end_within_the_grace_are_finished_and_not_repeated(product: Product) -> None:
    # Of different lengths, in a few of many threads: whoever waits for them must wait for each.
    with ThreadPoolExecutor(10) as pool:
        notes = dict(pool.map(product.in_a_call, [1.2 + 0.2 * number for number in range(10)]))

    took = product.stack.terminate()
    print(f"SIGTERM with calls of up to 3 s: ended after {took:.1f} s")
    assert took < GRACE + SLACK

    product.stack.start()
    for note, mark in notes.items():
        assert product.alice.wait(note)["processing_status"] == "completed"
        assert product.calls(mark) == 1


def test_a_call_that_outlasts_the_grace_is_handed_back_and_soon_repeated(product: Product) -> None:
    note, mark = product.in_a_call(30)

    took = product.stack.terminate()
    print(f"SIGTERM with a call of 30 s: ended after {took:.1f} s")
    assert took < GRACE + SLACK
    assert job(product.stack, note) == HANDED_BACK

    started = time.monotonic()
    product.stack.start()
    up = time.monotonic() - started
    wait_for(lambda: product.calls(mark) == 2, 20, "not called again")
    again = time.monotonic() - started
    print(f"called again {again:.1f} s after the start, which took {up:.1f} s")
    assert again - up < 6
    assert product.alice.wait(note)["processing_status"] == "completed"
    assert product.calls(mark) == 2


def job(stack: Stack, note: str) -> list[str]:
    """Status, attempts, crashes, lease and last ring of a note."""
    names = ["processing_status", "attempts", "crashes", "lease_token", "rung_at"]
    code = (
        "from notes.models import Note\n"
        f"note = Note.objects.get(pk={note!r})\n"
        f"print(*(getattr(note, name) for name in {names}))"
    )
    return stack.manage("shell", "--no-imports", "-c", code).split()


def test_sigterm_ends_a_worker_that_waits_for_its_schema() -> None:
    stack = Stack({"SHARED_VOLUME": "1"}, role="worker")
    process = stack.launch()
    try:
        wait_for(lambda: "waiting for the schema" in stack.log_text(), 20, stack.log_text)
        took = stack.terminate()
        print(f"SIGTERM while waiting for the schema: ended after {took:.1f} s")
        assert took < GRACE + SLACK
        assert process.returncode == 143
    finally:
        stack.close()


# --- Roles -----------------------------------------------------------------------------------


def test_web_and_worker_run_apart_on_a_shared_volume() -> None:
    with (
        FakeProvider() as provider,
        Valkey() as valkey,
        Stack({"SHARED_VOLUME": "1"}, role="web", redis=valkey.url, provider=provider.url) as web,
        Stack(web.env, role="worker") as worker,
    ):
        assert kinds(web.process.family()) == WEB_ALONE
        assert kinds(worker.process.family()) == WORKER
        assert re.search(r"worker \S+ serves classify_note, transcribe_audio", worker.log_text())
        alice = web.create_user("alice")
        note = alice.wait(alice.upload(recording())["id"])
        assert note["processing_status"] == "completed"

        for stack in (worker, web):
            took = stack.terminate()
            print(f"SIGTERM to {stack.role}: ended after {took:.1f} s")
            assert took < GRACE + SLACK


@pytest.mark.parametrize("role", ["web", "worker"])
def test_a_split_role_refuses_what_the_other_container_would_not_see(role: str) -> None:
    code, lines = refusal(Stack(role=role))
    assert code == 2
    assert [line.partition(":")[0] for line in lines] == [
        "DATABASE_URL",
        "S3_BUCKET",
        "Not started. Correct the settings above; .env.example explains each.",
    ]
    assert all("SHARED_VOLUME=1" in line for line in lines[:2])


def test_an_unknown_role_is_refused_in_one_clear_line() -> None:
    code, lines = refusal(Stack(role="banana"))
    assert code == 2
    assert [line for line in lines if "PROCESS_ROLE" in line] == [
        "PROCESS_ROLE: Must be all, web, worker; it is banana."
    ]
    assert len(lines) == 2


def refusal(stack: Stack) -> tuple[int, list[str]]:
    """The exit code and what it said."""
    try:
        return stack.launch().wait(20), stack.log_text().splitlines()
    finally:
        stack.close()


def test_without_a_role_both_run_and_every_line_is_json_with_its_role() -> None:
    with Valkey() as valkey:
        stack = Stack({"LOG_FORMAT": "json"}, redis=valkey.url)
        del stack.env["PROCESS_ROLE"]
        with stack:
            settled(stack.process, ALL)
            wait_for(lambda: " serves " in stack.log_text(), 20, "the worker serves nothing")
            # Web goes first where both want the CPU.
            assert os.getpriority(os.PRIO_PROCESS, stack.worker_pid().child) == NICENESS
            os.kill(stack.worker_pid().child, signal.SIGKILL)
            wait_for(lambda: "a new one in" in stack.log_text(), 10, "the death is not told")
            wait_for(lambda: stack.log_text().count(" serves ") == 2, 20, "no new worker")
            took = stack.terminate()
            print(f"SIGTERM when idle: ended after {took:.1f} s")
            assert took < GRACE + SLACK
            assert stack.process.returncode == 143
            lines = [json.loads(line) for line in stack.log_text().splitlines()]
    assert {type(line) for line in lines} == {dict}
    roles = {line["role"] for line in lines}
    assert roles == {"prepare", "system", "web", "worker"}
    assert all(line["message"] and line["time"].endswith("Z") for line in lines)


# --- Plain honcho ----------------------------------------------------------------------------


@pytest.mark.parametrize(("arguments", "expected"), [([], ALL), (["web"], WEB)])
def test_plain_honcho_starts_the_procfile(arguments: list[str], expected: dict[str, int]) -> None:
    with Valkey() as valkey:
        stack = Stack(redis=valkey.url)
        stack.manage("prepare")
        programs = Path(sys.executable).parent
        env = {**stack.env, "PATH": f"{programs}{os.pathsep}{stack.env['PATH']}"}
        command = [str(programs / "honcho"), "start", *arguments]
        with Process(command, log=stack.log, env=env, cwd=REPOSITORY) as honcho:
            answers = "/healthz answers on the PORT that honcho gives"
            honcho.wait_ready(lambda: healthy(stack.url), 20, answers)
            settled(honcho, expected)
            if expected is ALL:
                wait_for(lambda: " serves " in stack.log_text(), 20, "the worker serves nothing")
            took = honcho.stop(grace=GRACE + SLACK)
            print(f"honcho start {' '.join(arguments)}: SIGTERM ended it after {took:.1f} s")
        stack.close()


def healthy(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/healthz", timeout=2, trust_env=False).status_code == 200
    except httpx2.TransportError:
        return False


def test_plain_honcho_without_a_port_listens_on_5000(tmp_path: Path) -> None:
    log = tmp_path / "log"
    procfile = tmp_path / "Procfile"
    procfile.write_text("web: echo port $PORT\n")
    command = [str(Path(sys.executable).parent / "honcho"), "-f", str(procfile), "start", "web"]
    with Process(command, log=log, env=minimal_environment(), cwd=tmp_path) as honcho:
        honcho.wait()
    assert "port 5000" in log.read_text()


# --- The schema ------------------------------------------------------------------------------


def test_two_containers_may_prepare_an_empty_postgresql_at_once(postgres: Postgres) -> None:
    name = f"prepare_{os.urandom(4).hex()}"
    env = {**Stack(database=postgres.create_database(name)).env}
    logs = [this_run().directory / f"{name}.{number}" for number in range(2)]
    command = [sys.executable, "manage.py", "prepare"]
    runs = [Process(command, log=log, env=env, cwd=REPOSITORY) for log in logs]
    try:
        codes = [run.wait(60) for run in runs]
    finally:
        for run in runs:
            run.kill()
    said = [log.read_text() for log in logs]
    assert codes == [0, 0], said
    assert sum("Applying notes.0001_initial" in text for text in said) == 1
    assert sum("No migrations to apply" in text for text in said) == 1
    postgres.drop_database(name)
