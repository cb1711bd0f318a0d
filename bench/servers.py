"""What both sides stand on: one PostgreSQL, and the provider that both pay."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple, Self

import httpx2

from tests.services import Process, free_port, this_run, wait_for
from tests.services.postgres import Postgres
from tests.services.run import REPOSITORY

PREFIX = {"log_line_prefix": "%d|%n|"}
#: A line that tells a statement. Without a text it is a pool's question whether the connection
#: lives, which costs as much as one.
LINE = re.compile(
    r"(?P<db>[^|]*)\|(?P<at>[0-9.]+)\|LOG:\s+(?:statement|execute [^:]*):\s*(?P<text>.*)"
)


class Statement(NamedTuple):
    """``at`` is the second of the epoch in which the server began with it."""

    at: float
    text: str


class Servers:
    """PostgreSQL with fsync, and the fake provider as a process of its own.

    Each side has a Valkey of its own, so that what that costs can be told apart.
    """

    def __init__(self, postgres: Postgres | None = None) -> None:
        self._parts = ExitStack()
        self.postgres = postgres or Postgres(durable=True, options=PREFIX)
        self.provider_url = f"http://127.0.0.1:{free_port()}"

    def __enter__(self) -> Self:
        self._parts.enter_context(self.postgres)
        port = self.provider_url.rpartition(":")[2]
        command = [sys.executable, "-m", "tests.fakes.provider", "--port", port]
        log = this_run().directory / "provider.log"
        self._parts.enter_context(Process(command, log=log, cwd=REPOSITORY))
        self.http = httpx2.Client(base_url=self.provider_url, timeout=60, trust_env=False)
        wait_for(lambda: "OPENAI_BASE_URL" in log.read_text(), 20, "no provider")
        return self

    def __exit__(self, *error: Any) -> None:
        self._parts.__exit__(*error)

    def provide(
        self,
        transcription: float = 0.0,
        chat: float = 0.0,
        *,
        listens: bool = False,
        default_text: str | None = None,
    ) -> None:
        """Forget what was asked, and answer after so many seconds.

        Who ``listens`` knows how long the sound is, and takes 20 ms of CPU for it.
        """
        self.http.post("/_reset").raise_for_status()
        latency = {"transcriptions": transcription, "chat": chat}
        orders = {"latency": latency, "listens": listens, "default_text": default_text}
        self.http.post("/_control", json=orders).raise_for_status()

    def asked(self, endpoint: str) -> list[dict[str, Any]]:
        """The requests since :meth:`provide`; times are this machine's monotonic seconds."""
        requests: list[dict[str, Any]] = self.http.get("/_log").json()["requests"]
        return [one for one in requests if one["endpoint"] == endpoint]

    @contextmanager
    def statements_of(self, database: str) -> Iterator[list[Statement]]:
        """Filled at the end with what was said to ``database``, without BEGIN and COMMIT."""
        found: list[Statement] = []
        self._log_statements(True)
        since = self.postgres.log.stat().st_size
        try:
            yield found
        finally:
            self._log_statements(False)
            found += self._said(database, since)

    def _log_statements(self, on: bool) -> None:
        self.postgres.execute(
            "ALTER SYSTEM SET log_statement = 'all'" if on else "ALTER SYSTEM RESET log_statement"
        )
        self.postgres.execute("SELECT pg_reload_conf()")
        time.sleep(0.2)  # there is no answer to wait for

    def _said(self, database: str, since: int) -> list[Statement]:
        with self.postgres.log.open("rb") as log:
            log.seek(since)
            lines = log.read().decode(errors="replace").splitlines()
        quiet = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "SHOW ", "SET ")
        found = [LINE.match(line) for line in lines]
        said = [
            Statement(float(one["at"]), one["text"])
            for one in found
            if one and one["db"] == database
        ]
        return [one for one in said if not one.text.upper().startswith(quiet)]
