"""This test run: its mark, its directory, and the watcher that clears both away."""

import atexit
import itertools
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


class Run:
    """One directory for all data of this run, and one watcher that outlives it for a moment.

    The watcher reads a pipe that nobody writes to: it ends when this process does, by whatever
    death. PR_SET_PDEATHSIG would not do: it follows the *thread* that started a process, and
    reaches no grandchild.
    """

    def __init__(self) -> None:
        # In /tmp and not in $TMPDIR: a socket's path must be short, and a server that dropped
        # root's rights must reach its directory.
        self.directory = Path(tempfile.mkdtemp(prefix="bau-", dir="/tmp"))
        self.directory.chmod(0o711)
        self._numbers = itertools.count(1)
        self._watcher = subprocess.Popen(
            [sys.executable, "-m", "tests.services.reaper", str(self.directory)],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        atexit.register(self._close)

    def new_mark(self) -> str:
        """A mark for one process and its descendants."""
        return f"{self.directory.name}.{next(self._numbers)}"

    def new_directory(self, name: str) -> Path:
        """An empty directory that only its owner can enter."""
        directory = self.directory / f"{name}{next(self._numbers)}"
        directory.mkdir(mode=0o700)
        return directory

    def leaves(self, path: Path) -> None:
        """Have a file outside of the directory removed at the end as well."""
        with (self.directory / "leftovers").open("a") as leftovers:
            leftovers.write(f"{path}\n")

    def _close(self) -> None:
        self._watcher.communicate(timeout=20)


@cache
def this_run() -> Run:
    """The one of this process; made when first asked for."""
    return Run()
