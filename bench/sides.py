"""The two that are compared, each with a few verbs: the product as shipped, and the Celery twin."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, LiteralString, Self

import httpx2

from tests.services import Process, free_port, minimal_environment, proc, this_run, wait_for
from tests.services.postgres import Postgres
from tests.services.run import REPOSITORY
from tests.services.valkey import Valkey
from tests.stack import Stack

TWIN = Path(__file__).parent / "celery"
VENV = REPOSITORY / "var" / "celery-venv"
BOXES = ("Trabalho", "Casa", "Viagem", "Saúde")
WIDE = "1000000"


class Servers:
    """What both stand on: PostgreSQL with fsync, Valkey, the fake provider as its own process."""

    def __init__(self) -> None:
        self._parts = ExitStack()
        self.postgres = Postgres(durable=True, options={"log_line_prefix": "%d|"})
        self.valkey = Valkey()
        self.provider_url = f"http://127.0.0.1:{free_port()}"

    def __enter__(self) -> Self:
        for part in (self.postgres, self.valkey):
            self._parts.enter_context(part)
        port = self.provider_url.rpartition(":")[2]
        command = [sys.executable, "-m", "tests.fakes.provider", "--port", port]
        log = this_run().directory / "provider.log"
        self._parts.enter_context(Process(command, log=log, cwd=REPOSITORY))
        self.http = httpx2.Client(base_url=self.provider_url, timeout=60, trust_env=False)
        wait_for(lambda: "OPENAI_BASE_URL" in log.read_text(), 20, "no provider")
        return self

    def __exit__(self, *error: Any) -> None:
        self._parts.__exit__(*error)

    def provide(self, transcription: float = 0.0, chat: float = 0.0, **more: Any) -> None:
        """Forget what was asked, and answer after so many seconds."""
        self.http.post("/_reset").raise_for_status()
        latency = {"transcriptions": transcription, "chat": chat}
        self.http.post("/_control", json={"latency": latency, **more}).raise_for_status()

    def asked(self, endpoint: str) -> list[dict[str, Any]]:
        """The requests since :meth:`provide`; times are this machine's monotonic seconds."""
        requests: list[dict[str, Any]] = self.http.get("/_log").json()["requests"]
        return [one for one in requests if one["endpoint"] == endpoint]

    def log_statements(self, on: bool) -> None:
        """Have PostgreSQL write each statement into its log."""
        self.postgres.execute(
            "ALTER SYSTEM SET log_statement = 'all'" if on else "ALTER SYSTEM RESET log_statement"
        )
        self.postgres.execute("SELECT pg_reload_conf()")
        time.sleep(0.2)  # there is no answer to wait for

    def statements(self, database: str, since: int) -> list[str]:
        """Those of ``database`` in the log from byte ``since`` on, without BEGIN and COMMIT."""
        with self.postgres.log.open("rb") as log:
            log.seek(since)
            lines = log.read().decode(errors="replace").splitlines()
        mine = [line.partition("|")[2] for line in lines if line.startswith(f"{database}|")]
        texts = [line.split(": ", 1)[1].strip() for line in mine if _tells_statement(line)]
        quiet = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "SHOW ", "SET ")
        return [text for text in texts if not text.upper().startswith(quiet)]


def _tells_statement(line: str) -> bool:
    head = line.removeprefix("LOG:").strip()
    return head.startswith(("statement:", "execute ")) and ": " in line


class Side:
    """One of the two, started by ``with``; what measures ask of it."""

    name: str
    upload_path: str
    health_path: str
    headers: dict[str, str]
    port: int

    def __init__(self, servers: Servers, role: str, env: Mapping[str, str] | None = None) -> None:
        self.servers = servers
        self.role = role
        self.env = dict(env or {})
        self.database = f"{self.name}_{uuid.uuid4().hex[:8]}"
        self.database_url = servers.postgres.create_database(self.database)

    # Each side's own

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
        raise NotImplementedError

    def fields(self) -> dict[str, str]:
        raise NotImplementedError

    # What they share

    def count(self, query: LiteralString) -> int:
        rows = self.servers.postgres.execute(query, database=self.database)
        return int(rows[0][0])

    def settle(self, timeout: float = 120) -> float:
        """Wait until every note has ended; the monotonic second of it."""
        wait_for(lambda: not self.unfinished(), timeout, lambda: f"{self.unfinished()} unfinished")
        return time.monotonic()

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def upload(self, connection: http.client.HTTPConnection, audio: bytes) -> tuple[float, float]:
        """One upload; the seconds it took, and the monotonic second of its answer."""
        body, kind = _form(self.field, audio)
        headers = {**self.headers, **self.fields(), "Content-Type": kind}
        begun = time.monotonic()
        connection.request("POST", self.upload_path, body, headers)
        response = connection.getresponse()
        answer = response.read()
        ended = time.monotonic()
        if response.status not in (201, 202):
            raise RuntimeError(f"{self.name}: {response.status} {answer[:300]!r}")
        return ended - begun, ended

    field: str


class Product(Side):
    """`python -m project.start`, its settings as shipped; only limits per user are wide."""

    name = "product"
    upload_path, health_path, field = "/api/v1/notes", "/healthz", "audio"

    def __enter__(self) -> Self:
        limits = ("USER_REQUESTS_PER_MINUTE", "USER_NOTES_PER_DAY", "USER_AUDIO_MINUTES_PER_DAY")
        env = dict.fromkeys((*limits, "INSTANCE_AUDIO_MINUTES_PER_DAY"), WIDE)
        self.stack = Stack(
            {**env, "SHARED_VOLUME": "1", **self.env},
            role=self.role,
            database=self.database_url,
            redis=self.servers.valkey.url,
            provider=f"{self.servers.provider_url}/v1",
        )
        self.port = self.stack.port
        self.stack.start()
        client = self.stack.create_user("ana")
        for name in BOXES:
            client.create_box(name)
        self.headers = {"Authorization": f"Bearer {client.token}"}
        if self.role == "all":
            self.stack.worker_pid()
        return self

    def __exit__(self, *error: Any) -> None:
        self.stack.__exit__(*error)

    @property
    def process(self) -> Process:
        return self.stack.process

    def launch(self) -> None:
        self.stack.launch()

    def fields(self) -> dict[str, str]:
        return {"Idempotency-Key": uuid.uuid4().hex}

    def web(self) -> set[int]:
        return _named(self.process, "gunicorn")

    def worker(self) -> set[int]:
        return proc.with_descendants(_named(self.process, "-m project.worker"))

    def unfinished(self) -> int:
        return self.count(
            "SELECT count(*) FROM notes_note WHERE processing_status NOT IN ('completed', 'failed')"
        )


class Twin(Side):
    """bench/celery by its own start script in its own virtual environment."""

    name = "twin"
    upload_path, health_path, field = "/api/v1/notes/upload/", "/health/", "audio_file"
    _process: Process

    def __enter__(self) -> Self:
        make_venv()
        self.port = free_port()
        self.directory = this_run().new_directory("twin")
        self.started_env = {
            **minimal_environment(),
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.servers.valkey.url[:-1] + "1",
            "MEDIA_ROOT": str(self.directory / "media"),
            "OPENAI_API_KEY": "sk-test",
            "OPENAI_BASE_URL": f"{self.servers.provider_url}/v1",
            "DJANGO_SETTINGS_MODULE": "twin.settings",
            "PROGRAMS": str(VENV / "bin"),
            "PORT": str(self.port),
            "ROLE": self.role,
            **self.env,
        }
        self.launch()
        self._process.wait_ready(self._answers, 60, "alive")
        self.headers = {"Authorization": f"Token {self._people()}", "X-Workspace-ID": "casa"}
        if self.role == "all":
            wait_for(lambda: len(self.worker()) >= 3, 30, "no Celery worker")
            wait_for(self._hears, 30, "Celery does not listen")
        return self

    def __exit__(self, *error: Any) -> None:
        self._process.kill()

    @property
    def process(self) -> Process:
        return self._process

    def launch(self) -> None:
        log = self.directory / "log"
        self._process = Process([TWIN / "start"], log=log, env=self.started_env, cwd=TWIN)

    def _answers(self) -> bool:
        try:
            url = f"http://127.0.0.1:{self.port}/health/"
            return httpx2.get(url, timeout=5, trust_env=False).status_code == 200
        except httpx2.TransportError:
            return False

    def _hears(self) -> bool:
        url = self.servers.valkey.url[:-1] + "1"
        with self.servers.valkey.client() as client:
            listed: Any = client.client_list()
        return any(one["cmd"] == "brpop" and one["db"] == url[-1] for one in listed)

    def _people(self) -> str:
        code = (
            "import django; django.setup()\n"
            "from django.contrib.auth.models import User\n"
            "from rest_framework.authtoken.models import Token\n"
            "from twin.models import Box, Workspace\n"
            "home = Workspace.objects.create(slug='casa')\n"
            f"[Box.objects.create(workspace=home, name=name) for name in {BOXES!r}]\n"
            "print(Token.objects.create(user=User.objects.create_user('ana')).key)"
        )
        command = [str(VENV / "bin" / "python"), "-c", code]
        done = subprocess.run(
            command, cwd=TWIN, env=self.started_env, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def fields(self) -> dict[str, str]:
        return {}

    def web(self) -> set[int]:
        return _named(self.process, "bin/gunicorn")

    def worker(self) -> set[int]:
        return _named(self.process, "bin/celery")

    def unfinished(self) -> int:
        return self.count("SELECT count(*) FROM bau_mental_note WHERE ai_confidence IS NULL")


def make_venv() -> None:
    """The twin's virtual environment from its hashed lock, below var/, if it is not there."""
    lock = TWIN / "requirements.txt"
    stamp = VENV / "installed-lock"
    if stamp.exists() and stamp.read_bytes() == lock.read_bytes():
        return
    print("installing the twin's packages ...", file=sys.stderr, flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)
    install = ["-m", "pip", "install", "-q", "--require-hashes", "-r", str(lock)]
    subprocess.run([VENV / "bin" / "python", *install], check=True)
    stamp.write_bytes(lock.read_bytes())


def _named(process: Process, words: str) -> set[int]:
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
    """What these living processes have used, their ended children included."""
    ticks = 0
    for pid in pids:
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(map(int, stat[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def pss_megabytes(pids: Iterable[int]) -> float:
    """Proportional set size of these processes in sum."""
    return sum(map(proc.pss, pids))
