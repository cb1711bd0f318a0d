"""What is compared, with a few verbs for measures: the product as shipped, and any other side."""

from __future__ import annotations

import http.client
import json
import os
import signal
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, LiteralString, Self

import psycopg

from bench.servers import Servers
from tests.services import Process, proc
from tests.services.valkey import Valkey
from tests.stack import Stack

BOXES = ("Trabalho", "Casa", "Viagem", "Saúde")
WIDE = "1000000"
#: What Docker Swarm gives a container between SIGTERM and SIGKILL, in seconds.
PLATFORM_GRACE = 10.0


_TAKEN: LiteralString = """
    CREATE UNLOGGED TABLE IF NOT EXISTS bench_taken (at timestamptz);
    CREATE OR REPLACE FUNCTION bench_note_taken() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN INSERT INTO bench_taken VALUES (clock_timestamp()); RETURN NULL; END $$;
    CREATE OR REPLACE TRIGGER bench_taken AFTER UPDATE ON NOTES FOR EACH ROW
        WHEN (OLD.processing_status = 'pending' AND NEW.processing_status <> 'pending')
        EXECUTE FUNCTION bench_note_taken();
"""


class Side:
    """One of the two, started by ``with``; what measures ask of it."""

    name: str
    upload_path: str
    health_path: str
    headers: dict[str, str]
    port: int
    #: Of the notes; in both a note waits as "pending" until a worker takes it.
    table: LiteralString

    def __init__(
        self,
        servers: Servers,
        role: str = "all",
        env: Mapping[str, str] | None = None,
        *,
        database: str | None = None,
    ) -> None:
        self.servers = servers
        self.valkey = Valkey()
        self.role = role
        self.env = dict(env or {})
        self.database = database or f"{self.name}_{uuid.uuid4().hex[:8]}"
        self.database_url = (
            servers.postgres.url(database)
            if database
            else servers.postgres.create_database(self.database)
        )

    # Each side's own

    def __enter__(self) -> Self:
        raise NotImplementedError

    def __exit__(self, *error: Any) -> None:
        raise NotImplementedError

    @property
    def process(self) -> Process:
        raise NotImplementedError

    def launch(self) -> None:
        raise NotImplementedError

    def web(self) -> set[int]:
        raise NotImplementedError

    def worker(self) -> set[int]:
        raise NotImplementedError

    def unfinished(self) -> int:
        """How many notes have neither a box (or the Inbox) nor a failure that is told."""
        raise NotImplementedError

    def fields(self) -> dict[str, str]:
        """Headers that a careful client adds to an upload."""
        return {}

    def people(self, names: list[str]) -> list[dict[str, str]]:
        """What each of these sends in the head of a request; whoever is new is made."""
        raise NotImplementedError

    def start_again(self) -> None:
        """After an end; back when web and worker serve."""
        raise NotImplementedError

    def heads(self) -> set[int]:
        """The processes that a platform or supervisor sends SIGTERM."""
        raise NotImplementedError

    def deliver(self, note: str, times: int) -> None:
        """Put a message about the note into the queue again, so many times."""
        raise NotImplementedError

    # What they share

    @cached_property
    def _asking(self) -> psycopg.Connection[Any]:
        return self.servers.postgres.connect(self.database)

    def count(self, query: LiteralString) -> int:
        [(count,)] = self._asking.execute(query)
        return int(count)

    def settle(self, timeout: float = 120) -> float:
        """Wait until every note has ended; the monotonic second of it, to a tenth.

        Who asks more often, or by a new connection each time, takes the processor from both.
        """
        until = time.monotonic() + timeout
        while unfinished := self.unfinished():
            if time.monotonic() > until:
                raise TimeoutError(f"after {timeout:g} s: {unfinished} unfinished")
            time.sleep(0.1)
        return time.monotonic()

    def note_when_taken(self) -> None:
        """From here on PostgreSQL notes down when a note stops being pending.

        To read it from a log of all statements would cost each side milliseconds.
        """
        self._asking.execute(_TAKEN.replace("NOTES", self.table))

    def last_taken(self) -> float:
        """The second of the epoch at which the last note was taken."""
        [(at,)] = self._asking.execute("SELECT extract(epoch FROM max(at)) FROM bench_taken")
        return float(at)

    @contextmanager
    def worker_stopped(self) -> Iterator[None]:
        """Nothing is picked up meanwhile: a backlog gathers."""
        stopped = self.worker()
        proc.send(stopped, signal.SIGSTOP)
        try:
            yield
        finally:
            proc.send(stopped, signal.SIGCONT)

    def stop_like_a_platform(self) -> None:
        """SIGTERM, and SIGKILL to what is left after the platform's grace."""
        proc.send(self.heads(), signal.SIGTERM)
        until = time.monotonic() + PLATFORM_GRACE
        while self.process.family() and time.monotonic() < until:
            time.sleep(0.1)
        self.process.kill()

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def upload(self, connection: http.client.HTTPConnection, audio: bytes) -> tuple[float, float]:
        """One upload; the seconds it took, and the monotonic second of its answer.

        Raises:
          RuntimeError: it was refused.
        """
        _, begun, ended = self.uploaded(connection, audio)
        return ended - begun, ended

    def uploaded(
        self, connection: http.client.HTTPConnection, audio: bytes
    ) -> tuple[str, float, float]:
        """As :meth:`upload`: the note's id, and when it began and was answered."""
        headers, body = self._told(self.headers, audio)
        begun = time.monotonic()
        connection.request("POST", self.upload_path, body, headers)
        response = connection.getresponse()
        answer = response.read()
        ended = time.monotonic()
        if response.status not in (201, 202):
            raise RuntimeError(f"{self.name}: {response.status} {answer[:300]!r}")
        return json.loads(answer)["id"], begun, ended

    def request(self, person: dict[str, str], audio: bytes) -> bytes:
        """An upload as it goes over the wire, by one of :meth:`people`."""
        headers, body = self._told(person, audio)
        headers |= {"Host": f"127.0.0.1:{self.port}", "Content-Length": str(len(body))}
        lines = [f"POST {self.upload_path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode() + body

    def _told(self, person: dict[str, str], audio: bytes) -> tuple[dict[str, str], bytes]:
        body, kind = _form(self.field, audio)
        return {**person, **self.fields(), "Content-Type": kind}, body

    @cached_property
    def crowd(self) -> list[dict[str, str]]:
        """Sixteen people, each with a connection of their own."""
        return self.people([f"person{number}" for number in range(16)])

    def get(self, connection: http.client.HTTPConnection, path: str) -> tuple[float, Any]:
        """The seconds that a GET took, and what it gave."""
        begun = time.monotonic()
        connection.request("GET", path, headers=self.headers)
        response = connection.getresponse()
        answer = response.read()
        took = time.monotonic() - begun
        if response.status != 200:
            raise RuntimeError(f"{self.name}: {response.status} {answer[:300]!r}")
        return took, json.loads(answer)

    field: str


class Product(Side):
    """`python -m project.start`, its settings as shipped; only limits per user are wide."""

    name = "product"
    upload_path, health_path, field = "/api/v1/notes", "/healthz", "audio"
    table = "notes_note"
    user = "ana"

    def __enter__(self) -> Self:
        self.valkey.start()
        limits = ("USER_REQUESTS_PER_MINUTE", "USER_NOTES_PER_DAY", "USER_AUDIO_MINUTES_PER_DAY")
        env = dict.fromkeys((*limits, "INSTANCE_AUDIO_MINUTES_PER_DAY"), WIDE)
        self.stack = Stack(
            {**env, "SHARED_VOLUME": "1", **self.env},
            role=self.role,
            database=self.database_url,
            redis=self.valkey.url,
            provider=f"{self.servers.provider_url}/v1",
        )
        self.port = self.stack.port
        self.stack.start()
        client = self.stack.create_user(self.user)
        if self.user == "ana":
            for name in BOXES:
                client.create_box(name)
        self.headers = {"Authorization": f"Bearer {client.token}"}
        if self.role == "all":
            self.stack.worker_pid()
        return self

    def __exit__(self, *error: Any) -> None:
        self.stack.__exit__(*error)
        self.valkey.close()

    @property
    def process(self) -> Process:
        return self.stack.process

    def launch(self) -> None:
        self.stack.launch()

    def start_again(self) -> None:
        self.stack.start()
        self.stack.worker_pid()

    def people(self, names: list[str]) -> list[dict[str, str]]:
        clients = self.stack.create_users(*names)
        return [{"Authorization": f"Bearer {client.token}"} for client in clients]

    def heads(self) -> set[int]:
        return {self.process.pid}

    def deliver(self, note: str, times: int) -> None:
        # Loads Dramatiq, and with it a broker: not for who measures anything else.
        from tests.doorbell import ring

        ring(self.valkey.url, note, times)

    def fields(self) -> dict[str, str]:
        return {"Idempotency-Key": uuid.uuid4().hex}

    def web(self) -> set[int]:
        return named(self.process, "gunicorn")

    def worker(self) -> set[int]:
        return proc.with_descendants(named(self.process, "-m project.worker"))

    def unfinished(self) -> int:
        return self.count(
            "SELECT count(*) FROM notes_note WHERE processing_status NOT IN ('completed', 'failed')"
        )


def named(process: Process, words: str) -> set[int]:
    return {pid for pid in process.family() if words in proc.command_line(pid)}


def _form(field: str, audio: bytes) -> tuple[bytes, str]:
    boundary = "bench0boundary0bench"
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="a.ogg"\r\n'
        "Content-Type: audio/ogg\r\n\r\n"
    )
    body = head.encode() + audio + f"\r\n--{boundary}--\r\n".encode()
    return body, f"multipart/form-data; boundary={boundary}"


def cpu_seconds(pids: Iterable[int]) -> float:
    """What these processes have used, their ended children included; the dead count nothing."""
    ticks = 0
    for pid in pids:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += sum(map(int, stat[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def pss_megabytes(pids: Iterable[int]) -> float:
    """Proportional set size of these processes in sum; the dead count nothing."""
    return sum(map(proc.pss, pids))
