"""import_celery_notes: all is taken over once, nobody is guessed, nothing is written there."""

from __future__ import annotations

import re
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

from notes.models import Box, Imported, Note
from notes.models.note import FiledBy, Status
from notes.storage import has_audio, read_audio
from tests.celery_system import CelerySystem
from tests.services.postgres import Postgres
from tests.services.s3 import S3
from tests.stack import Stack
from tests.test_commands import fail, run

pytestmark = pytest.mark.django_db

COMMAND = "import_celery_notes"
OGG = b"OggS" + b"\0" * 60
NOTES = 200


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CelerySystem:
    """An empty Celery system on SQLite, which the environment names."""
    system = CelerySystem(tmp_path, None)
    monkeypatch.setenv("IMPORT_DATABASE_URL", system.url)
    return system


@pytest.fixture(params=["sqlite", "postgres"])
def either(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[CelerySystem]:
    """As ``old``, on each of the two databases."""
    server: Postgres | None = None
    if request.param == "postgres":
        server = request.getfixturevalue("postgres")
    system = CelerySystem(tmp_path, server)
    monkeypatch.setenv("IMPORT_DATABASE_URL", system.url)
    yield system
    system.close()


@pytest.fixture
def users(db: None) -> dict[str, User]:
    return {
        name: User.objects.create_user(name, email=f"{name}@bau.com.br") for name in ("ana", "bia")
    }


def counts(text: str) -> dict[str, int]:
    """The table that the command prints."""
    found = re.findall(r"^(\S.*?) {2,}(\d+)$", text, re.MULTILINE)
    return {name: int(count) for name, count in found}


def fill(old: CelerySystem, notes: int = NOTES) -> Counter[str]:
    """Two people, three boxes, and notes, half of them unfinished; how many of each kind."""
    home = old.workspace("casa")
    people = [old.person("Ana@bau.com.br"), old.person("bia@bau.com.br")]
    boxes = [
        old.box(home, "Casa", keywords="pia, encanador ,", color="#00ff00", description="Lar"),
        old.box(home, "Trabalho"),
        old.box(home, "Apagada", deleted_at="2026-01-01 00:00:00+00:00"),
    ]
    kinds: Counter[str] = Counter()
    rows = []
    for number in range(notes):
        state = ("completed", "pending", "completed", "processing", "completed", "failed")[
            number % 6
        ]
        name = f"bau_mental/audios/{number}.ogg"
        rows.append(
            {
                "workspace_id": home,
                "created_by_id": people[number % 2],
                "processing_status": state,
                "box_id": boxes[number % 3] if number % 4 else None,
                "transcript": f"palavras {number}" if state == "completed" else None,
                "ai_confidence": 0.95 if state == "completed" else None,
                "audio_file": name,
                # In practice with the prefix twice.
                "stored_as": f"bau_mental/audios/{name}" if number % 5 == 0 else name,
                "audio": OGG + number.to_bytes(2),
            }
        )
        kinds[state] += 1
    old.notes(rows)
    old.note(home, created_by_id=people[0], deleted_at="2026-01-01 00:00:00+00:00")
    return kinds


def everything() -> list[Any]:
    """All rows that the command may write."""
    return [list(model.objects.order_by("pk").values()) for model in (Note, Box, Imported, User)]


@pytest.mark.database
def test_all_is_taken_over_once(
    either: CelerySystem, users: dict[str, User], capsys: pytest.CaptureFixture[str]
) -> None:
    kinds = fill(either)
    unfinished = NOTES - kinds["completed"]
    dry = counts(run(COMMAND, "--media", str(either.media), "--dry-run"))
    assert everything()[:3] == [[], [], []]
    first = counts(run(COMMAND, "--media", str(either.media)))
    assert first == {
        "boxes there": 2,
        "boxes taken over": 4,
        "notes there": NOTES,
        "notes deleted there": 1,
        "notes taken over, completed": kinds["completed"],
        "notes taken over, pending": unfinished,
        "audio files": NOTES,
        "audio bytes": NOTES * 66,
    }
    assert dry == {name: count for name, count in first.items() if name != "audio bytes"}
    state = Counter(Note.objects.values_list("processing_status", flat=True))
    assert state == {Status.COMPLETED: kinds["completed"], Status.PENDING: unfinished}
    for owner in users.values():
        mine = Note.objects.for_user(owner.pk)
        assert mine.count() == NOTES / 2
        assert {note.box.owner_id for note in mine if note.box} == {owner.pk}
    assert all(read_audio(note.audio_key).startswith(OGG) for note in Note.objects.all())
    before = everything()
    again = counts(run(COMMAND, "--media", str(either.media)))
    assert everything() == before
    assert again == {
        "boxes there": 2,
        "boxes here already": 4,
        "notes there": NOTES,
        "notes deleted there": 1,
        "notes here already": NOTES,
    }
    print(f"{either.kind}: first {first}, again {again}")


def test_each_note_keeps_what_was_true_of_it(either: CelerySystem, users: dict[str, User]) -> None:
    place, ana = either.workspace("casa"), either.person("ana@bau.com.br")
    box = either.box(place, "Casa" * 30, keywords="pia, encanador ,", color="verde")
    known = {"workspace_id": place, "created_by_id": ana}
    # PostgreSQL keeps no NUL, so there can be none there.
    nul = "\0" if either.kind == "sqlite" else ""
    words = {"transcript": f"A pia vaza.{nul}", "box_id": box}
    filed, moved, heard, expired, waits, lost, text = either.notes(
        [
            {**known, **words, "ai_confidence": 0.9, "source_type": "forwarded"},
            {**known, **words, "duration_seconds": 7.5, "audio_file": "a.ogg", "audio": OGG},
            {**known, **words, "processing_status": "failed", "audio_file": ""},
            {**known, "processing_status": "failed", "audio_file": ""},
            {**known, "processing_status": "pending", "audio_file": "b", "audio": OGG,
             "box_id": box},
            {**known, "processing_status": "processing", "audio_file": "gone.ogg"},
            {**known, "processing_status": "pending", "audio_file": "c", "audio": b"<html>"},
        ]
    )  # fmt: skip
    out, last = fail(COMMAND, "--media", str(either.media))
    assert f"audio that is not there: {lost} gone.ogg" in out
    assert f"audio of no kind we know: {text} c" in out
    assert "left out" in last
    seen = {note.pk: note for note in Note.objects.select_related("box")}
    assert {str(pk): note.processing_status for pk, note in seen.items()} == {
        str(filed): Status.COMPLETED,
        str(moved): Status.COMPLETED,
        str(heard): Status.CLASSIFYING,
        str(expired): Status.FAILED,
        str(waits): Status.PENDING,
        str(lost): Status.FAILED,
        str(text): Status.FAILED,
    }
    note = seen[filed]
    assert (note.filed_by, note.filing_confidence) == (FiledBy.RULE, 0.9)
    assert (note.transcript, note.source) == ("A pia vaza.", "forwarded")
    assert f"{note.created_at:%Y-%m-%d %H}" == "2026-03-01 10"
    assert f"{note.completed_at:%Y-%m-%d %H}" == "2026-03-02 11"
    assert (seen[moved].filed_by, seen[moved].duration_seconds) == (FiledBy.USER, 7.5)
    assert has_audio(seen[moved].audio_key)
    assert seen[waits].filed_by == FiledBy.USER
    codes = [seen[pk].error_code for pk in (expired, lost, text)]
    assert codes == ["audio_missing", "audio_missing", "audio_undecodable"]
    there = Box.objects.get()
    assert (there.name, there.color, there.keywords) == (
        ("Casa" * 20),
        "",
        ["pia", "encanador"],
    )


def test_nobody_is_guessed(old: CelerySystem, users: dict[str, User]) -> None:
    there, elsewhere = old.workspace("casa"), old.workspace("loja")
    old.box(there, "Vazia")
    old.note(there, transcript="um", created_by_id=old.person("carla@bau.com.br"))
    old.note(elsewhere, transcript="dois")
    out, _ = fail(COMMAND)
    assert "1 note of workspace casa, made by carla@bau.com.br" in out
    assert "1 note of workspace loja, made by nobody" in out
    assert "1 box of workspace casa" in out
    assert not Note.objects.exists()
    fail(COMMAND, "--map", "loja=ana")
    assert [note.owner for note in Note.objects.all()] == [users["ana"]]
    run(COMMAND, "--map", "loja=ana", "--map", "CASA=bia")
    assert Counter(Note.objects.values_list("owner__username", flat=True)) == {"ana": 1, "bia": 1}
    assert Box.objects.get().owner == users["bia"]


def test_accounts_are_made_where_that_is_wanted(old: CelerySystem, db: None) -> None:
    old.note(old.workspace("casa"), transcript="x", created_by_id=old.person("carla@bau.com.br"))
    run(COMMAND, "--create-users")
    user = User.objects.get()
    assert (user.email, user.has_usable_password()) == ("carla@bau.com.br", False)


def test_what_its_owner_has_deleted_or_changed_here_stays_so(
    old: CelerySystem, users: dict[str, User]
) -> None:
    fill(old, 12)
    run(COMMAND, "--media", str(old.media))
    gone, kept = Note.objects.all()[:2]
    gone.erase()
    kept.edit_transcript("meu")
    for box in Box.objects.for_user(users["ana"].pk):
        box.delete_and_free_notes()
    before = everything()
    run(COMMAND, "--media", str(old.media))
    assert everything() == before


def test_a_box_of_the_same_name_is_used(old: CelerySystem, users: dict[str, User]) -> None:
    place, ana = old.workspace("casa"), old.person("ana@bau.com.br")
    mine = Box.objects.create(owner=users["ana"], name="Casa")
    old.note(place, transcript="x", created_by_id=ana, box_id=old.box(place, "Casa"))
    run(COMMAND)
    assert Note.objects.get().box == mine


def test_audio_may_be_in_a_bucket_and_the_tables_bear_their_old_prefix(
    users: dict[str, User], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, s3: S3
) -> None:
    old = CelerySystem(tmp_path, None, prefix="supbrainnote_")
    monkeypatch.setenv("IMPORT_DATABASE_URL", old.url)
    for name, value in s3.env.items():
        monkeypatch.setenv(f"IMPORT_{name}", value)
    name = f"bau_mental/audios/{uuid.uuid4()}.ogg"
    s3.client.put_object(Bucket=s3.bucket, Key=f"bau_mental/audios/{name}", Body=OGG)
    person = old.person("ana@bau.com.br")
    old.note(old.workspace("casa"), audio_file=name, transcript="x", created_by_id=person)
    assert counts(run(COMMAND))["audio files"] == 1
    assert read_audio(Note.objects.get().audio_key) == OGG
    monkeypatch.setenv("IMPORT_S3_SECRET_ACCESS_KEY", "wrong")
    old.note(old.workspace("loja"), audio_file=name, created_by_id=person)
    assert "The old storage failed" in fail(COMMAND)[1]


@pytest.mark.parametrize(
    ("url", "arguments", "words"),
    [
        ("", [], "IMPORT_DATABASE_URL must be"),
        ("mysql://root:hunter2@x/y", [], "IMPORT_DATABASE_URL must be"),
        ("postgres://bau:hunter2@127.0.0.1:9/x", [], "does not answer"),
        ("sqlite://:memory:", [], "no table bau_mental_note"),
        (None, ["--map", "casa"], "WORKSPACE=USER"),
        (None, ["--map", "casa=nobody"], "no user 'nobody'"),
        (None, ["--media", "/nowhere/at/all"], "no folder"),
    ],
)
def test_what_cannot_be_tried_is_said(
    db: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    url: str | None,
    arguments: list[str],
    words: str,
) -> None:
    old = CelerySystem(tmp_path, None)
    monkeypatch.setenv("IMPORT_DATABASE_URL", old.url if url is None else url)
    said = "".join(fail(COMMAND, *arguments, code=2))
    assert words in said
    assert "hunter2" not in said


@pytest.mark.faults
def test_what_was_unfinished_there_is_finished_here(
    users: dict[str, User], tmp_path: Path, sample: bytes
) -> None:
    """In a product that runs: the sweep finds what the command leaves to be done."""
    from tests.fakes.provider import FakeProvider
    from tests.services.valkey import Valkey

    old = CelerySystem(tmp_path, None)
    place, ana = old.workspace("casa"), old.person("ana@bau.com.br")
    known = {"workspace_id": place, "created_by_id": ana}
    states = ("pending", "processing", "failed")
    old.notes(
        [{**known, "processing_status": s, "audio_file": s, "audio": sample} for s in states]
        + [{**known, "processing_status": "failed", "transcript": "pronto"}]
    )
    with (
        FakeProvider() as provider,
        Valkey() as valkey,
        Stack(
            {"IMPORT_DATABASE_URL": old.url, "SWEEP_SECONDS": "1"},
            redis=valkey.url,
            provider=provider.url,
        ) as stack,
    ):
        client = stack.create_user("ana")
        stack.manage(COMMAND, "--media", str(old.media), "--map", "casa=ana")
        notes = client.list()["results"]
        assert len(notes) == 4
        ended = [client.wait(note["id"])["processing_status"] for note in notes]
        assert ended == ["completed"] * 4
