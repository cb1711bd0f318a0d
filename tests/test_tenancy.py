"""Two users: nothing of Bob's can be seen, used or changed by Alice, whatever she sends."""

from __future__ import annotations

import uuid
from typing import Any, NamedTuple

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.test import Client

from notes.models import ApiToken, Attempt, Box, Note
from notes.models.note import Status
from tests.test_auth import OPERATIONS, Operation
from tests.test_upload import upload

pytestmark = [pytest.mark.database, pytest.mark.django_db]

SECRET_WORD = "jabuticaba"
#: Each operation with each field that takes an id, and which of Bob's ids is put there.
CASES = [
    pytest.param(operation, field, kind, id=f"{operation} {place}.{field} = {kind}")
    for operation in OPERATIONS
    for place, field in operation.ids
    for kind in ("failed note", "open note", "box", "empty box")
]


class Bobs(NamedTuple):
    """What Bob has."""

    user: User
    ids: dict[str, str]


@pytest.fixture
def bobs(bob: User, api_of_bob: Client) -> Bobs:
    """A box with a note that failed, one that is under way, and a box without notes."""
    box = Box.objects.create(owner=bob, name=f"Caixa {SECRET_WORD}", keywords=[SECRET_WORD])
    empty = Box.objects.create(owner=bob, name="Vazia")
    failed = upload(api_of_bob, box=str(box.pk)).json()["id"]
    text = {"text": f"Comprar {SECRET_WORD}"}
    answer = api_of_bob.post("/api/v1/notes/text", text, content_type="application/json")
    Note.objects.filter(pk=failed).update(
        processing_status=Status.FAILED,
        error_code="audio_refused",
        transcript=f"Falei de {SECRET_WORD}",
    )
    ids = {"failed note": failed, "open note": answer.json()["id"]}
    return Bobs(bob, {**ids, "box": str(box.pk), "empty box": str(empty.pk)})


def snapshot(user: User) -> dict[str, Any]:
    """All that the database and the storage have of ``user``."""
    notes = Note.objects.filter(owner=user).order_by("pk")
    return {
        "notes": list(notes.values()),
        "audio": [default_storage.exists(note.audio_key) for note in notes if note.audio_key],
        "boxes": list(Box.objects.filter(owner=user).order_by("pk").values()),
        "tokens": list(ApiToken.objects.filter(user=user).values("digest", "revoked_at")),
        "attempts": list(Attempt.objects.filter(note__owner=user).values()),
    }


def own_ids(operation: Operation, alice: User, new_note: Any) -> dict[str, str]:
    """Valid ids of Alice's for the fields of the path, so that only the tried one is wrong."""
    note = new_note(transcript="minha")
    box = Box.objects.create(owner=alice, name="Minha")
    return {"note_id": str(note.pk), "box_id": str(box.pk)}


@pytest.mark.parametrize(("operation", "field", "kind"), CASES)
def test_an_id_of_bobs_is_worth_as_much_as_none(
    api: Client, alice: User, bobs: Bobs, new_note: Any, operation: Operation, field: str, kind: str
) -> None:
    own = own_ids(operation, alice, new_note)
    absent = str(uuid.uuid4())
    before, mine = snapshot(bobs.user), snapshot(alice)
    foreign_answer = operation.ask(api, {**own, field: bobs.ids[kind]})
    absent_answer = operation.ask(api, {**own, field: absent})
    assert foreign_answer.status_code in (404, 422)
    assert foreign_answer.content.decode().replace(bobs.ids[kind], absent) == (
        absent_answer.content.decode()
    )
    assert sorted(foreign_answer.headers) == sorted(absent_answer.headers)
    assert SECRET_WORD not in foreign_answer.content.decode()
    assert snapshot(bobs.user) == before
    assert snapshot(alice) == mine


def test_every_id_that_the_contract_takes_is_tried(capsys: pytest.CaptureFixture[str]) -> None:
    fields = sorted(f"{op} {place}.{name}" for op in OPERATIONS for place, name in op.ids)
    with capsys.disabled():
        print(
            f"\ntenancy: {len(CASES)} cases, {len(fields)} fields of {len(OPERATIONS)} operations"
        )
    assert fields == [
        "DELETE /api/v1/boxes/{box_id} path.box_id",
        "DELETE /api/v1/notes/{note_id} path.note_id",
        "GET /api/v1/boxes/{box_id} path.box_id",
        "GET /api/v1/notes query.box",
        "GET /api/v1/notes/{note_id} path.note_id",
        "GET /api/v1/notes/{note_id}.json path.note_id",
        "GET /api/v1/notes/{note_id}.md path.note_id",
        "GET /api/v1/notes/{note_id}.srt path.note_id",
        "GET /api/v1/notes/{note_id}.txt path.note_id",
        "GET /api/v1/notes/{note_id}.vtt path.note_id",
        "GET /api/v1/notes/{note_id}/audio path.note_id",
        "PATCH /api/v1/boxes/{box_id} path.box_id",
        "PATCH /api/v1/notes/{note_id} body.box",
        "PATCH /api/v1/notes/{note_id} path.note_id",
        "POST /api/v1/notes body.box",
        "POST /api/v1/notes/text body.box",
        "POST /api/v1/notes/{note_id}/retry path.note_id",
    ]


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"search": SECRET_WORD},
        {"search": ""},
        {"inbox": "true"},
        {"inbox": "false"},
        {"status": "failed"},
        {"status": "classifying"},
        {"limit": 100},
    ],
)
def test_lists_never_show_bobs_notes(api: Client, bobs: Bobs, query: dict[str, Any]) -> None:
    page = api.get("/api/v1/notes", query)
    assert (page.json()["results"], page.json()["next"]) == ([], None)


def test_lists_never_show_bobs_boxes(api: Client, bobs: Bobs) -> None:
    assert api.get("/api/v1/boxes").json() == []


def test_a_cursor_of_bobs_opens_nothing(api: Client, api_of_bob: Client, bobs: Bobs) -> None:
    cursor = api_of_bob.get("/api/v1/notes", {"limit": 1}).json()["next"]
    page = api.get("/api/v1/notes", {"cursor": cursor})
    assert page.json() == {"results": [], "next": None, "search": None}


def test_a_key_of_bobs_replays_nothing(api: Client, api_of_bob: Client, bobs: Bobs) -> None:
    theirs = upload(api_of_bob, key="the same").json()["id"]
    mine = upload(api, key="the same")
    assert mine.json()["id"] != theirs
    assert "Idempotent-Replayed" not in mine.headers


def test_a_suggestion_never_names_a_box_of_bobs(api: Client, bobs: Bobs, new_note: Any) -> None:
    note = new_note(transcript="minha")
    suggestions = [{"box": bobs.ids["box"], "confidence": 0.5}]
    Note.objects.filter(pk=note.pk).update(
        filing_suggestions=suggestions, box_id=bobs.ids["box"], filed_by="rule"
    )
    told = api.get(f"/api/v1/notes/{note.pk}").json()
    assert (told["filing_suggestions"], told["box"]) == ([], None)


def test_nobody_can_give_a_note_or_a_box_away(api: Client, bobs: Bobs, new_note: Any) -> None:
    before = snapshot(bobs.user)
    note = new_note(transcript="minha")
    for name in ("owner", "owner_id", "user", "user_id"):
        for path in (f"/api/v1/notes/{note.pk}", "/api/v1/boxes", "/api/v1/notes/text"):
            body = {"text": "x", "name": "x", name: bobs.user.pk}
            method = "PATCH" if str(note.pk) in path else "POST"
            answer = api.generic(method, path, str(body).replace("'", '"'), "application/json")
            assert answer.status_code == 422
        form: dict[str, Any] = {name: bobs.user.pk}
        upload(api, **form)
    assert snapshot(bobs.user) == before
