"""The Celery system's audio, in a folder or a bucket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from django.core.exceptions import SuspiciousOperation
from django.core.files.storage import Storage, storages

from project.environment import Environment
from project.storages import s3_storage

#: It put its prefix before names that had it already, and was called otherwise once.
PREFIXES = ("bau_mental/audios/", "supbrainnote/audios/", "media/")


class MediaUnavailable(Exception):
    """The old storage failed; the text is the class of its error."""


class Media:
    """Gives the bytes of a note's audio by the name that its row has."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def find(self, name: str) -> str | None:
        """The name of the object that is there, or None.

        Raises:
          MediaUnavailable: the storage does not say.
        """
        for candidate in _candidates(name):
            try:
                if self._storage.exists(candidate):
                    return candidate
            except SuspiciousOperation:
                continue
            except Exception as fault:
                raise MediaUnavailable(type(fault).__name__) from None
        return None

    def read(self, found: str) -> bytes:
        """The bytes of an object that :meth:`find` found.

        Raises:
          MediaUnavailable: the storage does not give them.
        """
        try:
            with self._storage.open(found) as file:
                return bytes(file.read())
        except Exception as fault:
            raise MediaUnavailable(type(fault).__name__) from None


def _candidates(name: str) -> Iterator[str]:
    yield name
    for prefix in PREFIXES:
        yield prefix + name
        if name.startswith(prefix):
            yield name.removeprefix(prefix)


def media_folder(folder: Path) -> Media:
    """The audio below its MEDIA_ROOT."""
    backend = "django.core.files.storage.FileSystemStorage"
    return Media(storages.create_storage({"BACKEND": backend, "OPTIONS": {"location": folder}}))


def media_bucket() -> Media | None:
    """The audio in the bucket that IMPORT_S3_BUCKET names, if it does."""
    env = Environment()
    bucket = env.str("IMPORT_S3_BUCKET", "")
    if not bucket:
        return None
    options = s3_storage(
        bucket=bucket,
        endpoint_url=env.str("IMPORT_S3_ENDPOINT_URL", ""),
        region=env.str("IMPORT_S3_REGION", "auto"),
        access_key=env.str("IMPORT_S3_ACCESS_KEY_ID", ""),
        secret_key=env.str("IMPORT_S3_SECRET_ACCESS_KEY", ""),
    )
    return Media(storages.create_storage(options))
