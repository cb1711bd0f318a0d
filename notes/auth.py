"""Who is asking: a bearer token, or the signed-in browser session."""

from __future__ import annotations

from typing import Any, cast

from django.http import HttpRequest
from ninja.security import HttpBearer, SessionAuth

from notes.connections import release_connection
from notes.models import ApiToken


def user_id(request: HttpRequest) -> int:
    """The id of whoever asks; every operation of the API has one."""
    return cast(int, request.user.pk)


class BearerAuth(HttpBearer):
    """``Authorization: Bearer bm_...``; the header only, never a query or a body."""

    def authenticate(self, request: HttpRequest, token: str) -> Any:
        found = ApiToken.find(token)
        if found is None:
            return None
        found.touch()
        request.user = found.user
        # The body comes next, as slowly as the client sends it.
        release_connection()
        return found.user


class Session(SessionAuth):
    """The browser session, with CSRF; somebody who is not signed in is told just that."""

    def __call__(self, request: HttpRequest) -> Any:
        return super().__call__(request) if request.user.is_authenticated else None


#: The order matters: with the session first, a valid bearer would be asked for a CSRF token.
AUTH = [BearerAuth(), Session(csrf=True)]
