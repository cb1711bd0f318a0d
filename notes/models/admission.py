"""What nearly every upload is, asked for at once: a new key, new sound, and a day with room.

On PostgreSQL one statement finds that out, reserves the key and counts the note. Where it is
otherwise the statement does nothing, and :mod:`notes.api.once` goes step by step to find out why.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.db import connection

from notes.commits import commit_later
from notes.models import usage
from notes.models.idempotency import Reservation
from notes.models.note import TWIN_HOURS
from notes.models.usage import Usage

#: More than any column of the books holds.
NO_LIMIT = 2**31 - 1
# The key last: whoever inserts one has been counted before, so two never wait for each other.
_ADMIT = f"""
    WITH counted AS (
        UPDATE notes_usage SET notes = notes + 1
        WHERE owner_id = %(owner)s AND day = %(day)s AND notes < %(limit)s
        AND NOT EXISTS (
            SELECT FROM notes_idempotencykey WHERE owner_id = %(owner)s AND "key" = %(key)s)
        AND NOT EXISTS (
            SELECT FROM notes_note
            WHERE owner_id = %(owner)s AND audio_sha256 = %(sha256)s AND audio_format <> ''
            AND created_at > statement_timestamp() - interval '{TWIN_HOURS} hours')
        RETURNING day
    ), reserved AS (
        INSERT INTO notes_idempotencykey (owner_id, "key", fingerprint, note_id, reservation)
        SELECT %(owner)s, %(key)s, %(fingerprint)s, %(note)s, %(token)s FROM counted
        ON CONFLICT (owner_id, "key") DO NOTHING RETURNING note_id
    )
    SELECT (SELECT count(*) FROM counted), (SELECT count(*) FROM reserved), {{later}}
"""  # noqa: S608  # nosec B608  # a number of ours


def admit(owner_id: int, key: str | None, fingerprint: str, sha256: str) -> Reservation | None:
    """The right to make the note, which is counted then; None: nothing was done.

    The commit is not waited for (:mod:`notes.commits`).
    """
    if key is None or connection.vendor != "postgresql":
        return None
    right, day = Reservation(uuid.uuid4(), uuid.uuid4()), usage.today()
    values: dict[str, Any] = {
        "owner": owner_id,
        "key": key,
        "fingerprint": fingerprint,
        "sha256": sha256,
        "day": day,
        "limit": settings.USER_NOTES_PER_DAY or NO_LIMIT,
        "note": right.note_id,
        "token": right.token,
    }
    with connection.cursor() as cursor:
        cursor.execute(_ADMIT.format(later=commit_later() or "NULL"), values)
        counted, reserved, _ = cursor.fetchone()
    if reserved:
        return right
    if counted:  # somebody came with the same key in the same instant
        Usage.give_back(owner_id, day, "notes", 1)
    return None
