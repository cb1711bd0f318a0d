"""The story of a note: find its words, then find its box. No SDK and no HTTP here."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import IO

from django.conf import settings
from django.db import InterfaceError, OperationalError

from notes.audio.preparing import decoders, unnamed_file
from notes.classifiers import BoxCard, Classifier, Decision, get_classifier
from notes.classifiers.rules import RulesClassifier, is_sure
from notes.connections import insist, release_connection
from notes.leases import leases
from notes.models import Box, Note, Work
from notes.models.note import FiledBy
from notes.models.work import Superseded, hand_back
from notes.provider import Later, Never, ProviderError
from notes.stages import Stage
from notes.storage import AudioMissing, StorageUnavailable, stream_audio
from notes.sweeper import forget_rings, ring_next, ring_next_suspect
from notes.transcribers import Hints, Transcriber, get_transcriber
from notes.transcription import Stopping, Transcription
from notes.turns import Turns
from project.logs import traced

log = logging.getLogger(__name__)

turns = Turns(stopping=leases.draining)


def warm_up() -> None:
    """Load the vendors' files before the first note comes, which would wait a second for them."""
    decoders.start()
    get_transcriber()
    if settings.CLASSIFIER == "llm":
        get_classifier()


def transcribe(note_id: uuid.UUID) -> bool:
    """Find the words of a note, if it waits for that; whether its box is to be found now."""
    transcriber = get_transcriber()
    body = partial(_transcribe, transcriber)
    work = _answer(note_id, Stage.TRANSCRIPTION, body, needs_cpu=transcriber.exclusive)
    return work is not None and work.is_heard


def classify(note_id: uuid.UUID) -> None:
    """Find the box of a note, if it waits for that; else do nothing."""
    _answer(note_id, Stage.CLASSIFICATION, _classify)


def _answer(
    note_id: uuid.UUID, stage: Stage, body: Callable[[Work], bool], *, needs_cpu: bool = False
) -> Work | None:
    """Answer a ring for the note, unless this worker is stopping; the work, if there was any."""
    with _left_to_the_sweep(note_id), leases.admitted() as welcome:
        work = _work_on(note_id, stage, body, needs_cpu=needs_cpu) if welcome else None
        if not welcome or (work and work.is_heard and leases.draining.is_set()):
            # The ring is used up; the next worker's first sweep must not wait until it is old.
            forget_rings([note_id])
            return None
        return work
    return None


@contextmanager
def _left_to_the_sweep(note_id: uuid.UUID) -> Iterator[None]:
    """Let go of a note when the database fails: its row stays due, and the next sweep rings."""
    try:
        yield
    except (InterfaceError, OperationalError) as fault:
        log.warning("note %s: the database failed: %s", note_id, type(fault).__name__)
        log.debug("the database failed", exc_info=True)
        insist(partial(forget_rings, [note_id]))


def _work_on(
    note_id: uuid.UUID, stage: Stage, body: Callable[[Work], bool], *, needs_cpu: bool
) -> Work | None:
    """Claim the note and run ``body`` on it; whatever happens is written on the row."""
    if not needs_cpu and (work := _work_on_waiting(note_id, stage, body)):
        return work
    work = Work.find(note_id, stage)
    if work is None:
        return None
    release_connection()
    alone = work.note.must_run_alone
    with turns.take(alone=alone, cpu=needs_cpu) as granted, traced(work.note.request_id):
        if not granted:
            if alone or leases.draining.is_set():
                forget_rings([note_id])
            return None
        if work.claim():
            _hold(work, body)
    if alone:
        ring_next_suspect()
    if needs_cpu:
        ring_next(stage)
    return work


def _work_on_waiting(note_id: uuid.UUID, stage: Stage, body: Callable[[Work], bool]) -> Work | None:
    """Do so in fewer steps; None where the note does not simply wait, or not for us."""
    with turns.take(alone=False, cpu=False, now=True) as granted:
        work = Work.claim_waiting(note_id, stage) if granted else None
        if work:
            with traced(work.note.request_id):
                _hold(work, body)
        return work


def _hold(work: Work, body: Callable[[Work], bool]) -> None:
    """Run ``body`` under the lease of ``work``."""
    with leases.held(work.token):
        ours = _run(work, body)
    if not ours:
        log.warning("note %s: somebody else has taken over; late result dropped", work.note.pk)


def _run(work: Work, body: Callable[[Work], bool]) -> bool:
    try:
        if work.is_poisoned:
            raise Never("worker_crashed")
        return body(work)
    except Superseded:
        return False
    except Stopping:
        return bool(insist(partial(hand_back, [work.token])))
    except ProviderError as error:
        return _record(work, error)
    except Exception as error:
        # Its message may hold what a person said, so only its class is told.
        log.error("note %s: unexpected %s", work.note.pk, type(error).__name__)
        log.debug("unexpected error", exc_info=True)
        return _record(work, Later("internal_error"))


def _record(work: Work, error: ProviderError) -> bool:
    log.warning("note %s: %s: %s", work.note.pk, work.stage, error.code)
    if isinstance(error, Later):
        return insist(partial(work.try_later, error))
    return insist(partial(work.give_up, error))


def _transcribe(transcriber: Transcriber, work: Work) -> bool:
    work.provider, work.model = transcriber.provider, transcriber.model
    release_connection()
    with _audio(work.note) as file:
        hints = partial(_hints, work.note)
        transcription = Transcription(transcriber, hints, work, leases.draining)
        transcript, found = transcription.run(file)
    return insist(partial(work.record_transcript, transcript, found, transcription.parts))


def _audio(note: Note) -> IO[bytes]:
    try:
        return unnamed_file(stream_audio(note.audio_key))
    except AudioMissing as fault:
        raise Never("audio_missing") from fault
    except StorageUnavailable as fault:
        raise Later("storage_unavailable") from fault


def _hints(note: Note) -> Hints:
    return Hints(note.requested_language or None, _words(Box.cards_of(note.owner_id)))


def _words(boxes: list[BoxCard]) -> tuple[str, ...]:
    """The names and keywords that help the recogniser, names first; each once."""
    names = [box.name for box in boxes]
    keywords = [word for box in boxes for word in box.keywords]
    return tuple(dict.fromkeys([*names, *keywords]))


def _classify(work: Work) -> bool:
    if work.note.filed_by == FiledBy.USER:
        return work.leave_where_it_is()
    boxes = Box.cards_of(work.note.owner_id)
    decision = _ask(RulesClassifier(), work, boxes)
    if boxes and settings.CLASSIFIER == "llm" and not is_sure(decision):
        decision = _ask(get_classifier(), work, boxes)
        return insist(partial(work.file_in, decision, FiledBy.MODEL))
    return insist(partial(work.file_in, decision, FiledBy.RULE))


def _ask(classifier: Classifier, work: Work, boxes: list[BoxCard]) -> Decision:
    work.provider, work.model = classifier.provider, classifier.model
    release_connection()
    return classifier.classify(work.note.transcript, boxes)
