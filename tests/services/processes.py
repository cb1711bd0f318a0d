"""A program under test: started, watched, stopped, suspended, killed; with all its descendants."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from . import proc
from .run import this_run
from .waiting import Found, wait_for

TAIL_LINES = 40


def minimal_environment() -> dict[str, str]:
    """What any program needs. Nothing else is inherited: a developer's settings stay outside."""
    passed = {name: os.environ[name] for name in ("PATH", "TZ") if name in os.environ}
    return {"HOME": str(this_run().directory), "LANG": "C.UTF-8", **passed}


class Process:
    """A running program in a session of its own, its output added to a file.

    As a context manager it ends, with every process it started, when the block does.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        user: int | None = None,
    ) -> None:
        self.mark = this_run().new_mark()
        self.log = log
        environment = minimal_environment() if env is None else env
        with log.open("ab") as output:
            self._popen = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**environment, proc.MARK: self.mark},
                cwd=cwd,
                start_new_session=True,
                user=user,
                group=user,
                extra_groups=None if user is None else [],
            )
        self.pid = self._popen.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, -N after signal N; None while it runs."""
        return self._popen.poll()

    @property
    def alive(self) -> bool:
        return self.returncode is None

    def family(self) -> set[int]:
        """The program and all it started, also those that outlived it or changed their group."""
        own = {self.pid} if self.alive else set()
        return proc.with_descendants(proc.marked(self.mark) | own)

    def wait(self, timeout: float = 10) -> int:
        """The exit code, once the program itself has ended."""
        wait_for(lambda: not self.alive, timeout, lambda: self._report("still runs"))
        return self._popen.wait()

    def wait_ready(self, ready: Callable[[], Found | None], timeout: float, what: str) -> Found:
        """What the condition answers; fails at once when the program ends before."""

        def checked() -> Found | None:
            found = ready()
            if not found and not self.alive:
                raise RuntimeError(self._report(f"ended with {self.returncode} before {what}"))
            return found

        return wait_for(checked, timeout, lambda: self._report(f"not {what}"))

    def send(self, number: signal.Signals) -> None:
        """To the program alone, as a container runtime does."""
        if self.alive:
            proc.send([self.pid], number)

    def stop(self, number: signal.Signals = signal.SIGTERM, grace: float = 15) -> float:
        """Signal the program and wait for the whole family's end; the seconds that took.

        Past the grace everything is killed and the call fails.
        """
        started = time.monotonic()
        self.send(number)
        self.send(signal.SIGCONT)
        try:
            wait_for(lambda: not self._family_after_poll(), grace, lambda: self._report("not gone"))
        finally:
            self.kill()
        return time.monotonic() - started

    def kill(self) -> None:
        """SIGKILL to the whole family, in rounds: a process may fork while we read the list."""

        def gone() -> bool:
            proc.send(family := self._family_after_poll(), signal.SIGKILL)
            return not family

        wait_for(gone, 10, lambda: self._report("survives SIGKILL"))
        self._popen.wait()

    def suspend(self) -> None:
        """Freeze the whole family: alive to the kernel, silent to its clients."""
        family = self.family()
        proc.send(family, signal.SIGSTOP)
        wait_for(lambda: {self._state(pid) for pid in family} <= {"T", None}, 5, "not suspended")

    def resume(self) -> None:
        proc.send(self.family(), signal.SIGCONT)

    def log_text(self) -> str:
        return self.log.read_text(errors="replace")

    def _family_after_poll(self) -> set[int]:
        self._popen.poll()
        return self.family()

    @staticmethod
    def _state(pid: int) -> str | None:
        status = proc.table().get(pid)
        return status.state if status else None

    def _report(self, trouble: str) -> str:
        tail = "\n".join(self.log_text().splitlines()[-TAIL_LINES:])
        running = "\n".join(f"  {pid} {proc.command_line(pid)}" for pid in sorted(self.family()))
        return f"{self._popen.args!r} {trouble}\nprocesses:\n{running}\nend of {self.log}:\n{tail}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
