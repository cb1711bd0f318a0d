"""Who is asking: a bearer token, or the signed-in browser session."""

from __future__ import annotations

from typing import Any, cast

from django.http import HttpRequest
from ninja.security import HttpBearer, SessionAuth

from notes.arrival import has_arrived
from notes.connections import release_connection
from notes.errors import Problem
from notes.models import ApiToken, Scope


def user_id(request: HttpRequest) -> int:
    """The id of whoever asks; every operation of the API has one."""
    return cast(int, request.user.pk)


class BearerAuth(HttpBearer):
    """``Authorization: Bearer bm_...``; the header only, never a query or a body.

    Lets in tokens of ``scope`` and full ones.
    """

    def __init__(self, scope: Scope = Scope.FULL) -> None:
        super().__init__()
        self.scope = scope

    def authenticate(self, request: HttpRequest, token: str) -> Any:
        """The token's user; None if there is no such token.

        Raises:
          Problem: ``insufficient_scope``, with the challenge of RFC 6750.
        """
        found = ApiToken.find(token)
        if found is None:
            return None
        if found.scope not in (self.scope, Scope.FULL):
            challenge = f'Bearer realm="api", error="insufficient_scope", scope="{self.scope}"'
            raise Problem("insufficient_scope", headers={"WWW-Authenticate": challenge})
        found.touch()
        request.user = found.user
        if not has_arrived(request):  # the body comes next, as slowly as the client sends it
            release_connection()
        return found.user


class Session(SessionAuth):
    """The browser session, with CSRF; somebody who is not signed in is told just that."""

    def __call__(self, request: HttpRequest) -> Any:
        return super().__call__(request) if request.user.is_authenticated else None


def _no_token(request: HttpRequest) -> None:
    """Tell the holder of a token that it opens the rest, but not this."""
    if BearerAuth()(request):
        raise Problem("session_only")


#: What an operation asks for that names nothing else: a token that may do everything, or the
#: session. The order matters: with the session first, a valid bearer would be asked for a CSRF
#: token.
AUTH: list[Any] = [BearerAuth(), Session(csrf=True)]
#: For what a stolen token must not do: make itself a successor.
SESSION_ONLY: list[Any] = [_no_token, Session(csrf=True)]


def needs(scope: Scope, **told: Any) -> dict[str, Any]:
    """For an operation: ``scope`` is enough. The OpenAPI document tells that, and ``told``."""
    auth = [BearerAuth(scope), Session(csrf=True)]
    return {"auth": auth, "openapi_extra": {"x-required-scope": scope.value, **told}}
