"""Invitations: how a person gets an account without the operator's hands."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Now

from notes.models.token import digest


class Invited(Exception):
    """The invitation was used or has run out since its page was opened."""


class Invitation(models.Model):
    """A link that makes one account, once; only its digest is stored."""

    digest = models.CharField(max_length=64, unique=True, editable=False)
    name = models.CharField(max_length=80, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, editable=False)
    used_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, editable=False
    )

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name or str(self.pk)

    @classmethod
    def issue(cls, *, name: str = "", lifetime: timedelta) -> str:
        """Make an invitation; the secret for its link, which cannot be shown again."""
        secret = secrets.token_urlsafe(32)
        cls.objects.create(digest=digest(secret), name=name[:80], expires_at=Now() + lifetime)
        return secret

    @classmethod
    def is_open(cls, secret: str) -> bool:
        """Whether ``secret`` still makes an account."""
        return cls._open().filter(digest=digest(secret)).exists()

    @classmethod
    def _open(cls) -> models.QuerySet[Invitation]:
        return cls.objects.filter(Q(expires_at__gt=Now()), used_at__isnull=True)

    @classmethod
    def accept(cls, secret: str, **account: Any) -> User:
        """The account of whoever holds ``secret``; of two at once one gets it.

        Raises:
          Invited: it is not open any more.
          django.db.IntegrityError: somebody has this name; the invitation stays open.
        """
        with transaction.atomic():
            if not cls._open().filter(digest=digest(secret)).update(used_at=Now()):
                raise Invited
            user = User.objects.create_user(**account)
            cls.objects.filter(digest=digest(secret)).update(used_by=user)
        return user
