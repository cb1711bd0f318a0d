"""Coming in: invitations, passwords, and letters; nobody is told who exists."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.management import CommandError, call_command
from django.db.models.functions import Now
from django.test import Client

from notes.models import ApiToken
from notes.models.login_attempt import ATTEMPTS_ON_ACCOUNT
from page.models import Invitation
from project.email import email
from tests.services import wait_for

pytestmark = [pytest.mark.database, pytest.mark.django_db]

BROWSER = {"Accept": "text/html"}
PASSWORD = "certa-e-longa-7"
OTHER = "outra-bem-longa-9"


@pytest.fixture(autouse=True)
def cheap_hashes(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def visitor() -> Client:
    return Client(headers=BROWSER)


def invite(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    call_command("invite", *arguments)
    return str(capsys.readouterr().out).strip().removeprefix("http://localhost:8000")


def account(name: str = "dora", password: str = PASSWORD, again: str = PASSWORD) -> dict[str, str]:
    return {"username": name, "email": "", "password1": password, "password2": again}


def test_there_is_no_default_account(visitor: Client) -> None:
    assert not User.objects.exists()
    form = {"username": "admin", "password": "admin"}
    assert "não conferem" in visitor.post("/login", form).content.decode()


def test_an_invitation_makes_one_account_and_signs_it_in(
    visitor: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    link = invite(capsys, "Dora")
    assert re.fullmatch(r"/join/[\w-]{43}", link)
    assert link.removeprefix("/join/") not in str(Invitation.objects.values())
    assert visitor.get(link).status_code == 200
    assert visitor.post(link, account()).headers["Location"] == "/"
    assert visitor.get("/").status_code == 200
    user = User.objects.get()
    assert (user.username, user.is_staff, user.is_superuser) == ("dora", False, False)
    assert Invitation.objects.get().used_by == user
    second = Client(headers=BROWSER)
    assert second.get(link).status_code == 410
    assert second.post(link, account("eva")).status_code == 410
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    "form",
    [
        account("taken"),
        account("TAKEN"),
        account("dora", "12345678", "12345678"),
        account("dora", PASSWORD, OTHER),
        account(""),
        account("<b>"),
        account("x" * 151),
    ],
    ids=["taken", "taken in capitals", "weak", "unlike", "empty", "markup", "long"],
)
def test_a_bad_form_is_told_and_leaves_the_invitation_open(
    visitor: Client, capsys: pytest.CaptureFixture[str], form: dict[str, str]
) -> None:
    User.objects.create_user("taken")
    link = invite(capsys)
    response = visitor.post(link, form)
    assert response.status_code == 400
    assert "field-error" in response.content.decode()
    assert User.objects.count() == 1
    assert visitor.get(link).status_code == 200


def test_an_invitation_runs_out_and_one_that_never_was_says_the_same(
    visitor: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    link = invite(capsys, "--days", "1")
    Invitation.objects.update(expires_at=Now())
    over, never = visitor.get(link), visitor.get("/join/nothing")
    assert (over.status_code, never.status_code) == (410, 410)
    with pytest.raises(CommandError):
        call_command("invite", "--days", "0")


def test_guessing_is_slow_here_too(visitor: Client) -> None:
    User.objects.create_user("dora", password=PASSWORD)
    form = {"username": "dora", "password": "errada"}
    for _ in range(ATTEMPTS_ON_ACCOUNT):
        assert visitor.post("/login", form).status_code == 200
    refused = visitor.post("/login", form | {"password": PASSWORD})
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "900")
    assert "15 minutos" in refused.content.decode()


def test_a_sign_in_makes_a_new_session_and_goes_nowhere_else(visitor: Client) -> None:
    User.objects.create_user("dora", password=PASSWORD)
    visitor.get("/login")
    form = {"username": "dora", "password": PASSWORD, "next": "https://evil.example/"}
    response = visitor.post("/login", form)
    assert response.headers["Location"] == "/"
    cookie = response.cookies["sessionid"]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    old = visitor.cookies["sessionid"].value
    out = visitor.post("/logout")
    assert out.headers["Location"] == "/login"
    visitor.cookies["sessionid"] = old
    assert visitor.get("/").status_code == 302


# --- A new password ------------------------------------------------------------------------------


def test_a_letter_brings_a_new_password_and_ends_tokens(visitor: Client, settings: Any) -> None:
    settings.EMAIL_URL = "smtp://localhost"
    user = User.objects.create_user("dora", "dora@example.com", PASSWORD)
    _, secret = ApiToken.issue(user.pk)
    for address in ("dora@example.com", "nobody@example.com"):
        form = {"email": address}
        sent = visitor.post("/password/forgotten", form, headers={"Host": "localhost"})
        assert sent.headers["Location"] == "/password/sent"
    wait_for(lambda: mail.outbox, 10, "no letter came")
    [letter] = mail.outbox
    assert letter.to == ["dora@example.com"]
    link = re.findall(r"http://localhost:8000(/password/new/\S+)", str(letter.body))[0]
    form_address = visitor.get(link).headers["Location"]
    assert "no-store" in visitor.get(form_address).headers["Cache-Control"]
    weak = visitor.post(form_address, {"new_password1": "123", "new_password2": "123"})
    assert "field-error" in weak.content.decode()
    new = {"new_password1": OTHER, "new_password2": OTHER}
    assert visitor.post(form_address, new).headers["Location"] == "/login"
    user.refresh_from_db()
    assert user.check_password(OTHER)
    assert ApiToken.find(secret) is None
    assert "já foi usado" in visitor.get(link).content.decode()


def test_letters_are_bounded_and_without_mail_there_is_no_such_page(
    visitor: Client, settings: Any
) -> None:
    assert visitor.get("/password/forgotten").status_code == 404
    assert "/password/forgotten" not in visitor.get("/login").content.decode()
    settings.EMAIL_URL = "smtp://localhost"
    assert "/password/forgotten" in visitor.get("/login").content.decode()
    form = {"email": "nobody@example.com"}
    answers = [visitor.post("/password/forgotten", form).status_code for _ in range(11)]
    assert answers == [302] * 10 + [429]


def test_who_knows_the_old_password_may_choose_another(visitor: Client) -> None:
    user = User.objects.create_user("dora", password=PASSWORD)
    visitor.force_login(user)
    form = {"old_password": "errada", "new_password1": OTHER, "new_password2": OTHER}
    assert "field-error" in visitor.post("/settings/password", form).content.decode()
    done = visitor.post("/settings/password", form | {"old_password": PASSWORD})
    assert done.headers["Location"] == "/settings"
    assert "A senha foi mudada" in visitor.get("/settings").content.decode()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", ("", 25, "", "", False, False)),
        ("smtp://h", ("h", 25, "", "", False, False)),
        ("smtp+tls://u%40x:p%2Fw@h", ("h", 587, "u@x", "p/w", True, False)),
        ("smtp+ssl://u:p@h:2465", ("h", 2465, "u", "p", False, True)),
    ],
)
def test_an_address_says_how_letters_are_sent(url: str, expected: tuple[Any, ...]) -> None:
    assert email(url)[1:] == expected


@pytest.mark.parametrize("url", ["mail.example.com", "http://h", "smtp://", "smtp://h:x"])
def test_a_bad_address_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError, match="Must be smtp") as fault:
        email(url)
    assert url not in str(fault.value) or url == "smtp://"
