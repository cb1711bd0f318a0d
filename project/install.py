"""Makes ``.venv`` and puts the locked packages into it: what bin/up, bin/test and bin/check share.

``python3 -m project.install base local`` installs ``requirements/base.txt`` and ``local.txt``.
Standard library only, since it runs before anything is installed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "requirements"
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
#: Which locks are in the venv, by checksum.
STAMP = VENV / "installed-locks"
#: There while packages are put in place: whoever finds it knows that an earlier run was killed.
UNFINISHED = VENV / "unfinished"
SECONDS_BETWEEN_LINES = 5.0


def main(names: Sequence[str]) -> int:
    """Make sure that the locks ``names`` are installed; 0, or 1 after having said why not."""
    (ROOT / "var").mkdir(exist_ok=True)
    with open(ROOT / "var" / "install.lock", "a") as lock:
        _take(lock)
        if not _venv_works():
            print("Making .venv ...", flush=True)
            if not _make_venv():
                return 1
        wanted = {name: _checksum(LOCKS / f"{name}.txt") for name in names}
        present = _read_stamp()
        if all(present.get(name) == checksum for name, checksum in wanted.items()):
            return 0
        return _install(wanted, present)


def _take(lock: IO[str]) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("Another set-up is at work in this folder; waiting for it ...", flush=True)
        fcntl.flock(lock, fcntl.LOCK_EX)


def _venv_works() -> bool:
    if UNFINISHED.exists():
        print("The last set-up was interrupted; starting over.", flush=True)
        return False
    check = [str(VENV_PYTHON), "-c", "import sys, pip; sys.exit(sys.version_info < (3, 11))"]
    try:
        return subprocess.run(check, capture_output=True).returncode == 0
    except OSError:
        return False


def _make_venv() -> bool:
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", str(VENV)], capture_output=True, text=True
    )
    if made.returncode != 0:
        print((made.stdout + made.stderr).strip(), file=sys.stderr)
        print("The virtual environment .venv could not be made.", file=sys.stderr)
    return made.returncode == 0


def _checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _read_stamp() -> dict[str, str]:
    try:
        lines = STAMP.read_text().splitlines()
    except OSError:
        return {}
    return {name: checksum for name, _, checksum in (line.partition(" ") for line in lines)}


def _install(wanted: dict[str, str], present: dict[str, str]) -> int:
    files = [str(LOCKS / f"{name}.txt") for name in wanted]
    total = _count_packages(files)
    print(f"Installing {', '.join(wanted)}: about {total} packages into .venv ...", flush=True)
    started = time.monotonic()
    UNFINISHED.touch()
    done = _install_with_uv(files) or _install_with_pip(files, total)
    UNFINISHED.unlink()
    if not done:
        print("The packages could not be installed; see above. Then run this again.", flush=True)
        return 1
    stamp = {**present, **wanted}
    STAMP.write_text("".join(f"{name} {checksum}\n" for name, checksum in sorted(stamp.items())))
    print(f"Installed in {time.monotonic() - started:.0f} s.", flush=True)
    return 0


def _count_packages(files: Sequence[str]) -> int:
    """How many packages the locks name: a few more than one platform needs."""
    names = set()
    for file in files:
        names.update(re.findall(r"^([\w.-]+)==", Path(file).read_text(), re.MULTILINE))
    return len(names)


def _arguments(files: Sequence[str]) -> list[str]:
    return ["install", "--require-hashes", *(word for file in files for word in ("-r", file))]


def _install_with_uv(files: Sequence[str]) -> bool:
    """Many times faster than pip, where it is there; its own progress shows."""
    uv = shutil.which("uv") or shutil.which("uv", path=str(VENV / "bin"))
    if uv is None:
        return False
    command = [uv, "pip", *_arguments(files), "--python", str(VENV_PYTHON)]
    if subprocess.run(command).returncode == 0:
        return True
    print("uv did not manage that; trying pip.", flush=True)
    return False


def _install_with_pip(files: Sequence[str], total: int) -> bool:
    command = [str(VENV_PYTHON), "-m", "pip", *_arguments(files), "--no-input"]
    command += ["--disable-pip-version-check", "--progress-bar", "off"]
    pip = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    # For the type checker alone.
    assert pip.stdout is not None  # noqa: S101  # nosec B101
    last_lines: deque[str] = deque(maxlen=20)
    progress = Progress(total)
    for line in pip.stdout:
        last_lines.append(line)
        progress.see(line)
    progress.end()
    if pip.wait() != 0:
        print("".join(last_lines), end="", file=sys.stderr)
    return pip.returncode == 0


class Progress:
    """Tells how far pip is: on one line in a terminal, else with a line every few seconds."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.seen = 0
        self.doing = ""
        self.terminal = sys.stdout.isatty()
        self.started = self.last_shown = time.monotonic()

    def see(self, line: str) -> None:
        """Take in one line of pip's output."""
        words = line.split()
        if line.startswith(("Collecting ", "Requirement already satisfied: ")):
            self.seen += 1
            self.doing = ""
        elif words[:1] == ["Downloading"] and line.rstrip().endswith(")"):
            self.doing = f", {_package_of(words[1])} {line[line.rindex('(') :].strip()}"
        elif line.startswith("Installing collected packages"):
            self.doing = ", now putting them in place"
        else:
            return
        self._show()

    def end(self) -> None:
        """Clear the line in a terminal."""
        if self.terminal:
            print("\r\033[K", end="", flush=True)

    def _show(self) -> None:
        now = time.monotonic()
        last_step = "place" in self.doing
        text = f"  {self.seen} of about {self.total}{self.doing}, {now - self.started:.0f} s"
        if self.terminal:
            width = shutil.get_terminal_size().columns - 1
            print(f"\r\033[K{text[:width]}", end="", flush=True)
        elif last_step or now - self.last_shown >= SECONDS_BETWEEN_LINES:
            self.last_shown = now
            print(text, flush=True)


def _package_of(file: str) -> str:
    return os.path.basename(file).split("-")[0]


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit("Interrupted; the next run starts over.")
