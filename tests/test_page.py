"""The page without a browser: its forms do what the API does, and refuse what it refuses."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from notes.models import ApiToken, Box, Note, Webhook
from tests.conftest import ABSENT

pytestmark = [pytest.mark.database, pytest.mark.django_db]

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PASSWORD = "certa-e-longa-7"
NewNote = Callable[..., Note]


@pytest.fixture
def page(alice: User) -> Client:
    """A browser in which Alice has signed in."""
    client = Client(headers=BROWSER)
    client.force_login(alice)
    return client


def audio(content: bytes, name: str = "voice.ogg") -> dict[str, Any]:
    return {"file": SimpleUploadedFile(name, content)}


def text_of(response: Any) -> str:
    return str(response.content.decode())


# --- Notes ---------------------------------------------------------------------------------------


def test_a_file_from_the_form_is_the_note_that_the_api_would_make(
    page: Client, sample: bytes
) -> None:
    response = page.post("/upload", {**audio(sample), "key": "one"})
    note = Note.objects.get()
    assert (response.status_code, response.headers["Location"]) == (302, f"/notes/{note.pk}")
    assert (note.audio_format, note.processing_status) == ("ogg", "pending")
    again = page.post("/upload", {**audio(sample), "key": "one"})
    assert again.headers["Location"] == response.headers["Location"]
    assert Note.objects.count() == 1


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [
        (b"not a sound", 415, "não é um áudio"),
        (b"", 422, "vazio"),
        (None, 422, "vazio"),
    ],
)
def test_what_is_no_audio_is_refused_with_a_sentence(
    page: Client, content: bytes | None, status: int, said: str
) -> None:
    response = page.post("/upload", {} if content is None else audio(content))
    assert response.status_code == status
    assert said in text_of(response)
    assert 'role="alert"' in text_of(response)
    assert not Note.objects.exists()


def test_two_files_at_once_are_told_apart(page: Client, sample: bytes) -> None:
    files = [SimpleUploadedFile(name, sample) for name in ("a.ogg", "b.ogg")]
    response = page.post("/upload", {"file": files})
    assert response.status_code == 400
    assert "<h1>" in text_of(response)
    assert "um arquivo" in text_of(response)


def test_the_list_is_searched_filtered_and_paged_by_its_address(
    page: Client, new_note: NewNote, home: Box
) -> None:
    for number in range(23):
        new_note(transcript=f"nota número {number}", box=home if number == 7 else None)
    first = text_of(page.get("/"))
    assert first.count('<li class="note"') == 21  # 20, and the scripts' template
    more = first.split('id="more"')[1].split('href="')[1].split('"')[0]
    assert text_of(page.get(f"/{more}")).count('<li class="note"') == 4
    found = text_of(page.get("/", {"q": "nota 7", "box": str(home.pk)}))
    assert "<mark>" in found
    assert found.count('<li class="note"') == 2
    assert text_of(page.get("/", {"box": "inbox"})).count('<li class="note"') == 21
    assert text_of(page.get("/", {"state": "failed"})).count('<li class="note"') == 1


@pytest.mark.parametrize(
    "query", ["box=x", "state=x", "cursor=x", f"box={ABSENT}", "q=" + 201 * "a"]
)
def test_a_filter_that_makes_no_sense_is_told(page: Client, query: str) -> None:
    response = page.get(f"/?{query}")
    assert response.status_code == 422
    assert 'role="alert"' in text_of(response)


def test_the_first_screen_makes_three_boxes_and_a_token_by_one_press_each(
    page: Client, alice: User
) -> None:
    first = text_of(page.get("/"))
    assert 'id="first-run"' in first
    Box.objects.create(owner=alice, name="Trabalho", keywords=["meu"])
    for _ in range(2):
        assert page.post("/boxes/first").headers["Location"] == "/"
    boxes = {box.name: box.keywords for box in Box.objects.for_user(alice.pk)}
    assert set(boxes) == {"Casa", "Trabalho", "Saúde"}
    assert boxes["Trabalho"] == ["meu"]
    assert "encanador" in boxes["Casa"]
    assert 'id="first-boxes"' not in text_of(page.get("/"))
    made = text_of(page.post("/settings/tokens", {"name": "Celular", "scope": "notes:write"}))
    token = made.split('id="new-token">')[1].split("<")[0]
    assert f"Bearer {token}" in made.split('id="curl"')[1]


def test_the_manifest_makes_an_app_that_takes_shared_audio(client: Client) -> None:
    response = client.get("/manifest.webmanifest")
    assert response.headers["Content-Type"].startswith("application/manifest+json")
    assert response.headers["Cache-Control"] == "no-cache"
    manifest = response.json()
    assert (manifest["start_url"], manifest["scope"]) == ("/", "/")
    assert manifest["display"] == "standalone"
    assert {"192x192", "512x512"} <= {icon["sizes"] for icon in manifest["icons"]}
    for icon in manifest["icons"]:
        assert finders.find(icon["src"].removeprefix("/static/")), icon
    target = manifest["share_target"]
    assert (target["action"], target["method"]) == ("/share", "POST")
    assert target["enctype"] == "multipart/form-data"
    [files] = target["params"]["files"]
    assert {"audio/*", ".opus", ".ogg", ".m4a", "video/mp4"} <= set(files["accept"])


def test_words_are_corrected_once_and_the_first_ones_stay(page: Client, new_note: NewNote) -> None:
    note = new_note(transcript="pau de queijo")
    shown = text_of(page.get(f"/notes/{note.pk}"))
    etag = shown.split('name="etag" value="')[1].split('"')[0].replace("&quot;", '"')
    form = {"transcript": "pão\r\nde queijo", "etag": etag}
    assert page.post(f"/notes/{note.pk}", form).status_code == 302
    late = page.post(f"/notes/{note.pk}", {**form, "transcript": "outro texto"})
    assert late.status_code == 412
    assert "outro texto" in text_of(late)
    page.post(f"/notes/{note.pk}", {"transcript": "pão de queijo quente"})
    note.refresh_from_db()
    assert (note.transcript, note.original_transcript) == ("pão de queijo quente", "pau de queijo")
    assert "pau de queijo" in text_of(page.get(f"/notes/{note.pk}"))


def test_a_note_is_moved_retried_and_deleted(page: Client, new_note: NewNote, home: Box) -> None:
    note = new_note(transcript="pão")
    assert page.post(f"/notes/{note.pk}/move", {"box": str(home.pk)}).status_code == 302
    note.refresh_from_db()
    assert (note.box, note.filed_by) == (home, "user")
    page.post(f"/notes/{note.pk}/move", {"box": ""})
    note.refresh_from_db()
    assert (note.box, note.filed_by) == (None, "user")
    assert page.post(f"/notes/{note.pk}/move", {"box": ABSENT}).status_code == 422
    assert page.post(f"/notes/{note.pk}/retry").status_code == 409
    Note.objects.update(processing_status="failed", error_code="provider_error")
    assert page.post(f"/notes/{note.pk}/retry").status_code == 302
    assert page.get(f"/notes/{note.pk}/delete").status_code == 200
    assert Note.objects.exists()
    assert page.post(f"/notes/{note.pk}/delete").headers["Location"] == "/"
    assert not Note.objects.exists()


def test_a_note_that_waits_tells_how_many_are_before_it(
    page: Client, new_note: NewNote, bob: User
) -> None:
    others = [Note.receive(owner_id=bob.pk, audio_key="x", audio_format="ogg") for _ in range(3)]
    Note.objects.update(next_attempt_at="2026-01-01T00:00:00Z")
    Note.objects.filter(pk=others[0].pk).update(lease_token=uuid.uuid4())
    note = new_note()
    assert page.get(f"/api/v1/notes/{note.pk}").json()["queue_position"] == 2
    Note.objects.filter(pk=note.pk).update(processing_status="completed")
    assert page.get(f"/api/v1/notes/{note.pk}").json()["queue_position"] is None


# --- Boxes ---------------------------------------------------------------------------------------


def test_boxes_are_made_changed_and_deleted(page: Client, new_note: NewNote) -> None:
    form = {"name": "Casa", "keywords": "pia, encanador\r\nluz", "color": "#123456"}
    assert page.post("/boxes", form).status_code == 302
    box = Box.objects.get()
    assert (box.keywords, box.color) == (["pia", "encanador", "luz"], "#123456")
    again = page.post("/boxes", form)
    assert again.status_code == 409
    assert "pia, encanador" in text_of(again)
    note = new_note(transcript="pão", box=box)
    assert "1 nota" in text_of(page.get("/boxes"))
    changed = {"name": "Lar", "keywords": "", "no_color": "1", "color": "#123456"}
    assert page.post(f"/boxes/{box.pk}", changed).status_code == 302
    box.refresh_from_db()
    assert (box.name, box.keywords, box.color) == ("Lar", [], "")
    assert page.post(f"/boxes/{box.pk}", {"name": " "}).status_code == 422
    assert page.get(f"/boxes/{box.pk}/delete").status_code == 200
    page.post(f"/boxes/{box.pk}/delete")
    note.refresh_from_db()
    assert (Box.objects.count(), note.box) == (0, None)


# --- Settings ------------------------------------------------------------------------------------


def test_a_token_is_shown_once_and_works_until_it_is_revoked(page: Client) -> None:
    response = page.post("/settings/tokens", {"name": "celular", "scope": "notes:write"})
    secret = text_of(response).split('id="new-token">')[1].split("<")[0]
    token = ApiToken.objects.get()
    assert (token.scope, ApiToken.find(secret)) == ("notes:write", token)
    assert secret not in text_of(page.get("/settings"))
    assert "no-store" in response.headers["Cache-Control"]
    assert page.post("/settings/tokens", {"name": "", "scope": "x"}).status_code == 422
    assert page.post(f"/settings/tokens/{token.public_id}/revoke").status_code == 302
    assert ApiToken.find(secret) is None


def test_a_webhook_is_made_paused_tried_and_deleted(page: Client) -> None:
    made = page.post("/settings/webhooks", {"url": "https://hooks.example.com/x"})
    webhook = Webhook.objects.get()
    assert webhook.secret in text_of(made)
    address = f"/settings/webhooks/{webhook.pk}"
    for what, paused in (("pause", "owner"), ("resume", ""), ("ping", ""), ("nonsense", "")):
        assert page.post(address, {"do": what}).status_code == 302
        webhook.refresh_from_db()
        assert webhook.paused_by == paused
    assert page.post("/settings/webhooks", {"url": "http://127.0.0.1/"}).status_code == 422
    page.post(address, {"do": "delete"})
    assert not Webhook.objects.exists()


def test_language_and_theme_are_remembered_by_the_browser(page: Client) -> None:
    page.post("/settings/appearance", {"language": "en", "theme": "dark"})
    shown = text_of(page.get("/settings"))
    assert '<html lang="en" data-theme="dark">' in shown
    page.post("/settings/appearance", {"language": "xx", "theme": '"><script>'})
    assert '<html lang="en" data-theme="dark">' in text_of(page.get("/settings"))
    page.post("/settings/appearance", {"theme": "auto"})
    assert '<html lang="en">' in text_of(page.get("/settings"))
    outside = Client(headers=BROWSER)
    assert outside.post("/settings/appearance", {"theme": "dark"}).headers["Location"] == "/login"
    assert 'data-theme="dark"' in text_of(outside.get("/login"))


def test_times_are_the_persons_once_the_browser_has_told_where_they_are(
    page: Client, new_note: NewNote
) -> None:
    note = new_note(transcript="pão")
    Note.objects.update(created_at="2026-01-02T03:04:05Z")
    assert "02/01/2026 03:04 UTC" in text_of(page.get(f"/notes/{note.pk}"))
    page.cookies["timezone"] = "America/Sao_Paulo"
    assert "02/01/2026 00:04<" in text_of(page.get(f"/notes/{note.pk}"))
    for nonsense in ("../../etc/passwd", "x" * 300, "Nowhere/At_All"):
        page.cookies["timezone"] = nonsense
        assert "03:04 UTC" in text_of(page.get(f"/notes/{note.pk}"))


def test_an_account_is_deleted_with_its_password_and_nothing_is_left(sample: bytes) -> None:
    user = User.objects.create_user("carol", password=PASSWORD)
    page = Client(headers=BROWSER)
    page.force_login(user)
    page.post("/upload", audio(sample))
    assert page.post("/settings/delete", {"password": "errada"}).status_code == 403
    assert page.post("/settings/delete", {"password": PASSWORD}).headers["Location"] == "/login"
    assert (User.objects.count(), Note.objects.count()) == (0, 0)
    assert page.get("/").status_code == 302


# --- Whose it is ---------------------------------------------------------------------------------

PATHS = ("notes/{note}", "notes/{note}/delete", "boxes/{box}", "boxes/{box}/delete")
POSTS = (
    *("notes/{note}", "notes/{note}/move", "notes/{note}/retry", "notes/{note}/delete"),
    *("boxes/{box}", "boxes/{box}/delete", "settings/tokens/{token}/revoke"),
    "settings/webhooks/{webhook}",
)


@pytest.fixture
def of_bob(bob: User) -> dict[str, Any]:
    box = Box.objects.create(owner=bob, name="jabuticaba")
    note = Note.receive(owner_id=bob.pk, transcript="jabuticaba", box=box)
    token, _ = ApiToken.issue(bob.pk, name="jabuticaba")
    webhook = Webhook.objects.create(owner=bob, url="https://jabuticaba.example/")
    return {"note": note.pk, "box": box.pk, "token": token.public_id, "webhook": webhook.pk}


def test_nothing_of_anothers_is_seen_or_changed(page: Client, of_bob: dict[str, Any]) -> None:
    rows = [list(model.objects.values()) for model in (Note, Box, ApiToken, Webhook)]
    for path in PATHS:
        response = page.get("/" + path.format(**of_bob))
        assert (path, response.status_code) == (path, 404)
        assert "jabuticaba" not in text_of(response)
    form = {"transcript": "x", "name": "x", "do": "delete", "box": str(of_bob["box"])}
    for path in POSTS:
        assert (path, page.post("/" + path.format(**of_bob), form).status_code) == (path, 404)
    for path in ("/", "/?q=jabuticaba", "/boxes", "/settings"):
        assert "jabuticaba.ex" not in text_of(page.get(path))
        assert ">jabuticaba" not in text_of(page.get(path))
    assert [list(model.objects.values()) for model in (Note, Box, ApiToken, Webhook)] == rows


def test_nobody_sees_anything_without_signing_in(of_bob: dict[str, Any], sample: bytes) -> None:
    stranger = Client(headers=BROWSER)
    for path in (*PATHS, "", "boxes", "settings", "settings/delete", "settings/password"):
        address = "/" + path.format(**of_bob)
        response = stranger.get(address)
        assert response.headers["Location"] == f"/login?next={address}"
    assert stranger.post("/upload", audio(sample)).headers["Location"] == "/login?next=/upload"
    assert Note.objects.count() == 1


def test_a_form_of_another_site_does_nothing(alice: User, sample: bytes, home: Box) -> None:
    page = Client(enforce_csrf_checks=True, headers=BROWSER)
    page.force_login(alice)
    elsewhere = {"Origin": "https://evil.example"}
    forms: dict[str, dict[str, Any]] = {
        "/upload": audio(sample),
        "/boxes": {"name": "Nova"},
        f"/boxes/{home.pk}/delete": {},
        "/settings/tokens": {"name": "x", "scope": "full"},
        "/settings/delete": {"password": PASSWORD},
        "/logout": {},
    }
    for address, form in forms.items():
        for headers in ({}, elsewhere):
            response = page.post(address, form, headers=headers)
            assert (address, response.status_code) == (address, 403)
            assert "<h1>" in text_of(response)
    assert page.post("/share", audio(sample), headers=elsewhere).headers["Location"] == "/"
    assert (Note.objects.count(), Box.objects.count(), ApiToken.objects.count()) == (0, 1, 0)
    assert page.get("/").status_code == 200


def test_a_file_of_a_stranger_is_not_read(sample: bytes) -> None:
    stranger = Client(enforce_csrf_checks=True)
    for address, status in (("/upload", 302), ("/share", 303)):
        response = stranger.post(address, audio(sample))
        assert response.status_code == status
        # Django keeps what it has parsed; of these bodies it has parsed nothing.
        assert not hasattr(response.wsgi_request, "_files")


def test_a_page_is_refused_as_the_api_refuses(page: Client, settings: Any) -> None:
    settings.USER_REQUESTS_PER_MINUTE = 2
    assert [page.get("/").status_code for _ in range(3)] == [200, 200, 429]
    assert int(page.get("/").headers["Retry-After"]) > 0


@pytest.mark.parametrize("address", ["/nowhere", f"/notes/{uuid.UUID(int=0)}"])
def test_a_browser_gets_a_page_and_a_program_a_line(page: Client, address: str) -> None:
    shown = page.get(address)
    assert shown.status_code == 404
    assert "<h1>" in text_of(shown)
    plain = Client().get("/nowhere")
    assert plain.headers["Content-Type"].startswith("text/plain")


# --- The app -------------------------------------------------------------------------------------


def test_the_manifest_says_how_a_phone_shares_and_the_shell_knows_nobody(page: Client) -> None:
    manifest = page.get("/manifest.webmanifest")
    assert manifest.headers["Content-Type"] == "application/manifest+json"
    target = manifest.json()["share_target"]
    assert (target["action"], target["method"]) == ("/share", "POST")
    assert target["enctype"] == "multipart/form-data"
    assert target["params"]["files"][0]["name"] == "audio"
    for icon in manifest.json()["icons"]:
        response = page.get(icon["src"])
        assert response.status_code == 200
        response.close()
    shell = page.get("/offline")
    assert "alice" not in text_of(shell)
    assert "csrf" not in text_of(shell)
