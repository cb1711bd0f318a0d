"""Does the storage take, give back and delete an object? Asked at start and by the doctor."""

from __future__ import annotations

import io

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage

from notes.storage import delete_audio, new_key

CONTENT = b"probe"


class StorageRefuses(Exception):
    """Somebody has to change something; the text says what, and names no secret."""


class StorageSilent(Exception):
    """It does not answer, which may pass."""


def probe_storage() -> None:
    """Write, read and delete an object, under a name that the orphan sweep would find.

    Raises:
      StorageRefuses: the settings or the rights are wrong.
      StorageSilent: no answer, or one that blames the server itself.
    """
    key = new_key()
    try:
        default_storage.save(key, File(io.BytesIO(CONTENT)))
        with default_storage.open(key) as stored:
            same = stored.read() == CONTENT
        default_storage.delete(key)
        gone = not default_storage.exists(key)
    except Exception as fault:
        delete_audio(key)
        raise _meaning(fault) from None
    if not (same and gone):
        raise StorageRefuses("does not give back or delete what it took. Ask its operator")


def _meaning(fault: Exception) -> StorageRefuses | StorageSilent:
    if not settings.S3_BUCKET:
        why = f"cannot be written ({type(fault).__name__}). See MEDIA_ROOT and its owner"
        return StorageRefuses(why)
    answer = getattr(fault, "response", None)
    if not isinstance(answer, dict):
        text = f"does not answer ({type(fault).__name__}). See S3_ENDPOINT_URL"
        missing = type(fault).__name__ in ("NoCredentialsError", "PartialCredentialsError")
        return StorageRefuses(f"{text}, S3_ACCESS_KEY_ID") if missing else StorageSilent(text)
    code = str(answer.get("Error", {}).get("Code", ""))[:40]
    status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))
    if status >= 500 or status == 429:
        return StorageSilent(f"answers {status} ({code}). Ask its operator")
    return StorageRefuses(f"refuses us ({code}). {_REPAIRS.get(code, _ANY_REPAIR)}")


_ANY_REPAIR = "See S3_BUCKET, S3_REGION and the rights of its key"
_REPAIRS = {
    "NoSuchBucket": "Make the bucket, or correct S3_BUCKET",
    "404": "Make the bucket, or correct S3_BUCKET",
    "InvalidAccessKeyId": "Correct S3_ACCESS_KEY_ID",
    "SignatureDoesNotMatch": "Correct S3_SECRET_ACCESS_KEY",
    "AccessDenied": "Let its key read, write and delete objects of the bucket",
    "RequestTimeTooSkewed": "Set this machine's clock",
    "AuthorizationHeaderMalformed": "Correct S3_REGION",
}
