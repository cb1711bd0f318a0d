"""Deleting a person: rows, audio and sessions, so that nothing of theirs is left."""

from __future__ import annotations

from functools import partial

from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import transaction

from notes.models import LoginAttempt, Note
from notes.storage import delete_audio


def erase_user(user: User) -> int:
    """Delete ``user`` with all they have; the number of audio objects.

    The rows go in one transaction, the audio after it: what storage does not delete now, the orphan
    sweep does later. A worker that is busy with one of their notes finds its lease gone and writes
    nothing.
    """
    notes = Note.objects.for_user(user.pk).exclude(audio_key="")
    with transaction.atomic():
        keys = list(notes.values_list("audio_key", flat=True))
        LoginAttempt.forget(user.get_username())
        _end_sessions(str(user.pk))
        user.delete()
        for key in keys:
            transaction.on_commit(partial(delete_audio, key), robust=True)
    return len(keys)


def _end_sessions(user_id: str) -> None:
    for session in Session.objects.iterator():
        if session.get_decoded().get(SESSION_KEY) == user_id:
            session.delete()
