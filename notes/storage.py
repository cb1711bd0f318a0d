"""Audio objects: named by us, stored before their row, deleted with it, swept if left behind."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import IO

from django.core.files.base import File
from django.core.files.storage import default_storage

log = logging.getLogger(__name__)

ROOT = "audio"


class StorageUnavailable(Exception):
    """The storage did not take or give an object; worth another try."""


class AudioMissing(Exception):
    """The object is not there."""


def new_key(note_id: uuid.UUID) -> str:
    """The object name for the audio of ``note_id``: ``audio/2026-11-22/<uuid>``.

    No text of a user is in it. The day lets the orphan sweep look at a few folders, not at all.
    """
    return f"{ROOT}/{datetime.now(UTC):%Y-%m-%d}/{note_id}"


def store_audio(key: str, content: IO[bytes]) -> None:
    """Store ``content`` under ``key``.

    Raises:
      StorageUnavailable: the storage failed, in whatever way it does.
    """
    try:
        default_storage.save(key, File(content))
    except Exception as fault:
        log.error("storing audio failed: %s", type(fault).__name__)
        raise StorageUnavailable from fault


def read_audio(key: str) -> bytes:
    """The bytes stored under ``key``.

    Raises:
      AudioMissing: there is no such object.
      StorageUnavailable: the storage failed.
    """
    try:
        with default_storage.open(key) as stored:
            return bytes(stored.read())
    except FileNotFoundError as fault:
        raise AudioMissing from fault
    except Exception as fault:
        log.error("reading audio failed: %s", type(fault).__name__)
        raise StorageUnavailable from fault


def has_audio(key: str) -> bool:
    """Whether there is an object under ``key``.

    Raises:
      StorageUnavailable: the storage does not say.
    """
    try:
        return bool(default_storage.exists(key))
    except Exception as fault:
        log.error("asking for audio failed: %s", type(fault).__name__)
        raise StorageUnavailable from fault


def delete_audio(key: str) -> None:
    """Delete the object if it is there; a failure is logged and left to the orphan sweep."""
    try:
        default_storage.delete(key)
    except Exception as fault:
        log.warning("deleting audio failed, the sweep will: %s", type(fault).__name__)


def objects_of(day: date) -> Iterator[str]:
    """The keys of all audio that was uploaded on ``day`` (UTC)."""
    folder = f"{ROOT}/{day:%Y-%m-%d}"
    try:
        _, names = default_storage.listdir(folder)
    except FileNotFoundError:
        return
    for name in names:
        yield f"{folder}/{name}"


def is_older_than(key: str, age: timedelta) -> bool:
    """Whether the object was stored longer than ``age`` ago; False if it is gone."""
    try:
        return datetime.now(UTC) - default_storage.get_modified_time(key) > age
    except Exception:
        # A bucket says in its own way that an object is not there.
        if default_storage.exists(key):
            raise
        return False
