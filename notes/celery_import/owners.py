"""Who owns here what belonged to a workspace there. Nobody is guessed."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.contrib.auth import get_user_model

from notes.celery_import.source import Source, as_uuid


class Owners:
    """Finds the owner of a row: who made it, else whom ``given`` names for its workspace.

    ``given`` maps workspaces (id, slug or name) or old e-mail addresses to names of users here;
    with ``create`` whoever made a row there gets an account here, without a password.
    """

    def __init__(self, source: Source, given: Mapping[str, str], *, create: bool) -> None:
        self._emails = source.emails()
        self._workspaces = source.workspaces()
        self._given = {left.lower(): _user_named(name) for left, name in given.items()}
        self._create = create
        self._known: dict[str, int | None] = {}

    def of(self, row: Mapping[str, Any]) -> int | None:
        """The id of the user here who owns ``row``, or None."""
        email = self._email(row.get("created_by_id"))
        if email:
            if email not in self._known:
                self._known[email] = self._given.get(email) or _user_with(email)
            if (owner := self._known[email]) is not None:
                return owner
        if (owner := self._of_workspace(row)) is not None:
            return owner
        if email and self._create:
            self._known[email] = _new_user(email)
            return self._known[email]
        return None

    def said(self, row: Mapping[str, Any]) -> str:
        """Whose ``row`` was there, as an operator may name it in --map."""
        workspace = self._workspaces.get(as_uuid(row["workspace_id"]), {})
        name = workspace.get("slug") or workspace.get("name") or str(row["workspace_id"])
        email = self._email(row.get("created_by_id"))
        return f"workspace {name}, made by {email or 'nobody'}"

    def _email(self, user_id: Any) -> str:
        return self._emails.get(as_uuid(user_id), "") if user_id else ""

    def _of_workspace(self, row: Mapping[str, Any]) -> int | None:
        workspace_id: uuid.UUID = as_uuid(row["workspace_id"])
        workspace = self._workspaces.get(workspace_id, {})
        names = (str(workspace_id), workspace_id.hex, workspace.get("slug"), workspace.get("name"))
        for name in names:
            if name and str(name).lower() in self._given:
                return self._given[str(name).lower()]
        return None


class NoSuchUser(Exception):
    """A user whom --map names is not there."""


def _user_named(name: str) -> int:
    user = get_user_model().objects.filter(username=name).first()
    if user is None:
        raise NoSuchUser(f"There is no user '{name}' here; make one with createsuperuser.")
    return int(user.pk)


def _user_with(email: str) -> int | None:
    """The one user here with this address, as such or as name; None also if there are two."""
    users = get_user_model().objects
    found = set(users.filter(email__iexact=email).values_list("pk", flat=True))
    found = found or set(users.filter(username__iexact=email).values_list("pk", flat=True))
    return found.pop() if len(found) == 1 else None


def _new_user(email: str) -> int:
    user = get_user_model()(username=email[:150], email=email)
    user.set_unusable_password()
    user.save()
    return int(user.pk)
