"""Reading, finding, correcting, deleting and retrying notes."""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.db.models.functions import Now
from django.test import Client

from notes.broker import broker
from notes.models import Box, Note
from notes.models.note import FiledBy, Status
from notes.stages import Stage
from notes.texts import NOTE_ERRORS, PROBLEMS
from tests.conftest import ABSENT
from tests.services.run import REPOSITORY
from tests.test_upload import DETAILS, FIELDS, refused, upload, write

pytestmark = [pytest.mark.database, pytest.mark.django_db]

NewNote = Callable[..., Note]
JSON = "application/json"


def listed(api: Client, **query: Any) -> list[str]:
    """The ids on the one page that ``query`` gives."""
    response = api.get("/api/v1/notes", query)
    assert response.status_code == 200, response.content
    assert response.json()["next"] is None
    return [note["id"] for note in response.json()["results"]]


def patch(api: Client, note: Note, body: Any) -> Any:
    return api.patch(f"/api/v1/notes/{note.pk}", body, content_type=JSON)


def failed(note: Note, code: str = "provider_unauthorized", **columns: Any) -> Note:
    """``note`` after its stage was given up."""
    columns = {"processing_status": Status.FAILED, "error_code": code, "attempts": 8, **columns}
    Note.objects.filter(pk=note.pk).update(completed_at=datetime.now(UTC), **columns)
    note.refresh_from_db()
    return note


# --- Lists ---------------------------------------------------------------------------------------


def test_a_list_shows_notes_newest_first_with_every_field(api: Client, new_note: NewNote) -> None:
    ids = [str(new_note(transcript=f"nota {number}").pk) for number in range(3)]
    response = api.get("/api/v1/notes")
    assert list(response.json()) == ["results", "next", "search"]
    assert [note["id"] for note in response.json()["results"]] == ids[::-1]
    assert list(response.json()["results"][0]) == [*FIELDS, "snippet"]


def test_lists_are_filtered_by_box_and_inbox(
    api: Client, new_note: NewNote, home: Box, work: Box
) -> None:
    at_home, at_work = new_note(transcript="a", box=home), new_note(transcript="b", box=work)
    loose = new_note(transcript="c")
    assert listed(api, box=home.pk) == [str(at_home.pk)]
    assert listed(api, inbox="true") == [str(loose.pk)]
    assert listed(api, inbox="false") == [str(at_work.pk), str(at_home.pk)]
    assert listed(api, box=home.pk, inbox="true") == []


@pytest.mark.parametrize("status", list(Status))
def test_lists_are_filtered_by_status(api: Client, new_note: NewNote, status: str) -> None:
    notes = {name: new_note(transcript=name) for name in Status}
    for name, note in notes.items():
        Note.objects.filter(pk=note.pk).update(processing_status=name)
    assert listed(api, status=status) == [str(notes[Status(status)].pk)]


@pytest.mark.parametrize(
    "query",
    [
        {"box": "casa"},
        {"status": "done"},
        {"inbox": "maybe"},
        {"limit": 0},
        {"limit": 101},
        {"limit": -1},
        {"limit": "many"},
        {"search": "a\x00b"},
        {"search": "x" * 201},
    ],
)
def test_a_bad_filter_is_refused_by_name(api: Client, query: dict[str, Any]) -> None:
    response = api.get("/api/v1/notes", query)
    assert refused(response, 422, "invalid_request")
    assert response.json()["errors"][0]["loc"] == ["query", *query]


def test_a_box_that_is_not_mine_cannot_be_listed(api: Client) -> None:
    assert refused(api.get("/api/v1/notes", {"box": str(uuid.uuid4())}), 422, "unknown_box")


def test_pages_have_20_notes_unless_asked_otherwise(api: Client, new_note: NewNote) -> None:
    for number in range(22):
        new_note(transcript=str(number))
    page = api.get("/api/v1/notes").json()
    assert len(page["results"]) == 20
    assert page["next"]
    assert len(listed(api, limit=100)) == 22
    assert len(api.get("/api/v1/notes", {"limit": 1}).json()["results"]) == 1


@pytest.mark.parametrize("go", [True, False])
@pytest.mark.parametrize("at_once", [True, False])
def test_pages_are_stable_while_notes_arrive_and_go(
    api: Client, new_note: NewNote, at_once: bool, go: bool
) -> None:
    notes = [new_note(transcript=str(number)) for number in range(7)]
    if at_once:
        Note.objects.filter(pk__in=[note.pk for note in notes[1:6]]).update(created_at=Now())
    expected = [str(pk) for pk in Note.objects.values_list("pk", flat=True)]
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = api.get(f"/api/v1/notes?limit=2&cursor={cursor}").json()
        seen += [note["id"] for note in page["results"]]
        cursor = page["next"]
        new_note(transcript="arrives meanwhile")
        if go:
            Note.objects.filter(pk=seen[-1]).delete()
    assert seen == expected


def test_a_page_that_ends_the_list_has_no_next(api: Client, new_note: NewNote) -> None:
    for number in range(4):
        new_note(transcript=str(number))
    first = api.get("/api/v1/notes", {"limit": 2}).json()
    second = api.get("/api/v1/notes", {"limit": 2, "cursor": first["next"]}).json()
    assert second["next"] is None


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "%00",
        "\x00",
        "é",
        "a" * 5000,
        encoded("2026-01-01T00:00:00+00:00"),
        encoded("2026-01-01T00:00:00+00:00|7"),
        encoded(f"nonsense|{ABSENT}"),
        encoded(f"2026-01-01T00:00:00+00:00|{ABSENT}|x"),
        encoded(f"2026-01-01T00:00:00+00:00|{ABSENT}|{2**40}"),
        encoded(f"2026-01-01T00:00:00+00:00|{ABSENT}|1|1"),
        encoded(f"0001-01-01T00:00:00+14:00|{ABSENT}"),
        encoded(f"9999-12-31T23:59:59-14:00|{ABSENT}"),
    ],
)
def test_a_bad_cursor_is_refused(api: Client, cursor: str) -> None:
    assert refused(api.get("/api/v1/notes", {"cursor": cursor}), 422, "bad_cursor")


# --- One note ------------------------------------------------------------------------------------


def test_a_filed_note_says_where_why_and_what_else_came_close(
    api: Client, new_note: NewNote, home: Box, work: Box
) -> None:
    note = new_note(transcript="A pia da reunião")
    gone = uuid.uuid4()
    Note.objects.filter(pk=note.pk).update(
        box=home,
        filed_by=FiledBy.RULE,
        filing_confidence=0.8,
        filing_reason="keywords_matched",
        filing_evidence="pia {evidence} %s",
        filing_suggestions=[{"box": str(b), "confidence": 0.4} for b in (work.pk, gone)],
    )
    told = api.get(f"/api/v1/notes/{note.pk}", headers={"Accept-Language": "en"}).json()
    assert told["box"] == {"id": str(home.pk), "name": "Casa"}
    assert (told["filed_by"], told["filing_confidence"]) == ("rule", 0.8)
    assert told["filing_reason"] == "Keywords: pia {evidence} %s."
    assert told["filing_suggestions"] == [
        {"box": {"id": str(work.pk), "name": "Trabalho"}, "confidence": 0.4}
    ]


def test_a_note_that_has_not_changed_costs_a_304(api: Client, new_note: NewNote) -> None:
    note = new_note(transcript="pão")
    address = f"/api/v1/notes/{note.pk}"
    first = api.get(address)
    etag = first.headers["ETag"]
    assert "private" in first.headers["Cache-Control"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = api.get(address, headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["ETag"] == etag
    note.edit_transcript("pão e leite")
    changed = api.get(address, headers={"If-None-Match": etag})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != etag


def test_an_etag_differs_by_language_where_the_text_does(api: Client, new_note: NewNote) -> None:
    address = f"/api/v1/notes/{failed(new_note()).pk}"
    etags = {
        api.get(address, headers={"Accept-Language": language}).headers["ETag"]
        for language in ("pt-BR", "en")
    }
    assert len(etags) == 2
    assert "Accept-Language" in api.get(address).headers["Vary"]


@pytest.mark.parametrize("note_id", [ABSENT, "1", "x", "%00", "..", "a" * 3000])
@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_a_note_that_is_not_there_is_a_404(api: Client, method: str, note_id: str) -> None:
    response = api.generic(method.upper(), f"/api/v1/notes/{note_id}", "{}", JSON)
    assert refused(response, 404, "not_found")


# --- Corrections ---------------------------------------------------------------------------------


def test_the_owner_corrects_the_words(api: Client, new_note: NewNote) -> None:
    note = new_note(transcript="pau", box=None)
    response = patch(api, note, {"transcript": "pão"})
    assert response.status_code == 200
    assert list(response.json()) == FIELDS + DETAILS
    assert response.json()["transcript"] == "pão"
    assert response.json()["filed_by"] is None
    note.refresh_from_db()
    assert note.transcript_edited_at


def test_the_owner_moves_a_note_into_a_box_and_back(
    api: Client, new_note: NewNote, home: Box
) -> None:
    note = new_note(transcript="pão")
    moved = patch(api, note, {"box": str(home.pk)}).json()
    assert moved["box"] == {"id": str(home.pk), "name": "Casa"}
    assert moved["filed_by"] == "user"
    assert moved["filing_reason"] == "Você escolheu."
    back = patch(api, note, {"box": None}).json()
    assert (back["box"], back["filed_by"], back["transcript"]) == (None, "user", "pão")


def test_nothing_to_change_changes_nothing(api: Client, new_note: NewNote, home: Box) -> None:
    note = new_note(transcript="pão", box=home)
    before = api.get(f"/api/v1/notes/{note.pk}").json()
    for body in ({}, {"transcript": None}):
        assert patch(api, note, body).json() == before


@pytest.mark.parametrize(
    "body",
    [
        {"transcritp": "typo"},
        {"transcript": "ok", "owner": 1},
        {"transcript": "ok", "filed_by": "rule"},
        {"transcript": "ok", "processing_status": "completed"},
        {"transcript": "a\x00b"},
        {"transcript": "a\ud800b"},
        {"transcript": 7},
        {"transcript": "x" * 200_001},
        {"box": "casa"},
        {"box": 7},
        {"\ud800": 1},
        [],
        None,
    ],
)
def test_a_bad_correction_is_refused_and_changes_nothing(
    api: Client, new_note: NewNote, body: Any
) -> None:
    note = new_note(transcript="pão")
    assert refused(patch(api, note, json.dumps(body)), 422, "invalid_request")
    note.refresh_from_db()
    assert note.transcript == "pão"


def test_a_correction_with_an_unknown_box_changes_nothing(api: Client, new_note: NewNote) -> None:
    note = new_note(transcript="pão")
    body = {"transcript": "leite", "box": str(uuid.uuid4())}
    assert refused(patch(api, note, body), 422, "unknown_box")
    note.refresh_from_db()
    assert (note.transcript, note.filed_by) == ("pão", "")


# --- Deleting ------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_deleting_a_note_deletes_its_audio(api: Client) -> None:
    note = Note.objects.get(pk=upload(api).json()["id"])
    assert default_storage.exists(note.audio_key)
    response = api.delete(f"/api/v1/notes/{note.pk}")
    assert (response.status_code, response.content) == (204, b"")
    assert not default_storage.exists(note.audio_key)
    assert refused(api.get(f"/api/v1/notes/{note.pk}"), 404, "not_found")
    assert refused(api.delete(f"/api/v1/notes/{note.pk}"), 404, "not_found")


# --- Failures and retry --------------------------------------------------------------------------


def test_a_failed_note_says_why_in_both_languages(api: Client, new_note: NewNote) -> None:
    address = f"/api/v1/notes/{failed(new_note()).pk}"
    errors = {
        language: api.get(address, headers={"Accept-Language": language}).json()["error"]
        for language in ("pt-BR,pt;q=0.9", "en-GB,en;q=0.8", "fr", "")
    }
    assert {error["code"] for error in errors.values()} == {"provider_unauthorized"}
    assert all(error["retryable"] for error in errors.values())
    assert "refused the key" in errors["en-GB,en;q=0.8"]["message"]
    assert "recusou a chave" in errors["pt-BR,pt;q=0.9"]["message"]
    assert errors["fr"] == errors[""] == errors["pt-BR,pt;q=0.9"]


@pytest.mark.django_db(transaction=True)
def test_a_retry_repeats_the_failed_transcription(api: Client, new_note: NewNote) -> None:
    note = failed(new_note())
    broker().flush(Stage.TRANSCRIPTION.queue)
    response = api.post(f"/api/v1/notes/{note.pk}/retry")
    told = response.json()
    assert response.status_code == 202
    assert (told["processing_status"], told["attempts"], told["error"]) == ("pending", 0, None)
    assert told["completed_at"] is None
    assert broker().do_qsize(Stage.TRANSCRIPTION.queue) == 1


def test_a_retry_of_a_note_that_found_no_box_files_again(api: Client, new_note: NewNote) -> None:
    note = failed(new_note(transcript="pão"), processing_status=Status.COMPLETED)
    told = api.post(f"/api/v1/notes/{note.pk}/retry").json()
    assert (told["processing_status"], told["transcript"]) == ("classifying", "pão")


@pytest.mark.parametrize(
    "columns",
    [
        {"processing_status": Status.PENDING, "error_code": "provider_busy"},
        {"processing_status": Status.TRANSCRIBING},
        {"processing_status": Status.CLASSIFYING},
        {"processing_status": Status.COMPLETED, "error_code": ""},
        {"processing_status": Status.COMPLETED, "filed_by": FiledBy.USER},
    ],
)
def test_what_has_not_failed_cannot_be_retried(
    api: Client, new_note: NewNote, columns: dict[str, str]
) -> None:
    note = failed(new_note(transcript="pão"), **columns)
    assert refused(api.post(f"/api/v1/notes/{note.pk}/retry"), 409, "not_retryable")


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("filed_by", ["", "user"])
def test_an_ended_note_says_retryable_exactly_when_a_retry_is_taken(
    api: Client, new_note: NewNote, status: Status, filed_by: str
) -> None:
    note = failed(new_note(transcript="x"), processing_status=status, filed_by=filed_by)
    said = api.get(f"/api/v1/notes/{note.pk}").json()["error"]["retryable"]
    if status in (Status.COMPLETED, Status.FAILED):
        answer = api.post(f"/api/v1/notes/{note.pk}/retry")
        assert said is (answer.status_code == 202)
    else:
        assert said is True


# --- The audio -----------------------------------------------------------------------------------


def audio(api: Client, note_id: str, range_: str | None = None) -> Any:
    headers = {"Range": range_} if range_ else {}
    return api.get(f"/api/v1/notes/{note_id}/audio", headers=headers)


def test_the_audio_comes_back_with_our_name_and_type(api: Client, sample: bytes) -> None:
    note_id = upload(api, sample, name="<b>.html", kind="text/html").json()["id"]
    response = audio(api, note_id)
    assert response.status_code == 200
    assert response.getvalue() == sample
    assert response.headers["Content-Type"] == "audio/ogg"
    assert response.headers["Content-Disposition"] == f'inline; filename="{note_id}.ogg"'
    assert response.headers["Content-Length"] == str(len(sample))
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in response.headers["Cache-Control"]


@pytest.mark.parametrize(
    ("range_", "first", "last"),
    [
        ("bytes=0-9", 0, 9),
        ("bytes=10-", 10, None),
        ("bytes=-5", -5, None),
        ("bytes=0-999999999", 0, None),
    ],
)
def test_a_range_gives_a_part(
    api: Client, sample: bytes, range_: str, first: int, last: int | None
) -> None:
    response = audio(api, upload(api, sample).json()["id"], range_)
    part = sample[first:] if last is None else sample[first : last + 1]
    assert response.status_code == 206
    assert response.getvalue() == part
    start = first % len(sample)
    expected = f"bytes {start}-{start + len(part) - 1}/{len(sample)}"
    assert response.headers["Content-Range"] == expected


@pytest.mark.parametrize(
    "range_", ["items=0-1", "bytes=-", "bytes=a-b", "bytes=0-1,5-9", "bytes=" + "9" * 5000 + "-"]
)
def test_a_range_nobody_understands_gives_the_whole(
    api: Client, sample: bytes, range_: str
) -> None:
    response = audio(api, upload(api, sample).json()["id"], range_)
    assert (response.status_code, response.getvalue()) == (200, sample)


@pytest.mark.parametrize("range_", ["bytes=999999999-", "bytes=-0", "bytes=9-3"])
def test_a_range_outside_of_the_audio_is_a_416(api: Client, sample: bytes, range_: str) -> None:
    response = audio(api, upload(api, sample).json()["id"], range_)
    assert refused(response, 416, "range_not_satisfiable")
    assert response.headers["Content-Range"] == f"bytes */{len(sample)}"


def test_a_note_without_audio_has_none(api: Client, new_note: NewNote) -> None:
    assert refused(audio(api, write(api).json()["id"]), 404, "no_audio")
    lost = new_note(audio_key="audio/2026-01-01/lost")
    assert refused(audio(api, str(lost.pk)), 404, "no_audio")


# --- The contract as a whole ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"text":', 400),
        (b"\xff\xfe{", 400),
        (b"[" * 200_000, 400),
        (b'{"text": ' + b"9" * 6000 + b"}", 400),
        (b'{"text": NaN}', 422),
        (b'{"text": "a\\ud800b"}', 422),
        (b'{"text": "a\\u0000b"}', 422),
        (b"null", 422),
        (b"", 422),
        (b'{"text": "' + b"x" * 3_000_000 + b'"}', 413),
    ],
)
def test_a_bad_body_is_refused_calmly(api: Client, body: bytes, status: int) -> None:
    response = api.post("/api/v1/notes/text", body, content_type=JSON)
    codes = {400: "bad_request", 413: "body_too_large", 422: "invalid_request"}
    assert refused(response, status, codes[status])
    assert b"xxxx" not in response.content


@pytest.mark.parametrize("path", ["nope", "notes/", "notes/x/y", "boxes/7", "%00", ""])
def test_an_unknown_address_is_a_problem_too(api: Client, path: str) -> None:
    for method in ("GET", "POST"):
        response = api.generic(method, f"/api/v1/{path}")
        assert refused(response, 404, "not_found")


@pytest.mark.parametrize(
    ("language", "title"), [("pt-BR", "Não encontrado."), ("en", "Not found.")]
)
def test_a_problem_speaks_the_clients_language(api: Client, language: str, title: str) -> None:
    address = f"/api/v1/notes/{uuid.uuid4()}"
    response = api.get(address, headers={"Accept-Language": language})
    assert response.json() == {
        "type": "urn:bau-mental:problem:not_found",
        "title": title,
        "status": 404,
        "code": "not_found",
        "instance": address,
        "request_id": response.headers["X-Request-ID"],
    }


def test_an_unexpected_fault_is_a_problem_without_its_text(
    api: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fault(*_: Any) -> None:
        raise ZeroDivisionError("segredo")

    monkeypatch.setattr("notes.api.notes.find_note", fault)
    response = api.get(f"/api/v1/notes/{uuid.uuid4()}")
    assert refused(response, 500, "internal_error")
    assert b"segredo" not in response.content
    assert "ZeroDivisionError" in caplog.text
    assert "segredo" not in caplog.text


def test_the_docs_list_every_code_with_its_status() -> None:
    text = (REPOSITORY / "docs" / "api-reference.md").read_text()
    problems = re.findall(r"^\| `(\w+)` \| (\d{3}) \|", text, re.MULTILINE)
    assert {(code, int(status)) for code, status in problems} == {
        (code, status) for code, (status, _) in PROBLEMS.items()
    }
    errors = re.findall(r"^\| `(\w+)` \| (?:we|you|operator)", text, re.MULTILINE)
    assert sorted(errors) == sorted(NOTE_ERRORS)


def test_a_note_of_mine_survives_the_deletion_of_another_user(api: Client, bob: User) -> None:
    note_id = write(api).json()["id"]
    bob.delete()
    assert api.get(f"/api/v1/notes/{note_id}").status_code == 200
