"""Where audio is kept: a folder, or any S3-compatible bucket."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit


def folder_storage(root: str) -> dict[str, Any]:
    """Django's options for audio in the folder ``root``; readable by nobody but us."""
    return {
        "BACKEND": "notes.storage.DurableFolder",
        "OPTIONS": {
            "location": root,
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    }


def bucket_origins(bucket: str, endpoint_url: str, region: str) -> list[str]:
    """Where signed links into the bucket may lead a browser."""
    if endpoint_url:
        parts = urlsplit(endpoint_url)
        return [f"{parts.scheme}://{parts.netloc}"]
    hosts = (f"{bucket}.s3.amazonaws.com", f"{bucket}.s3.{region}.amazonaws.com")
    return [f"https://{host}" for host in (*hosts, f"s3.{region}.amazonaws.com")]


def s3_storage(
    *, bucket: str, endpoint_url: str, region: str, access_key: str, secret_key: str
) -> dict[str, Any]:
    """Django's options for audio in a private bucket; links are signed and live five minutes."""
    # Imported here: botocore costs a quarter of a second that a folder set-up need not pay.
    from botocore.config import Config

    return {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": bucket,
            "endpoint_url": endpoint_url or None,
            "region_name": region,
            "access_key": access_key or None,
            "secret_key": secret_key or None,
            "default_acl": None,
            "querystring_auth": True,
            "querystring_expire": 300,
            "file_overwrite": True,
            # What is read of larger objects waits in a temporary file, not in memory.
            "max_memory_size": 4 * 1024 * 1024,
            "client_config": Config(
                # Both tries together must fit the patience of a person who uploads.
                connect_timeout=2,
                read_timeout=4,
                retries={"total_max_attempts": 2, "mode": "standard"},
                signature_version="s3v4",
                s3={"addressing_style": "path" if endpoint_url else "auto"},
                max_pool_connections=64,
                # Checksum trailers are newer than most S3-compatible servers.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        },
    }
