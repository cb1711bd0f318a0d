"""The contract as a whole: what is committed, and how every answer looks."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from notes.api.contract import ALWAYS, operations
from notes.models import Box, Note
from tests.services.run import REPOSITORY
from tests.test_notes_api import NewNote
from tests.test_upload import refused, upload, write

pytestmark = [pytest.mark.database, pytest.mark.django_db]

DOCUMENT = json.loads((REPOSITORY / "docs" / "openapi.json").read_text())
OPERATIONS = list(operations(DOCUMENT))
NAMES = [f"{method.upper()} {path}" for path, method, _ in OPERATIONS]


def test_the_committed_document_is_current() -> None:
    call_command("export_openapi", check=True)


def test_a_stale_document_is_told(settings: Any, tmp_path: Any) -> None:
    settings.BASE_DIR = tmp_path
    with pytest.raises(CommandError, match="export_openapi"):
        call_command("export_openapi", check=True)


def test_what_is_served_is_what_is_committed(client: Client) -> None:
    assert client.get("/api/v1/openapi.json").json() == DOCUMENT
    assert DOCUMENT["openapi"].startswith("3.1")


def test_every_operation_has_a_name_of_its_own() -> None:
    ids = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS, ids=NAMES)
def test_every_operation_documents_what_any_may_answer(
    path: str, method: str, operation: dict[str, Any]
) -> None:
    told = {int(status) for status in operation["responses"]}
    assert set(ALWAYS) <= told
    assert ("{" in path) <= (404 in told)
    assert ("requestBody" in operation) <= ({415, 422} <= told)
    for status, answer in operation["responses"].items():
        if int(status) >= 400:
            assert answer == {"$ref": f"#/components/responses/Problem{status}"}


# --- Errors that Django makes --------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/v2/notes", "/api/v1", "/api/v1/%3Cb%3E"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_below_api_nothing_is_answered_in_html(api: Client, path: str, method: str) -> None:
    assert refused(api.generic(method, path), 404, "not_found")


def test_a_host_that_is_not_ours_is_a_problem(api: Client) -> None:
    response = api.get("/api/v1/notes", headers={"Host": "evil.example"})
    assert refused(response, 400, "bad_request")
    page = api.get("/admin/", headers={"Host": "evil.example"})
    assert (page.status_code, page.headers["Content-Type"]) == (400, "text/plain; charset=utf-8")


def test_a_fault_outside_of_ninja_is_a_problem(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("segredo")

    monkeypatch.setattr("notes.api.api.docs.render_page", fault)
    client.raise_request_exception = False
    client.force_login(User.objects.create_user("carla"))
    response = client.get("/api/v1/docs")
    assert refused(response, 500, "internal_error")
    assert b"segredo" not in response.content


def test_a_form_without_its_token_is_refused_in_one_sentence() -> None:
    response = Client(enforce_csrf_checks=True).post("/admin/login/", {"username": "x"})
    assert response.status_code == 403
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "Recarregue" in response.content.decode()


# --- Ids of requests -----------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["0123abcd", "a" * 64, "01JD-ABC-xyz"])
def test_a_sane_id_is_kept(client: Client, given: str) -> None:
    response = client.get("/api/v1/notes", headers={"X-Request-ID": given})
    assert response.headers["X-Request-ID"] == response.json()["request_id"] == given


@pytest.mark.parametrize(
    "given", ["", "short", "a" * 65, "a b c d e f", "abcdefgh\r\nX: y", "ábcdefghi", "<script>xx"]
)
def test_an_id_that_is_not_sane_is_replaced(client: Client, given: str) -> None:
    response = client.get("/api/v1/notes", headers={"X-Request-ID": given})
    own = response.headers["X-Request-ID"]
    assert own != given
    assert re.fullmatch(r"[0-9a-f-]{36}", own)
    assert response.json()["request_id"] == own


# --- Methods and types ---------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"])
def test_a_wrong_method_says_which_are_right(api: Client, method: str) -> None:
    for path in ("notes", "boxes"):
        response = api.generic(method, f"/api/v1/{path}")
        assert refused(response, 405, "method_not_allowed")
        assert response.headers["Allow"] == "GET, HEAD, OPTIONS, POST"


def test_options_tells_the_methods_and_head_what_get_would(api: Client, home: Box) -> None:
    options = api.options(f"/api/v1/boxes/{home.pk}")
    assert (options.status_code, options.content) == (204, b"")
    assert options.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH"
    for path in (f"/api/v1/boxes/{home.pk}", "/api/v1/notes", f"/api/v1/notes/{uuid.uuid4()}"):
        get, head = api.get(path), api.head(path)
        assert (head.status_code, head.content) == (get.status_code, b"")
        assert head.headers["Content-Length"] == str(len(get.content))
        assert head.headers.get("ETag") == get.headers.get("ETag")


def test_head_of_audio_tells_its_length_and_sends_none(api: Client, sample: bytes) -> None:
    note_id = upload(api, sample).json()["id"]
    head = api.head(f"/api/v1/notes/{note_id}/audio")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == str(len(sample))


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("*/*", 200),
        ("application/json", 200),
        ("text/html, application/*;q=0.5", 200),
        ("", 200),
        ("text/html", 406),
        ("image/png, text/csv", 406),
    ],
)
def test_only_what_can_be_given_is_promised(api: Client, accept: str, status: int) -> None:
    response = api.get("/api/v1/boxes", headers={"Accept": accept} if accept else {})
    assert response.status_code == status
    assert status == 200 or refused(response, 406, "not_acceptable")


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "multipart/form-data; boundary=x", "", "application/x-www-form-urlencoded"],
)
def test_json_must_be_called_json(api: Client, kind: str) -> None:
    for method, path in (("POST", "notes/text"), ("POST", "boxes"), ("PATCH", "boxes")):
        address = f"/api/v1/{path}" + (f"/{uuid.uuid4()}" if method == "PATCH" else "")
        response = api.generic(method, address, b'{"text": "x"}', content_type=kind)
        assert refused(response, 415, "unsupported_media_type")
        assert "application/json" in response.json()["title"]
    assert not Note.objects.exists()


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON"])
def test_json_may_be_called_json_in_other_ways(api: Client, kind: str) -> None:
    body = b'{"text": "Comprar"}'
    assert api.post("/api/v1/notes/text", body, content_type=kind).status_code == 202


# --- ETags ---------------------------------------------------------------------------------------


@pytest.fixture
def thing(request: pytest.FixtureRequest, new_note: NewNote, home: Box) -> tuple[str, Any]:
    """The address of a note or a box, and a change of it."""
    if request.param == "note":
        return f"/api/v1/notes/{new_note(transcript='um').pk}", {"transcript": "dois"}
    return f"/api/v1/boxes/{home.pk}", {"description": "dois"}


both = pytest.mark.parametrize("thing", ["note", "box"], indirect=True)


@both
def test_what_has_not_changed_is_not_sent_again(api: Client, thing: tuple[str, Any]) -> None:
    address, change = thing
    first = api.get(address)
    etag = first.headers["ETag"]
    assert first.headers["Cache-Control"] == "private, no-cache"
    for known in (etag, f"W/{etag}", f'"x", {etag}', "*"):
        again = api.get(address, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", etag)
    for other in ('"x"', etag.strip('"'), ""):
        assert api.get(address, headers={"If-None-Match": other}).status_code == 200
    api.patch(address, change, content_type="application/json")
    assert api.get(address, headers={"If-None-Match": etag}).status_code == 200


@both
def test_a_change_of_what_has_changed_meanwhile_is_refused(
    api: Client, thing: tuple[str, Any]
) -> None:
    address, change = thing
    stale = api.get(address).headers["ETag"]

    def patch(match: str) -> Any:
        return api.patch(address, change, "application/json", headers={"If-Match": match})

    assert patch(stale).status_code == 200
    for match in (stale, '"x"', f"W/{stale}", ""):
        assert refused(patch(match), 412, "precondition_failed")
        assert refused(api.delete(address, headers={"If-Match": match}), 412, "precondition_failed")
    assert patch("*").status_code == 200
    current = api.get(address).headers["ETag"]
    assert api.delete(address, headers={"If-Match": f'"x", {current}'}).status_code == 204
    assert refused(patch("*"), 404, "not_found")


def test_others_who_leave_the_queue_are_seen_but_refuse_no_change(
    api: Client, new_note: NewNote
) -> None:
    other, note = new_note(), new_note()
    address = f"/api/v1/notes/{note.pk}"
    first = api.get(address)
    assert first.json()["queue_position"] == 1
    other.erase()
    read = {"If-None-Match": first.headers["ETag"]}
    again = api.get(address, headers=read)
    assert (again.status_code, again.json()["queue_position"]) == (200, 0)
    # Whoever read the note before that may still change it, and loses nobody's change.
    match = {"If-Match": first.headers["ETag"]}
    assert api.patch(address, {"box": None}, "application/json", headers=match).status_code == 200
    assert refused(api.delete(address, headers=match), 412, "precondition_failed")


# --- Pages ---------------------------------------------------------------------------------------


def test_a_page_has_a_hard_limit(api: Client) -> None:
    for limit in (0, -1, 101, 10**9, 10**400):
        assert refused(api.get("/api/v1/notes", {"limit": limit}), 422, "invalid_request")
    for number in range(3):
        write(api, f"nota {number}")
    assert len(api.get("/api/v1/notes", {"limit": 2}).json()["results"]) == 2


# --- The page ------------------------------------------------------------------------------------


def test_the_docs_page_is_for_people_who_signed_in(client: Client, alice: User) -> None:
    response = client.get("/api/v1/docs")
    assert response.status_code == 302
    assert response.headers["Location"] == "/login?next=/api/v1/docs"
    client.force_login(alice)
    page = client.get("/api/v1/docs")
    assert page.status_code == 200
    assert "/api/v1/openapi.json" in page.content.decode()


def test_nothing_in_the_docs_page_is_inline_or_from_elsewhere(client: Client, alice: User) -> None:
    client.force_login(alice)
    page = client.get("/api/v1/docs").content.decode()
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|https?://", page)
    for attributes, text in re.findall(r"<script([^>]*)>(.*?)</script>", page, re.DOTALL):
        assert "src=" in attributes or 'type="application/json"' in attributes
        assert "src=" not in attributes or not text.strip()
    for file in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert file.startswith("/static/")
        found = client.get(file)
        assert (found.status_code, b"".join(found)[:1] != b"") == (200, True)


def test_the_sanitizer_of_the_docs_page_has_no_known_holes(client: Client) -> None:
    file = "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js"
    bundle = b"".join(client.get(file)).decode()
    versions = re.findall(r'DOMPurify\.version="(\d+\.\d+\.\d+)"', bundle)
    assert [tuple(map(int, version.split("."))) >= (3, 4, 7) for version in versions] == [True]
    assert client.get("/static/ninja/swagger-ui-bundle.js").status_code == 404
