"""Keys for clients of the API. The database knows only their digests."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import cast

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

#: Lets people and secret scanners see at a glance what a string is.
PREFIX = "bm_"
SHOWN = len(PREFIX) + 6


def digest(secret: str) -> str:
    """What is stored of ``secret``.

    It has 256 random bits, so a fast hash is enough; it does not depend on SECRET_KEY, so changing
    that does not lock every phone out.
    """
    return hashlib.sha256(secret.encode()).hexdigest()


class ApiToken(models.Model):
    """A bearer token of one user: hashed, named, optionally expiring, revocable."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens"
    )
    name = models.CharField(max_length=80, blank=True)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    prefix = models.CharField(max_length=SHOWN, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.prefix}… {self.name}".strip()

    @classmethod
    def issue(
        cls, user_id: int, *, name: str = "", lifetime: timedelta | None = None
    ) -> tuple[ApiToken, str]:
        """A new token for ``user_id`` and its secret, which cannot be shown again."""
        secret = PREFIX + secrets.token_urlsafe(32)
        token = cls.objects.create(
            user_id=user_id,
            name=name,
            digest=digest(secret),
            prefix=secret[:SHOWN],
            expires_at=Now() + lifetime if lifetime else None,
        )
        return token, secret

    @classmethod
    def find(cls, secret: str) -> ApiToken | None:
        """The token for ``secret``, if it may be used: not expired or revoked, its user active."""
        return (
            cls.objects.select_related("user")
            .annotate(clock=Now())
            .filter(
                Q(expires_at__isnull=True) | Q(expires_at__gt=Now()),
                digest=digest(secret),
                revoked_at__isnull=True,
                user__is_active=True,
            )
            .first()
        )

    def touch(self) -> None:
        """Note that a token just found was used; one write a minute, however busy the client."""
        now = cast(datetime, vars(self)["clock"])
        if self.last_used_at is None or now - self.last_used_at > timedelta(minutes=1):
            ApiToken.objects.filter(pk=self.pk).update(last_used_at=Now())

    def revoke(self) -> None:
        """Refuse the token from now on."""
        ApiToken.objects.filter(pk=self.pk, revoked_at__isnull=True).update(revoked_at=Now())
