"""Audio objects: named by us, stored before their row, deleted with it, swept if left behind."""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

from django.core.files.base import File
from django.core.files.storage import FileSystemStorage, default_storage

log = logging.getLogger(__name__)

ROOT = "audio"
PIECE_BYTES = 256 * 1024


class StorageUnavailable(Exception):
    """The storage did not take or give an object; worth another try."""


class AudioMissing(Exception):
    """The object is not there."""


class DurableFolder(FileSystemStorage):
    """A folder whose files are on the disk when a save returns, as a 202 promises."""

    def save(self, name: str | None, content: IO[Any], max_length: int | None = None) -> str:
        """Save under ``name``, which nothing else may have, and wait for the disk.

        Raises:
          FileExistsError: something has that name.
          OSError: the disk does not take it; nothing is left behind then.
        """
        assert name  # noqa: S101  # nosec B101
        path = Path(self.path(name))
        try:
            self._write(path, content)
        except FileNotFoundError:
            self._make(path.parent)
            self._write(path, content)
        return name

    def _write(self, path: Path, content: IO[Any]) -> None:
        with open(path, "xb", opener=self._open_for_us) as file:
            try:
                for chunk in File(content).chunks():
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        _sync_names(path.parent)

    def _open_for_us(self, path: str, flags: int) -> int:
        return os.open(path, flags, self.file_permissions_mode or 0o666)

    def _make(self, folder: Path) -> None:
        """Make a day's folder; a power cut must not take its name, and all that is in it."""
        if folder.is_dir():
            return
        self._make(folder.parent)
        folder.mkdir(self.directory_permissions_mode or 0o777, exist_ok=True)
        _sync_names(folder.parent)


def _sync_names(folder: Path) -> None:
    """Wait until the names in ``folder`` are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def new_key() -> str:
    """A name for an audio object that no other upload uses: ``audio/2026-11-22/<uuid>``.

    No text of a user is in it, and not the note's id, which a second try to send it shares. The
    day lets the orphan sweep look at a few folders, not at all.
    """
    return f"{ROOT}/{datetime.now(UTC):%Y-%m-%d}/{uuid.uuid4()}"


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


def stream_audio(key: str) -> Iterator[bytes]:
    """The bytes stored under ``key``, in pieces.

    Raises:
      AudioMissing: there is no such object.
      StorageUnavailable: the storage failed, before the first piece or after any.
    """
    try:
        with default_storage.open(key) as stored:
            while chunk := stored.read(PIECE_BYTES):
                yield chunk
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


def days_with_audio() -> list[str]:
    """All days on which audio that is still there was uploaded, as ``2026-11-22``."""
    return _listed(ROOT)[0]


def objects_of(day: str) -> Iterator[str]:
    """The keys of all audio that was uploaded on ``day`` (UTC, ``2026-11-22``)."""
    folder = f"{ROOT}/{day}"
    for name in _listed(folder)[1]:
        yield f"{folder}/{name}"


def _listed(folder: str) -> tuple[list[str], list[str]]:
    try:
        folders, files = default_storage.listdir(folder)
    except FileNotFoundError:
        return [], []
    return sorted(folders), sorted(files)


def is_older_than(key: str, age: timedelta) -> bool:
    """Whether the object was stored longer than ``age`` ago; False if it is gone."""
    try:
        return datetime.now(UTC) - default_storage.get_modified_time(key) > age
    except Exception:
        # A bucket says in its own way that an object is not there.
        if default_storage.exists(key):
            raise
        return False
