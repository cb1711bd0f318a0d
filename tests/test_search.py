"""Finding a note again: in Portuguese, one's own only, and whatever is typed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from notes.models import Box, Note
from notes.search import postgresql
from tests.search_table import ENGLISH, NOTES, QUERIES, Query
from tests.test_upload import refused

pytestmark = [pytest.mark.database, pytest.mark.django_db]

NewNote = Callable[..., Note]


def ask(api: Client, typed: str, **query: Any) -> dict[str, Any]:
    answer = api.get("/api/v1/notes", {"search": typed, **query})
    assert answer.status_code == 200, answer.content
    page: dict[str, Any] = answer.json()
    return page


def texts(page: dict[str, Any]) -> list[str]:
    return [note["transcript"] for note in page["results"]]


def ids(page: dict[str, Any]) -> list[str]:
    return [note["id"] for note in page["results"]]


def stems() -> bool:
    return connection.vendor == "postgresql"


# --- The table -----------------------------------------------------------------------------------


def place(api: Client, query: Query) -> int | None:
    """On which place the note is found, from 1."""
    found = texts(ask(api, query.typed, limit=100))
    text = NOTES[query.note.removeprefix("-")]
    return found.index(text) + 1 if text in found else None


def test_a_person_finds_the_note_they_mean(
    api: Client, new_note: NewNote, capsys: pytest.CaptureFixture[str]
) -> None:
    for key, text in NOTES.items():
        new_note(transcript=text, language="en" if key in ENGLISH else "pt")
    expected = [query for query in QUERIES if stems() or not query.stemmed]
    places = {query: place(api, query) for query in QUERIES}
    good = {q for q, n in places.items() if (n is None if q.note[0] == "-" else n and n <= 3)}
    with capsys.disabled():
        first = sum(places[query] == 1 for query in good)
        print(
            f"\nsearch on {connection.vendor}: {len(good)} of {len(QUERIES)} queries right"
            f" ({first} with the note first), {len(expected)} of them asked for"
        )
    assert [(query, places[query]) for query in expected if query not in good] == []


def test_the_table_is_worth_its_name() -> None:
    assert len(QUERIES) >= 40
    assert all(query.note.removeprefix("-") in NOTES for query in QUERIES)


# --- The answer ----------------------------------------------------------------------------------


def test_the_answer_says_who_found_it_and_how(api: Client, new_note: NewNote) -> None:
    new_note(transcript="pão")
    page = ask(api, "pão")
    order = "rank" if stems() else "newest"
    assert page["search"] == {"engine": connection.vendor, "order": order}
    assert api.get("/api/v1/notes").json()["search"] is None
    assert api.get("/api/v1/notes").json()["results"][0]["snippet"] is None


def shown(note: dict[str, Any]) -> list[str]:
    """The words that the snippet of ``note`` highlights."""
    snippet = note["snippet"]
    text, start = snippet["text"], snippet["start"]
    assert note["transcript"][start : start + len(text)] == text
    return [text[a:b] for a, b in snippet["highlights"]]


def test_a_snippet_shows_where_in_plain_text(api: Client, new_note: NewNote) -> None:
    before, after = "palavra " * 60, " depois" * 60
    new_note(transcript=f'{before}👩‍🔧 <b>Pão</b> & "pão" de PAO{after}')
    [note] = ask(api, "pao")["results"]
    assert shown(note) == ["Pão", "pão", "PAO"]
    assert '<b>Pão</b> & "pão"' in note["snippet"]["text"]
    assert len(note["snippet"]["text"]) <= 200


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("reunião -janta", ["reunião"]),
        ("reun", ["reunião", "reunimos"]),
        ('"com o cliente"', ["com", "o", "cliente"]),
        ("cliente OR ontem", ["cliente", "ontem"]),
    ],
)
def test_a_snippet_highlights_what_was_meant(
    api: Client, new_note: NewNote, typed: str, words: list[str]
) -> None:
    new_note(transcript="Na reunião com o cliente de ontem nos reunimos.")
    [note] = ask(api, typed)["results"]
    assert shown(note) == words


def test_a_snippet_highlights_other_forms_of_a_word(api: Client, new_note: NewNote) -> None:
    if not stems():
        pytest.skip("SQLite knows no word forms")
    new_note(transcript="Paguei. Reuniões, pães e ligações; paga-se na reunião.")
    [note] = ask(api, "pagar reunião pão ligação")["results"]
    assert shown(note) == ["Paguei", "Reuniões", "pães", "ligações", "paga", "reunião"]


def test_a_search_shows_only_what_there_is_to_show(api: Client, new_note: NewNote) -> None:
    new_note(transcript="Só o leite.")
    [note] = ask(api, "-pão")["results"]
    assert note["snippet"] == {"text": "Só o leite.", "start": 0, "highlights": []}


# --- Following the words -------------------------------------------------------------------------


def test_search_follows_what_becomes_of_a_note(api: Client, new_note: NewNote) -> None:
    voice = new_note()
    assert ids(ask(api, "jabuticaba")) == []
    Note.objects.filter(pk=voice.pk).update(transcript="Comprar jabuticaba")
    assert ids(ask(api, "jabuticaba")) == [str(voice.pk)]
    voice.edit_transcript("Comprar pitanga")
    assert ids(ask(api, "jabuticaba")) == []
    assert ids(ask(api, "pitanga")) == [str(voice.pk)]
    voice.edit_transcript("")
    assert ids(ask(api, "pitanga")) == []
    voice.edit_transcript("Comprar pitanga")
    voice.erase()
    assert ids(ask(api, "pitanga")) == []
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM notes_search")
        assert cursor.fetchone() == (0,)


def test_words_of_a_deleted_user_are_gone(alice: User, new_note: NewNote) -> None:
    new_note(transcript="jabuticaba")
    alice.delete()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM notes_search")
        assert cursor.fetchone() == (0,)


@pytest.mark.parametrize(
    "text", ["x" * 200_000, "x" * 2_045, "é" * 1_022, "ab " * 66_000, "a-" * 100_000]
)
def test_a_very_long_note_is_kept_and_found(api: Client, new_note: NewNote, text: str) -> None:
    note = new_note(transcript="começo")
    note.edit_transcript(f"jabuticaba {text}"[:200_000])
    assert ids(ask(api, "jabuticaba")) == [str(note.pk)]


def test_more_different_words_than_an_index_takes_cost_their_end_only(
    api: Client, new_note: NewNote
) -> None:
    words = " ".join(chr(0x4E00 + n % 20000) + chr(0x4E00 + n // 7) for n in range(66_000))
    note = new_note(transcript=f"jabuticaba {words}")
    assert ids(ask(api, "jabuticaba")) == [str(note.pk)]


# --- Filters and pages ---------------------------------------------------------------------------


def test_search_keeps_to_the_filters(api: Client, new_note: NewNote, home: Box, work: Box) -> None:
    at_home, loose = new_note(transcript="pão", box=home), new_note(transcript="pão")
    Note.objects.filter(pk=loose.pk).update(processing_status="failed")
    new_note(transcript="leite", box=home)
    for query, expected in (
        ({"box": home.pk}, [at_home]),
        ({"box": work.pk}, []),
        ({"inbox": "true"}, [loose]),
        ({"inbox": "false"}, [at_home]),
        ({"status": "failed"}, [loose]),
        ({"status": "failed", "box": home.pk}, []),
    ):
        assert ids(ask(api, "pão", **query)) == [str(note.pk) for note in expected]


def all_pages(api: Client, typed: str, meanwhile: Callable[[], object]) -> list[str]:
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = ask(api, typed, limit=3, cursor=cursor)
        seen += ids(page)
        cursor = page["next"]
        meanwhile()
    return seen


@pytest.mark.parametrize("ranked", [True, False])
def test_pages_of_a_search_are_stable(
    api: Client, new_note: NewNote, ranked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "MAX_RANKED", 10_000 if ranked else 5)
    notes = [new_note(transcript="pão " * (number % 4 + 1)) for number in range(10)]
    before = ids(ask(api, "pão", limit=100))
    assert sorted(before) == sorted(str(note.pk) for note in notes)
    after = all_pages(api, "pão", lambda: new_note(transcript="leite"))
    assert after == before


def test_the_best_come_first_and_of_many_the_newest(
    api: Client, new_note: NewNote, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not stems():
        pytest.skip("SQLite does not rank")
    best = new_note(transcript="pão, pão, pão")
    newest = new_note(transcript="pão e muitas outras coisas de que falei")
    assert ids(ask(api, "pão")) == [str(best.pk), str(newest.pk)]
    monkeypatch.setattr(postgresql, "MAX_RANKED", 1)
    page = ask(api, "pão")
    assert ids(page) == [str(newest.pk), str(best.pk)]
    assert page["search"]["order"] == "newest"
    # Also where a filter leaves fewer of them, or none.
    assert ids(ask(api, "pão", inbox=True)) == [str(newest.pk), str(best.pk)]
    assert ids(ask(api, "pão", inbox=False)) == []


# --- Whatever is typed ---------------------------------------------------------------------------

HOSTILE = [
    " ", "'", '"', '""', "''", "\\", "%", "%s", "%(words)s", "{}", "{join}", "*", "a*", "* *", "-",
    "--", "- -", "-a", '-"', "OR", "OU", "OR OR", "a OR", "OR a", "AND", "NOT", "NEAR(a b)", "a:b",
    "transcript:a", "owner:u1", "@1", "'@1'", "@1 pão", "u1", "a & | ! ( ) < > : *", "!!a",
    "a <-> b", "':*", "x':*", "a' OR 1=1 --", "; DROP TABLE notes_note", "de a o", "the of", "não",
    '"de a o"', "😀", "👩‍🔧 -👩‍🔧", "日本語", "Ünïcödé", "\u0301", "a\u0301\u0301",
    "\u200b", "\ufeff", "\n\t",
    "<b>", "</script>", "1e5", "3,14", "http://a.b/c?d=e&f", "a@b.com", "-" * 200, '"' * 200,
    "a " * 100, '"a ' * 60, "a" * 200, "x-" * 100, "½ ﷽ ㋌", "\u0130", "ß", "ﬁ", "a OR -b",
    "\x7f", "\x01",
]  # fmt: skip


@pytest.mark.parametrize("typed", HOSTILE)
def test_nothing_that_is_typed_fails_or_finds_what_is_not_mine(
    api: Client, new_note: NewNote, bob: User, typed: str
) -> None:
    mine = new_note(transcript="minha nota")
    Note.receive(owner_id=bob.pk, transcript=f"jabuticaba a b não de u1 @1 {typed}".strip())
    page = ask(api, typed)
    assert set(ids(page)) <= {str(mine.pk)}
    assert "jabuticaba" not in str(page)


@pytest.mark.parametrize("typed", ["a\x00b", "x" * 201, "x" * 1_000_000])
def test_what_no_database_takes_is_refused(api: Client, typed: str) -> None:
    assert refused(api.get("/api/v1/notes", {"search": typed}), 422, "invalid_request")


@pytest.mark.parametrize("typed", ["", " ", "...", "de a o", "@", "😀"])
def test_nothing_to_look_for_finds_nothing_or_lists_all(
    api: Client, new_note: NewNote, typed: str
) -> None:
    new_note(transcript="pão de mel ...")
    assert len(ask(api, typed)["results"]) == (typed == "")


def test_search_never_shows_words_of_another(
    api: Client, new_note: NewNote, bob: User, alice: User
) -> None:
    theirs = Note.receive(owner_id=bob.pk, transcript="jabuticaba")
    for typed in ("jabuticaba", "jabu", '"jabuticaba"', "-pão", f"@{bob.pk}", f"u{bob.pk}"):
        assert ask(api, typed)["results"] == []
    # Whoever a note is given to has its words, and nobody else.
    Note.objects.filter(pk=theirs.pk).update(owner=alice)
    assert ids(ask(api, "jabuticaba")) == [str(theirs.pk)]
