"""Standard Webhooks: how a receiver knows that a call is ours, whole, and of this minute.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable

PREFIX = "whsec_"


def new_secret() -> str:
    """``whsec_`` and 32 random bytes in base64 (the specification asks for 24 to 64)."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def signed_headers(
    message_id: str, timestamp: int, body: bytes, keys: Iterable[str]
) -> dict[str, str]:
    """The headers that prove ``body``, with one signature for each of ``keys``.

    ``timestamp`` is that of this try, in seconds since 1970: receivers refuse old ones. The id
    stays the same with every try, so that a receiver can tell a repetition.
    """
    signed = f"{message_id}.{timestamp}.".encode() + body
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{_signature(key, signed)}" for key in keys),
    }


def _signature(key: str, signed: bytes) -> str:
    raw = base64.b64decode(key.removeprefix(PREFIX))
    return base64.b64encode(hmac.digest(raw, signed, hashlib.sha256)).decode()
