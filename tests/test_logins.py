"""Guessing passwords is slow, from wherever it is tried; and nobody is told who exists."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models.functions import Now
from django.test import Client

from notes.models.login_attempt import ATTEMPTS_BY_ADDRESS, ATTEMPTS_ON_ACCOUNT, LoginAttempt

pytestmark = [pytest.mark.database, pytest.mark.django_db]

LOGIN = "/admin/login/"
PASSWORD = "certa-e-longa-7"


@pytest.fixture(autouse=True)
def cheap_hashes(settings: Any) -> None:
    """Hundreds of passwords are tried here."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create_superuser("root", password=PASSWORD)


def sign_in(name: str, password: str = "errada", address: str = "203.0.113.7") -> Any:
    form = {"username": name, "password": password, "next": "/admin/"}
    return Client(REMOTE_ADDR=address).post(LOGIN, form)


def too_many(response: Any) -> bool:
    return response.status_code == 429 and int(response.headers["Retry-After"]) == 900


def test_an_address_may_guess_so_often_and_then_waits(root: User) -> None:
    for number in range(ATTEMPTS_BY_ADDRESS):
        assert sign_in(f"user{number}").status_code == 200
    assert too_many(sign_in("root", PASSWORD))
    assert sign_in("root", PASSWORD, "203.0.113.8").status_code == 302


def test_an_account_may_be_guessed_at_so_often_from_anywhere(root: User) -> None:
    for number in range(ATTEMPTS_ON_ACCOUNT):
        assert sign_in("ROOT" if number % 2 else "root", address=f"203.0.113.{number}")
    assert too_many(sign_in("root", PASSWORD, "198.51.100.1"))
    LoginAttempt.objects.update(created_at=Now() - timedelta(minutes=16))
    assert sign_in("root", PASSWORD, "198.51.100.1").status_code == 302
    assert not LoginAttempt.objects.exists()


def test_a_household_of_ipv6_is_one_address(root: User) -> None:
    for number in range(ATTEMPTS_BY_ADDRESS):
        sign_in(f"user{number}", address=f"2001:db8::{number}")
    assert too_many(sign_in("x", address="2001:db8::ffff"))
    assert not too_many(sign_in("x", address="2001:db8:0:1::1"))


def test_forged_addresses_do_not_help(root: User, settings: Any) -> None:
    settings.BEHIND_HTTPS_PROXY = True
    answers = [
        Client().post(
            LOGIN,
            {"username": f"user{number}", "password": "x"},
            headers={"X-Forwarded-For": f"10.0.0.{number}, 203.0.113.7"},
        )
        for number in range(ATTEMPTS_BY_ADDRESS + 1)
    ]
    assert too_many(answers[-1])


def test_an_account_that_exists_is_answered_like_one_that_does_not(root: User) -> None:
    known, unknown = (sign_in(name) for name in ("root", "toor"))
    assert known.status_code == unknown.status_code == 200

    def neutral(response: Any) -> str:
        lines = response.content.decode().replace("toor", "root").splitlines()
        return "\n".join(line for line in lines if "csrfmiddlewaretoken" not in line)

    assert neutral(known) == neutral(unknown)
    for _ in range(ATTEMPTS_ON_ACCOUNT):
        sign_in("root", address="198.51.100.1")
        sign_in("toor", address="198.51.100.2")
    known, unknown = (sign_in(name, address="198.51.100.3") for name in ("root", "toor"))
    assert too_many(known)
    assert known.content == unknown.content


def test_a_success_forgets_what_came_before(root: User) -> None:
    for _ in range(3):
        for _ in range(ATTEMPTS_ON_ACCOUNT - 1):
            sign_in("root")
        assert sign_in("root", PASSWORD).status_code == 302


def test_neither_addresses_nor_names_are_kept(root: User) -> None:
    sign_in("someone@example.com")
    row = str(LoginAttempt.objects.values().get())
    assert "203.0.113" not in row
    assert "example" not in row


def test_nobody_is_sent_elsewhere_after_signing_in(root: User) -> None:
    for elsewhere in ("//evil.example", "https://evil.example/", "javascript:alert(1)"):
        form = {"username": "root", "password": PASSWORD, "next": elsewhere}
        response = Client().post(LOGIN, form)
        assert "evil" not in response.headers.get("Location", "")
        assert "javascript" not in response.headers.get("Location", "")


def test_a_fresh_installation_has_no_accounts(db: None) -> None:
    assert not User.objects.exists()
