"""What a worker does with a note: claim it, work under a lease, and write down how it went.

Each ending is one conditional UPDATE on the lease's token. Where that finds no row, somebody else
has taken over meanwhile (or the owner has deleted the note) and the late result is dropped.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Iterable
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from django.conf import settings
from django.db import InterfaceError, OperationalError, models, transaction
from django.db.models import F, Sum
from django.db.models.functions import Now

from notes.audio.report import Findings
from notes.classifiers import Decision
from notes.compiled import Updated, writes_at_once
from notes.connections import release_connection
from notes.models import statements
from notes.models.attempt import Attempt
from notes.models.delivery import announce, concerns_nobody
from notes.models.job import FRESH, MAX_AGE, MAX_ATTEMPTS, MAX_CRASHES, RELEASED, lease, retry_delay
from notes.models.note import RUNNING, WAITING, FiledBy, Note, Status
from notes.models.part import Part
from notes.provider import Later, OverQuota, ProviderError
from notes.stages import Stage
from notes.transcribers import Transcript
from project.logs import traced

log = logging.getLogger(__name__)

COMPLETED: dict[str, Any] = {"processing_status": Status.COMPLETED, "completed_at": Now()}
DUE_AND_RUNG: dict[str, Any] = {"next_attempt_at": Now(), "rung_at": Now()}


class Superseded(Exception):
    """The lease has passed to somebody else, or the note is gone: go no further."""


@dataclass
class Work:
    """A note found claimable for ``stage`` at ``found_at``, and the token it is claimed under.

    ``found_at`` is the database's time, as everything is. ``provider`` and ``model`` are set by
    the pipeline once it knows whom it calls.
    """

    note: Note
    stage: Stage
    found_at: datetime
    token: uuid.UUID = field(default_factory=uuid.uuid4)
    provider: str = ""
    model: str = ""
    seconds_sent: float | None = None
    seconds_saved: float | None = None
    _found: float = field(default_factory=time.monotonic)
    _last_progress: float = field(default_factory=time.monotonic)
    _has_kept: bool = False
    #: Words were found just now, and the note has still to be filed.
    is_heard: bool = False

    @classmethod
    def find(cls, note_id: uuid.UUID, stage: Stage) -> Work | None:
        """The note as work, if it may be claimed now for ``stage``."""
        found = statements.claimable[stage](note_id)
        return cls(found[0], stage, found_at=_clock(found[0])) if found else None

    @classmethod
    def claim_waiting(cls, note_id: uuid.UUID, stage: Stage) -> Work | None:
        """The note as work, found and claimed in one step, if nobody has died under it before."""
        token = uuid.uuid4()
        columns = {"processing_status": RUNNING[stage], **lease(token, Now())}
        claimed = statements.waiting[stage](note_id, columns=columns)
        return cls(claimed[0], stage, _clock(claimed[0]), token) if claimed else None

    def claim(self) -> bool:
        """Take the lease; False if somebody else was quicker.

        A lease that ran out is a crash of its holder, and is written down as interrupted.
        """
        note, crashes = self.note, self.note.crashes + self.note.was_interrupted
        columns = {"processing_status": RUNNING[self.stage], "crashes": crashes}
        columns |= lease(self.token, self.found_at)
        if note.was_interrupted:
            claimed = self._claim_after_a_crash(columns)
        else:
            claimed = statements.unheld[self.stage](note.pk, columns=columns)
        note.crashes, note.lease_started_at = crashes, self.found_at
        return bool(claimed)

    def _claim_after_a_crash(self, columns: dict[str, Any]) -> int:
        rows = Note.objects.claimable(self.stage).filter(pk=self.note.pk)
        with transaction.atomic():
            claimed = rows.filter(lease_token=self.note.lease_token).update(**columns)
            if claimed:
                self.seconds_sent = self._sent_so_far()
                interrupted = Attempt(outcome=Attempt.Outcome.INTERRUPTED)
                statements.attempted(**self._as_told(interrupted))
                self.seconds_sent = None
        return claimed

    def go_on(self) -> None:
        """Say that there is progress: STAGE_SECONDS count from here again. Cheap to call often.

        Raises:
          Superseded: the lease is no longer ours, so nobody waits for more progress.
        """
        now = time.monotonic()
        if now - self._last_progress > settings.LEASE_SECONDS / 4:
            self._last_progress = now
            # A database that is away costs a sign of life, not the work so far.
            with suppress(InterfaceError, OperationalError):
                if not self._held().update(progress_at=Now()):
                    raise Superseded
            release_connection()

    @property
    def is_poisoned(self) -> bool:
        """Whether workers have died under this note too often to let it take another one."""
        return self.note.crashes >= MAX_CRASHES

    @property
    def _trying_for(self) -> timedelta:
        """How long ago this stage was first tried."""
        return self.found_at - (self.note.first_tried_at or self.found_at)

    # --- How a transcription ends ----------------------------------------------------------------

    @property
    def has_parts(self) -> bool:
        """Whether any may be stored, by this try or, as ``parts_done`` tells, an earlier one."""
        return self._has_kept or self.note.parts_done > 0

    def parts_heard(self) -> list[Part]:
        """Those that have been paid for already."""
        return statements.parts_of(self.note.pk) if self.has_parts else []

    def keep_part(self, part: Part) -> None:
        """Store a part's words, and with them that there was progress.

        May be repeated, as where it was stored and the answer to that was lost.

        Raises:
          Superseded: the lease is no longer ours.
        """
        if part.pk is None or not Part.objects.filter(pk=part.pk).exists():
            part.note, part.pk = self.note, None
            with transaction.atomic():
                if not self._held().update(parts_done=F("parts_done") + 1, progress_at=Now()):
                    raise Superseded
                part.save(force_insert=True)
        self._has_kept = True
        self._last_progress = time.monotonic()

    def count_parts(self, **columns: Any) -> None:
        """Write ``parts_done`` or ``parts_total``.

        Raises:
          Superseded: the lease is no longer ours.
        """
        if not self._held().update(**columns):
            raise Superseded

    def record_transcript(
        self, transcript: Transcript, found: Findings | None = None, parts: int = 1
    ) -> bool:
        """Store the words, and what else was ``found`` in so many parts; filing is next.

        Whoever has the words goes on with that, so the row counts as rung for; should they die
        first, it is rung for as if that had been lost. Committed before it begins, so never paid
        for twice. Words that the owner has typed meanwhile stay. Where nothing was said the note is
        complete: that is a result, not a failure.
        """
        seconds = found.seconds if found else transcript.seconds
        columns = {
            "transcript": statements.HEARD_OR_TYPED,
            "original_transcript": statements.HEARD_IF_TYPED,
            "language": transcript.language[:16],
            "duration_seconds": seconds,
            "speech": bool(transcript.text),
            "segments": [segment._asdict() for segment in transcript.segments],
            "transcribed_at": Now(),
            "parts_done": parts,
            "parts_total": parts,
            **(_as_columns(found) if found else {}),
        }
        heard = Attempt(outcome=Attempt.Outcome.SUCCEEDED, audio_seconds=seconds)
        if not transcript.text and not self._has_typed_words():
            ending = {**columns, **COMPLETED}
            return self._end(heard, ending, _inbox("no_speech"), heard=transcript.text)
        next_stage = {"processing_status": Status.CLASSIFYING, **FRESH, **DUE_AND_RUNG}
        self.is_heard = self._end(heard, {**columns, **next_stage}, heard=transcript.text)
        return self.is_heard

    def _has_typed_words(self) -> bool:
        typed = Note.objects.filter(pk=self.note.pk, transcript_edited_at__isnull=False)
        return typed.exclude(transcript="").exists()

    # --- How a classification ends ---------------------------------------------------------------

    def file_in(self, decision: Decision, by: FiledBy) -> bool:
        """Put the note where ``decision`` says, unless its owner has chosen a box meanwhile."""
        with transaction.atomic() if decision.box_id else nullcontext():  # the box is locked
            box = decision.box_id
            if box and not statements.box_to_file_in(self.note.owner_id, box):
                box = None
            filing = {
                "box": box,
                "filed_by": by if box else "",
                "filing_confidence": decision.confidence if box else None,
                "filing_reason": "box_deleted" if decision.box_id and not box else decision.reason,
                "filing_evidence": decision.evidence[:200],
                "filing_suggestions": [
                    {"box": str(s.box_id), "confidence": s.confidence} for s in decision.suggestions
                ],
            }
            return self._end(Attempt(outcome=Attempt.Outcome.SUCCEEDED), COMPLETED, filing)

    def leave_where_it_is(self) -> bool:
        """Complete a note whose box the owner has chosen: there is nothing to find out."""
        return self._end(Attempt(outcome=Attempt.Outcome.SUCCEEDED), COMPLETED)

    # --- How either goes wrong -------------------------------------------------------------------

    def try_later(self, error: Later) -> bool:
        """Release the note for another try, or give the stage up if there were enough.

        A note that waits for a quota is never given up for it, and ages from its next try on.
        """
        attempts = self.note.attempts + error.uses_attempt
        over_quota = isinstance(error, OverQuota)
        if not over_quota and (attempts >= MAX_ATTEMPTS or self._trying_for > MAX_AGE):
            return self.give_up(error)
        columns = {
            "processing_status": WAITING[self.stage],
            "attempts": attempts,
            "next_attempt_at": Now() + retry_delay(error, attempts, self._trying_for),
            "rung_at": None,
            "error_code": error.code,
            **({"first_tried_at": None} if over_quota else {}),
        }
        return self._end(Attempt(outcome=Attempt.Outcome.LATER, error_code=error.code), columns)

    def give_up(self, error: ProviderError) -> bool:
        """End the stage without a result.

        A note without words has failed. One that merely found no box is complete, in the Inbox,
        and says why.
        """
        tried = Attempt(outcome=Attempt.Outcome.FAILED, error_code=error.code)
        if self.stage is Stage.TRANSCRIPTION:
            failed = {"processing_status": Status.FAILED, "completed_at": Now()}
            return self._end(tried, {**failed, "error_code": error.code})
        return self._end(tried, {**COMPLETED, "error_code": error.code}, _inbox("filing_failed"))

    # --- In common -------------------------------------------------------------------------------

    def _end(
        self,
        tried: Attempt,
        columns: dict[str, Any],
        filing: dict[str, Any] | None = None,
        **given: Any,
    ) -> bool:
        """Write an ending and its attempt, or nothing if the lease is no longer ours.

        ``filing`` is left out where the owner has chosen a box. ``given`` are values that the
        expressions in ``columns`` wait for.
        """
        columns = {"error_code": "", **columns, **RELEASED}
        end = self._end_at_once if self._is_plain(tried, columns) else self._end_in_steps
        ours = bool(
            filing and end(statements.held_and_unfiled, tried, {**columns, **filing}, given)
        ) or end(statements.held, tried, columns, given)
        if ours:
            self._tell(tried)
        return ours

    def _is_plain(self, tried: Attempt, columns: dict[str, Any]) -> bool:
        """Whether nothing is to be written but the row and the attempt, and at once."""
        return (
            writes_at_once()
            and tried.outcome == Attempt.Outcome.SUCCEEDED
            and concerns_nobody(self.note, columns["processing_status"])
            and not self._leaves_parts(columns)
        )

    def _leaves_parts(self, columns: dict[str, Any]) -> bool:
        return "transcribed_at" in columns and self.has_parts

    def _end_at_once(
        self, rows: Updated, tried: Attempt, columns: dict[str, Any], given: dict[str, Any]
    ) -> bool:
        return statements.end_at_once(
            rows, self.note.pk, self.token, columns=columns, given=given, **self._as_told(tried)
        )

    def _end_in_steps(
        self, rows: Updated, tried: Attempt, columns: dict[str, Any], given: dict[str, Any]
    ) -> bool:
        with transaction.atomic(savepoint=False):
            if not rows(self.note.pk, self.token, columns=columns, **given):
                return False
            statements.attempted(**self._as_told(tried))
            announce(self.note, columns["processing_status"])
            if self._leaves_parts(columns):
                statements.delete_parts_of(self.note.pk)
            return True

    def _sent_so_far(self) -> float | None:
        """What the parts that were stored under the present lease cost, as far as rows tell."""
        if self.stage is not Stage.TRANSCRIPTION or not self.note.lease_started_at:
            return None
        stored = Part.objects.filter(note=self.note, stored_at__gte=self.note.lease_started_at)
        return cast("float | None", stored.aggregate(sent=Sum("seconds_sent"))["sent"])

    def _held(self) -> models.QuerySet[Note]:
        """The row, as long as the lease on it is ours."""
        return Note.objects.filter(pk=self.note.pk, lease_token=self.token)

    def _tell(self, tried: Attempt) -> None:
        """One line per note and stage: what was tried and how it ended, nothing that was said."""
        fields: dict[str, Any] = {
            "note": str(self.note.pk),
            "stage": str(self.stage),
            "outcome": str(tried.outcome),
            "seconds": round(self._seconds_held(), 3),
        }
        more = {"error_code": tried.error_code, "provider": self.provider, "model": self.model}
        fields |= {name: value for name, value in more.items() if value}
        words = [str(value) for name, value in fields.items() if name not in ("note", "seconds")]
        text = f"{' '.join(words)} in {fields['seconds']:.1f} s"
        log.info("note %s: %s", self.note.pk, text, extra={"fields": fields})

    def _seconds_held(self) -> float:
        before = self.found_at - (self.note.lease_started_at or self.found_at)
        return before.total_seconds() + time.monotonic() - self._found

    def _as_told(self, tried: Attempt) -> dict[str, Any]:
        """The columns of an attempt."""
        return {
            "note_id": self.note.pk,
            "stage": self.stage,
            "started_at": self.note.lease_started_at or self.found_at,
            "outcome": tried.outcome,
            "error_code": tried.error_code,
            "provider": self.provider,
            "model": self.model,
            "audio_seconds": tried.audio_seconds,
            "seconds_sent": self.seconds_sent,
            "seconds_saved": self.seconds_saved,
        }


def _as_columns(found: Findings) -> dict[str, Any]:
    return {
        "peak": found.peak,
        "rms": found.rms,
        "speech_share": round(found.speech_share, 3),
        "waveform": list(found.waveform),
        "truncated": found.truncated,
    }


def _clock(note: Note) -> datetime:
    """The database's time at which ``note`` was read, by a query annotated with it."""
    return cast(datetime, vars(note)["clock"])


def _inbox(reason: str) -> dict[str, Any]:
    return {
        "box": None,
        "filed_by": "",
        "filing_confidence": None,
        "filing_reason": reason,
        "filing_evidence": "",
        "filing_suggestions": [],
    }


def hand_back(tokens: Iterable[uuid.UUID]) -> int:
    """Give up leases that could not be finished before a stop; how many there were.

    It counts as nothing: no attempt, no crash; the next sweep rings for these notes at once.
    """
    count = 0
    held = Note.objects.filter(lease_token__in=list(tokens)).annotate(clock=Now())
    for note in held:
        token = cast(uuid.UUID, note.lease_token)
        work = Work(note, note.stage, found_at=_clock(note), token=token)
        columns = {"processing_status": WAITING[note.stage], "rung_at": None}
        work.seconds_sent = work._sent_so_far()
        tried = Attempt(outcome=Attempt.Outcome.HANDED_BACK)
        with traced(note.request_id):
            count += work._end(tried, {**columns, "error_code": note.error_code})
    return count
