"""From a recording to its words: prepared in a child, sent in parts as they are cut, joined."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, replace
from functools import partial
from threading import Event, Lock, Thread
from typing import IO

from django.conf import settings
from django.db import connections
from django.db.models import F

from notes import models
from notes.audio.formats import OGG, PCM
from notes.audio.order import Order
from notes.audio.preparing import prepare, unnamed_file
from notes.audio.report import Findings, Part
from notes.connections import insist, release_connection
from notes.models import Work
from notes.provider import Never, ProviderError, TooMuch
from notes.quota import reserved
from notes.transcribers import Hints, Recording, Segment, Transcriber, Transcript
from notes.transcribers.filters import is_echo, is_loop, is_phantom

log = logging.getLogger(__name__)

#: Speech has 10 to 20 characters a second. Fewer than this in a long part: its end was dropped.
FEWEST_PER_SECOND = 3.0
LONG_PART = 120.0
#: How often a part may be halved.
MOST_HALVINGS = 2
SILENT = Transcript("")


class Stopping(Exception):
    """The worker is told to stop: what is done is stored, the rest is for the next one."""


@dataclass(frozen=True)
class Heard:
    """The words of a part, with times of the recording, and what they cost in seconds."""

    start: float
    transcript: Transcript
    sent: float = 0.0


class Transcription:
    """One note on its way to its words.

    ``hints`` are asked for while the recording is already being decoded. ``stopping`` is set when
    the worker shall end: nothing more is sent then. ``parts`` counts how many there are.
    """

    def __init__(
        self, transcriber: Transcriber, hints: Callable[[], Hints], work: Work, stopping: Event
    ) -> None:
        self.transcriber, self.work = transcriber, work
        self._ask_for_hints = hints
        self._hints = Hints()
        self._stopping = stopping
        self._parallel = 1 if transcriber.exclusive else settings.TRANSCRIPTION_PARALLEL_PARTS
        self._counting = Lock()
        self._known: dict[tuple[int, int], models.Part] = {}
        self._sent = self._spanned = 0.0
        self.parts = self._silent = 0
        self._is_only_part = self._is_doubtful = False

    def run(self, file: IO[bytes]) -> tuple[Transcript, Findings | None]:
        """The words of the recording in ``file``, and what was found out about it.

        That is nothing where its words were heard and it then could not be decoded to its end.

        Raises:
          notes.provider.ProviderError: there are none, for now or for good.
          notes.models.work.Superseded: somebody else has the note.
          Stopping: the worker is told to stop.
        """
        try:
            heard, found = self._hear(file)
        finally:
            self.work.seconds_sent = round(self._sent, 2)
            self.work.seconds_saved = round(max(self._spanned - self._sent, 0.0), 2)
        seconds = found.seconds if found else self._spanned
        self.work.seconds_saved = round(max(seconds - self._sent, 0.0), 2)
        return replace(joined(heard), seconds=seconds), found

    def _hear(self, file: IO[bytes]) -> tuple[list[Heard], Findings | None]:
        limits = self.transcriber.limits
        order = Order(
            max_seconds=settings.MAX_AUDIO_MINUTES * 60.0,
            part_seconds=limits.seconds,
            part_bytes=limits.bytes,
            copy=limits.copy,
        )
        try:
            return self._hear_as(order, file)
        except Never as refusal:
            # It was perhaps sent before its damage was found, and is refused for that.
            may_be_damaged = self._is_doubtful and self._is_only_part
            if not (may_be_damaged and refusal.code == "audio_refused"):
                raise
        log.warning("note %s: sent again without what is damaged", self.work.note.pk)
        self.parts = self._silent = 0
        self._spanned, self._is_only_part = 0.0, False
        return self._hear_as(replace(order, untouched=False), file)

    def _hear_as(self, order: Order, file: IO[bytes]) -> tuple[list[Heard], Findings | None]:
        with prepare(file, order, self._alive, self.work.note.owner_id) as preparation:
            preparation.begin()
            self._look_up()
            share = Share(self._parallel, self._alive)
            found = broken = None
            try:
                self._deal(preparation.parts(), share)
                self._is_only_part = self.parts == 1
                found = preparation.findings
                self._is_doubtful = found.bad_packets > 0
                if self.parts > 1:
                    done = F("parts_done") + self._silent
                    self.work.count_parts(parts_done=done, parts_total=self.parts)
                    release_connection()
            except ProviderError as fault:
                if not self._is_only_part:
                    raise
                broken, self._is_doubtful = fault, True
                log.warning("note %s: not decoded to its end: %s", self.work.note.pk, fault.code)
            finally:
                results = share.settle()
            # Words are paid for, and worth more than the levels of the rest. That there are none
            # may be for what broke the decoder too.
            if broken and not joined(results).text:
                raise broken
            return results, found

    def _look_up(self) -> None:
        """Ask the database for what helps: hints, and the parts that an earlier try has stored."""
        self._hints = self._ask_for_hints()
        self._known = {(part.start_ms, part.end_ms): part for part in self.work.parts_heard()}
        if self.work.has_parts:
            self.work.count_parts(parts_done=len(self._known), parts_total=None)
        release_connection()

    def _deal(self, parts: Iterator[Part], share: Share) -> None:
        """Have each part heard, as soon as it is cut."""
        for part in parts:
            self.parts += 1
            if known := self._known.get(_key(part)):
                share.add(_heard_before(known))
            elif part.speech:
                share.submit(self._hear_part, part)
                self._is_only_part = part.only
            else:
                self._silent += 1
                share.add(Heard(part.start, SILENT))
            self._spanned += part.end - part.start

    def _alive(self) -> None:
        # An only part is paid for while its rest is decoded: its words are worth the wait.
        if self._stopping.is_set() and not self._is_only_part:
            raise Stopping
        self.work.go_on()

    def _hear_part(self, part: Part) -> Heard:
        """Ask for the words of a part and store them; in a thread of its own."""
        try:
            heard = self._ask(part, MOST_HALVINGS)
            if not (part.only or self._is_only_part):
                insist(partial(self.work.keep_part, _row(part, heard)))
            return heard
        finally:
            connections.close_all()

    def _ask(self, part: Part, halvings: int) -> Heard:
        try:
            heard = self._send(part, self._hints)
        except TooMuch:
            if not halvings:
                raise
            return self._ask_in_halves(part, halvings)
        if is_echo(heard.text, self._hints.words):
            heard = self._send(part, replace(self._hints, words=()))
            if is_echo(heard.text, self._hints.words):
                heard = SILENT
        if is_loop(heard.text):
            heard = SILENT
        whole = Heard(part.start, _in_recording_time(part, heard), part.seconds)
        if (
            halvings
            and seems_cut_off(heard, part.seconds)
            and self.transcriber.limits.copy == "ogg"
        ):
            halves = self._ask_in_halves(part, halvings)
            if len(halves.transcript.text) > len(heard.text):
                return replace(halves, sent=halves.sent + whole.sent)
            return replace(whole, sent=halves.sent + whole.sent)
        return whole

    def _send(self, part: Part, hints: Hints) -> Transcript:
        """Send a part to the vendor: the only place where sound leaves, and seconds are billed."""
        with self._counting:
            self._sent += part.seconds
        kind = PCM if self.transcriber.limits.copy == "pcm" else OGG
        recording = Recording(part.data, kind, part.seconds)
        with reserved(self.work.note.owner_id, part.seconds):
            return self.transcriber.transcribe(recording, hints, self.work.go_on)

    def _ask_in_halves(self, part: Part, halvings: int) -> Heard:
        """Cut the copy of a part in two, where it is quiet, and ask for each."""
        log.warning("note %s: a part is asked for again in halves", self.work.note.pk)
        order = Order(
            max_seconds=part.seconds + 60,
            part_seconds=part.seconds * 5 / 8,  # the room in which a quiet place is looked for
            shorten_pauses=False,
        )
        halves = []
        with unnamed_file([part.data]) as file, prepare(file, order, self._alive) as preparation:
            for half in preparation.parts():
                if half.speech:
                    heard = self._ask(half, halvings - 1)
                    there = tuple(_moved(part, one) for one in heard.transcript.segments)
                    timed = replace(heard.transcript, segments=there)
                    halves.append(replace(heard, start=half.start, transcript=timed))
        sent = sum(half.sent for half in halves)
        return Heard(part.start, _concatenated(halves), sent)


class Share:
    """The parts of one note that are being heard: never more than its share of the worker."""

    def __init__(self, most: int, may_go_on: Callable[[], object]) -> None:
        self._most, self._may_go_on = most, may_go_on
        self._open: set[Future[Heard]] = set()
        self._ended: list[Future[Heard]] = []
        self._results: list[Heard] = []

    def add(self, heard: Heard) -> None:
        """One that needs no call."""
        self._results.append(heard)

    def submit(self, hear: Callable[[Part], Heard], part: Part) -> None:
        """Have ``part`` heard; waits while the share is taken.

        Raises:
          Exception: what an earlier part has raised; then there is no use in going on. Or what
            ``may_go_on`` raises.
        """
        while len(self._open) >= self._most:
            self._collect(wait(self._open, return_when=FIRST_COMPLETED).done)
        self._collect({future for future in self._open if future.done()})
        self._may_go_on()
        future: Future[Heard] = Future()
        self._open.add(future)
        # A daemon, unlike the threads of a pool: a worker that ends does not wait for a vendor.
        Thread(target=_resolve, args=(future, hear, part), name="part", daemon=True).start()

    def settle(self) -> list[Heard]:
        """All that was heard, once every open part has ended.

        Raises:
          Exception: what parts have raised; rather what is for good than what may pass.
        """
        wait(self._open)
        ended = [*self._ended, *self._open]
        faults = [fault for future in ended if (fault := future.exception())]
        if faults:
            raise min(faults, key=_seriousness)
        return [*self._results, *(future.result() for future in ended)]

    def _collect(self, ended: set[Future[Heard]]) -> None:
        self._open -= ended
        self._ended += ended
        for future in ended:
            if future.exception():
                future.result()


def _resolve(future: Future[Heard], hear: Callable[[Part], Heard], part: Part) -> None:
    try:
        future.set_result(hear(part))
    except BaseException as fault:
        future.set_exception(fault)


def _seriousness(fault: BaseException) -> int:
    if not isinstance(fault, ProviderError):
        return 0
    return 1 if isinstance(fault, Never) else 2


def seems_cut_off(heard: Transcript, seconds: float) -> bool:
    """Whether a long part has so few words that the vendor must have dropped its end."""
    return seconds >= LONG_PART and len(heard.text) < FEWEST_PER_SECOND * seconds


def joined(parts: list[Heard]) -> Transcript:
    """The words of all parts in their order; nothing if they are what models invent."""
    transcript = _concatenated(parts)
    if is_phantom(transcript.text) or is_loop(transcript.text):
        return SILENT
    return transcript


def _concatenated(parts: list[Heard]) -> Transcript:
    said = [heard.transcript for heard in sorted(parts, key=lambda heard: heard.start)]
    text = " ".join(one.text for one in said if one.text)
    language = next((one.language for one in said if one.language), "") if text else ""
    segments = tuple(segment for one in said for segment in one.segments)
    return Transcript(text, language, segments=segments)


def _in_recording_time(part: Part, heard: Transcript) -> Transcript:
    return replace(heard, segments=tuple(_moved(part, segment) for segment in heard.segments))


def _moved(part: Part, segment: Segment) -> Segment:
    start, end = part.original_time(segment.start), part.original_time(segment.end)
    return Segment(round(start, 2), round(end, 2), segment.text)


def _key(part: Part) -> tuple[int, int]:
    return round(part.start * 1000), round(part.end * 1000)


def _row(part: Part, heard: Heard) -> models.Part:
    start, end = _key(part)
    said = heard.transcript
    return models.Part(
        start_ms=start,
        end_ms=end,
        text=said.text,
        language=said.language[:16],
        segments=[segment._asdict() for segment in said.segments],
        seconds_sent=heard.sent,
    )


def _heard_before(row: models.Part) -> Heard:
    segments = tuple(Segment(**segment) for segment in row.segments)
    said = Transcript(row.text, row.language, segments=segments)
    return Heard(row.start_ms / 1000, said)
