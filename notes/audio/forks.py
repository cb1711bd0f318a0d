"""The server of decoders: forks them, so that no recording waits for imports.

It is started once per worker by :mod:`notes.audio.process`, and reads nothing but requests: each
is two descriptors (a decoder's socket, and a leash). On the leash it tells the decoder's pid, and
at its end how it ended; when the other side lets go of the leash, the decoder is killed. What is to
be decoded the decoder learns by its socket, which the server closes. When the requests end, the
worker is gone, and everything here goes with it.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import socket

from notes.audio import child, jail
from notes.audio.voice import SpeechGate
from notes.audio.wire import REPORT


def main() -> None:
    """Serve requests from descriptor 0 until its other end is closed."""
    gate = child.rehearse_all()
    jail.leave_the_network()
    gc.collect()
    gc.freeze()  # so that no decoder's collector touches, and thereby copies, what all share
    Server(socket.socket(fileno=0), gate).serve()


class Server:
    """Its decoders, by pid, each with its leash."""

    def __init__(self, control: socket.socket, gate: SpeechGate) -> None:
        self._control, self._gate = control, gate
        self._leashes: dict[int, socket.socket] = {}
        self._poll = select.poll()
        self._woken, self._wake = socket.socketpair()
        self._woken.setblocking(False)
        self._wake.setblocking(False)

    def serve(self) -> None:
        """Until the worker is gone."""
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for end in (self._control, self._woken):
            self._poll.register(end, select.POLLIN)
        while True:
            for descriptor, _ in self._poll.poll():
                if descriptor == self._woken.fileno():
                    self.bury_the_dead()
                elif descriptor != self._control.fileno():
                    self.let_go(descriptor)
                elif not self._take_request():
                    for pid in self._leashes:
                        _kill(pid)
                    return

    def _take_request(self) -> bool:
        """Fork a decoder as asked; False if nobody will ask again."""
        request, descriptors, _, _ = socket.recv_fds(self._control, 1, 2)
        if not request:
            return False
        theirs, leash = descriptors
        try:
            pid = os.fork()
        except OSError as full:
            pid = -(full.errno or 1)
        if pid == 0:
            self._become_decoder(theirs)
        os.close(theirs)
        end = socket.socket(fileno=leash)
        end.send(REPORT.pack(pid))
        if pid > 0:
            self.watch(pid, end)
        else:
            end.close()
        return True

    def watch(self, pid: int, leash: socket.socket) -> None:
        """Keep the leash of a decoder until one of both ends."""
        self._leashes[pid] = leash
        self._poll.register(leash, select.POLLIN)

    def _become_decoder(self, theirs: int) -> None:
        try:
            server = os.getppid()
            os.setsid()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.dup2(theirs, child.SOCKET)
            os.close(child.RECORDING)
            os.closerange(3, os.sysconf("SC_OPEN_MAX"))
            child.main(server, self._gate)
            os._exit(0)
        finally:
            os._exit(1)

    def bury_the_dead(self) -> None:
        """Tell of every decoder that has ended, on its leash, how it ended."""
        with contextlib.suppress(BlockingIOError):
            while self._woken.recv(64):
                pass
        for pid in list(self._leashes):
            buried, status = os.waitpid(pid, os.WNOHANG)
            if buried:
                leash = self._leashes.pop(pid)
                with contextlib.suppress(KeyError):
                    self._poll.unregister(leash)
                with contextlib.suppress(OSError):
                    leash.send(REPORT.pack(os.waitstatus_to_exitcode(status)))
                leash.close()

    def let_go(self, descriptor: int) -> None:
        """Whoever held this leash has no more use for its decoder."""
        try:
            self._poll.unregister(descriptor)
        except KeyError:
            return  # it has died at the same moment, and was buried a line earlier
        for pid, leash in self._leashes.items():
            if leash.fileno() == descriptor:
                _kill(pid)


def _kill(pid: int) -> None:
    """Kill a decoder that we have not buried yet, and what it may have started."""
    for send in (os.kill, os.killpg):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            send(pid, signal.SIGKILL)
