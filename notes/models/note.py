"""A note: something a person said or wrote, on its way into a box."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import Case, DateTimeField, F, Q, Value, When
from django.db.models.functions import Cast, Now

from notes.broker import ring_on_commit
from notes.compiled import Found, Inserted
from notes.models.box import Box
from notes.models.job import FRESH, Job, is_claimable
from notes.stages import Stage
from notes.storage import delete_audio
from project.logs import request_id


class Status(models.TextChoices):
    """What a note waits for, or how it ended."""

    PENDING = "pending"
    TRANSCRIBING = "transcribing"
    CLASSIFYING = "classifying"
    COMPLETED = "completed"
    FAILED = "failed"


class FiledBy(models.TextChoices):
    """Who put a note where it is."""

    USER = "user"
    RULE = "rule"
    MODEL = "model"


class Source(models.TextChoices):
    """How the person came by the audio."""

    MEMO = "memo"
    GROUP_AUDIO = "group_audio"
    FORWARDED = "forwarded"


WAITING = {Stage.TRANSCRIPTION: Status.PENDING, Stage.CLASSIFICATION: Status.CLASSIFYING}
RUNNING = {Stage.TRANSCRIPTION: Status.TRANSCRIBING, Stage.CLASSIFICATION: Status.CLASSIFYING}
#: For so long the same bytes of the same owner are the same note.
TWIN_HOURS = 24
#: Longer queues are not told apart.
MOST_AHEAD = 1_000
OPEN = (Status.PENDING, Status.TRANSCRIBING, Status.CLASSIFYING)
NOT_COMPLETED = (*OPEN, Status.FAILED)


class NotRetryable(Exception):
    """The note has not failed, or the person has settled it since."""


class NoteQuerySet(models.QuerySet["Note"]):
    """Notes, asked for by their owner or by what has to be done with them."""

    def for_user(self, user_id: int) -> NoteQuerySet:
        """The notes that ``user_id`` owns."""
        return self.filter(owner_id=user_id)

    def narrowed(
        self, box: uuid.UUID | None, inbox: bool | None, status: str | None
    ) -> NoteQuerySet:
        """Those in ``box``, in the Inbox (or in any box), with ``status``; None does not narrow."""
        notes = self
        if box is not None:
            notes = notes.filter(box=box)
        if inbox is not None:
            notes = notes.filter(box__isnull=inbox)
        if status is not None:
            notes = notes.filter(processing_status=status)
        return notes

    def older_than(self, created_at: datetime, pk: uuid.UUID) -> NoteQuerySet:
        """Those that come after the given one, newest first."""
        # SQLite compares times as text and stores its own with three decimals; Django's parameters
        # have six. The cast writes them alike.
        moment = Cast(Value(created_at), DateTimeField())
        # The bound outside of the OR is what PostgreSQL starts its walk along an index by.
        return self.filter(Q(created_at__lt=moment) | Q(pk__lt=pk), created_at__lte=moment)

    def without_details(self) -> NoteQuerySet:
        """The same, but what only a single note shows is read when it is asked for."""
        return self.defer("waveform", "segments", "original_transcript")

    def claimable(self, *stages: Stage) -> NoteQuerySet:
        """Notes that may be claimed now for one of ``stages`` (any, if none is named)."""
        condition = Q()
        for stage in stages or tuple(Stage):
            condition |= is_claimable(WAITING[stage], RUNNING[stage])
        return self.filter(condition)


class Note(Job):
    """The words, where they were put and why; and, by :class:`Job`, what happens next.

    What its owner does is below; what a worker does is in :mod:`notes.models.work`.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Several indexes below begin with the owner; PostgreSQL would prefer one of the owner alone.
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notes", db_index=False
    )
    processing_status = models.CharField(
        max_length=12, choices=Status.choices, default=Status.PENDING
    )

    audio_key = models.CharField(max_length=80, blank=True, editable=False)
    audio_format = models.CharField(max_length=8, blank=True, editable=False)
    audio_bytes = models.PositiveBigIntegerField(default=0, editable=False)
    audio_sha256 = models.CharField(max_length=64, blank=True, editable=False)
    duration_seconds = models.FloatField(null=True, blank=True)
    # What the decoder found: levels in dBFS, a share from 0 to 1, about 200 peaks from 0 to 1.
    peak = models.FloatField(null=True, editable=False)
    rms = models.FloatField(null=True, editable=False)
    speech_share = models.FloatField(null=True, editable=False)
    waveform = models.JSONField(null=True, editable=False)
    truncated = models.BooleanField(db_default=False, editable=False)
    parts_done = models.PositiveIntegerField(db_default=0, editable=False)
    parts_total = models.PositiveIntegerField(null=True, editable=False)
    requested_language = models.CharField(max_length=16, blank=True)
    language = models.CharField(max_length=16, blank=True)
    source = models.CharField(max_length=12, choices=Source.choices, default=Source.MEMO)
    recorded_at = models.DateTimeField(null=True, blank=True)

    transcript = models.TextField(blank=True)
    transcript_edited_at = models.DateTimeField(null=True, editable=False)
    # What was heard or first written; kept once the owner has changed it.
    original_transcript = models.TextField(db_default="", editable=False)
    # What was heard when: {"start", "end", "text"} in seconds of the recording, if the model tells.
    segments = models.JSONField(null=True, editable=False)
    speech = models.BooleanField(null=True)

    box = models.ForeignKey(
        Box, on_delete=models.SET_NULL, null=True, blank=True, related_name="notes"
    )
    filed_by = models.CharField(max_length=8, choices=FiledBy.choices, blank=True)
    filing_confidence = models.FloatField(null=True, blank=True)
    filing_reason = models.CharField(max_length=40, blank=True)
    filing_evidence = models.CharField(max_length=200, blank=True)
    filing_suggestions = models.JSONField(default=list, blank=True)

    # Of the request that brought it, so that the worker's log lines can be found by it too.
    request_id = models.CharField(max_length=64, db_default="", editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    transcribed_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)

    objects = NoteQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["owner", "-created_at", "-id"], name="note_newest"),
            models.Index(fields=["owner", "box", "-created_at", "-id"], name="note_in_box"),
            models.Index(
                fields=["owner", "-created_at", "-id"],
                condition=Q(box__isnull=False),
                name="note_filed",
            ),
            # Nearly all notes are completed, and found by the index above.
            models.Index(
                fields=["owner", "processing_status", "-created_at", "-id"],
                condition=Q(processing_status__in=NOT_COMPLETED),
                name="note_not_completed",
            ),
            models.Index(
                fields=["next_attempt_at"], condition=Q(processing_status__in=OPEN), name="note_due"
            ),
            models.Index(
                fields=["lease_token"], condition=Q(lease_token__isnull=False), name="note_held"
            ),
            models.Index(
                fields=["owner", "audio_sha256", "-created_at"],
                condition=~Q(audio_sha256=""),
                name="note_same_audio",
            ),
            # What operators ask: how many came lately, and which went wrong.
            models.Index(fields=["created_at"], name="note_created"),
            models.Index(
                fields=["processing_status"], condition=~Q(error_code=""), name="note_troubled"
            ),
        ]
        permissions = [("view_transcript", "Can read what people said")]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def stage(self) -> Stage:
        """What is to be done next; of an ended note, what was done last."""
        return Stage.TRANSCRIPTION if self.transcribed_at is None else Stage.CLASSIFICATION

    @property
    def audio_expires_at(self) -> datetime | None:
        """When the audio will be deleted; None while the note is not finished, or if it is kept."""
        days = settings.AUDIO_RETENTION_DAYS
        finished = self.processing_status == Status.COMPLETED
        if not (days and finished and self.audio_key and self.completed_at):
            return None
        return self.completed_at + timedelta(days=days)

    def ahead_of_it(self) -> int | None:
        """How many notes of all owners wait to be transcribed before this one; None: not waiting.

        Counted up to :data:`MOST_AHEAD`, along an index of what is open; one that waits for a later
        time has nobody ahead, only that time.
        """
        if self.processing_status != Status.PENDING or self.lease_token is not None:
            return None
        before = Q(next_attempt_at__lt=self.next_attempt_at)
        waiting = Note.objects.filter(before, processing_status=Status.PENDING)
        due = waiting.filter(lease_token__isnull=True, next_attempt_at__lte=Now())
        # On SQLite, where times are texts, its own time may be stored with fewer digits.
        due = due.exclude(pk=self.pk)
        return due.order_by()[:MOST_AHEAD].count()

    @classmethod
    def twin(cls, owner_id: int, sha256: str) -> Note | None:
        """The note that ``owner_id`` made of the same bytes within :data:`TWIN_HOURS`, if any."""
        twin = _newest_twin(owner_id, sha256)
        return cls.objects.filter(pk=twin[0]).first() if twin else None

    @classmethod
    def receive(cls, **columns: Any) -> Note:
        """A new note, committed before anybody is told of it.

        Notes with audio start at ``pending``, notes of text at ``classifying``. It is one INSERT,
        so it needs no transaction of its own.

        Raises:
          django.db.IntegrityError: there is a note with this ``id``, or no such box any more.
        """
        columns["request_id"] = request_id.get()
        if columns.get("box") is not None:
            columns |= {"filed_by": FiledBy.USER, "filing_reason": "chosen_by_owner"}
        if columns.get("audio_key"):
            note = new_recording(**columns)
        else:
            columns |= {"processing_status": Status.CLASSIFYING, "transcribed_at": Now()}
            note = cls.objects.create(rung_at=Now(), speech=True, **columns)
            note.refresh_from_db(fields=["transcribed_at"])
        ring_on_commit(note.stage, note.pk)
        return note

    def move_to(self, box: Box | None) -> None:
        """Put the note where its owner says (None: the Inbox); automation leaves it there."""
        self._change(
            box=box,
            filed_by=FiledBy.USER,
            filing_confidence=None,
            filing_reason="chosen_by_owner",
            filing_evidence="",
            filing_suggestions=[],
            # What kept a finished note from its box is settled; an open one is still tried.
            error_code=Case(
                When(processing_status=Status.COMPLETED, then=Value("")), default=F("error_code")
            ),
        )

    def edit_transcript(self, text: str) -> None:
        """Replace the words by the owner's own; a transcription that ends later leaves them.

        What stood there before their first change is kept as ``original_transcript``.
        """
        first = When(transcript_edited_at__isnull=True, then=F("transcript"))
        original = Case(first, default=F("original_transcript"))
        self._change(transcript=text, original_transcript=original, transcript_edited_at=Now())

    def retry(self) -> None:
        """Do the failed step again, from the start.

        Raises:
          NotRetryable: nothing failed, or the owner has filed the note meanwhile.
        """
        unfiled = Q(processing_status=Status.COMPLETED, box__isnull=True) & ~Q(error_code="")
        failed = Q(processing_status=Status.FAILED) | (unfiled & ~Q(filed_by=FiledBy.USER))
        with transaction.atomic():
            again = Note.objects.filter(failed, pk=self.pk).update(
                processing_status=WAITING[self.stage],
                next_attempt_at=Now(),
                rung_at=Now(),
                completed_at=None,
                **FRESH,
            )
            if not again:
                raise NotRetryable
            ring_on_commit(self.stage, self.pk)
        self.refresh_from_db()

    def erase(self) -> None:
        """Delete the note and its audio; its Idempotency-Key may be used again.

        A worker that is busy with it finds its lease gone and writes nothing. If storage does not
        answer now, the orphan sweep deletes the audio later.
        """
        with transaction.atomic():
            key = self.audio_key
            self.delete()
            if key:
                transaction.on_commit(lambda: delete_audio(key), robust=True)

    def _change(self, **columns: Any) -> None:
        Note.objects.filter(pk=self.pk).update(**columns)
        self.refresh_from_db()


#: Nearly always there is none, and a whole row costs web most of what asking costs.
_newest_twin = Found(
    lambda owner_id, sha256: (
        Note.objects.for_user(owner_id)
        .filter(audio_sha256=sha256, created_at__gt=Now() - timedelta(hours=TWIN_HOURS))
        .exclude(audio_sha256="")  # or one plan for all sounds could not use their index
        .exclude(audio_format="")
        .order_by("-created_at")  # as their index has them, or PostgreSQL might take another
        .values_list("pk")[:1]
    )
)

new_recording = Inserted(
    Note,
    {"rung_at": Now()},
    "id",
    "owner_id",
    "audio_key",
    "audio_format",
    "audio_bytes",
    "audio_sha256",
    "box",
    "filed_by",
    "filing_reason",
    "requested_language",
    "source",
    "recorded_at",
    "request_id",
)
