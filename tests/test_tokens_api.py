"""Tokens: what each scope opens, who makes and revokes them, and that they end with a password."""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db.models.functions import Now
from django.test import Client

from notes.models import ApiToken, Box, Scope
from tests.test_auth import NOTES, OF_TOKENS, OPERATIONS, Operation, bearer, unauthenticated
from tests.test_upload import refused

pytestmark = [pytest.mark.database, pytest.mark.django_db]

TOKENS = "/api/v1/tokens"
#: What a limited token opens; all else needs a full one, and tokens need the session.
OPENED_BY = {
    Scope.WRITE: {"POST /api/v1/notes", "POST /api/v1/notes/text"},
    Scope.READ: {
        "GET /api/v1/notes",
        "GET /api/v1/notes/{note_id}",
        "GET /api/v1/notes/{note_id}/audio",
        "GET /api/v1/boxes",
        "GET /api/v1/boxes/{box_id}",
        "GET /api/v1/export",
        *(f"GET /api/v1/notes/{{note_id}}.{name}" for name in ("txt", "md", "srt", "vtt", "json")),
        "GET /api/v1/usage",
    },
}


@pytest.fixture
def browser(alice: User) -> Client:
    """A browser in which Alice has signed in; its CSRF token is sent by itself."""
    client = Client()
    client.force_login(alice)
    return client


def create(browser: Client, **fields: Any) -> Any:
    body = {"name": "phone", "scope": "full", **fields}
    return browser.post(TOKENS, body, content_type="application/json")


# --- Scopes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_a_token_opens_what_its_scope_says(
    alice: User, home: Box, operation: Operation, scope: Scope
) -> None:
    client = Client(headers=bearer(ApiToken.issue(alice.pk, scope=scope)[1]))
    answer = operation.ask(client)
    if operation in OF_TOKENS:
        code = "session_only" if scope is Scope.FULL else "insufficient_scope"
        assert refused(answer, 403, code)
    elif scope is Scope.FULL or str(operation) in OPENED_BY[scope]:
        assert answer.status_code not in (401, 403), answer.content
    else:
        assert refused(answer, 403, "insufficient_scope")
        assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
        assert Box.objects.get() == home


def test_the_document_tells_the_scope_of_each_operation(
    client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    document = client.get("/api/v1/openapi.json").json()
    told: dict[str, set[str]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            scope = operation.get("x-required-scope", "full")
            told.setdefault(scope, set()).add(f"{method.upper()} {path}")
    assert {scope: told[scope] for scope in OPENED_BY} == OPENED_BY
    assert sum(map(len, told.values())) == len(OPERATIONS)
    with capsys.disabled():
        print(f"\nscopes: {len(Scope)} x {len(OPERATIONS)} operations")


def test_a_full_token_is_the_default(alice: User) -> None:
    assert ApiToken.issue(alice.pk)[0].scope == Scope.FULL


def test_a_limited_token_beside_a_session_is_still_limited(browser: Client, alice: User) -> None:
    _, secret = ApiToken.issue(alice.pk, scope=Scope.READ)
    body = {"name": "Casa"}
    answer = browser.post("/api/v1/boxes", body, "application/json", headers=bearer(secret))
    assert refused(answer, 403, "insufficient_scope")


# --- Making, listing, revoking -------------------------------------------------------------------


def test_a_session_makes_a_token_that_works_and_is_shown_once(browser: Client) -> None:
    answer = create(browser, name=" phone ", scope="notes:write", expires_in_days=30)
    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Cache-Control"] == "no-store"
    secret = made.pop("token")
    assert (made["name"], made["scope"], made["valid"]) == ("phone", "notes:write", True)
    assert secret.startswith(made["prefix"])
    text = {"text": "Comprar pão"}
    phone = Client(headers=bearer(secret))
    sent = phone.post(f"{NOTES}/text", text, content_type="application/json")
    assert sent.status_code == 202
    listed = browser.get(TOKENS)
    assert secret not in listed.content.decode()
    assert [token["id"] for token in listed.json()] == [made["id"]]
    assert listed.json()[0]["last_used_at"] is not None
    token = ApiToken.objects.get()
    assert token.expires_at
    assert abs(token.expires_at - token.created_at - timedelta(days=30)) < timedelta(minutes=1)


def test_a_revoked_token_is_listed_and_dead(browser: Client) -> None:
    made = create(browser).json()
    assert browser.delete(f"{TOKENS}/{made['id']}").status_code == 204
    assert browser.delete(f"{TOKENS}/{made['id']}").status_code == 204
    assert unauthenticated(Client(headers=bearer(made["token"])).get(NOTES))
    listed = browser.get(TOKENS).json()
    assert [(one["valid"], one["revoked_at"] is None) for one in listed] == [(False, False)]


def test_nobody_sees_or_revokes_anothers_tokens(browser: Client, bob: User) -> None:
    token, secret = ApiToken.issue(bob.pk)
    assert browser.get(TOKENS).json() == []
    foreign = browser.delete(f"{TOKENS}/{token.public_id}")
    assert refused(foreign, 404, "not_found")
    assert Client(headers=bearer(secret)).get(NOTES).status_code == 200


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": "x" * 81},
        {"scope": "admin"},
        {"scope": None},
        {"expires_in_days": 0},
        {"expires_in_days": 100_000},
        {"user": 1},
        {"token": "bm_mine"},
    ],
)
def test_bad_fields_make_no_token(browser: Client, fields: dict[str, Any]) -> None:
    assert refused(create(browser, **fields), 422, "invalid_request")
    assert not ApiToken.objects.exists()


def test_there_is_an_end_to_tokens(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("notes.api.tokens.MAX_VALID", 2)
    first = create(browser).json()
    create(browser)
    assert refused(create(browser), 409, "too_many_tokens")
    browser.delete(f"{TOKENS}/{first['id']}")
    assert create(browser).status_code == 201


def test_a_session_without_csrf_makes_none(alice: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    assert refused(create(strict), 403, "forbidden")
    assert not ApiToken.objects.exists()


def test_the_command_makes_tokens_of_a_scope(alice: User) -> None:
    out = io.StringIO()
    call_command("create_token", "alice", "--scope", "notes:write", "--days", "7", stdout=out)
    token = ApiToken.find(out.getvalue().strip())
    assert token
    assert token.scope == Scope.WRITE
    assert token.expires_at
    with pytest.raises(CommandError):
        call_command("create_token", "alice", "--scope", "all", stdout=out)


# --- A password that changes ---------------------------------------------------------------------


def set_password(user: User) -> None:
    user.set_password("another-password-1")
    user.save()


def set_password_alone(user: User) -> None:
    user.set_password("another-password-1")
    user.save(update_fields=["password"])


def take_password_away(user: User) -> None:
    user.set_unusable_password()
    user.save(update_fields=["password"])


def assign_hash(user: User) -> None:
    user.password = make_password("another-password-1")
    user.save()


def past_django(user: User) -> None:
    User.objects.filter(pk=user.pk).update(password=make_password("another-password-1"))


def by_the_admin(user: User) -> None:
    boss = User.objects.create_superuser("boss")
    client = Client()
    client.force_login(boss)
    passwords = {"password1": "another-password-1", "password2": "another-password-1"}
    page = f"/admin/auth/user/{user.pk}/password/"
    assert client.post(page, {"usable_password": "true", **passwords}).status_code == 302


WAYS = [
    set_password,
    set_password_alone,
    take_password_away,
    assign_hash,
    past_django,
    by_the_admin,
]


@pytest.mark.parametrize("change", WAYS)
@pytest.mark.parametrize("hasher", ["MD5PasswordHasher", "PBKDF2PasswordHasher"])
def test_a_token_ends_with_the_password(
    alice: User, change: Callable[[User], None], hasher: str, settings: Any
) -> None:
    settings.PASSWORD_HASHERS = [f"django.contrib.auth.hashers.{hasher}"]
    alice.set_password("first-password-1")
    alice.save()
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.MD5PasswordHasher",
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    ]
    token, secret = ApiToken.issue(alice.pk)
    client = Client(headers=bearer(secret))
    assert client.get(NOTES).status_code == 200
    change(User.objects.get(pk=alice.pk))
    assert unauthenticated(client.get(NOTES))
    assert not ApiToken.of(alice.pk).get(pk=token.pk).is_valid
    assert ApiToken.issue(alice.pk)[0].password_mark != token.password_mark


def test_a_token_outlives_a_sign_in_that_stores_the_same_password_anew(
    alice: User, settings: Any
) -> None:
    hashers = "django.contrib.auth.hashers"
    settings.PASSWORD_HASHERS = [f"{hashers}.MD5PasswordHasher"]
    alice.set_password("first-password-1")
    alice.save()
    _, secret = ApiToken.issue(alice.pk)
    settings.PASSWORD_HASHERS = [
        f"{hashers}.PBKDF2PasswordHasher",
        f"{hashers}.MD5PasswordHasher",
    ]
    assert authenticate(username="alice", password="first-password-1")
    assert User.objects.get(pk=alice.pk).password.startswith("pbkdf2")
    client = Client(headers=bearer(secret))
    assert client.get(NOTES).status_code == 200
    set_password_alone(User.objects.get(pk=alice.pk))
    assert unauthenticated(client.get(NOTES))


def test_other_changes_of_a_user_end_no_token(alice: User) -> None:
    _, secret = ApiToken.issue(alice.pk)
    alice.first_name = "Alice"
    alice.last_login = None
    alice.save()
    assert Client(headers=bearer(secret)).get(NOTES).status_code == 200


def test_only_tokens_that_may_be_used_count_as_valid(alice: User) -> None:
    token, _ = ApiToken.issue(alice.pk, lifetime=timedelta(hours=1))
    assert ApiToken.of(alice.pk).get().is_valid
    ApiToken.objects.filter(pk=token.pk).update(expires_at=Now())
    assert not ApiToken.of(alice.pk).get().is_valid
    assert uuid.UUID(str(token.public_id))
