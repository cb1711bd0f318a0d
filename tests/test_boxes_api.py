"""Boxes: made, changed, deleted, and what becomes of the notes in them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from notes.models import Box, Note
from notes.models.note import FiledBy
from tests.conftest import ABSENT
from tests.test_upload import refused

pytestmark = [pytest.mark.database, pytest.mark.django_db]

BOX = {
    "name": "Viagem",
    "description": "Malas e passagens",
    "keywords": ["mala", "passagem"],
    "color": "#aa00FF",
}


def post(api: Client, body: Any) -> Any:
    return api.post("/api/v1/boxes", body, content_type="application/json")


def patch(api: Client, box: Box, body: Any) -> Any:
    return api.patch(f"/api/v1/boxes/{box.pk}", body, content_type="application/json")


def test_a_box_is_made_with_an_address_and_read_back(api: Client) -> None:
    response = post(api, BOX)
    box = response.json()
    assert response.status_code == 201
    assert list(box) == ["id", "name", "description", "keywords", "color", "created_at"]
    assert {name: box[name] for name in BOX} == BOX
    assert response.headers["Location"] == f"/api/v1/boxes/{box['id']}"
    assert api.get(response.headers["Location"]).json() == box


def test_a_name_is_enough(api: Client) -> None:
    box = post(api, {"name": "  Casa  "}).json()
    assert (box["name"], box["description"], box["keywords"], box["color"]) == ("Casa", "", [], "")


def test_boxes_are_listed_by_name(api: Client, work: Box, home: Box) -> None:
    response = api.get("/api/v1/boxes")
    assert response.status_code == 200
    assert [box["name"] for box in response.json()] == ["Casa", "Trabalho"]


@pytest.mark.parametrize("field", list(BOX))
def test_a_box_changes_only_where_asked(api: Client, home: Box, field: str) -> None:
    before = api.get(f"/api/v1/boxes/{home.pk}").json()
    response = patch(api, home, {field: BOX[field]})
    assert response.status_code == 200
    assert response.json() == {**before, field: BOX[field]}
    assert api.get(f"/api/v1/boxes/{home.pk}").json() == response.json()


@pytest.mark.parametrize("body", [{}, {"name": None}, {"name": "Casa"}])
def test_nothing_to_change_changes_nothing(api: Client, home: Box, body: Any) -> None:
    before = api.get(f"/api/v1/boxes/{home.pk}").json()
    assert patch(api, home, body).json() == before


@pytest.mark.parametrize(
    "field",
    [
        {"name": ""},
        {"name": " \t"},
        {"name": "x" * 81},
        {"name": "a\x00b"},
        {"name": "a\ud800b"},
        {"name": 7},
        {"description": "x" * 501},
        {"description": "\ud800"},
        {"keywords": "mala"},
        {"keywords": [""]},
        {"keywords": ["x" * 61]},
        {"keywords": ["a\x00"]},
        {"keywords": ["\udfff"]},
        {"keywords": ["x"] * 51},
        {"keywords": [{"a": 1}]},
        {"color": "red"},
        {"color": "#12345g"},
        {"color": "#123456\n"},
        {"color": "url(x)"},
        {"colour": "#123456"},
        {"owner": 1},
        {"id": ABSENT},
    ],
)
def test_a_bad_field_is_refused_and_changes_nothing(
    api: Client, home: Box, field: dict[str, Any]
) -> None:
    before = Box.objects.values().get()
    assert refused(post(api, json.dumps({"name": "Nova", **field})), 422, "invalid_request")
    assert refused(patch(api, home, json.dumps(field)), 422, "invalid_request")
    assert Box.objects.values().get() == before


def test_a_name_is_taken_once_per_owner(
    api: Client, api_of_bob: Client, home: Box, work: Box
) -> None:
    assert refused(post(api, {"name": "Casa"}), 409, "box_exists")
    assert refused(post(api, {"name": " Casa "}), 409, "box_exists")
    assert refused(patch(api, work, {"name": "Casa"}), 409, "box_exists")
    assert post(api_of_bob, {"name": "Casa"}).status_code == 201
    work.refresh_from_db()
    assert work.name == "Trabalho"


def test_deleting_a_box_moves_its_notes_to_the_inbox(
    api: Client, new_note: Callable[..., Note], home: Box, work: Box
) -> None:
    filed, chosen = new_note(transcript="a"), new_note(transcript="b", box=home)
    other = new_note(transcript="c", box=work)
    Note.objects.filter(pk=filed.pk).update(box=home, filed_by=FiledBy.RULE, filing_confidence=1)
    response = api.delete(f"/api/v1/boxes/{home.pk}")
    assert (response.status_code, response.content) == (204, b"")
    for note in (filed, chosen):
        told = api.get(f"/api/v1/notes/{note.pk}").json()
        assert (told["box"], told["filed_by"], told["filing_confidence"]) == (None, "user", None)
        assert told["filing_reason"] == "A caixinha foi apagada."
    assert api.get(f"/api/v1/notes/{other.pk}").json()["box"]["id"] == str(work.pk)
    assert refused(api.get(f"/api/v1/boxes/{home.pk}"), 404, "not_found")
    assert refused(api.delete(f"/api/v1/boxes/{home.pk}"), 404, "not_found")


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
@pytest.mark.parametrize("box_id", [ABSENT, "7", "Casa", "%00"])
def test_a_box_that_is_not_there_is_a_404(api: Client, method: str, box_id: str) -> None:
    response = api.generic(method, f"/api/v1/boxes/{box_id}", "{}", "application/json")
    assert refused(response, 404, "not_found")
