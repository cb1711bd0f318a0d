"""Make a recording fit for a transcriber, without touching its bytes: a child process does that.

    with prepare(file, Order(part_seconds=300)) as preparation:
        for part in preparation.parts():    # each as soon as it is cut
            ...
    preparation.findings.seconds

The child (:mod:`notes.audio.child`) decodes with no environment, no files, no network and little
memory. Whatever it does, the worst that happens here is an exception with a code. It leaves no
file behind, since it can write none, and no process, since it lives no longer than it is held.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from threading import BoundedSemaphore
from types import TracebackType
from typing import IO, Any

from notes.audio import wire
from notes.audio.order import REFUSALS, Order
from notes.audio.process import CORES, Decoders, Process
from notes.audio.report import Findings, Part, Unbelievable, read_findings, read_part
from notes.provider import Later, Never, ProviderError

log = logging.getLogger(__name__)

#: More bytes in one part than any order allows are a lie.
MAX_PART_BYTES = 64 << 20
#: The files of short notes; half a megabyte of Opus is two minutes or more.
SMALL_BYTES = 512 << 10
#: How often whoever waits for a lane says that it still does.
LANE_SECONDS = 5.0
decoders = Decoders()
#: How many decoders may be busy at once. Small files have a lane of their own, and the decoders of
#: large ones give way to theirs, so a short note does not wait for somebody's three hours.
small_lane = BoundedSemaphore(CORES)
large_lane = BoundedSemaphore(CORES)


def nothing() -> None:
    """For callers who need no sign of life."""


def unnamed_file(content: Iterable[bytes]) -> IO[bytes]:
    """``content`` in a file without a name, which no crash can leave behind."""
    file = tempfile.TemporaryFile()  # noqa: SIM115  (the caller's)
    try:
        for piece in content:
            file.write(piece)
        file.flush()
    except BaseException:
        file.close()
        raise
    return file


def prepare(
    file: IO[bytes],
    order: Order,
    alive: Callable[[], object] = nothing,
    owner: int | None = None,
) -> Preparation:
    """Prepare the recording in ``file``, which is a real file, opened for this only.

    ``alive`` is called at least once per minute of sound, and while others are decoded first. With
    ``owner`` short recordings of one person, which come at once, may share a decoder.
    """
    return Preparation(file, order, alive, owner)


def _reopened(file: IO[bytes]) -> int:
    """A descriptor of its own for reading ``file``, with a position of its own."""
    file.seek(0)
    if os.path.exists("/proc/self/fd"):
        return os.open(f"/proc/self/fd/{file.fileno()}", os.O_RDONLY)
    return os.dup(file.fileno())


class Preparation:
    """A recording on its way through the child. A context, so that the child always ends."""

    def __init__(
        self, file: IO[bytes], order: Order, alive: Callable[[], object], owner: int | None
    ) -> None:
        self._file, self._order, self._alive, self._owner = file, order, alive, owner
        self._large = os.fstat(file.fileno()).st_size > SMALL_BYTES
        self._lane = large_lane if self._large else small_lane
        self._process: Process | None = None
        self._findings: Findings | None = None
        self._sound: dict[str, Any] = {}
        self._content: list[bytes] = []
        self._size = 0
        self._count = 0
        self._speech = False
        self._has_lane = False

    def __enter__(self) -> Preparation:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._leave_lane()
        if self._process:
            self._process.end()

    def begin(self) -> None:
        """Have the child begin before its first part is asked for, unless others are at work.

        Raises:
          notes.provider.Later: the machine is to blame.
        """
        if self._lane.acquire(blocking=False):
            self._has_lane = True
            self._process = self._start(self._owner)

    @property
    def pid(self) -> int:
        """The child, for who wants to watch it; known with the first part."""
        assert self._process  # noqa: S101  # nosec B101
        return self._process.pid

    @property
    def findings(self) -> Findings:
        """What was found out; known when all parts are out."""
        assert self._findings is not None  # noqa: S101  # nosec B101
        return self._findings

    def parts(self) -> Iterator[Part]:
        """The parts of the copy in their order. The child waits while nobody asks for the next.

        Raises:
          notes.provider.Never: this recording cannot be decoded, by a fault of its own; one of
            :data:`notes.audio.order.REFUSALS`, "audio_decoder_crashed" or "audio_decoder_stuck".
          notes.provider.Later: the machine is to blame: "out_of_memory" or "internal_error".
        """
        while (part := self._next_part()) is not None:
            yield part

    def _next_part(self) -> Part | None:
        # A lane is held while something is decoded, not while its parts wait for a vendor.
        self._enter_lane()
        part = None
        try:
            part = self._process_next()
        finally:
            if not (part and part.only):  # the rest of that one is being decoded
                self._leave_lane()
        return part

    def _process_next(self) -> Part | None:
        self._process = self._process or self._start(self._owner)
        try:
            return self._part_of(self._process)
        except ProviderError as fault:
            # Left from the recording before, or its server died: no fault of this one.
            innocent = self._process.is_used or fault.code == "internal_error"
            if self._count or not innocent:
                raise
        log.warning("another decoder is asked")
        self._process.end()
        self._content, self._size = [], 0
        self._process = self._start(None)
        return self._part_of(self._process)

    def _enter_lane(self) -> None:
        while not self._has_lane:
            if not (entered := self._lane.acquire(timeout=LANE_SECONDS)):
                self._alive()  # decoders are bounded, so the lane moves
            self._has_lane = entered

    def _leave_lane(self) -> None:
        if self._has_lane:
            self._has_lane = False
            self._lane.release()

    def _part_of(self, process: Process) -> Part | None:
        try:
            for kind, body in process.messages():
                self._alive()
                if kind == wire.DATA:
                    self._keep(body)
                elif kind == wire.EVENT and (part := self._understand(json.loads(body))):
                    return part
                if self._findings:
                    self._let_go(process)
                    return None
        except (wire.Damaged, Unbelievable, ValueError, TypeError, AttributeError) as nonsense:
            log.warning("the decoder said something odd: %s", type(nonsense).__name__)
            raise Never("audio_decoder_crashed") from nonsense
        raise process.cause_of_death()

    def _let_go(self, process: Process) -> None:
        """It has said all: keep it for the next recording, if it is fit for that."""
        fit = not (self._large or self.findings.bad_packets or process.is_worn)
        if self._owner is not None and fit:
            self._process = None
            decoders.keep(process, self._owner)

    def _start(self, owner: int | None) -> Process:
        try:
            recording = _reopened(self._file)
            try:
                nice = self._large
                return decoders.decode(
                    recording, self._order, nice=nice, owner=None if nice else owner
                )
            finally:
                os.close(recording)
        except OSError as full:
            log.error("the decoder could not be started: %s", type(full).__name__)
            scarce = full.errno in (errno.ENOMEM, errno.EAGAIN)
            raise Later("out_of_memory" if scarce else "internal_error") from full

    def _keep(self, body: bytes) -> None:
        self._content.append(body)
        self._size += len(body)
        if self._size > MAX_PART_BYTES:
            raise Unbelievable

    def _understand(self, said: dict[str, Any]) -> Part | None:
        """Take in an event; the part, if it ended one."""
        name = said.get("event")
        if name == "sound":
            self._sound = said
        elif name == "refused":
            raise Never(said["code"] if said.get("code") in REFUSALS else "audio_decoder_crashed")
        elif name == "end":
            self._findings = read_findings(said, self._sound, self._speech)
        elif name == "part":
            part = read_part(said, self._count, b"".join(self._content))
            self._content, self._size = [], 0
            self._count += 1
            self._speech = self._speech or part.speech
            return part
        return None
