"""The rows. Each state change is a verb on its model; the note's row is also the job."""

from __future__ import annotations

from notes.models.attempt import Attempt
from notes.models.box import Box
from notes.models.delivery import Delivery
from notes.models.duty import Duty
from notes.models.heartbeat import Heartbeat
from notes.models.idempotency import IdempotencyKey
from notes.models.imported import Imported
from notes.models.login_attempt import LoginAttempt
from notes.models.note import Note
from notes.models.part import Part
from notes.models.tally import Tally
from notes.models.token import ApiToken, Scope
from notes.models.usage import Usage
from notes.models.webhook import Webhook
from notes.models.work import Work

__all__ = [
    "ApiToken",
    "Attempt",
    "Box",
    "Delivery",
    "Duty",
    "Heartbeat",
    "IdempotencyKey",
    "Imported",
    "LoginAttempt",
    "Note",
    "Part",
    "Scope",
    "Tally",
    "Usage",
    "Webhook",
    "Work",
]
