"""Whom a command is about."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.core.management.base import CommandError


def user_named(name: str, *, returncode: int = 2) -> User:
    """The user called ``name``.

    Raises:
      CommandError: there is none; the command ends with ``returncode``.
    """
    user = User.objects.filter(username=name).first()
    if user is None:
        raise CommandError(f"There is no user {name}.", returncode=returncode)
    return user
