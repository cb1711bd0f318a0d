"""A container without an engine: an image's tree in namespaces of its own, read-only.

What Docker does and this does too: the image's environment, user, folder and command; a first
process that gets SIGTERM, and SIGKILL when the grace is over; a read-only root with a tmpfs at
/tmp and /dev/shm (``docker run --read-only --tmpfs /tmp``); a volume at /data; a host name,
processes and mounts of its own; no capabilities and no new privileges. What differs: the network
is the machine's, so each container gets a PORT of its own; there is no seccomp filter and no limit
of memory; nobody acts upon the health check but the test.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.services import Process, proc, this_run
from tests.stack import Stack

ENTER = Path(__file__).with_name("enter.sh")
#: Where the programs are that arrange namespaces, whatever PATH an image has.
SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
#: What Docker Swarm gives a container to stop.
STOP_SECONDS = 10.0


class Image(NamedTuple):
    """A built image: where its files are mounted, and its configuration as Docker names it."""

    name: str
    root: Path
    config: Mapping[str, Any]

    @classmethod
    def read_all(cls, path: Path) -> dict[str, Image]:
        """The images that ``python -m tests.image`` has described in ``path``, by name."""
        told = json.loads(path.read_text())
        return {
            each["name"]: cls(each["name"], Path(each["root"]), each["config"]) for each in told
        }

    @property
    def env(self) -> dict[str, str]:
        """The environment that it gives its processes."""
        return dict(entry.split("=", 1) for entry in self.config["Env"])

    @property
    def health_check(self) -> list[str]:
        """The command of its HEALTHCHECK."""
        kind, *command = self.config["Healthcheck"]["Test"]
        assert kind == "CMD", "not in exec form"
        return list(command)

    @property
    def user(self) -> int:
        """Whom its processes run as."""
        return int(self.config["User"].split(":")[0])


class FirstProcess(Process):
    """``unshare``, which waits outside, and the container's first process, which gets signals."""

    def send(self, number: signal.Signals) -> None:
        """To the container's first process."""
        if init := self.init:
            proc.send([init], number)

    @property
    def init(self) -> int | None:
        """The container's first process, as this machine numbers it."""
        children = [pid for pid, status in proc.table().items() if status.parent == self.pid]
        return children[0] if children else None


class Container(Stack):
    """An image with settings: what ``docker run`` and a platform make of it.

    ``volume`` is the folder at /data, kept over restarts; without one there is none. ``role`` is a
    variable that the operator sets; None leaves it to the image.
    """

    def __init__(
        self,
        image: Image,
        env: Mapping[str, str] | None = None,
        *,
        role: str | None = None,
        volume: Path | None = None,
        database: str | None = None,
        redis: str | None = None,
        provider: str | None = None,
    ) -> None:
        self.image = image
        super().__init__(
            env,
            role=role or image.env.get("PROCESS_ROLE", "all"),
            database=database,
            redis=redis,
            provider=provider,
        )
        self.volume = volume
        if role is None:
            del self.env["PROCESS_ROLE"]
        self.env = {**image.env, **self.env}
        self.hostname = self.directory.name
        self.starts = 0

    def _defaults(self) -> dict[str, str]:
        return {
            "PATH": self.image.env["PATH"],
            "HOME": "/tmp",
            "BASE_URL": self.url,
            "SECRET_KEY": "for-tests-only-" * 4,
        }

    def launch(self) -> Process:
        """Start without waiting, with the image's own command."""
        self.starts += 1
        command = [
            *("unshare", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child"),
            *("sh", str(ENTER), str(self.image.root), str(self.volume or "")),
            *(f"{self.hostname}-{self.starts}", self.image.config["User"]),
            *(self.image.config["WorkingDir"], *self.image.config["Cmd"]),
        ]
        self._process = FirstProcess(_by_path(command), log=self.log, env=self.env)
        return self._process

    def terminate(self, grace: float = STOP_SECONDS) -> float:
        """SIGTERM to the first process, as a platform does; the seconds until all are gone."""
        return super().terminate(grace)

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """``docker exec``: a command beside the container's processes, as its user."""
        assert isinstance(self.process, FirstProcess)
        assert self.process.init, "the container does not run"
        user = str(self.image.user)
        enter = ["nsenter", "--target", str(self.process.init)]
        enter += ["--mount", "--uts", "--ipc", "--pid", "--root"]
        enter += ["--setuid", user, "--setgid", user]
        done = subprocess.run(
            _by_path([*enter, "env", "-C", self.image.config["WorkingDir"], *command]),
            env={**self.env, proc.MARK: this_run().new_mark()},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        if check and done.returncode:
            raise RuntimeError(f"{command} gave {done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    def runs(self, command: str) -> bool:
        """Whether one of its processes is ``command``."""
        return any(running.command == command for running in self.processes())

    def manage(self, *arguments: str, check: bool = True) -> str:
        """What ``manage.py`` prints inside the container."""
        return self.run("python", "manage.py", *arguments, check=check).stdout

    def healthy(self) -> bool:
        """What the image's own HEALTHCHECK says, run as Docker runs it."""
        return self.run(*self.image.health_check, check=False).returncode == 0


def _by_path(command: Sequence[str]) -> list[str]:
    """``command`` with its program found on this system, not on the image's PATH."""
    program = shutil.which(command[0], path=SYSTEM_PATH)
    assert program, f"{command[0]} is not installed"
    return [program, *command[1:]]


def new_volume(name: str, owner: int) -> Path:
    """An empty folder as Docker makes a named volume: with the owner of the image's own."""
    folder = this_run().new_directory(name)
    os.chown(folder, owner, owner)
    return folder
