"""Coming in and going out."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth import logout as end_session
from django.contrib.auth.forms import AuthenticationForm, UserCreationForm
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from notes.client_address import limit_key
from notes.errors import Problem
from notes.models import LoginAttempt
from page.models import Invitation, Invited
from page.texts import say
from page.views.shell import trouble_of


class Login(LoginView):
    """Sign in; Django's own, behind the same slow door as everything (notes.logins)."""

    template_name = "page/login.html"
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(can_reset=bool(settings.EMAIL_URL), **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The form; one try too many is told on the page."""
        try:
            return super().post(request, *args, **kwargs)
        except Problem as problem:
            trouble = trouble_of(problem)
            form = AuthenticationForm(request)
            context = self.get_context_data(form=form, trouble=trouble)
            response = render(request, self.template_name, context, status=trouble.status)
            for name, value in trouble.headers.items():
                response[name] = value
            return response


@require_POST
def logout(request: HttpRequest) -> HttpResponseBase:
    """End the session; the browser forgets what it kept of it."""
    end_session(request)
    response = redirect("page:login")
    # What the service worker kept for offline is this person's.
    response["Clear-Site-Data"] = '"cache"'
    return response


class JoinForm(UserCreationForm):  # type: ignore[type-arg]
    """A name, an address for forgotten passwords, and a password."""

    email = forms.EmailField(required=False)

    class Meta:
        model = User
        fields = ("username", "email")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, token: str) -> HttpResponseBase:
    """An account for whoever holds an invitation."""
    if request.user.is_authenticated:
        return redirect("page:home")
    if not LoginAttempt.is_allowed(limit_key(request), f"join {token[:8]}"):
        raise Problem("too_many_logins")
    if not Invitation.is_open(token):
        return render(request, "page/join.html", {"is_over": True}, status=410)
    form = JoinForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            return _come_in(request, token, form)
        except IntegrityError:
            form.add_error("username", say("join.name_taken"))
        except Invited:
            return render(request, "page/join.html", {"is_over": True}, status=410)
    return render(request, "page/join.html", {"form": form}, status=400 if form.errors else 200)


def _come_in(request: HttpRequest, token: str, form: JoinForm) -> HttpResponseBase:
    typed = form.cleaned_data
    user = Invitation.accept(
        token, username=typed["username"], email=typed["email"], password=typed["password1"]
    )
    LoginAttempt.forget(f"join {token[:8]}")
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    return redirect("page:home")
