"""The rows. Each state change is a verb on its model; the note's row is also the job."""

from __future__ import annotations

from notes.models.attempt import Attempt
from notes.models.box import Box
from notes.models.duty import Duty
from notes.models.heartbeat import Heartbeat
from notes.models.imported import Imported
from notes.models.note import Note
from notes.models.tally import Tally
from notes.models.token import ApiToken
from notes.models.work import Work

__all__ = ["ApiToken", "Attempt", "Box", "Duty", "Heartbeat", "Imported", "Note", "Tally", "Work"]
