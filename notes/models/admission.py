"""What nearly every upload is, done at once: a new key, new sound, and a day with room.

On PostgreSQL one statement finds that out, counts the note, writes down its key and makes it: all
of that or nothing. Where it is otherwise :mod:`notes.api.once` goes step by step to find out why.
"""

from __future__ import annotations

import re
import uuid
from functools import cache
from typing import Any

from django.conf import settings

from notes.broker import ring_on_commit
from notes.compiled import cursor_for_known
from notes.models import usage
from notes.models.note import TWIN_HOURS, Note, new_recording
from project.logs import request_id

#: More than any column of the books holds.
NO_LIMIT = 2**31 - 1
# The key after the count: whoever inserts one has been counted before, so two never wait for each
# other. The second of two with one key fails by the key's constraint, and is not counted.
_RECEIVE = f"""
    WITH counted AS (
        INSERT INTO notes_usage (owner_id, day, notes, audio_milliseconds)
        SELECT %(owner)s, %(day)s, 1, 0
        WHERE NOT EXISTS (
            SELECT FROM notes_idempotencykey WHERE owner_id = %(owner)s AND "key" = %(key)s)
        AND NOT EXISTS (
            SELECT FROM notes_note
            WHERE owner_id = %(owner)s AND audio_sha256 = %(sha256)s AND audio_sha256 <> ''
            AND audio_format <> ''
            AND created_at > statement_timestamp() - interval '{TWIN_HOURS} hours')
        ON CONFLICT (owner_id, day) DO UPDATE SET notes = notes_usage.notes + 1
        WHERE notes_usage.notes < %(limit)s
        RETURNING day
    ), reserved AS (
        INSERT INTO notes_idempotencykey (owner_id, "key", fingerprint, note_id, reservation)
        SELECT %(owner)s, %(key)s, %(fingerprint)s, %(note)s, %(reservation)s FROM counted
        RETURNING note_id
    ), made AS ({{insert}})
    SELECT * FROM made
"""  # noqa: S608  # nosec B608  # a number of ours
_NAMED = re.compile(r"%\((\w+)\)s")


def receive_new(owner_id: int, key: str, fingerprint: str, **recording: Any) -> Note | None:
    """A new note of ``recording``'s columns, as :meth:`Note.receive`; None: nothing was done.

    Not inside of a transaction, which two with one key would spoil. One owner's notes are counted
    one after the other, each until it is on the disk.

    Raises:
      django.db.IntegrityError: the key came twice in one instant, or the owner is being deleted.
    """
    columns = {"id": uuid.uuid4(), "owner_id": owner_id, "request_id": request_id.get()}
    note, params = new_recording.told(**columns, **recording)
    values: dict[str, Any] = {
        "owner": owner_id,
        "key": key,
        "fingerprint": fingerprint,
        "sha256": note.audio_sha256,
        "day": usage.today(),
        "limit": settings.USER_NOTES_PER_DAY or NO_LIMIT,
        "note": note.pk,
        "reservation": uuid.uuid4(),
    }
    sql, names = _statement()
    with cursor_for_known() as cursor:
        cursor.execute(sql, [*[values[name] for name in names], *params])
        row = cursor.fetchone()
    if row is None:
        return None
    ring_on_commit(note.stage, note.pk)
    return new_recording.finished(note, row)


@cache
def _statement() -> tuple[str, list[str]]:
    """The SQL, and the names of its first parameters; those of the note itself follow."""
    before, _, after = _RECEIVE.partition("{insert}")
    insert = new_recording.from_each_row_of("reserved")
    return f"{_NAMED.sub('%s', before)}{insert}{after}", _NAMED.findall(before)
