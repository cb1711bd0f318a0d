"""Keys for clients of the API. The database knows only their digests."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from datetime import datetime, timedelta
from typing import Any, cast

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import get_hasher, identify_hasher
from django.db import DEFAULT_DB_ALIAS, models
from django.db.models.functions import Now
from django.db.models.signals import pre_save
from django.dispatch import receiver

from notes.compiled import Found

#: Lets people and secret scanners see at a glance what a string is.
PREFIX = "bm_"
SHOWN = len(PREFIX) + 6


#: What :meth:`ApiToken.find` looks at, of the token and of its user, in the order of their fields.
_NEEDED = ("id", "user_id", "scope", "password_mark", "last_used_at", "expires_at", "revoked_at")
_NEEDED_OF_USER = ("id", "password", "is_active")


def digest(secret: str) -> str:
    """What is stored of ``secret``.

    It has 256 random bits, so a fast hash is enough; it does not depend on SECRET_KEY, so changing
    that does not lock every phone out.
    """
    return hashlib.sha256(secret.encode()).hexdigest()


def mark_of(password: str) -> str:
    """What a token keeps of its user's ``password`` as stored (a salted hash), to see it change."""
    return hashlib.sha256(password.encode()).hexdigest()


class Scope(models.TextChoices):
    """What a token opens. An operation that names no scope opens to full ones alone."""

    WRITE = "notes:write"
    READ = "notes:read"
    FULL = "full"


class ApiToken(models.Model):
    """A bearer token of one user: hashed, named, scoped, optionally expiring, revocable.

    It ends with the password it was made under, however that is changed: ``password_mark`` is
    compared at each use, so no way around Django's forms leaves a token behind.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens"
    )
    name = models.CharField(max_length=80, blank=True)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    prefix = models.CharField(max_length=SHOWN, editable=False)
    scope = models.CharField(max_length=12, choices=Scope.choices, default=Scope.FULL)
    password_mark = models.CharField(max_length=64, editable=False)
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
        cls,
        user_id: int,
        *,
        name: str = "",
        lifetime: timedelta | None = None,
        scope: Scope = Scope.FULL,
    ) -> tuple[ApiToken, str]:
        """A new token for ``user_id`` and its secret, which cannot be shown again."""
        secret = PREFIX + secrets.token_urlsafe(32)
        password = get_user_model().objects.values_list("password", flat=True).get(pk=user_id)
        token = cls.objects.create(
            user_id=user_id,
            name=name,
            digest=digest(secret),
            prefix=secret[:SHOWN],
            scope=scope,
            password_mark=mark_of(password),
            expires_at=Now() + lifetime if lifetime else None,
        )
        return token, secret

    @classmethod
    def find(cls, secret: str) -> ApiToken | None:
        """The token for ``secret``, if it may be used."""
        row = _by_digest(digest(secret))
        if row is None:
            return None
        token = cls.from_db(DEFAULT_DB_ALIAS, _NEEDED, row)
        token.user = get_user_model().from_db(
            DEFAULT_DB_ALIAS, _NEEDED_OF_USER, row[len(_NEEDED) :]
        )
        vars(token)["clock"] = row[-1]
        return token if token.is_valid else None

    @classmethod
    def of(cls, user_id: int) -> models.QuerySet[ApiToken]:
        """The tokens of a user, newest first, also those that are no longer valid."""
        return cls._with_clock().filter(user_id=user_id)

    @classmethod
    def _with_clock(cls) -> models.QuerySet[ApiToken]:
        return cls.objects.select_related("user").annotate(clock=Now())

    @property
    def is_valid(self) -> bool:
        """Whether a token just found may be used.

        It is not expired or revoked, its user is active and has the password it was made under.
        """
        now = cast(datetime, vars(self)["clock"])
        return (
            self.revoked_at is None
            and (self.expires_at is None or self.expires_at > now)
            and self.user.is_active
            and self.password_mark == mark_of(self.user.password)
        )

    def touch(self) -> None:
        """Note that a token just found was used; one write a minute, however busy the client."""
        now = cast(datetime, vars(self)["clock"])
        if self.last_used_at is None or now - self.last_used_at > timedelta(minutes=1):
            ApiToken.objects.filter(pk=self.pk).update(last_used_at=Now())

    def revoke(self) -> None:
        """Refuse the token from now on."""
        ApiToken.objects.filter(pk=self.pk, revoked_at__isnull=True).update(revoked_at=Now())


#: Every request asks this, for no more than it needs.
_by_digest = Found(
    lambda digest: (
        ApiToken.objects.filter(digest=digest)
        .order_by()
        .values_list(*_NEEDED, *(f"user__{name}" for name in _NEEDED_OF_USER), Now())
    )
)


@receiver(pre_save, sender=settings.AUTH_USER_MODEL)
def keep_tokens_through_a_rehash(
    sender: Any, instance: Any, update_fields: Any = None, **_: Any
) -> None:
    """Let tokens live on when Django stores the same password anew.

    It does so at a sign-in when its own hashing has become stronger, with exactly this call:
    ``AbstractBaseUser.check_password`` sets ``_password`` to None and saves that one field.
    """
    if set(update_fields or ()) != {"password"} or instance._password is not None:
        return
    old = sender._default_manager.filter(pk=instance.pk).values_list("password", flat=True).first()
    if old and _is_current(old) is False and _is_current(instance.password):
        same = ApiToken.objects.filter(user_id=instance.pk, password_mark=mark_of(old))
        same.update(password_mark=mark_of(instance.password))


def _is_current(password: str) -> bool | None:
    """Whether Django would leave this stored ``password`` as it is; None if nobody can use it."""
    preferred = get_hasher("default")
    try:
        hasher = identify_hasher(password)
    except ValueError:
        return None
    return hasher.algorithm == preferred.algorithm and not preferred.must_update(password)
