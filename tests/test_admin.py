"""The admin: operators see what happened, not what was said, and no attack runs in it."""

from __future__ import annotations

import html
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse
from django_dramatiq.models import Task

from notes.models import ApiToken, Attempt, Box, Heartbeat, Note
from notes.models.note import Status
from tests.test_upload import OGG, upload

pytestmark = [pytest.mark.database, pytest.mark.django_db]

NewNote = Callable[..., Note]
SECRET_WORD = "jabuticaba"
ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "'-alert(1)-'<b>",
    "</textarea></title></script><script>alert(1)</script>",
    "{{ 7|add:7 }}{% debug %}<i>",
]
#: What tells recordings apart.
WORDS = (b"a", b"b", b"c")
MODELS = {"note": Note, "box": Box, "apitoken": ApiToken, "heartbeat": Heartbeat}


@pytest.fixture
def root(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.fixture
def staff(db: None) -> Client:
    """Somebody who may see and do everything with our models, but not read."""
    user = User.objects.create_user("staff", is_staff=True)
    ours = Permission.objects.filter(content_type__app_label="notes")
    user.user_permissions.set(ours.exclude(codename="view_transcript"))
    client = Client()
    client.force_login(user)
    return client


def page(client: Client, model: str, pk: Any = None, **query: Any) -> str:
    """The list of a model, or the page of one row."""
    name, arguments = ("changelist", []) if pk is None else ("change", [pk])
    response = client.get(reverse(f"admin:notes_{model}_{name}", args=arguments), query)
    assert response.status_code == 200
    return response.content.decode()


def act(client: Client, model: str, action: str, *rows: Any) -> Any:
    data = {"action": action, "_selected_action": [row.pk for row in rows]}
    return client.post(reverse(f"admin:notes_{model}_changelist"), data, follow=True)


def fail(note: Note) -> Note:
    Note.objects.filter(pk=note.pk).update(
        processing_status=Status.FAILED, error_code="provider_busy"
    )
    return note


# --- What it shows -------------------------------------------------------------------------------


@pytest.mark.parametrize("model", list(MODELS))
def test_every_model_has_a_list_and_a_page(root: Client, new_note: NewNote, model: str) -> None:
    note = new_note(transcript="pão", box=None)
    Box.objects.create(owner=note.owner, name="Casa")
    ApiToken.issue(note.owner_id)
    Heartbeat.beat("host:1")
    row = MODELS[model].objects.get()  # type: ignore[attr-defined]
    assert str(row.pk) in page(root, model) or model == "apitoken"
    page(root, model, row.pk)


def test_a_note_shows_its_attempts_and_they_cannot_be_changed(
    root: Client, new_note: NewNote
) -> None:
    note, now = new_note(transcript="pão"), datetime.now(UTC)
    Attempt.objects.create(
        note=note, stage="transcription", started_at=now, ended_at=now, outcome="later",
        error_code="provider_busy", provider="openai", model="gpt-transcribe",
    )  # fmt: skip
    shown = page(root, "note", note.pk)
    assert "gpt-transcribe" in shown
    assert "provider_busy" in shown
    assert 'name="tries-0-stage"' not in shown
    assert 'name="_save"' not in shown


def test_nothing_is_added_or_changed_by_hand(root: Client, new_note: NewNote, home: Box) -> None:
    note = new_note(transcript="pão")
    for model in MODELS:
        assert root.get(reverse(f"admin:notes_{model}_add")).status_code == 403
    address = reverse("admin:notes_note_change", args=[note.pk])
    assert root.post(address, {"transcript": "outra"}).status_code == 403
    address = reverse("admin:notes_box_change", args=[home.pk])
    assert root.post(address, {"name": "outra"}).status_code == 403


def test_dramatiqs_task_list_is_gone() -> None:
    assert not admin.site.is_registered(Task)


def test_there_is_no_way_to_the_audio(root: Client, api: Client) -> None:
    note = Note.objects.get(pk=upload(api).json()["id"])
    shown = page(root, "note", note.pk) + page(root, "note")
    assert note.audio_key not in shown
    assert "/audio" not in shown


def test_a_token_shows_nothing_but_its_first_letters(root: Client, alice: User) -> None:
    token, secret = ApiToken.issue(alice.pk, name="phone")
    shown = page(root, "apitoken") + page(root, "apitoken", token.pk)
    assert token.prefix in shown
    assert secret[:12] not in shown
    assert token.digest not in shown
    for lookup in ("digest", "digest__startswith", "digest__contains"):
        response = root.get("/admin/notes/apitoken/", {lookup: token.digest[:3]})
        assert response.status_code == 400


@pytest.mark.parametrize("client_name", ["anonymous", "alice"])
def test_it_is_for_staff_only(alice: User, client_name: str) -> None:
    client = Client()
    if client_name == "alice":
        client.force_login(alice)
    for model in MODELS:
        response = client.get(f"/admin/notes/{model}/")
        assert response.status_code == 302
        assert "/login/" in response.headers["Location"]


# --- What people said ----------------------------------------------------------------------------


@pytest.fixture
def said(new_note: NewNote) -> Note:
    note = fail(new_note(transcript=f"Comprar {SECRET_WORD} na feira"))
    Note.objects.filter(pk=note.pk).update(
        filing_reason="keywords_matched", filing_evidence=SECRET_WORD
    )
    return note


def test_a_superuser_reads_and_searches_transcripts(root: Client, said: Note) -> None:
    assert SECRET_WORD in page(root, "note", said.pk)
    assert str(said.pk) in page(root, "note", q=SECRET_WORD)
    assert str(said.pk) not in page(root, "note", q="pitanga")


def test_staff_with_the_permission_reads_them(staff: Client, said: Note) -> None:
    User.objects.get(username="staff").user_permissions.add(
        Permission.objects.get(codename="view_transcript")
    )
    assert SECRET_WORD in page(staff, "note", said.pk)


def test_staff_without_the_permission_sees_the_note_but_not_its_words(
    staff: Client, said: Note
) -> None:
    assert str(said.pk) in page(staff, "note")
    delete = staff.get(f"/admin/notes/note/{said.pk}/delete/").content.decode()
    history = staff.get(f"/admin/notes/note/{said.pk}/history/").content.decode()
    assert "provider_busy" in page(staff, "note", said.pk)
    shown = page(staff, "note") + page(staff, "note", said.pk) + delete + history
    shown += act(staff, "note", "retry_failed", said).content.decode()
    assert SECRET_WORD not in shown


def test_staff_without_the_permission_cannot_guess_the_words(staff: Client, said: Note) -> None:
    assert str(said.pk) not in page(staff, "note", q=SECRET_WORD)
    assert str(said.pk) in page(staff, "note", q=str(said.pk))
    for lookup in (
        "transcript__icontains",
        "transcript",
        "filing_evidence__startswith",
        "owner__notes__transcript__contains",
        "tries__note__transcript__contains",
    ):
        assert staff.get("/admin/notes/note/", {lookup: SECRET_WORD}).status_code == 400
    for model in ("box", "apitoken"):
        lookup = {"box": "notes__transcript__contains"}.get(model, "user__notes__transcript__in")
        response = staff.get(f"/admin/notes/{model}/", {lookup: SECRET_WORD})
        assert response.status_code == 400


# --- What runs in the browser --------------------------------------------------------------------


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_people_wrote_is_shown_and_never_run(
    root: Client, new_note: NewNote, alice: User, attack: str
) -> None:
    box = Box.objects.create(
        owner=alice, name=attack, description=attack, keywords=[attack], color="#ffffff"
    )
    note = fail(new_note(transcript=attack, box=box))
    Note.objects.filter(pk=note.pk).update(filing_evidence=attack, language=attack[:16])
    token, _ = ApiToken.issue(alice.pk, name=attack)
    pages = [page(root, model) for model in ("note", "box", "apitoken")]
    pages += [page(root, "note", note.pk), page(root, "box", box.pk)]
    pages += [page(root, "apitoken", token.pk), page(root, "note", q=attack)]
    pages += [
        root.get(f"/admin/notes/{model}/{row.pk}/{what}/").content.decode()
        for model, row in (("note", note), ("box", box), ("apitoken", token))
        for what in ("delete", "history")
    ]
    pages.append(act(root, "box", "delete_selected", box).content.decode())
    escaped = html.escape(attack)
    assert all(attack not in shown for shown in pages)
    assert all(escaped in shown for shown in pages[3:6])


# --- What it does --------------------------------------------------------------------------------


def test_failed_notes_are_retried(staff: Client, new_note: NewNote) -> None:
    bad, good = fail(new_note()), new_note(transcript="pão")
    answer = act(staff, "note", "retry_failed", bad, good).content.decode()
    assert "Tried again: 1. Not failed: 1." in answer
    bad.refresh_from_db()
    assert (bad.processing_status, bad.error_code) == ("pending", "")


def test_tokens_are_revoked(staff: Client, alice: User) -> None:
    token, secret = ApiToken.issue(alice.pk)
    assert "Revoked: 1." in act(staff, "apitoken", "revoke", token).content.decode()
    assert ApiToken.find(secret) is None


@pytest.mark.parametrize(("model", "action"), [("note", "retry_failed"), ("apitoken", "revoke")])
def test_who_may_only_look_may_not_act(
    staff: Client, new_note: NewNote, model: str, action: str
) -> None:
    user = User.objects.get(username="staff")
    views = Permission.objects.filter(codename__in=["view_note", "view_apitoken"])
    user.user_permissions.set(views)
    note = fail(new_note())
    token, secret = ApiToken.issue(note.owner_id)
    act(staff, model, action, {"note": note, "apitoken": token}[model])
    note.refresh_from_db()
    assert note.processing_status == "failed"
    assert ApiToken.find(secret)


@pytest.mark.django_db(transaction=True)
def test_deleting_notes_and_users_deletes_their_audio(root: Client, api: Client) -> None:
    notes = [Note.objects.get(pk=upload(api, OGG + word).json()["id"]) for word in WORDS]
    root.post(f"/admin/notes/note/{notes[0].pk}/delete/", {"post": "yes"})
    assert not default_storage.exists(notes[0].audio_key)
    data = {"action": "delete_selected", "_selected_action": [notes[1].pk], "post": "yes"}
    root.post("/admin/notes/note/", data)
    assert not default_storage.exists(notes[1].audio_key)
    root.post(f"/admin/auth/user/{notes[2].owner_id}/delete/", {"post": "yes"})
    assert not User.objects.filter(username="alice").exists()
    assert not default_storage.exists(notes[2].audio_key)


def test_deleting_a_box_moves_its_notes_to_the_inbox(
    root: Client, new_note: NewNote, home: Box
) -> None:
    note = new_note(transcript="pão", box=home)
    root.post(f"/admin/notes/box/{home.pk}/delete/", {"post": "yes"})
    note.refresh_from_db()
    assert (note.box, note.filed_by, note.filing_reason) == (None, "user", "box_deleted")
