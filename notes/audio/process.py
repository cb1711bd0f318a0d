"""A child process that is not trusted: what it says, how long it may be silent, why it died."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator

from notes.audio import wire
from notes.provider import Later, Never, ProviderError

log = logging.getLogger(__name__)

#: A child that says nothing for so long hangs. It ends itself earlier, unless it cannot.
STALL_SECONDS = 30.0


class Process:
    """A process in a group of its own that reads descriptor ``stdin`` and writes messages."""

    def __init__(self, command: list[str], stdin: int, environment: dict[str, str]) -> None:
        self._ready = False
        self._stalled = False
        self._child = subprocess.Popen(
            command,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd="/",
            bufsize=0,
            start_new_session=True,
        )
        assert self._child.stdout
        self._pipe = self._child.stdout.fileno()

    @property
    def pid(self) -> int:
        return self._child.pid

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
        """Kill it and its group, if they are still there; collect it."""
        if self._child.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait()
        if self._child.stdout:
            self._child.stdout.close()

    def cause_of_death(self) -> ProviderError:
        """What it means that it ended without a result. Ends it, if it hangs."""
        if self._stalled:
            self.end()
            return Never("audio_decoder_stuck")
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(timeout=5)
        self.end()
        code = self._child.returncode
        log.warning("the decoder ended with %s", code)
        if code == -signal.SIGKILL:
            return Later("out_of_memory")  # by the kernel: nobody else sends this
        if not self._ready:
            return Later("internal_error")  # it has not seen the recording yet
        if code in (-signal.SIGXCPU, -signal.SIGALRM):
            return Never("audio_decoder_stuck")
        return Never("audio_decoder_crashed")
