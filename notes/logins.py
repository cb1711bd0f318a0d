"""Signing in with a password: slowed down by address and by account, wherever it is tried.

It hangs on Django's own door for passwords, so a login page that is added later is behind it too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from notes.client_address import limit_key
from notes.error_views import error_response
from notes.errors import Problem
from notes.models.login_attempt import WINDOW, LoginAttempt


class ThrottledBackend(ModelBackend):
    """Django's own, but with a bound on the attempts that come over the network."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        """The user, if the password is right.

        Raises:
          Problem: ``too_many_logins``; whether the account exists makes no difference.
        """
        if request is None or username is None:
            return super().authenticate(request, username, password, **kwargs)
        if not LoginAttempt.is_allowed(limit_key(request), username):
            wait = str(int(WINDOW.total_seconds()))
            raise Problem("too_many_logins", headers={"Retry-After": wait})
        user = super().authenticate(request, username, password, **kwargs)
        if user is not None:
            LoginAttempt.forget(username)
        return user


class ProblemMiddleware:
    """Answers problems that views outside of the API raise."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """The answer to ``exception``, if it is a problem."""
        return error_response(request, exception) if isinstance(exception, Problem) else None
