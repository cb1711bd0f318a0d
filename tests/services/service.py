"""What the servers have in common."""

import shutil
import signal
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

from .processes import Process
from .run import this_run


class Service(ABC):
    """A server with a directory of its own; it keeps port and data over a stop and a start.

    `with Service() as service:` starts it and removes everything at the end.
    """

    name: str
    start_timeout = 20.0
    stop_signal = signal.SIGTERM
    user: int | None = None  # whom it runs as; None: like the tests

    def __init__(self) -> None:
        self.directory = this_run().new_directory(self.name)
        self._process: Process | None = None

    @abstractmethod
    def command(self) -> list[str]:
        """The server's own program in the foreground."""

    @abstractmethod
    def answers(self) -> bool:
        """Does it serve requests?"""

    @property
    def process(self) -> Process:
        """The running server, or the last one that ran."""
        assert self._process, f"{self.name} was never started"
        return self._process

    def start(self) -> Self:
        """Back when it serves requests."""
        assert not (self._process and self._process.alive), f"{self.name} runs already"
        self._process = Process(self.command(), log=self.log, cwd=self.directory, user=self.user)
        try:
            self._process.wait_ready(self.answers, self.start_timeout, "answering")
        except BaseException:
            self._process.kill()
            raise
        return self

    def stop(self) -> None:
        """An orderly end, as an operator's restart does it."""
        self.process.stop(self.stop_signal)

    def kill(self) -> None:
        """An end without warning."""
        self.process.kill()

    def restart(self) -> None:
        self.stop()
        self.start()

    def suspend(self) -> None:
        """Frozen: connections stay open and are taken in, nothing is answered."""
        self.process.suspend()

    def resume(self) -> None:
        self.process.resume()

    def close(self) -> None:
        """Stop for good and remove the data."""
        if self._process:
            self.stop() if self._process.alive else self._process.kill()
        shutil.rmtree(self.directory)
        self.log.unlink(missing_ok=True)

    @property
    def log(self) -> Path:
        # Beside the directory, which may belong to another user and must be empty for some.
        return self.directory.with_suffix(".log")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
