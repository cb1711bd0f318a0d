"""The product under fire: started as in production, on servers of its own, its books kept."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import pytest

from tests.fakes.log import Entry
from tests.fakes.provider import FakeProvider
from tests.faults.books import Row, doubled
from tests.marks import marked
from tests.services import wait_for
from tests.services.postgres import Postgres
from tests.services.s3 import S3
from tests.services.valkey import Valkey
from tests.stack import Client, Refused, Stack

#: What the figures of the table are stated for; a quick test shortens them.
PLAIN = {"LEASE_SECONDS": "30", "SWEEP_SECONDS": "5"}
QUICK = {"LEASE_SECONDS": "6", "SWEEP_SECONDS": "1"}

#: A quick test runs beside whatever else the machine does: what it may be late, in seconds.
LATE = 10


def latest(pace: Mapping[str, str], *, plus: float = 0) -> float:
    """By when a note without its worker is run again, in seconds.

    A lease, a sweep and ``plus``; a quick test, whose point is that nothing is lost, may be late.
    """
    promised = int(pace["LEASE_SECONDS"]) + int(pace["SWEEP_SECONDS"]) + 1 + plus
    return promised + (LATE if pace == QUICK else 0)


def rung_again(pace: Mapping[str, str]) -> float:
    """By when a note whose ring was lost is run, in seconds: two sweeps believe in it."""
    return 3 * int(pace["SWEEP_SECONDS"]) + 1 + (LATE if pace == QUICK else 0)


#: One owner sends more here than people do.
NO_LIMITS = {"USER_REQUESTS_PER_MINUTE": "0", "USER_NOTES_PER_DAY": "0"}

#: Both paces: the quick one is part of bin/test, the plain one of bin/faults.
PACES = pytest.mark.parametrize(
    "pace",
    [
        pytest.param(QUICK, id="quick"),
        pytest.param(PLAIN, marks=pytest.mark.faults, id="plain"),
    ],
)

#: Both databases; bin/test is content with the one that production runs on.
DATABASES = pytest.mark.parametrize(
    "database", ["postgres", pytest.param("sqlite", marks=pytest.mark.faults)]
)

TRIES = "SELECT note_id, stage, outcome FROM notes_attempt"


@dataclass
class Sent:
    """An accepted upload: the note, the mark in its sound, and how long web took to answer."""

    note: str
    mark: str
    seconds: float
    at: float = field(default_factory=time.monotonic)


class Rig:
    """Servers, the fake vendor, one container and one owner; more containers by :meth:`add`.

    ``database`` is ``postgres`` or ``sqlite``. Nothing is shared with other tests, since tests
    break what they stand on. With ``s3`` audio is kept in a bucket, else in a folder.
    """

    def __init__(
        self,
        *,
        database: str = "postgres",
        env: Mapping[str, str] | None = None,
        s3: bool = False,
        role: str = "all",
    ) -> None:
        self._parts = ExitStack()
        self.database = database
        self.valkey = Valkey()
        self.provider = FakeProvider()
        self.postgres = Postgres() if database == "postgres" else None
        self.s3 = S3() if s3 else None
        self._env = {"CLASSIFIER": "rules", **NO_LIMITS, **PLAIN, **(env or {})}
        self._role = role
        self.sent: list[Sent] = []
        self.refused: list[Refused] = []

    def __enter__(self) -> Self:
        for part in (self.valkey, self.postgres, self.s3, self.provider):
            if part is not None:
                self._parts.enter_context(part)
        env = {**self._env, **(self.s3.env if self.s3 else {})}
        self.stack = self.new_stack(
            env,
            self._role,
            redis=self.valkey.url,
            provider=self.provider.url,
            database=self.postgres.create_database("bau") if self.postgres else None,
        )
        self._parts.enter_context(self.stack)
        if self._role != "web":
            self.stack.worker_pid()
            wait_for(self._has_decoders, 30, "the worker starts no decoders")
        self.owner: Client = self.stack.create_user("alice")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._parts.__exit__(kind, error, trace)

    def add(self, role: str = "worker", env: Mapping[str, str] | None = None) -> Stack:
        """One more container of the same installation, started."""
        shared = {**self.stack.env, "SHARED_VOLUME": "1", **(env or {})}
        return self._parts.enter_context(self.new_stack(shared, role))

    def new_stack(self, env: Mapping[str, str], role: str, **services: Any) -> Stack:
        """A container, not yet started: here, the checkout's code as it is."""
        return Stack(env, role=role, **services)

    # --- Notes -----------------------------------------------------------------------------------

    def send(self, count: int = 1, *, threads: int = 8) -> list[Sent]:
        """Upload notes, each with a sound of its own; what web refuses is kept in ``refused``."""
        with ThreadPoolExecutor(min(threads, count)) as pool:
            answers = list(pool.map(lambda _: self._send_one(), range(count)))
        return [sent for sent in answers if sent]

    def _send_one(self) -> Sent | None:
        audio, mark = marked()
        started = time.monotonic()
        try:
            note = self.owner.upload(audio, idempotency_key=mark)
        except Refused as refused:
            self.refused.append(refused)
            return None
        sent = Sent(note["id"], mark, time.monotonic() - started)
        self.sent.append(sent)
        return sent

    def states(self) -> Counter[str]:
        """How many notes are in each status, as the rows have it."""
        rows = self.query("SELECT processing_status, count(*) FROM notes_note GROUP BY 1")
        return Counter({str(status): int(count) for status, count in rows})

    def settle(self, timeout: float) -> None:
        """Wait until every note has ended."""
        wait_for(
            lambda: not self.states().keys() - {"completed", "failed"},
            timeout,
            lambda: f"not settled: {dict(self.states())}",
        )

    def calls(self, *sent: Sent) -> list[Entry]:
        """The transcriptions asked of the provider, oldest first; of all notes or of these."""
        wanted = {one.mark for one in sent}
        asked = self.provider.requests("transcriptions")
        return [call for call in asked if not sent or call.mark in wanted]

    def wait_for_calls(self, count: int, timeout: float = 30) -> None:
        """Wait until the provider has been asked for so many transcriptions."""
        self.provider.log.wait_for(count, "transcriptions", timeout)

    # --- Books -----------------------------------------------------------------------------------

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Rows straight from the database, whatever the product says."""
        if self.postgres:
            return self.postgres.execute(statement, database="bau")
        path = self.stack.env["DATABASE_URL"].removeprefix("sqlite:///")
        with closing(sqlite3.connect(path, timeout=20)) as connection:
            return connection.execute(statement).fetchall()

    def _has_decoders(self) -> bool:
        """Whether the last of the processes is there that a worker starts at once."""
        return any("notes.audio.forks" in running.command for running in self.stack.processes())

    def can_be_written(self) -> bool:
        """Whether nobody is in the middle of a write that keeps all others waiting."""
        if self.postgres:
            return True
        path = self.stack.env["DATABASE_URL"].removeprefix("sqlite:///")
        with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return False
        return True

    def close_books(
        self, fault: str, *, recovery: float | None = None, of: str = "", remark: str = ""
    ) -> Row:
        """Publish the line of this fault; nothing may be lost or doubled."""
        ended = dict(self.query("SELECT id, processing_status FROM notes_note"))
        statuses = {str(note).replace("-", ""): status for note, status in ended.items()}
        note_of = {one.mark: one.note.replace("-", "") for one in self.sent}
        calls = Counter(note_of[c.mark] for c in self.calls() if c.mark in note_of)
        tries = [(str(n).replace("-", ""), str(s), str(o)) for n, s, o in self.query(TRIES)]
        accepted = [one.note.replace("-", "") for one in self.sent]
        lost = [n for n in accepted if statuses.get(n) not in ("completed", "failed")]
        twice = doubled(tries, calls)
        row = Row(
            fault=fault,
            database=self.database,
            accepted=len(accepted),
            completed=sum(statuses.get(note) == "completed" for note in accepted),
            failed=sum(statuses.get(note) == "failed" for note in accepted),
            lost=len(lost),
            doubled=len(twice),
            calls=len(self.calls()),
            recovery=recovery,
            of=of,
            remark=remark,
        )
        row.publish()
        assert not lost, f"lost: {lost}"
        assert not twice, f"doubled: {twice}"
        return row


def seconds_until(condition: Callable[[], object], timeout: float, message: str) -> float:
    """How long it took until the condition held."""
    started = time.monotonic()
    wait_for(condition, timeout, message)
    return time.monotonic() - started


def percentile(values: list[float], percent: float) -> float:
    """The value below which ``percent`` of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
