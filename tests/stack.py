"""The product as in production: its container's command, real processes, spoken to over HTTP."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import NamedTuple, Self

import httpx2

from tests.services import Process, free_port, minimal_environment, proc, this_run, wait_for
from tests.services.rest import Client, Refused
from tests.services.run import REPOSITORY

__all__ = ["Client", "Refused", "Stack"]

START_TIMEOUT = 60.0

NEW_TOKENS = """
from django.contrib.auth import get_user_model
from notes.models import ApiToken

for name in {names}:
    user, _ = get_user_model().objects.get_or_create(username=name)
    print(ApiToken.issue(user.pk, name="tests")[1])
"""


class Running(NamedTuple):
    """A process of the product."""

    pid: int
    command: str


class Worker(NamedTuple):
    """The supervisor's child, which does the work. What it starts in turn ends with it."""

    child: int


class Stack:
    """`python -m project.start` with nothing but the settings given here.

    `database`, `redis` and `provider` are URLs. Without them the product has an SQLite file of its
    own, a Redis where nobody listens (a developer's own must not be found) and no provider key.
    `env` adds settings and goes before what is chosen here, except for PORT and PROCESS_ROLE;
    `Stack(web.env, role="worker")` is another container of the same installation.

    As a context manager it starts, and at the end is killed with every process; a failure inside
    the block shows the end of its log.
    """

    def __init__(
        self,
        env: Mapping[str, str] | None = None,
        *,
        role: str = "all",
        database: str | None = None,
        redis: str | None = None,
        provider: str | None = None,
    ) -> None:
        self.role = role
        self.directory = this_run().new_directory("stack")
        self.log = self.directory / "log"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        named = {"DATABASE_URL": database, "REDIS_URL": redis, "OPENAI_BASE_URL": provider}
        self.env: dict[str, str] = {
            **minimal_environment(),
            **self._defaults(),
            **({"OPENAI_API_KEY": "sk-test"} if provider else {}),
            **(env or {}),
            **{name: url for name, url in named.items() if url},
            "PORT": str(self.port),
            "PROCESS_ROLE": role,
        }
        self._process: Process | None = None
        self._clients: list[Client] = []

    def _defaults(self) -> dict[str, str]:
        return {
            "HOME": str(self.directory),
            "BASE_URL": self.url,
            "SECRET_KEY": "for-tests-only-" * 4,
            "DATABASE_URL": f"sqlite:///{self.directory}/db.sqlite3",
            "MEDIA_ROOT": str(self.directory / "media"),
            "REDIS_URL": f"redis://127.0.0.1:{free_port()}/0",
        }

    @property
    def process(self) -> Process:
        """The container's first process, running or ended."""
        assert self._process, "the stack was never launched"
        return self._process

    def launch(self) -> Process:
        """Start without waiting: for a product that should refuse to."""
        assert not (self._process and self._process.alive), "the stack runs already"
        command = [sys.executable, "-m", "project.start"]
        self._process = Process(command, log=self.log, env=self.env, cwd=REPOSITORY)
        return self._process

    def start(self) -> Self:
        """Back when web is ready, or for role `worker` when it says which actors it serves.

        Also after an end, with the same port and data: a deploy.
        """
        seen = len(self.log_text())
        process = self.launch()
        try:
            if self.role == "worker":
                process.wait_ready(lambda: self._serves(seen), START_TIMEOUT, "serving actors")
            else:
                process.wait_ready(lambda: self._answers("/healthz"), START_TIMEOUT, "alive")
                process.wait_ready(lambda: self._answers("/readyz"), START_TIMEOUT, "ready")
        except BaseException:
            process.kill()
            raise
        return self

    def _serves(self, seen: int) -> bool:
        return "transcribe_audio" in self.log_text()[seen:]

    def _answers(self, path: str) -> bool:
        try:
            return httpx2.get(self.url + path, timeout=5, trust_env=False).status_code == 200
        except httpx2.TransportError:
            return False

    def log_text(self) -> str:
        """All it has printed, over all its starts."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def terminate(self, grace: float = 30) -> float:
        """SIGTERM to the first process, as a platform does; the seconds until all are gone."""
        return self.process.stop(signal.SIGTERM, grace)

    def kill_group(self) -> None:
        """SIGKILL to every process at once."""
        self.process.kill()

    def processes(self) -> list[Running]:
        """Every process of the product, whatever session or group it moved to."""
        return [Running(pid, proc.command_line(pid)) for pid in sorted(self.process.family())]

    def memory(self) -> dict[str, float]:
        """The PSS in MB of each of the product's processes, by pid and command."""
        return {
            f"{running.pid} {running.command[:60]}": proc.pss(running.pid)
            for running in self.processes()
            # What a container of the tests has around it.
            if "unshare" not in running.command.partition(" ")[0]
        }

    def worker_pid(self, timeout: float = 15) -> Worker:
        """Dramatiq's process, waited for when it is just being (re)started."""
        return wait_for(self._worker, timeout, lambda: f"no worker among {self.processes()}")

    def _worker(self) -> Worker | None:
        running = [pid for pid, command in self.processes() if "project.run_dramatiq" in command]
        return Worker(running[0]) if running else None

    def manage(self, *arguments: str, check: bool = True) -> str:
        """What `manage.py` prints with the same settings; with `check` a failure raises."""
        result = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=REPOSITORY,
            env={**self.env, proc.MARK: this_run().new_mark()},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        if check and result.returncode:
            raise RuntimeError(f"manage.py {arguments} gave {result.returncode}:\n{result.stderr}")
        return result.stdout

    def client(self, token: str) -> Client:
        """A client of this stack, closed with it."""
        self._clients.append(Client(self.url, token))
        return self._clients[-1]

    def create_users(self, *names: str) -> list[Client]:
        """A client for each; one Django start for all of them. Existing users get a new token."""
        code = NEW_TOKENS.format(names=json.dumps(names))
        printed = self.manage("shell", "--no-imports", "-c", code).split()
        return [self.client(word) for word in printed if word.startswith("bm_")]

    def create_user(self, name: str) -> Client:
        return self.create_users(name)[0]

    def close(self) -> None:
        for client in self._clients:
            client.close()
        if self._process:
            self._process.kill()
        shutil.rmtree(self.directory)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error:
            error.add_note(
                "\n".join(["end of the product's log:", *self.log_text().splitlines()[-60:]])
            )
        self.close()
