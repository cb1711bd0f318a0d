"""Who may ask: a bearer token in the header, or the browser session with CSRF."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.db.models.functions import Now
from django.test import Client

from notes.api import api as ninja_api
from notes.api import contract
from notes.models import ApiToken, Box, Note
from tests.test_upload import OGG, refused

pytestmark = [pytest.mark.database, pytest.mark.django_db]

SAFE = ("GET", "HEAD", "OPTIONS")
NOTES = "/api/v1/notes"


class Operation(NamedTuple):
    """An operation of the OpenAPI document, and how to ask for it with valid fields."""

    method: str
    path: str
    kind: str
    body: dict[str, Any]
    #: Where an id may be given: in the path, the query, a header or the body, and the field's
    #: name; in the body ``a.b`` lies inside ``a`` and ``a[]`` in a list.
    ids: tuple[tuple[str, str], ...]
    #: Whether a bearer token opens it; what does not is for the browser session alone.
    bearer: bool = True
    takes_body: bool = False

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def ask(self, client: Client, values: dict[str, Any] | None = None, **options: Any) -> Any:
        """The answer, with ``values`` for fields of the path, query, headers or body."""
        given = {name: absent_id(name) for place, name in self.ids if place == "path"}
        given |= values or {}
        query, headers = (
            {name: given[name] for where, name in self.ids if where == place and name in given}
            for place in ("query", "header")
        )
        options["headers"] = {**headers, **options.get("headers", {})}
        body = json.loads(json.dumps(self.body))
        for place, name in self.ids:
            if place == "body" and name in given:
                _put(body, name, given[name])
        path = self.path.format(**given)
        if self.kind == "multipart/form-data":
            body["audio"] = SimpleUploadedFile("voice.ogg", OGG)
            return client.post(path, body, query_params=query, **options)
        return client.generic(
            self.method, path, json.dumps(body), self.kind, query_params=query, **options
        )


def absent_id(name: str) -> str:
    """An id of nothing, of the type that the field takes."""
    return str(uuid.uuid4()) if name not in NUMBERS else str(2**31 - 1)


def _put(body: dict[str, Any], name: str, value: str) -> None:
    first, _, rest = name.partition(".")
    inner: Any = value
    if rest:
        inner = {}
        _put(inner, rest, value)
    body[first.removesuffix("[]")] = [inner] if first.endswith("[]") else inner


def operations() -> Iterator[Operation]:
    """Every operation that the API documents."""
    for path, method, operation in contract.operations(DOCUMENT):
        content: dict[str, Any] = operation.get("requestBody", {}).get("content", {})
        kind = next(iter(content), "application/json")
        schema = _resolve(content[kind]["schema"] if content else {})
        ids = [
            (one["in"], one["name"])
            for one in operation["parameters"]
            if one["in"] == "path" or _is_id(one["name"], one["schema"])
        ]
        ids += [("body", name) for name in dict.fromkeys(_ids_in(schema))]
        body = {
            name: _sample(schema["properties"][name])
            for name in schema.get("required", [])
            if name != "audio"
        }
        bearer = any("BearerAuth" in way for way in operation.get("security", []))
        yield Operation(method.upper(), path, kind, body, tuple(ids), bearer, bool(content))


def _numbers() -> frozenset[str]:
    return frozenset(
        one["name"]
        for _, _, operation in contract.operations(DOCUMENT)
        for one in operation["parameters"]
        if one["in"] == "path" and one["schema"].get("type") == "integer"
    )


def _resolve(schema: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").removeprefix("#/components/schemas/")
    found: dict[str, Any] = DOCUMENT["components"]["schemas"][name] if name else schema
    return found


def _ids_in(schema: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """The names of all fields in a body that take ids, however deep."""
    for name, given in schema.get("properties", {}).items():
        for one in map(_resolve, [given, *given.get("anyOf", []), *given.get("oneOf", [])]):
            inside = f"{prefix}{name}" + ("[]" if "items" in one else "")
            held = _resolve(one.get("items", one))
            if _is_id(name, held):
                yield inside
            yield from _ids_in(held, f"{inside}.")


def _is_id(name: str, schema: dict[str, Any]) -> bool:
    kinds = [schema, *schema.get("anyOf", [])]
    named = name == "id" or name.endswith(("_id", "_ids"))
    text_or_number = any(one.get("type") in ("string", "integer") for one in kinds)
    return any(one.get("format") == "uuid" for one in kinds) or (named and text_or_number)


def _sample(given: dict[str, Any]) -> Any:
    """A value that ``given``, a schema, takes."""
    schema = _resolve(given)
    if "anyOf" in schema:
        return _sample(schema["anyOf"][0])
    if "enum" in schema or "const" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    if schema.get("type") == "array":
        return [_sample(schema["items"])]
    if schema.get("type") in ("integer", "number"):
        return schema.get("minimum", 1)
    named_uri = schema.get("format") in ("uri", "url")
    return "https://hooks.example.com/x" if named_uri else "nova"


DOCUMENT: dict[str, Any] = json.loads(
    contract.as_json(ninja_api.get_openapi_schema(path_prefix="/api/v1/"))
)
NUMBERS = _numbers()
OPERATIONS = list(operations())
UNSAFE = [operation for operation in OPERATIONS if operation.method not in SAFE]
#: What no token opens.
OF_TOKENS = [operation for operation in OPERATIONS if "/tokens" in operation.path]


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def unauthenticated(response: Any) -> bool:
    assert refused(response, 401, "unauthenticated")
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    return True


@pytest.fixture
def browser(alice: User) -> Client:
    """A browser in which Alice has signed in."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    return client


# --- Tokens --------------------------------------------------------------------------------------


def test_the_database_knows_nothing_of_a_secret_but_its_digest_and_first_letters(
    alice: User,
) -> None:
    token, secret = ApiToken.issue(alice.pk, name="phone")
    assert secret.startswith("bm_")
    assert len(secret) >= 3 + 43
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM notes_apitoken WHERE id = %s", [token.pk])
        row = " ".join(map(str, cursor.fetchone()))
    row = row.replace(token.prefix, "", 1)
    body = secret.removeprefix("bm_")
    assert not any(body[start : start + 5] in row for start in range(len(body) - 4))
    assert token.prefix == secret[:9]
    assert secret not in repr(token) + str(token)


def test_a_valid_token_opens_the_api_and_is_seen_in_use(alice: User) -> None:
    token, secret = ApiToken.issue(alice.pk)
    assert Client(headers=bearer(secret)).get(NOTES).status_code == 200
    token.refresh_from_db()
    assert token.last_used_at


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_written_as_one_likes(alice: User, scheme: str) -> None:
    _, secret = ApiToken.issue(alice.pk)
    headers = {"Authorization": f"{scheme} {secret}"}
    assert Client(headers=headers).get(NOTES).status_code == 200


@pytest.mark.parametrize("why", ["expired", "revoked", "inactive", "deleted"])
def test_a_token_that_may_not_be_used_is_a_401(alice: User, why: str) -> None:
    token, secret = ApiToken.issue(alice.pk, lifetime=timedelta(hours=1))
    client = Client(headers=bearer(secret))
    assert client.get(NOTES).status_code == 200
    if why == "expired":
        ApiToken.objects.filter(pk=token.pk).update(expires_at=Now() - timedelta(seconds=1))
    elif why == "revoked":
        token.revoke()
    elif why == "inactive":
        User.objects.filter(pk=alice.pk).update(is_active=False)
    else:
        alice.delete()
    assert unauthenticated(client.get(NOTES))


@pytest.mark.parametrize(
    "header",
    ["Bearer bm_unknown", "Bearer ", "Bearer", "", "Basic YWxpY2U6eA==", "Token x", "Bearer \x00"],
)
def test_an_unknown_token_is_a_401(alice: User, header: str) -> None:
    ApiToken.issue(alice.pk)
    assert unauthenticated(Client(headers={"Authorization": header}).get(NOTES))


def test_neither_the_digest_nor_the_prefix_is_a_token(alice: User) -> None:
    token, _ = ApiToken.issue(alice.pk)
    for wrong in (token.digest, token.prefix, "bm_" + token.digest):
        assert unauthenticated(Client(headers=bearer(wrong)).get(NOTES))


@pytest.mark.parametrize("name", ["token", "api_key", "access_token", "Authorization", "key"])
def test_a_token_counts_only_in_the_header(alice: User, name: str) -> None:
    _, secret = ApiToken.issue(alice.pk)
    for value in (secret, f"Bearer {secret}"):
        assert unauthenticated(Client().get(NOTES, {name: value}))
        assert unauthenticated(Client().post(NOTES, {name: value}))
        body = {"text": "x", name: value}
        answer = Client().post(f"{NOTES}/text", body, content_type="application/json")
        assert unauthenticated(answer)
        client = Client()
        client.cookies[name] = value
        assert unauthenticated(client.get(NOTES))
        assert unauthenticated(Client(headers={"X-Api-Key": value}).get(NOTES))
    assert not Note.objects.exists()


def test_a_new_secret_key_leaves_tokens_working_and_ends_sessions(
    alice: User, browser: Client, settings: Any
) -> None:
    _, secret = ApiToken.issue(alice.pk)
    assert browser.get(NOTES).status_code == 200
    settings.SECRET_KEY = "another-" * 10
    assert Client(headers=bearer(secret)).get(NOTES).status_code == 200
    assert unauthenticated(browser.get(NOTES))


# --- The browser session -------------------------------------------------------------------------


def test_a_session_may_read(browser: Client) -> None:
    assert browser.get(NOTES).status_code == 200
    assert browser.get("/api/v1/boxes").json() == []


@pytest.mark.parametrize("operation", UNSAFE, ids=str)
def test_a_session_without_a_csrf_token_may_change_nothing(
    browser: Client, operation: Operation, home: Box
) -> None:
    own = {"box_id": str(home.pk)}
    assert refused(operation.ask(browser, own), 403, "forbidden")
    assert refused(operation.ask(browser, own, headers={"X-CSRFToken": "x" * 32}), 403, "forbidden")
    # A bearer that is not valid must not switch the check off.
    assert refused(operation.ask(browser, own, headers=bearer("bm_x")), 403, "forbidden")
    assert not Note.objects.exists()
    assert Box.objects.get() == home


def test_a_session_with_a_csrf_token_may_write(browser: Client) -> None:
    csrf = "t" * 32
    browser.cookies["csrftoken"] = csrf
    answer = browser.post(
        "/api/v1/boxes", {"name": "Casa"}, "application/json", headers={"X-CSRFToken": csrf}
    )
    assert answer.status_code == 201


@pytest.mark.parametrize("operation", [o for o in UNSAFE if o not in OF_TOKENS], ids=str)
def test_a_valid_bearer_is_never_asked_for_a_csrf_token(
    alice: User, browser: Client, operation: Operation
) -> None:
    if not operation.bearer:
        pytest.skip("for the browser session alone")
    _, secret = ApiToken.issue(alice.pk)
    for client in (Client(enforce_csrf_checks=True), browser):
        answer = operation.ask(client, headers=bearer(secret))
        assert answer.status_code not in (401, 403), answer.content


def test_a_bearer_goes_before_the_session(browser: Client, bob: User) -> None:
    _, secret = ApiToken.issue(bob.pk)
    body = {"name": "Do Bob"}
    browser.post("/api/v1/boxes", body, "application/json", headers=bearer(secret))
    assert Box.objects.get().owner == bob


# --- Nobody --------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_nobody_gets_nowhere(operation: Operation) -> None:
    assert unauthenticated(operation.ask(Client(enforce_csrf_checks=True)))
    forged = Client(enforce_csrf_checks=True)
    forged.cookies["csrftoken"] = forged.cookies["sessionid"] = "t" * 32
    assert unauthenticated(operation.ask(forged, headers={"X-CSRFToken": "t" * 32}))


@pytest.mark.parametrize("path", ["/api/v1/openapi.json", "/healthz", "/readyz"])
def test_the_contract_and_the_health_are_for_everybody(client: Client, path: str) -> None:
    assert client.get(path).status_code == 200
