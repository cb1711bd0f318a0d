"""The statements of a worker's way with a note, each made into SQL once per process."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

from django.db.models import Case, F, QuerySet, TextField, Value, When
from django.db.models.functions import Now

from notes.compiled import (
    Deleted,
    Given,
    Inserted,
    Loaded,
    Taken,
    Updated,
    cursor_for_known,
    fixed,
)
from notes.models.attempt import Attempt
from notes.models.box import Box
from notes.models.delivery import listeners
from notes.models.note import WAITING, FiledBy, Note
from notes.models.part import Part
from notes.stages import Stage


def _claimable(stage: Stage, note_id: uuid.UUID) -> QuerySet[Note]:
    return _with_clock(Note.objects.claimable(stage).filter(pk=note_id))


def _with_clock(notes: QuerySet[Note]) -> QuerySet[Note]:
    return notes.annotate(clock=Now(), listeners=listeners())


def _waiting(stage: Stage, note_id: uuid.UUID) -> QuerySet[Note]:
    due = Note.objects.filter(pk=note_id, next_attempt_at__lte=Now(), lease_token__isnull=True)
    return due.filter(processing_status=WAITING[stage], crashes=0)


def _unheld(stage: Stage, note_id: uuid.UUID) -> QuerySet[Note]:
    return Note.objects.claimable(stage).filter(pk=note_id, lease_token__isnull=True)


def _held(note_id: uuid.UUID, token: uuid.UUID) -> QuerySet[Note]:
    return Note.objects.filter(pk=note_id, lease_token=token)


def _held_and_unfiled(note_id: uuid.UUID, token: uuid.UUID) -> QuerySet[Note]:
    return _held(note_id, token).exclude(filed_by=FiledBy.USER)


def _box(owner_id: int, box_id: uuid.UUID) -> QuerySet[Box]:
    # Against its deletion only: an owner who moves the note into it locks the two in another order.
    return Box.objects.for_user(owner_id).select_for_update(no_key=True).filter(pk=box_id)


def _parts(note_id: uuid.UUID) -> QuerySet[Part]:
    return Part.objects.filter(note_id=note_id)


#: By stage, from a note's id: the note, with the database's time and whether anybody listens.
claimable = {stage: Loaded(partial(_claimable, stage)) for stage in Stage}
#: By stage, from a note's id: the same of one that waits and under which nobody has died, claimed.
waiting = {stage: Taken(partial(_waiting, stage), _with_clock) for stage in Stage}
#: By stage, from a note's id: the row, unless somebody holds it or a crash has left it held.
unheld = {stage: Updated(partial(_unheld, stage)) for stage in Stage}
#: From a note's id and a token: the row, as long as that lease holds.
held = Updated(_held)
#: The same, unless the note's owner has chosen a box.
held_and_unfiled = Updated(_held_and_unfiled)
#: From an owner and an id: the box, locked.
box_to_file_in = Loaded(_box)
#: From a note's id.
parts_of = Loaded(_parts)
delete_parts_of = Deleted(_parts)

attempted = Inserted(
    Attempt,
    {"ended_at": Now()},
    "note_id",
    "stage",
    "started_at",
    "outcome",
    "error_code",
    "provider",
    "model",
    "audio_seconds",
    "seconds_sent",
    "seconds_saved",
)

#: What was heard becomes the transcript, unless the owner has typed one meanwhile.
HEARD_OR_TYPED = fixed(
    Case(
        When(transcript_edited_at__isnull=True, then=Given("heard")),
        default=F("transcript"),
        output_field=TextField(),
    )
)
#: Then it is kept beside.
HEARD_IF_TYPED = fixed(
    Case(
        When(transcript_edited_at__isnull=False, then=Given("heard")),
        default=Value(""),
        output_field=TextField(),
    )
)


def end_at_once(
    rows: Updated, *lease: uuid.UUID, columns: dict[str, Any], given: dict[str, Any], **attempt: Any
) -> bool:
    """An ending (``columns`` of ``rows``) and its attempt, written by one statement: a transaction
    of two takes four trips to the server.

    ``given`` is for the fixed expressions in ``columns``; there are no others. Whether there was a
    row; else nothing is written. PostgreSQL alone can do that.
    """
    ending, params = rows.told(*lease, columns=columns, **given)
    _, told = attempted.told(**attempt)
    noted = attempted.from_each_row_of("ended")
    with cursor_for_known() as cursor:
        cursor.execute(f"WITH ended AS ({ending} RETURNING id) {noted}", [*params, *told])
        return cursor.fetchone() is not None
