"""The Celery system beside which the product is measured, started as its documents do."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import httpx2

from bench.sides import BOXES, Side, named
from tests.services import Process, free_port, minimal_environment, proc, this_run, wait_for
from tests.services.run import REPOSITORY

TWIN = Path(__file__).parent / "celery"
VENV = REPOSITORY / "var" / "celery-venv"


class Twin(Side):
    """bench/celery by its own start script in its own virtual environment."""

    name = "twin"
    upload_path, health_path, field = "/api/v1/notes/upload/", "/health/", "audio_file"
    table = "bau_mental_note"
    home = "casa"
    _process: Process

    def __enter__(self) -> Self:
        make_venv()
        self.valkey.start()
        self.port = free_port()
        self.directory = this_run().new_directory("twin")
        self.started_env = {
            **minimal_environment(),
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.valkey.url,
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
        [self.headers] = self.people(["ana"])
        if self.role == "all":
            self._wait_for_worker()
        return self

    def __exit__(self, *error: Any) -> None:
        self._process.kill()
        self.valkey.close()

    def start_again(self) -> None:
        self.launch()
        self._process.wait_ready(self._answers, 60, "alive")
        self._wait_for_worker()

    def _wait_for_worker(self) -> None:
        wait_for(lambda: len(self.worker()) >= 3, 30, "no Celery worker")
        wait_for(self._hears, 30, "Celery does not listen")

    def heads(self) -> set[int]:
        """Of gunicorn and of Celery, as Supervisor has them."""
        masters = {pid for pid in self.worker() if proc.table()[pid].parent == self.process.pid}
        return {self.process.pid, *masters}

    def deliver(self, note: str, times: int) -> None:
        # Of a worker that is stopped the message lies where Celery has put it.
        with self.valkey.client() as client:
            messages: Any = client.lrange("celery", 0, -1)
            [message] = [one for one in messages if note in base64_body(one)]
            client.rpush("celery", *[message] * times)

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
        with self.valkey.client() as client:
            listed: Any = client.client_list()
        return any(one["cmd"] == "brpop" for one in listed)

    def people(self, names: list[str]) -> list[dict[str, str]]:
        """Each with a workspace of boxes; ana's is :attr:`home`."""
        homes = [self.home if name == "ana" else name for name in names]
        code = (
            "import django; django.setup()\n"
            "from django.contrib.auth.models import User\n"
            "from rest_framework.authtoken.models import Token\n"
            "from twin.models import Box, Workspace\n"
            f"for name, slug in zip({names!r}, {homes!r}):\n"
            "    home, is_new = Workspace.objects.get_or_create(slug=slug)\n"
            f"    boxes = {BOXES!r} if is_new else ()\n"
            "    [Box.objects.create(workspace=home, name=box) for box in boxes]\n"
            "    user, _ = User.objects.get_or_create(username=name)\n"
            "    print(Token.objects.get_or_create(user=user)[0].key)"
        )
        command = [str(VENV / "bin" / "python"), "-c", code]
        done = subprocess.run(
            command, cwd=TWIN, env=self.started_env, check=True, capture_output=True, text=True
        )
        return [
            {"Authorization": f"Token {token}", "X-Workspace-ID": home}
            for token, home in zip(done.stdout.split(), homes, strict=True)
        ]

    def web(self) -> set[int]:
        return named(self.process, "bin/gunicorn")

    def worker(self) -> set[int]:
        return named(self.process, "bin/celery")

    def unfinished(self) -> int:
        return self.count(
            "SELECT count(*) FROM bau_mental_note"
            " WHERE ai_confidence IS NULL AND processing_status <> 'failed'"
        )


def base64_body(message: str) -> str:
    """The arguments in a message of Celery's."""
    return base64.b64decode(json.loads(message)["body"]).decode()


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
