"""Two users: nothing of Bob's can be seen, used or changed by Alice, whatever she sends."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.test import Client

from notes.models import Box, Note
from notes.models.note import Status
from tests.rows import id_of, make_row, model_named, owned_models, rows_of
from tests.services.run import REPOSITORY
from tests.test_auth import NUMBERS, OPERATIONS, Operation, absent_id
from tests.test_upload import refused, upload

pytestmark = [pytest.mark.database, pytest.mark.django_db]

SECRET_WORD = "jabuticaba"
#: What Bob has in any case; beside it, a row of each model that an id of the contract is of.
KINDS = ("failed note", "open note", "box", "empty box")
MODELS = {
    name: model_named(name)
    for operation in OPERATIONS
    for place, name in operation.ids
    if place == "path"
}
OTHERS = tuple(sorted(name for name in MODELS if MODELS[name] not in (Note, Box)))
#: Each operation with each field that takes an id, and which of Bob's ids is put there.
CASES = [
    pytest.param(operation, field, kind, id=f"{operation} {place}.{field} = {kind}")
    for operation in OPERATIONS
    for place, field in operation.ids
    for kind in (*KINDS, *OTHERS)
    if (field in NUMBERS) == (kind in NUMBERS)
]


class Bobs(NamedTuple):
    """What Bob has."""

    user: User
    ids: dict[str, str]


@pytest.fixture
def bobs(bob: User, api_of_bob: Client) -> Bobs:
    """A box with a note that failed, one under way, a box without notes, and one of all else."""
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
    ids |= {"box": str(box.pk), "empty box": str(empty.pk)}
    return Bobs(bob, {**ids, **{name: id_of(make_row(MODELS[name], bob)) for name in OTHERS}})


def snapshot(user: User) -> dict[str, Any]:
    """All that the database and the storage have of ``user``, but for what they have used.

    A refused upload is counted and given back, which leaves a row of zeros.
    """
    keys = Note.objects.filter(owner=user).exclude(audio_key="").values_list("audio_key", flat=True)
    rows = {name: found for name, found in rows_of(user).items() if name != "Usage"}
    return {**rows, "audio": [default_storage.exists(key) for key in sorted(keys)]}


def own_ids(operation: Operation, alice: User) -> dict[str, str]:
    """Valid ids of Alice's for the fields of the path, so that only the tried one is wrong."""
    names = [name for place, name in operation.ids if place == "path"]
    return {name: id_of(make_row(MODELS[name], alice)) for name in names}


def neutral(answer: Any, given: str) -> str:
    """The body without what may differ: the id that was asked for, and that of the request."""
    text = str(answer.content.decode()).replace(given, "ID")
    return text.replace(answer.headers["X-Request-ID"], "REQUEST")


@pytest.mark.parametrize(("operation", "field", "kind"), CASES)
def test_an_id_of_bobs_is_worth_as_much_as_none(
    api: Client, alice: User, bobs: Bobs, operation: Operation, field: str, kind: str
) -> None:
    client = api
    if not operation.bearer:
        client = Client()
        client.force_login(alice)
    own, absent = own_ids(operation, alice), absent_id(field)
    before, mine = snapshot(bobs.user), snapshot(alice)
    foreign_answer = operation.ask(client, {**own, field: bobs.ids[kind]})
    absent_answer = operation.ask(client, {**own, field: absent})
    assert foreign_answer.status_code in (404, 422)
    assert neutral(foreign_answer, bobs.ids[kind]) == neutral(absent_answer, absent)
    assert sorted(foreign_answer.headers) == sorted(absent_answer.headers)
    assert SECRET_WORD not in foreign_answer.content.decode()
    assert snapshot(bobs.user) == before
    assert snapshot(alice) == mine


def test_every_id_that_the_contract_takes_is_tried(capsys: pytest.CaptureFixture[str]) -> None:
    fields = {f"{op} {place}.{name}" for op in OPERATIONS for place, name in op.ids}
    tried = {str(case.id).partition(" = ")[0] for case in CASES}
    with capsys.disabled():
        print(
            f"\ntenancy: {len(CASES)} cases, {len(fields)} fields of {len(OPERATIONS)} operations"
        )
    assert tried == fields
    templated = {name for op in OPERATIONS for name in re.findall(r"{(\w+)}", op.path)}
    assert templated == set(MODELS)
    # What is known to take ids, so that one that is no longer found is missed.
    assert fields >= {
        "DELETE /api/v1/boxes/{box_id} path.box_id",
        "GET /api/v1/notes query.box",
        "GET /api/v1/notes/{note_id} path.note_id",
        "GET /api/v1/notes/{note_id}.json path.note_id",
        "GET /api/v1/notes/{note_id}.md path.note_id",
        "GET /api/v1/notes/{note_id}.srt path.note_id",
        "GET /api/v1/notes/{note_id}.txt path.note_id",
        "GET /api/v1/notes/{note_id}.vtt path.note_id",
        "GET /api/v1/notes/{note_id}/audio path.note_id",
        "PATCH /api/v1/notes/{note_id} body.box",
        "PATCH /api/v1/notes/{note_id} path.note_id",
        "PATCH /api/v1/webhooks/{webhook_id} path.webhook_id",
        "POST /api/v1/notes body.box",
        "POST /api/v1/notes/text body.box",
        "POST /api/v1/notes/{note_id}/retry path.note_id",
        "DELETE /api/v1/tokens/{token_id} path.token_id",
        "GET /api/v1/webhooks/{webhook_id}/deliveries path.webhook_id",
        "POST /api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver path.delivery_id",
    }


# --- One door ------------------------------------------------------------------------------------

#: What may be called on the manager of a model whose rows belong to somebody.
DOORS = {"for_user", "create", "none"}
SHORT_CUTS = {"_default_manager", "_base_manager", "get_object_or_404", "get_list_or_404"}


def backdoors(source: str) -> list[str]:
    """Where ``source`` asks for rows without saying whose, as ``line: code``."""
    tree = ast.parse(source)
    owned = {model.__name__ for model in owned_models()}
    outer = {id(node.value): node for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    found = []
    for node in ast.walk(tree):
        name = getattr(node, "attr", getattr(node, "id", ""))
        model = node.value if isinstance(node, ast.Attribute) else None
        of_owned = isinstance(model, ast.Name) and model.id in owned
        through = outer.get(id(node))
        if (name == "objects" and of_owned and (not through or through.attr not in DOORS)) or (
            name in SHORT_CUTS
        ):
            found.append(f"{getattr(node, 'lineno', 0)}: {ast.unparse(through or node)}")
    return found


@pytest.mark.parametrize(
    "file", sorted((REPOSITORY / "notes" / "api").rglob("*.py")), ids=lambda file: str(file.name)
)
def test_the_api_asks_for_rows_only_by_their_owner(file: Path) -> None:
    assert backdoors(file.read_text()) == []


@pytest.mark.parametrize(
    "source",
    [
        "Note.objects.get(pk=1)",
        "Box.objects.filter(pk=1)",
        "ApiToken.objects.all()",
        "everything = Note.objects",
        "Note._default_manager.all()",
        "get_object_or_404(Note, pk=1)",
    ],
)
def test_a_backdoor_is_found(source: str) -> None:
    assert backdoors(source)
    assert backdoors("Note.objects.for_user(1).filter(pk=1)") == []


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


#: What only the product itself says of a row or a person.
PRIVILEGED = (
    *("owner", "owner_id", "user", "user_id", "is_staff", "is_superuser", "is_active", "quota"),
    *("groups", "permissions", "id", "filed_by", "processing_status", "lease_token", "audio_key"),
)
WRITING = [operation for operation in OPERATIONS if operation.kind == "application/json"]
WRITING = [operation for operation in WRITING if operation.method in ("POST", "PATCH", "PUT")]


@pytest.mark.parametrize("operation", [op for op in WRITING if op.takes_body], ids=str)
def test_nobody_can_give_themselves_or_others_anything(
    api: Client, alice: User, bobs: Bobs, operation: Operation
) -> None:
    client = api
    if not operation.bearer:
        client = Client()
        client.force_login(alice)
    own = own_ids(operation, alice)
    before, mine = snapshot(bobs.user), snapshot(alice)
    rights = User.objects.values().get(pk=alice.pk)
    for name in PRIVILEGED:
        for value in (bobs.user.pk, True, "true"):
            more = operation._replace(body={**operation.body, name: value})
            assert refused(more.ask(client, own), 422, "invalid_request")
    assert (snapshot(bobs.user), snapshot(alice)) == (before, mine)
    assert User.objects.values().get(pk=alice.pk) == rights


def test_a_form_gives_nothing_away_either(api: Client, alice: User, bobs: Bobs) -> None:
    before = snapshot(bobs.user)
    for name in PRIVILEGED:
        form: dict[str, Any] = {name: bobs.user.pk}
        upload(api, **form)
    assert snapshot(bobs.user) == before
    assert set(Note.objects.for_user(alice.pk).values_list("processing_status", flat=True)) <= {
        "pending"
    }
