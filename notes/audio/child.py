"""The process that decodes untrusted sound. It is forked by :mod:`notes.audio.forks`.

It is given a recording as descriptor 0 by the socket that is its descriptor 1, with an order, and
writes messages (:mod:`notes.audio.wire`) there. After that it waits a moment for another recording
of the same owner: who it belongs to, :mod:`notes.audio.process` knows. Neither Django nor anything
else of the product is imported here.
"""

from __future__ import annotations

import io
import json
import os
import select
import signal
import socket
import time
from array import array
from typing import Any

from notes.audio import jail, wire
from notes.audio.copies import copy_of, rehearse
from notes.audio.cutting import Cutter
from notes.audio.edges import first_bytes_of_a_fragment
from notes.audio.levels import Block, Meter, decibels
from notes.audio.media import Refused, Sound
from notes.audio.order import BLOCK_SAMPLES, BLOCK_SECONDS, RATE, Order
from notes.audio.pauses import PauseShortener
from notes.audio.resampling import make_ready
from notes.audio.voice import SpeechGate

#: The recording; the way to the worker.
RECORDING, SOCKET = 0, 1
#: So long a decoder waits for another recording of its owner.
PATIENCE_SECONDS = 1.0
#: A step that takes longer than this hangs.
STEP_SECONDS = 20
#: CPU for starting up and for each second of the longest recording allowed (measured: 0.01).
CPU_BASE, CPU_PER_SECOND = 30, 0.03
MAX_ORDER = 4096
#: Smaller files are hardly too long.
LARGE = 2 << 20
#: A sign of life after this many blocks (a minute of sound).
ALIVE_EVERY = 1_000


def rehearse_all() -> SpeechGate:
    """Do everything once with sound of our own, so that no decoder has to import anything.

    The gate has read its weights, which nobody can once locked up; each decoder gets a copy.
    """
    rehearse()
    gate = SpeechGate()
    gate.hear(Meter().measure(array("h", [9_000, -9_000] * (BLOCK_SAMPLES // 2)).tobytes()))
    gate.begin()
    return gate


def main(server: int, gate: SpeechGate) -> None:
    """Decode what is ordered, locked up, for as long as ``server`` lives.

    One that was refused, or had a fault, is the last: no other shall meet what it may have left.
    """
    jail.die_with(server)
    order = take_order(None)
    if order:
        jail.lock_up(round(CPU_BASE + CPU_PER_SECOND * order.max_seconds))
    while order and decoded(order, gate):
        signal.alarm(0)
        os.close(RECORDING)
        make_ready()
        order = take_order(PATIENCE_SECONDS)


def take_order(patience: float | None) -> Order | None:
    """The next order, its recording being descriptor 0; None if nobody gives one in time."""
    if not select.select([SOCKET], [], [], patience)[0]:
        return None
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, SOCKET) as giver:
        said, given, _, _ = socket.recv_fds(giver, MAX_ORDER, 1)
        giver.detach()
    if given != [RECORDING]:  # the lowest that is free
        return None
    order = json.loads(said)
    os.nice(order.pop("nice"))
    if kept := order.pop("cores", None):
        os.sched_setaffinity(0, kept)
    return Order(**order)


def decoded(order: Order, gate: SpeechGate) -> bool:
    """Decode the recording; whether it was without a fault."""
    send(wire.event("ready"))
    file = io.FileIO(RECORDING, "rb", closefd=False)
    try:
        refuse_the_endless(file, order)
        sound = Sound(file)
        Preparation(sound, gate, order).run()
        return not sound.bad_packets
    except Refused as refusal:
        send(wire.event("refused", code=_code(refusal, file)))
    except MemoryError:
        send(wire.event("refused", code="audio_too_complex"))
    return False


def refuse_the_endless(file: io.FileIO, order: Order) -> None:
    """Find out that a recording is too long before its first part is sent, and paid for.

    This trusts what the file says of its packets; whoever lies is found out while decoding.

    Raises:
      Refused: it is too long, or no recording.
    """
    if file.seek(0, io.SEEK_END) > LARGE and Sound(file).is_longer_than(order.max_seconds):
        raise Refused("audio_too_long")


def send(message: bytes) -> None:
    """Write ``message``; while the parent is busy our own clock stands still."""
    signal.alarm(0)
    wire.write_all(SOCKET, message)
    signal.alarm(STEP_SECONDS)


def _code(refusal: Refused, file: io.FileIO) -> str:
    file.seek(0)
    if refusal.code == "audio_undecodable" and first_bytes_of_a_fragment(file.read(16)):
        return "audio_fragment"
    return refusal.code


class Preparation:
    """One recording on its way: measured, shortened, cut, encoded; nothing is kept."""

    def __init__(self, sound: Sound, gate: SpeechGate, order: Order) -> None:
        self.sound, self.gate, self.order = sound, gate, order
        self.meter = Meter()
        self.pauses = PauseShortener(order.shorten_pauses)
        self.cutter = Cutter(order.seconds_per_part)
        self.part: Part | None = None
        self.copied = 0
        self._begun = time.process_time()
        gate.begin_recording()

    def run(self) -> None:
        """Send everything there is to say about the recording.

        Raises:
          Refused: it holds no sound, or too much of it.
        """
        send(wire.event("sound", **self.sound.describe()))
        for pcm in self.sound.blocks():
            if self.sound.seconds > self.order.max_seconds:
                raise Refused("audio_too_long")
            block = self.meter.measure(pcm)
            if self._is_asked_for(block):
                for wanted in self.pauses.take(block):
                    self._copy(self.cutter.take(wanted))
            if block.index % ALIVE_EVERY == 0:
                send(wire.alive())
        if not self.meter.index:
            raise Refused("audio_undecodable" if self.sound.bad_packets else "audio_empty")
        for wanted in self.pauses.rest():
            self._copy(self.cutter.take(wanted))
        self._copy(self.cutter.rest())
        self._end_part()
        send(wire.event("end", **self._findings()))

    def _is_asked_for(self, block: Block) -> bool:
        at = block.index * BLOCK_SECONDS
        return at >= self.order.start and (self.order.end is None or at < self.order.end)

    def _copy(self, dealt: Any) -> None:
        for begins, block in dealt:
            if begins:
                self._end_part()
                self.gate.begin()
                self.part = Part(self.sound, self.order)
            assert self.part  # noqa: S101  # nosec B101
            self.gate.hear(block)
            self.part.add(block)
            # Known to its end: whoever waits for words need not wait for the rest to be decoded.
            if self.gate.heard and self.part.is_whole:
                self._send_part(self.part)

    def _end_part(self) -> None:
        if self.part:
            self._send_part(self.part)
            self.copied += self.part.samples
            self.part = None

    def _send_part(self, part: Part) -> None:
        if not part.is_sent:
            stretches = part.close()
            speech = self.gate.heard
            send(wire.event("part", speech=speech, stretches=stretches, only=part.is_whole))

    def _findings(self) -> dict[str, Any]:
        return {
            "seconds": round(self.sound.seconds, 3),
            "copied_seconds": round(self.copied / RATE, 3),
            "loud_seconds": round(self.meter.loud_seconds, 2),
            "peak": decibels(self.meter.peak),
            "rms": decibels(self.meter.rms),
            "waveform": self.meter.waveform.points(),
            "truncated": self.sound.truncated,
            "bad_packets": self.sound.bad_packets,
            "cpu_seconds": round(time.process_time() - self._begun, 3),
        }


class Part:
    """A part of the copy, sent while it is made; only where it came from is kept."""

    def __init__(self, sound: Sound, order: Order) -> None:
        self._copy = copy_of(sound, order, lambda content: send(wire.data(content)))
        self._stretches: list[list[float]] = []
        self._next = -1
        self.samples = 0
        self.is_sent = False

    @property
    def is_whole(self) -> bool:
        """Whether it is all of the recording, and its end is known."""
        return self._copy.whole_seconds is not None

    def add(self, block: Block) -> None:
        if block.index != self._next:
            self._stretches.append([self.samples / RATE, block.index * BLOCK_SECONDS, 0.0])
        self._next = block.index + 1
        self._stretches[-1][2] += len(block.pcm) / 2 / RATE
        self.samples += len(block.pcm) // 2
        self._copy.add(block.pcm)

    def close(self) -> list[list[float]]:
        """Finish it; its stretches: where in the copy, where in the recording, how long."""
        self.is_sent = True
        whole = self._copy.whole_seconds
        self._copy.close()
        stretches = self._stretches if whole is None else [[0.0, 0.0, whole]]
        return [[round(value, 3) for value in stretch] for stretch in stretches]
