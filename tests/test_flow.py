"""The way of a note through real processes: web, worker, Valkey, both databases, a fake vendor.

Figures that a person may want to see are printed; `-s` or `-rP` shows them.
"""

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.answers import completion
from tests.fakes.log import Entry
from tests.fakes.provider import FakeProvider
from tests.marks import marked
from tests.services import wait_for
from tests.services.postgres import Postgres
from tests.services.rest import Json
from tests.services.valkey import Valkey
from tests.stack import Client, Stack
from tests.test_untouched_copy import in_one_stream, packets, short_opus

POOL = 8
THREADS = 64
#: Enough for every test below, made in one go: a user costs a Django start otherwise.
PEOPLE = 16


@dataclass
class Product:
    """A running stack, its vendor, and people who have no notes yet."""

    stack: Stack
    provider: FakeProvider
    people: Iterator[Client]
    postgres: Postgres | None = None
    database: str = ""

    def person(self) -> Client:
        return next(self.people)

    def audio_files(self) -> list[Path]:
        root = Path(self.stack.env["MEDIA_ROOT"])
        return [path for path in root.rglob("*") if path.is_file()]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def running(request: pytest.FixtureRequest) -> Iterator[Product]:
    """One stack for each database; the sweep looks every second, so that retries are quick."""
    postgres = request.getfixturevalue("postgres") if request.param == "postgres" else None
    database = f"flow_{os.urandom(4).hex()}" if postgres else ""
    env = {
        "DATABASE_POOL_SIZE": str(POOL),
        "WORKER_THREADS": str(THREADS),
        "SWEEP_SECONDS": "1",
        **({"DATABASE_URL": postgres.create_database(database)} if postgres else {}),
    }
    with (
        FakeProvider() as provider,
        Valkey() as valkey,
        Stack(env, redis=valkey.url, provider=provider.url) as stack,
    ):
        people = iter(stack.create_users(*(f"person{number}" for number in range(PEOPLE))))
        yield Product(stack, provider, people, postgres, database)


@pytest.fixture
def product(running: Product) -> Iterator[Product]:
    """The running one, its vendor as new; with a failure pytest shows its log."""
    seen = len(running.stack.log_text())
    running.provider.reset()
    yield running
    running.provider.reset()
    print(running.stack.log_text()[seen:])


def recording() -> bytes:
    """The sample with a mark of its own."""
    return marked()[0]


def peak(entries: list[Entry]) -> int:
    """How many of these requests were in flight at once, at most."""
    marks = [(entry.started, 1) for entry in entries]
    marks += [(entry.ended, -1) for entry in entries if entry.ended is not None]
    now = most = 0
    for _, step in sorted(marks):
        now += step
        most = max(most, now)
    return most


def choice(key: str) -> str:
    """What the chat model says when it chooses the box ``key``."""
    return json.dumps({"box": key, "confidence": 0.9, "reason": "Combina.", "runners_up": []})


@contextmanager
def sampled(figure: Any, every: float = 0.05) -> Iterator[list[int]]:
    """The values of ``figure()`` while the block runs."""
    values: list[int] = []
    done = threading.Event()

    def sample() -> None:
        while not done.wait(every):
            values.append(figure())

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield values
    finally:
        done.set()
        thread.join()


def prompt_of(chat: Entry) -> str:
    return "\n".join(message["content"] for message in chat.json["messages"])


# --- A hundred at once -----------------------------------------------------------------------


@pytest.fixture
def connections(product: Product) -> Iterator[list[int]]:
    """How many connections PostgreSQL had, sampled; nothing on SQLite."""
    if product.postgres is None:
        yield []
        return
    with sampled(lambda: product.postgres.connections(product.database)) as values:
        yield values


def test_a_hundred_notes_at_once_are_each_transcribed_once_over_a_small_pool(
    product: Product, connections: list[int]
) -> None:
    # Long enough to prepare as many notes as there are threads before the first call ends.
    product.provider.latency["transcriptions"] = 10.0
    alice, bob = product.person(), product.person()
    alice.create_box("Casa", keywords=["a<b>\nc", "encanador"])
    alice.create_box("Trabalho")
    bob.create_box("Segredo do Bob", keywords=["cofre"])
    uploads = [recording() for _ in range(100)]

    started = time.monotonic()
    with ThreadPoolExecutor(16) as pool:
        notes = list(pool.map(alice.upload, uploads))
    uploaded = time.monotonic() - started
    ended = [alice.wait(note["id"], timeout=90) for note in notes]
    took = time.monotonic() - started

    transcriptions = product.provider.requests("transcriptions")
    chats = product.provider.requests("chat")
    in_flight = peak(transcriptions)
    print(
        f"100 notes uploaded in {uploaded:.1f} s, completed after {took:.1f} s;"
        f" {len(transcriptions)} transcriptions, {len(chats)} chats, {in_flight} in flight,"
        f" at most {max(connections, default=0)} connections"
    )
    assert {note["processing_status"] for note in ended} == {"completed"}
    assert {note["error"] for note in ended} == {None}
    calls = Counter(entry.mark for entry in transcriptions)
    assert len(calls) == 100
    assert set(calls.values()) == {1}
    asked = Counter(text for chat in chats for text in texts_in(chat, ended))
    assert set(asked.values()) <= {1}
    assert len(chats) <= 100
    assert in_flight == THREADS
    assert max(connections, default=0) <= 2 * POOL


def texts_in(chat: Entry, notes: list[Json]) -> list[str]:
    prompt = prompt_of(chat)
    return [note["transcript"] for note in notes if note["transcript"] in prompt]


def test_the_vendor_is_told_the_owners_words_and_nobody_elses(product: Product) -> None:
    alice, bob = product.person(), product.person()
    alice.create_box("Casa", keywords=["a<b>\nc", "encanador"])
    alice.create_box("Trabalho", description="O que é do serviço")
    bob.create_box("Segredo do Bob", description="Nada", keywords=["cofre"])

    note = alice.wait(alice.upload(recording())["id"])

    assert note["processing_status"] == "completed"
    [heard] = product.provider.requests("transcriptions")
    assert heard.model == "gpt-transcribe"
    assert heard.fields["languages[]"] == ["pt"]
    assert heard.fields["keywords[]"] == ["Casa", "Trabalho", "a b c", "encanador"]
    assert "language" not in heard.fields
    [chat] = product.provider.requests("chat")
    schema = chat.json["response_format"]["json_schema"]
    assert schema["strict"] is True
    assert schema["schema"]["properties"]["box"]["enum"] == ["b1", "b2", "none"]
    prompt = prompt_of(chat)
    assert "Casa" in prompt
    assert "Trabalho" in prompt
    assert note["transcript"] in prompt
    assert not [word for word in ("Segredo", "Bob", "cofre") if word in json.dumps(chat.json)]


# --- What goes wrong at the vendor -----------------------------------------------------------


def test_a_failing_classification_is_repeated_and_the_transcription_is_not(
    product: Product,
) -> None:
    alice = product.person()
    box = alice.create_box("Jardim")
    product.provider.fail("chat", status=500)
    product.provider.say(choice("b1"))

    note = alice.wait(alice.upload(recording())["id"])

    assert note["processing_status"] == "completed"
    assert note["box"] == {"id": box["id"], "name": "Jardim"}
    assert note["filed_by"] == "model"
    assert note["error"] is None
    assert len(product.provider.requests("transcriptions")) == 1
    assert [chat.status for chat in product.provider.requests("chat")] == [500, 200]


def test_a_damaged_note_that_was_sent_as_it_is_and_refused_is_sent_again_without_the_damage(
    product: Product,
) -> None:
    alice = product.person()
    sound = short_opus()
    # Two frames of one length cannot share a single byte, which only its decoder finds out.
    damaged = in_one_stream(sound, [*packets(sound), bytes([31 << 3 | 1, 7]), *packets(sound)[-3:]])
    product.provider.fail("transcriptions", status=400, param="file")

    note = alice.wait(alice.upload(damaged)["id"])

    assert note["processing_status"] == "completed", note["error"]
    assert [one.status for one in product.provider.requests("transcriptions")] == [400, 200]


def test_a_refused_key_fails_the_note_at_once_and_a_retry_completes_it(product: Product) -> None:
    alice = product.person()
    product.provider.keys = {"sk-another"}

    note = alice.wait(alice.upload(recording())["id"])

    assert note["processing_status"] == "failed"
    assert note["error"]["code"] == "provider_unauthorized"
    assert len(product.provider.requests("transcriptions")) == 1
    path = f"notes/{note['id']}"
    english = alice.call("GET", path, headers={"Accept-Language": "en"})
    portuguese = alice.call("GET", path, headers={"Accept-Language": "pt-BR,pt;q=0.9"})
    assert english["error"]["message"].startswith("The AI service refused the key.")
    assert portuguese["error"]["message"].startswith("O serviço de IA recusou a chave.")

    product.provider.keys = None
    assert alice.retry(note["id"])["processing_status"] in ("pending", "transcribing")
    again = alice.wait(note["id"], {"completed"})
    assert again["error"] is None
    assert again["transcript"]
    assert [entry.status for entry in product.provider.requests("transcriptions")] == [401, 200]


@pytest.mark.parametrize(
    ("status", "vendor_code", "code"),
    [
        (401, "invalid_api_key", "provider_unauthorized"),
        (404, "model_not_found", "provider_misconfigured"),
    ],
)
def test_a_model_that_fails_for_good_leaves_the_note_in_the_inbox_and_a_retry_files_it(
    product: Product, status: int, vendor_code: str, code: str
) -> None:
    alice = product.person()
    alice.create_box("Jardim")
    product.provider.fail("chat", status=status, code=vendor_code)

    note = alice.wait(alice.upload(recording())["id"])

    assert note["processing_status"] == "completed"
    assert note["transcript"]
    assert note["box"] is None
    assert note["filed_by"] is None
    assert note["error"]["code"] == code
    assert note["filing_reason"].startswith("A transcrição está pronta")

    product.provider.say(choice("b1"))
    alice.retry(note["id"])
    filed = wait_for(lambda: (n := alice.get(note["id"]))["box"] and n, 10, "not filed")
    assert filed["processing_status"] == "completed"
    assert filed["box"]["name"] == "Jardim"
    assert filed["error"] is None
    assert len(product.provider.requests("transcriptions")) == 1
    assert len(product.provider.requests("chat")) == 2


# --- The person wins -------------------------------------------------------------------------


def test_a_box_chosen_at_upload_is_kept_and_no_model_is_asked(product: Product) -> None:
    alice = product.person()
    alice.create_box("Jardim")
    chosen = alice.create_box("Viagem")
    product.provider.default_text = "anota em Jardim: regar as plantas"

    note = alice.wait(alice.upload(recording(), box=chosen["id"])["id"])

    assert note["processing_status"] == "completed"
    assert note["box"]["name"] == "Viagem"
    assert note["filed_by"] == "user"
    assert product.provider.requests("chat") == []


def test_a_box_chosen_while_the_note_is_transcribed_is_kept(product: Product) -> None:
    alice = product.person()
    alice.create_box("Jardim")
    chosen = alice.create_box("Viagem")
    product.provider.default_text = "anota em Jardim: regar as plantas"
    product.provider.latency["transcriptions"] = 1.5

    note = alice.upload(recording())
    product.provider.log.wait_for(1, "transcriptions")
    assert alice.patch(note["id"], box=chosen["id"])["processing_status"] == "transcribing"
    ended = alice.wait(note["id"])

    assert ended["processing_status"] == "completed"
    assert ended["box"]["name"] == "Viagem"
    assert ended["filed_by"] == "user"
    assert product.provider.requests("chat") == []


@pytest.mark.parametrize("to_a_box", [True, False], ids=["box", "inbox"])
def test_where_a_person_puts_a_note_while_it_is_classified_it_stays(
    product: Product, to_a_box: bool
) -> None:
    alice = product.person()
    alice.create_box("Jardim")
    chosen = alice.create_box("Viagem")
    answer = completion("slow", choice("b1"))
    product.provider.fail("chat", hang=1.5, status=200, body=answer)

    note = alice.text("uma ideia qualquer")
    product.provider.log.wait_for(1, "chat")
    moved = alice.patch(note["id"], box=chosen["id"] if to_a_box else None)
    assert moved["processing_status"] == "classifying"
    ended = alice.wait(note["id"])

    assert ended["processing_status"] == "completed"
    assert (ended["box"] or {}).get("name") == ("Viagem" if to_a_box else None)
    assert ended["filed_by"] == "user"
    assert [chat.status for chat in product.provider.requests("chat")] == [200]


def test_a_note_deleted_while_it_is_transcribed_leaves_nothing_behind(product: Product) -> None:
    alice = product.person()
    product.provider.latency["transcriptions"] = 1.5
    others = set(product.audio_files())
    note = alice.upload(recording())
    product.provider.log.wait_for(1, "transcriptions")
    assert len(set(product.audio_files()) - others) == 1

    alice.delete(note["id"])

    assert set(product.audio_files()) == others
    dropped = f"note {note['id']}: somebody else has taken over; late result dropped"
    wait_for(lambda: dropped in product.stack.log_text(), 10, "the late result was not dropped")
    response = alice.http.get(f"/api/v1/notes/{note['id']}")
    assert response.status_code == 404
    assert alice.list()["results"] == []
    assert product.provider.requests("chat") == []


# --- Redis away ------------------------------------------------------------------------------


@dataclass
class Doorless:
    """A stack whose Valkey may be stopped."""

    product: Product
    valkey: Valkey
    how: str

    @contextmanager
    def away(self) -> Iterator[None]:
        self.valkey.stop() if self.how == "stopped" else self.valkey.suspend()
        try:
            yield
        finally:
            self.valkey.start() if self.how == "stopped" else self.valkey.resume()


@pytest.fixture(scope="module", params=["stopped", "frozen"])
def doorless(request: pytest.FixtureRequest) -> Iterator[Doorless]:
    """A stack for each way to be away: after the first the bell would still be quiet."""
    with (
        FakeProvider() as provider,
        Valkey() as valkey,
        Stack({"SWEEP_SECONDS": "1"}, redis=valkey.url, provider=provider.url) as stack,
    ):
        people = iter(stack.create_users("alice"))
        yield Doorless(Product(stack, provider, people), valkey, request.param)


def test_uploads_are_taken_while_redis_is_away_and_done_when_it_is_back(
    doorless: Doorless,
) -> None:
    alice, provider = doorless.product.person(), doorless.product.provider
    alice.wait(alice.upload(recording())["id"])
    provider.reset()

    with doorless.away():
        answered, notes = [], []
        for _ in range(5):
            started = time.monotonic()
            notes.append(alice.upload(recording()))
            answered.append(time.monotonic() - started)
        said = ", ".join(f"{seconds * 1000:.0f}" for seconds in answered)
        print(f"Redis {doorless.how}: uploads took {said} ms")
        assert max(answered) < 1.2
        assert {alice.get(note["id"])["processing_status"] for note in notes} == {"pending"}
    back = time.monotonic()
    ended = [alice.wait(note["id"]) for note in notes]

    print(f"done {time.monotonic() - back:.1f} s after Redis was back")
    assert "the sweep will ring" in doorless.product.stack.log_text()
    assert {note["processing_status"] for note in ended} == {"completed"}
    assert len(provider.requests("transcriptions")) == len(notes)
