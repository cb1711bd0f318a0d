"""Settings: language and theme, tokens, taking everything along, leaving."""

from __future__ import annotations

import uuid
from typing import Any, cast

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from notes.api import tokens as operations
from notes.api.tokens import TokenIn
from notes.api.usage import get_usage
from notes.api.webhooks import list_webhooks
from notes.erasure import erase_user
from notes.models import Scope
from page.appearance import LANGUAGES, THEMES, remember
from page.views.shell import REFUSALS, Trouble, form_of, signed_in, trouble_of


@require_safe
@signed_in
def overview(request: HttpRequest) -> HttpResponseBase:
    """All settings on one page."""
    return render_settings(request)


def render_settings(
    request: HttpRequest, trouble: Trouble | None = None, **shown_once: Any
) -> HttpResponse:
    """The settings; ``shown_once`` are secrets just made, and ``trouble`` that a form had."""
    context = {
        "tokens": operations.list_tokens(request),
        "webhooks": list_webhooks(request),
        "scopes": Scope.values,
        "usage": get_usage(request),
        "languages": settings.LANGUAGES,
        "themes": THEMES,
        "trouble": trouble,
        **shown_once,
    }
    status = trouble.status if trouble else 200
    return render(request, "page/settings.html", context, status=status)


@require_POST
def appearance(request: HttpRequest) -> HttpResponseBase:
    """Remember language and theme in this browser; also for those who have not signed in."""
    chosen = request.POST
    response = redirect("page:settings" if request.user.is_authenticated else "page:login")
    if chosen.get("language") in LANGUAGES:
        remember(response, settings.LANGUAGE_COOKIE_NAME, chosen["language"])
    if chosen.get("theme") in THEMES:
        remember(response, "theme", chosen["theme"])
    return response


@require_POST
@signed_in
def make_token(request: HttpRequest) -> HttpResponseBase:
    """Make a token and show it, this once."""
    try:
        asked = form_of(request, TokenIn, "name", "scope", "expires_in_days")
        token = operations.create_token(request, asked, HttpResponse()).value
    except REFUSALS as refusal:
        return render_settings(request, trouble_of(refusal))
    return render_settings(request, new_token=token)


@require_POST
@signed_in
def revoke_token(request: HttpRequest, token_id: uuid.UUID) -> HttpResponseBase:
    """Revoke a token."""
    operations.revoke_token(request, token_id)
    return redirect("page:settings")


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def delete_account(request: HttpRequest) -> HttpResponseBase:
    """Ask for the password; then delete the person with all they have."""
    user = cast(User, request.user)
    wrong = request.method == "POST" and not user.check_password(request.POST.get("password", ""))
    if request.method == "POST" and not wrong:
        logout(request)
        erase_user(user)
        return redirect("page:login")
    status = 403 if wrong else 200
    return render(request, "page/account_delete.html", {"wrong": wrong}, status=status)
