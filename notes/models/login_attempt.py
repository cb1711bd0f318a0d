"""Attempts to sign in with a password, so that nobody gets to guess for long."""

from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.db.models.functions import Now
from django.utils.crypto import salted_hmac

WINDOW = timedelta(minutes=15)
ATTEMPTS_BY_ADDRESS = 20
ATTEMPTS_ON_ACCOUNT = 10


class LoginAttempt(models.Model):
    """One attempt; where it came from and whom it named stand here only as keyed digests."""

    address_digest = models.CharField(max_length=64, editable=False)
    account_digest = models.CharField(max_length=64, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes = [
            models.Index(fields=["address_digest", "created_at"], name="login_from"),
            models.Index(fields=["account_digest", "created_at"], name="login_as"),
            models.Index(fields=["created_at"], name="login_at"),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @classmethod
    def is_allowed(cls, address: str, account: str) -> bool:
        """Count an attempt, and say whether it may go on.

        It is counted before it is judged, so that of attempts at the same time none slips through;
        refused ones are not kept, so that who goes on trying can come in once WINDOW is over.
        """
        cls.objects.filter(created_at__lt=Now() - WINDOW).delete()
        attempt = cls.objects.create(
            address_digest=_digest(address), account_digest=_digest(account.casefold())
        )
        by_address = cls.objects.filter(address_digest=attempt.address_digest).count()
        on_account = cls.objects.filter(account_digest=attempt.account_digest).count()
        allowed = by_address <= ATTEMPTS_BY_ADDRESS and on_account <= ATTEMPTS_ON_ACCOUNT
        if not allowed:
            attempt.delete()
        return allowed

    @classmethod
    def forget(cls, account: str) -> None:
        """Forget the attempts on ``account``: its owner has come in."""
        cls.objects.filter(account_digest=_digest(account.casefold())).delete()


def _digest(text: str) -> str:
    return salted_hmac("notes.login_attempt", text, algorithm="sha256").hexdigest()
