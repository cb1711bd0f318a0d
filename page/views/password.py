"""Passwords: changing one's own, and a new one by e-mail where e-mail is configured."""

from __future__ import annotations

import logging
from threading import Thread
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.forms import PasswordResetForm
from django.contrib.auth.views import PasswordChangeView, PasswordResetConfirmView
from django.core.mail import EmailMessage
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse, reverse_lazy
from django.views.decorators.http import require_http_methods, require_safe

from notes.client_address import limit_key
from notes.errors import Problem
from notes.models import LoginAttempt
from page.texts import say

log = logging.getLogger(__name__)


class LetterForm(PasswordResetForm):
    """Django's own, but the letter is ours and is sent by a thread.

    So nobody learns from how long the answer takes whether there is such an account.
    """

    def send_mail(
        self,
        subject_template_name: str,
        email_template_name: str,
        context: dict[str, Any],
        from_email: str | None,
        to_email: str,
        html_email_template_name: str | None = None,
    ) -> None:
        address = reverse("page:password-new", args=[context["uid"], context["token"]])
        link = settings.BASE_URL.rstrip("/") + address
        words = {"link": link, "username": context["user"].get_username()}
        body = render_to_string("page/password_letter.txt", words)
        letter = EmailMessage(say("password.letter_subject"), body, from_email, [to_email])
        Thread(target=_send, args=[letter], daemon=True).start()


def _send(letter: EmailMessage) -> None:
    try:
        letter.send()
    except Exception as fault:
        log.error("a letter was not sent: %s", type(fault).__name__)


@require_http_methods(["GET", "HEAD", "POST"])
def forgotten(request: HttpRequest) -> HttpResponseBase:
    """Ask for the address; the answer is the same whether or not somebody has it."""
    if not settings.EMAIL_URL:
        raise Http404
    form = LetterForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        address = form.cleaned_data["email"]
        if not LoginAttempt.is_allowed(limit_key(request), f"letter {address}"):
            raise Problem("too_many_logins")
        # The letter's link is made of BASE_URL, never of what the request calls us.
        form.save(domain_override="-", from_email=settings.DEFAULT_FROM_EMAIL)
        return redirect("page:password-sent")
    return render(request, "page/password_forgotten.html", {"form": form})


@require_safe
def sent(request: HttpRequest) -> HttpResponse:
    """Look into your mail."""
    return render(request, "page/password_sent.html")


class Reset(PasswordResetConfirmView):
    """A new password for whoever holds the letter; their tokens end with the old one."""

    template_name = "page/password_new.html"
    success_url = reverse_lazy("page:login")


class Change(PasswordChangeView):
    """A new password for whoever knows the old one."""

    template_name = "page/password_change.html"
    success_url = reverse_lazy("page:settings")

    def form_valid(self, form: Any) -> HttpResponse:
        messages.success(self.request, say("password.changed"))
        return super().form_valid(form)
