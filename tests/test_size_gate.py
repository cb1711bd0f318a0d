"""A body that is too large, or comes from nobody, is refused before a byte of it is read."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler
from django.db.models.functions import Now
from django.test import Client, RequestFactory

from notes.models import ApiToken, Note, Scope
from notes.uploads import SMALL_BYTES, upload_bytes
from tests.test_auth import bearer
from tests.test_upload import OGG, refused

pytestmark = [pytest.mark.database, pytest.mark.django_db]

MEGABYTE = 1024 * 1024
NOTES = "/api/v1/notes"
FORM = "multipart/form-data; boundary=edge"
HEAD = b'--edge\r\nContent-Disposition: form-data; name="audio"; filename="v.ogg"\r\n\r\n'
TAIL = b"\r\n--edge--\r\n"
CSRF = "t" * 32


class Spy(FileUploadHandler):
    """Counts what any parser hands to upload handlers."""

    seen = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        Spy.seen += len(raw_data)
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None


class Body(io.RawIOBase):
    """A form with a file of ``size`` bytes, made as it is read; counts what was read of it."""

    def __init__(self, size: int) -> None:
        self.length = len(HEAD) + size + len(TAIL)
        self.was_read = 0
        self._parts = self._make(size)
        self._rest = b""

    def _make(self, size: int) -> Iterator[bytes]:
        yield HEAD
        for start in range(0, size, MEGABYTE):
            yield bytes(min(MEGABYTE, size - start))
        yield TAIL

    def read(self, size: int | None = -1) -> bytes:
        data = self._rest or next(self._parts, b"")
        wanted = len(data) if size is None or size < 0 else size
        data, self._rest = data[:wanted], data[wanted:]
        self.was_read += len(data)
        return data


@pytest.fixture(autouse=True)
def spy(settings: Any) -> None:
    Spy.seen = 0
    settings.FILE_UPLOAD_HANDLERS = ["tests.test_size_gate.Spy", *settings.FILE_UPLOAD_HANDLERS]


def post(client: Client, size: int, path: str = NOTES, **options: Any) -> tuple[Any, Body]:
    """The answer to a form with a file of ``size`` bytes, and what was read of it."""
    body = Body(size)
    headers = options.pop("headers", {})
    environ = {"wsgi.input": body, "CONTENT_LENGTH": str(body.length), "CONTENT_TYPE": FORM}
    answer = client.generic("POST", path, headers=headers, **{**environ, **options})
    return answer, body


#: Cookies and headers that open nothing.
NOBODY = {
    "nothing": ({}, {}),
    "forged csrf cookie": ({"csrftoken": CSRF}, {}),
    "csrf header alone": ({}, {"X-CSRFToken": CSRF}),
    "csrf cookie and header": ({"csrftoken": CSRF}, {"X-CSRFToken": CSRF}),
    "csrf cookie and wrong header": ({"csrftoken": CSRF}, {"X-CSRFToken": "x" * 32}),
    "forged session": ({"sessionid": "s" * 32}, {}),
    "forged session and csrf cookie": ({"sessionid": "s" * 32, "csrftoken": CSRF}, {}),
    "all forged": ({"sessionid": "s" * 32, "csrftoken": CSRF}, {"X-CSRFToken": CSRF}),
    "unknown bearer": ({}, bearer("bm_unknown")),
    "empty bearer": ({}, {"Authorization": "Bearer"}),
    "basic": ({}, {"Authorization": "Basic YWxpY2U6eA=="}),
    "unknown bearer and csrf": ({"csrftoken": CSRF}, {**bearer("bm_x"), "X-CSRFToken": CSRF}),
    "unknown bearer, all forged": (
        {"sessionid": "s" * 32, "csrftoken": CSRF},
        {**bearer("bm_x"), "X-CSRFToken": CSRF},
    ),
    "expired bearer": ({}, {"Authorization": "expired"}),
    "revoked bearer": ({}, {"Authorization": "revoked"}),
    "expired bearer and csrf": ({"csrftoken": CSRF}, {"Authorization": "expired"}),
    "another site": ({"csrftoken": CSRF}, {"Origin": "https://evil.example"}),
    "token as a cookie": ({"Authorization": "valid"}, {}),
}


@pytest.fixture
def secrets(alice: User) -> dict[str, str]:
    """Tokens of Alice by what became of them."""
    made = {name: ApiToken.issue(alice.pk) for name in ("expired", "revoked", "valid")}
    ApiToken.objects.filter(pk=made["expired"][0].pk).update(expires_at=Now())
    made["revoked"][0].revoke()
    return {name: secret for name, (_, secret) in made.items()}


def nobody(who: str, secrets: dict[str, str]) -> tuple[Client, dict[str, str]]:
    cookies, headers = NOBODY[who]
    client = Client(enforce_csrf_checks=True)
    for name, value in cookies.items():
        client.cookies[name] = secrets.get(value, value)
    known = secrets.get(headers.get("Authorization", ""))
    return client, {**headers, **(bearer(known) if known else {})}


@pytest.mark.parametrize("who", NOBODY)
def test_nobodys_upload_is_refused_unread_whatever_it_carries(
    who: str, secrets: dict[str, str]
) -> None:
    for megabytes, status, code in (
        (50, 413, "file_too_large"),
        (40, 401, "unauthenticated"),
        (0, 401, "unauthenticated"),
    ):
        client, headers = nobody(who, secrets)
        answer, body = post(client, megabytes * MEGABYTE, headers=headers)
        assert refused(answer, status, code)
        assert (body.was_read, Spy.seen) == (0, 0)


def test_the_matrix_is_as_large_as_we_say(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f"\nnobody's uploads: {len(NOBODY)} combinations, 50, 40 and 0 MB each: 0 bytes read")
    assert len(NOBODY) >= 14


@pytest.mark.parametrize("who", ["token", "reader", "session", "session without csrf"])
def test_even_a_users_upload_is_refused_unread_where_it_cannot_be_taken(
    who: str, alice: User
) -> None:
    scope = Scope.READ if who == "reader" else Scope.FULL
    headers = bearer(ApiToken.issue(alice.pk, scope=scope)[1])
    client = Client(enforce_csrf_checks=True)
    if "session" in who:
        client.force_login(alice)
        client.cookies["csrftoken"] = CSRF
        headers = {} if "without" in who else {"X-CSRFToken": CSRF}
    answer, body = post(client, 50 * MEGABYTE, headers=headers)
    assert refused(answer, 413, "file_too_large")
    assert (body.was_read, Spy.seen) == (0, 0)
    if who == "reader":
        answer, body = post(client, MEGABYTE, headers=headers)
        assert refused(answer, 403, "insufficient_scope")
        assert (body.was_read, Spy.seen) == (0, 0)


def test_one_too_many_is_refused_unread(api: Client, settings: Any) -> None:
    settings.USER_REQUESTS_PER_MINUTE = 1
    api.get("/api/v1/boxes")
    answer, body = post(api, MEGABYTE)
    assert refused(answer, 429, "rate_limited")
    assert body.was_read == 0


@pytest.mark.parametrize(
    ("method", "path", "cap", "code"),
    [
        ("POST", NOTES, None, "file_too_large"),
        ("POST", f"{NOTES}/text", 2_621_440, "body_too_large"),
        ("PATCH", f"{NOTES}/00000000-0000-0000-0000-000000000000", 2_621_440, "body_too_large"),
        ("GET", NOTES, SMALL_BYTES, "body_too_large"),
        ("POST", "/api/v1/boxes", SMALL_BYTES, "body_too_large"),
        ("POST", "/api/v1/tokens", SMALL_BYTES, "body_too_large"),
        ("POST", "/admin/login/", SMALL_BYTES, "body_too_large"),
        ("POST", "/nowhere", SMALL_BYTES, "body_too_large"),
        ("POST", "/upload", None, "file_too_large"),
        ("POST", "/notes/00000000-0000-0000-0000-000000000000", 2_621_440, "body_too_large"),
        ("POST", "/login", SMALL_BYTES, "body_too_large"),
        ("POST", "/boxes", SMALL_BYTES, "body_too_large"),
    ],
)
def test_each_address_has_its_cap(
    client: Client, method: str, path: str, cap: int | None, code: str
) -> None:
    cap = upload_bytes() if cap is None else cap
    unread: dict[str, Any] = {"wsgi.input": Body(0), "CONTENT_LENGTH": str(cap + 1)}
    over = client.generic(method, path, **unread)
    assert (over.status_code, over.json()["code"]) == (413, code)
    within = client.generic(method, path, b"x", CONTENT_LENGTH=str(cap))
    assert within.status_code not in (411, 413)


def test_a_browser_is_told_with_a_page(client: Client) -> None:
    unread: dict[str, Any] = {"wsgi.input": Body(0), "CONTENT_LENGTH": str(upload_bytes() + 1)}
    answer = client.generic("POST", "/upload", headers={"Accept": "text/html"}, **unread)
    assert answer.status_code == 413
    assert "<h1>" in answer.content.decode()


def test_what_is_shared_without_our_service_worker_is_not_read(client: Client) -> None:
    unread: dict[str, Any] = {"wsgi.input": Body(0), "CONTENT_LENGTH": str(upload_bytes() + 1)}
    answer = client.generic("POST", "/share", **unread)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")


@pytest.mark.parametrize("path", [NOTES, f"{NOTES}/text", "/api/v1/boxes", "/admin/login/"])
def test_a_body_without_a_length_is_refused_unread(api: Client, path: str) -> None:
    answer, body = post(api, 10, path, HTTP_TRANSFER_ENCODING="chunked")
    assert answer.status_code == 411
    assert answer.json()["code"] == "length_required"
    assert (body.was_read, Spy.seen) == (0, 0)
    assert not Note.objects.exists()


def test_an_upload_needs_a_length_and_a_retry_needs_no_body(api: Client) -> None:
    assert refused(api.generic("POST", NOTES), 411, "length_required")
    nothing = f"{NOTES}/00000000-0000-0000-0000-000000000000/retry"
    assert api.generic("POST", nothing).status_code == 404


def test_the_gate_speaks_the_clients_language(client: Client) -> None:
    for language, word in (("pt-BR", "arquivo"), ("en", "file")):
        headers = {"Accept-Language": language}
        answer, _ = post(client, 50 * MEGABYTE, headers=headers)
        assert word in answer.json()["title"]


def test_what_the_gate_was_told_wrong_is_stopped_at_the_cap(settings: Any) -> None:
    """A parser that meets more than the cap keeps none of it and reads not much further."""
    settings.MAX_UPLOAD_MB = 1
    body = Body(50 * MEGABYTE)
    lying: dict[str, Any] = {"wsgi.input": body, "CONTENT_LENGTH": str(body.length)}
    request = RequestFactory().generic("POST", NOTES, CONTENT_TYPE=FORM, **lying)
    with pytest.raises(RequestDataTooBig):
        request.FILES  # noqa: B018
    assert Spy.seen <= upload_bytes() + 2 * 64 * 1024
    assert body.was_read <= upload_bytes() + 2 * MEGABYTE


def test_a_length_that_is_too_small_cuts_the_body(api: Client) -> None:
    form = HEAD + OGG + TAIL
    answer = api.generic("POST", NOTES, form, FORM, CONTENT_LENGTH=str(len(HEAD) + 10))
    assert answer.status_code in (400, 415, 422)
    assert not Note.objects.exists()
