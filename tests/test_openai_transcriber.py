"""Transcription by OpenAI: what goes over the wire, what comes back, and what a failure means."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from types import SimpleNamespace
from typing import Any

import openai
import pytest

from notes import openai_client, openai_failures
from notes.audio.formats import FORMATS, OGG, AudioFormat
from notes.openai_client import Client, build_client, get_client
from notes.openai_failures import retry_after
from notes.provider import Later, Never, ProviderError
from notes.transcribers import Hints, Recording, Transcriber, Transcript
from notes.transcribers import openai as vendor
from notes.transcribers.models import (
    MAX_KEYWORD_LENGTH,
    MAX_KEYWORDS,
    clean_keywords,
    family_of,
    prompt_from,
    two_letters,
)
from notes.transcribers.openai import OpenAITranscriber, get_openai_transcriber, read_transcript
from tests.fakes.provider import FakeProvider

VOICE = Recording(b"OggS" + b"a voice note" * 10, OGG)
SECRET = "o segredo de Alice"


@pytest.fixture
def fake() -> Iterator[FakeProvider]:
    with FakeProvider() as fake:
        yield fake


@pytest.fixture
def client(fake: FakeProvider) -> Iterator[Client]:
    with build_client("sk-test", fake.url, call_seconds=20) as client:
        yield client


def transcriber(client: Client, model: str = "gpt-transcribe") -> OpenAITranscriber:
    return OpenAITranscriber(client, model, "pt")


def failure(client: Client, recording: Recording = VOICE) -> ProviderError:
    """What a call that gives no result raises."""
    with pytest.raises(ProviderError) as raised:
        transcriber(client).transcribe(recording, Hints())
    return raised.value


# --- The wire -----------------------------------------------------------------------------------

HINTS = Hints("pt-BR", ("Mercado", "  café  da\nmanhã ", "<b>", "mercado"))


@pytest.mark.parametrize(
    ("model", "hints", "fields"),
    [
        (
            "gpt-transcribe",
            HINTS,
            {
                "languages[]": ["pt"],
                "keywords[]": ["Mercado", "café da manhã", "b"],
                "response_format": ["json"],
            },
        ),
        ("gpt-transcribe", Hints(), {"languages[]": ["pt"], "response_format": ["json"]}),
        ("gpt-transcribe", Hints("en"), {"languages[]": ["en"], "response_format": ["json"]}),
        (
            "whisper-1",
            HINTS,
            {
                "language": ["pt"],
                "prompt": ["b, café da manhã, Mercado"],
                "response_format": ["verbose_json"],
            },
        ),
        ("whisper-1", Hints("português"), {"response_format": ["verbose_json"]}),
        (
            "gpt-4o-mini-transcribe",
            Hints("en-US"),
            {"language": ["en"], "response_format": ["json"]},
        ),
        (
            "gpt-4o-transcribe-diarize",
            HINTS,
            {"language": ["pt"], "response_format": ["json"], "chunking_strategy": ["auto"]},
        ),
        (
            "parakeet",
            HINTS,
            {
                "language": ["pt"],
                "prompt": ["b, café da manhã, Mercado"],
                "response_format": ["json"],
            },
        ),
    ],
)
def test_each_model_is_asked_in_its_own_way(
    fake: FakeProvider,
    client: Client,
    model: str,
    hints: Hints,
    fields: dict[str, list[str]],
) -> None:
    fake.models[model] = None
    assert transcriber(client, model).transcribe(VOICE, hints).text.startswith("nota ")
    (request,) = fake.requests()
    assert request.fields == {"model": [model], **fields}


@pytest.mark.parametrize("name", ["ogg", "webm", "mp4", "mp3", "wav", "flac"])
def test_a_file_goes_out_under_its_canonical_name(
    fake: FakeProvider, client: Client, name: str
) -> None:
    format = FORMATS[name]
    transcriber(client).transcribe(Recording(VOICE.data, format), Hints())
    (request,) = fake.requests()
    assert (request.filename, request.mime) == (format.filename, format.mime)
    assert request.bytes == len(VOICE.data)


def test_whisper_tells_language_and_duration(fake: FakeProvider, client: Client) -> None:
    fake.default_text = " Comprar leite. "
    long = Recording(bytes(32_000), OGG)
    transcript = transcriber(client, "whisper-1").transcribe(long, Hints())
    assert transcript == Transcript("Comprar leite.", "pt", 2.0)


def test_a_transcript_may_be_empty(fake: FakeProvider, client: Client) -> None:
    fake.default_text = ""
    assert transcriber(client).transcribe(VOICE, Hints()) == Transcript("", "pt")


def test_the_sdks_headers_go_out_and_ones_of_the_environment_win(
    fake: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.keys = {"of-a-gateway"}
    said = "authorization: Bearer of-a-gateway\ncontent-type: text/plain\nX-Team: bau"
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", said)
    with build_client("sk-test", fake.url) as client:
        assert transcriber(client).transcribe(VOICE, Hints()).text
        headers = client._said_each_time
    assert headers["x-team"] == "bau"
    assert headers["user-agent"] == f"OpenAI/Python {openai.__version__}"
    assert "content-type" not in headers


# --- Hints --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "keywords"),
    [
        (["Mercado", "MERCADO", "mercado "], ["Mercado"]),
        (["a<b>c", "<>", "", " \t", "um\r\ndois"], ["a b c", "um dois"]),
        (["tab\tand\x00nul\x85"], ["tab and nul"]),
        (["São João", "ação"], ["São João", "ação"]),
        (["x" * 500], ["x" * MAX_KEYWORD_LENGTH]),
        ([f"word {n}" for n in range(999)], [f"word {n}" for n in range(MAX_KEYWORDS)]),
    ],
)
def test_keywords_are_cleaned(words: list[str], keywords: list[str]) -> None:
    assert clean_keywords(words) == keywords


def test_a_prompt_keeps_the_first_words_and_puts_them_last() -> None:
    prompt = prompt_from(f"caixinha{n:03}" for n in range(500))
    words = prompt.split(", ")
    assert words[-1] == "caixinha000"
    assert words == sorted(words, reverse=True)
    assert len(words) > 20
    assert len(prompt.encode()) < 224 * 2.5
    assert prompt_from([]) == ""


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("pt-BR", "pt"),
        ("PT_br", "pt"),
        (" en ", "en"),
        ("por", ""),
        ("português", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_languages_have_two_letters(language: str | None, code: str) -> None:
    assert two_letters(language) == code


@pytest.mark.parametrize(
    ("model", "keywords", "format"),
    [
        ("gpt-transcribe", True, "json"),
        ("gpt-transcribe-2026-07-28", True, "json"),
        ("openai/gpt-transcribe", True, "json"),
        ("whisper-1", False, "verbose_json"),
        ("whisper-large-v3", False, "json"),
        ("gpt-4o-transcribe", False, "json"),
    ],
)
def test_families_go_by_prefix(model: str, keywords: bool, format: str) -> None:
    family = family_of(model)
    assert (family.keywords, family.response_format) == (keywords, format)


# --- Answers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "transcript"),
    [
        ({"text": "a", "languages": [{"code": "pt"}]}, Transcript("a", "pt")),
        ({"text": "a", "languages": ["en"]}, Transcript("a", "en")),
        ({"text": "a", "languages": []}, Transcript("a")),
        ({"text": "a", "languages": [None], "duration": "x"}, Transcript("a")),
        ({"text": "a", "language": "portuguese", "duration": "1.5"}, Transcript("a", "pt", 1.5)),
        ({"text": "a", "language": "pt-BR", "duration": None}, Transcript("a", "pt")),
        ({"text": "a", "language": 7, "duration": float("nan")}, Transcript("a")),
        ({"text": "a\x00\ud800b", "duration": -1}, Transcript("a?b")),
    ],
)
def test_answers_are_read_with_care(answer: dict[str, Any], transcript: Transcript) -> None:
    assert read_transcript(answer) == transcript


@pytest.mark.parametrize("body", ["<html>busy</html>", "", "[]", "null", "{}", '{"text": 7}', "{"])
@pytest.mark.parametrize("content_type", ["application/json", "text/html"])
def test_rubbish_is_worth_another_try(
    fake: FakeProvider, client: Client, body: str, content_type: str
) -> None:
    fake.fail("transcriptions", status=200, body=body, content_type=content_type)
    error = failure(client)
    assert isinstance(error, Later)
    assert (error.code, error.uses_attempt) == ("provider_bad_answer", True)
    assert transcriber(client).transcribe(VOICE, Hints()).text


def test_an_endless_answer_is_cut(
    fake: FakeProvider, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai_client, "MAX_ANSWER_BYTES", 100_000)
    fake.fail("transcriptions", status=200, body={"text": "a" * 1_000_000})
    assert failure(client).code == "provider_bad_answer"


# --- Failures -----------------------------------------------------------------------------------

BUSY = {"code": "provider_busy", "uses_attempt": False}


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"status": 429, "code": "rate_limit_exceeded"}, BUSY),
        ({"status": 429, "headers": {"Retry-After": "7"}}, {**BUSY, "retry_after": 7.0}),
        ({"status": 429, "headers": {"retry-after-ms": "250"}}, {**BUSY, "retry_after": 0.25}),
        ({"status": 429, "body": "<html>"}, BUSY),
        ({"status": 503, "headers": {"Retry-After": "120"}}, {**BUSY, "retry_after": 120.0}),
        ({"status": 529}, BUSY),
        ({"status": 500}, {"code": "provider_error"}),
        ({"status": 502, "body": "Bad gateway"}, {"code": "provider_error"}),
        ({"status": 408}, {"code": "provider_error"}),
        ({"status": 409}, {"code": "provider_error"}),
    ],
)
def test_some_failures_are_worth_another_try(
    fake: FakeProvider, client: Client, fault: dict[str, Any], expected: dict[str, Any]
) -> None:
    fake.fail("transcriptions", **fault)
    error = failure(client)
    assert isinstance(error, Later)
    found = {
        "code": error.code,
        "uses_attempt": error.uses_attempt,
        "retry_after": error.retry_after,
    }
    assert found == {"uses_attempt": True, "retry_after": None, **expected}
    assert len(fake.requests()) == 1, "the SDK must not retry"


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("provider_out_of_credit", {"status": 429, "code": "insufficient_quota"}),
        ("provider_out_of_credit", {"status": 429, "code": "credit_balance_exhausted"}),
        ("provider_out_of_credit", {"status": 429, "code": "project_spend_limit_exceeded"}),
        ("provider_out_of_credit", {"status": 400, "code": "billing_hard_limit_reached"}),
        ("provider_out_of_credit", {"status": 402}),
        ("provider_unauthorized", {"status": 401, "code": "invalid_api_key"}),
        ("provider_unauthorized", {"status": 403}),
        ("provider_misconfigured", {"status": 403, "code": "model_not_found"}),
        ("provider_misconfigured", {"status": 404}),
        ("provider_misconfigured", {"status": 404, "body": "<html>"}),
        ("provider_misconfigured", {"status": 405}),
        ("provider_misconfigured", {"status": 307, "headers": {"Location": "http://[::1]:9/"}}),
        ("provider_misconfigured", {"status": 400, "param": "response_format"}),
        ("provider_misconfigured", {"status": 400, "message": "Invalid response_format"}),
        ("provider_misconfigured", {"status": 422, "body": {"detail": [{"loc": ["body", "x"]}]}}),
        ("provider_misconfigured", {"status": 400, "body": {"error": "no such model"}}),
        ("audio_refused", {"status": 400, "param": "file"}),
        ("audio_refused", {"status": 400, "message": "Audio file might be corrupted"}),
        ("audio_refused", {"status": 400, "message": "could not be decoded"}),
        ("audio_refused", {"status": 422, "body": {"detail": [{"loc": ["body", "file"]}]}}),
        ("audio_refused", {"status": 415}),
        ("audio_too_large", {"status": 413, "body": "<html>too large</html>"}),
    ],
)
def test_others_need_a_person(
    fake: FakeProvider, client: Client, code: str, fault: dict[str, Any]
) -> None:
    fake.fail("transcriptions", **fault)
    error = failure(client)
    assert isinstance(error, Never)
    assert error.code == code
    assert len(fake.requests()) == 1


def test_the_vendors_own_refusals_are_understood(fake: FakeProvider, client: Client) -> None:
    opus = AudioFormat("opus", "opus", "audio/opus")
    assert failure(client, Recording(b"OggS", opus)).code == "audio_refused"
    assert failure(client, Recording(b"", OGG)).code == "audio_refused"
    assert failure(client, Recording(bytes(26_214_401), OGG)).code == "audio_too_large"
    fake.keys = set()
    assert failure(client).code == "provider_unauthorized"
    fake.reset()
    fake.models.clear()
    assert failure(client).code == "provider_misconfigured"


def test_a_reset_in_mid_body_and_a_dead_server_are_unreachable(
    fake: FakeProvider, client: Client
) -> None:
    fake.fail("transcriptions", reset=True)
    error = failure(client)
    assert isinstance(error, Later)
    assert (error.code, error.uses_attempt) == ("provider_unreachable", True)
    fake.close()
    assert failure(client).code == "provider_unreachable"


def test_a_server_that_says_nothing_times_out(fake: FakeProvider) -> None:
    fake.fail("transcriptions", hang=60)
    with build_client("sk-test", fake.url, read_seconds=0.2) as impatient:
        error = failure(impatient)
    assert isinstance(error, Later)
    assert error.code == "provider_timeout"


def test_the_call_as_a_whole_has_an_end(
    fake: FakeProvider, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each read and write has a timeout of its own, and a body that drips never meets it."""
    clock = iter(range(0, 1000, 15))  # each look at the clock is 15 s later; the cap is 20 s
    monkeypatch.setattr(
        openai_client, "time", SimpleNamespace(monotonic=lambda: next(clock), time=time.time)
    )
    assert failure(client).code == "provider_timeout"


def test_what_the_vendor_said_is_neither_kept_nor_logged(
    fake: FakeProvider, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    fake.fail("transcriptions", status=400, message=SECRET, code=SECRET)
    error = failure(client)
    assert SECRET not in f"{error} {error.__dict__} {caplog.text}"
    assert error.__suppress_context__
    assert "provider_misconfigured: BadRequestError, status 400" in caplog.text


NOON = 1_790_000_000.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": formatdate(NOON + 90, usegmt=True)}, 90.0),
        ({"retry-after": formatdate(NOON - 90, usegmt=True)}, 0.0),
        (
            {
                "retry-after": formatdate(NOON + 690, usegmt=True),
                "date": formatdate(NOON + 600, usegmt=True),
            },
            90.0,
        ),
    ],
)
def test_retry_after_is_seconds_or_a_date(
    headers: dict[str, str], seconds: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai_failures, "time", SimpleNamespace(time=lambda: NOON))
    assert retry_after(headers) == seconds


# --- One per process ----------------------------------------------------------------------------


@pytest.fixture
def process(fake: FakeProvider, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process whose settings point to the fake."""
    settings = SimpleNamespace(
        OPENAI_API_KEY="sk-test",
        OPENAI_BASE_URL=fake.url,
        STAGE_SECONDS=180,
        TRANSCRIPTION_PART_SECONDS=0,
        TRANSCRIPTION_PART_MB=0,
        TRANSCRIPTION_MODEL="gpt-transcribe",
        DEFAULT_LANGUAGE="en",
    )
    monkeypatch.setattr(openai_client, "settings", settings)
    monkeypatch.setattr(vendor, "settings", settings)
    get_client.cache_clear()
    yield
    get_client.cache_clear()


@pytest.mark.usefixtures("process")
def test_all_threads_share_one_client_and_one_transcriber(fake: FakeProvider) -> None:
    with ThreadPoolExecutor(32) as threads:
        made = list(threads.map(lambda _: get_openai_transcriber(), range(64)))
        assert len({id(one) for one in made}) == 1
        list(threads.map(lambda one: one.transcribe(VOICE, Hints()), made))
    shared: Transcriber = made[0]
    assert (shared.provider, shared.model, shared.exclusive) == ("openai", "gpt-transcribe", False)
    assert made[0].client is get_client()
    assert fake.requests()[0].fields["languages[]"] == ["en"]


@pytest.mark.usefixtures("process")
def test_the_client_is_patient_within_limits_and_never_retries() -> None:
    client = get_client()
    assert client.max_retries == 0
    assert isinstance(client.timeout, openai.Timeout)
    assert (client.timeout.connect, client.timeout.read) == (5.0, 60.0)
    get_openai_transcriber.cache_clear()
    assert get_client() is not client
    assert client.is_closed()


def test_a_server_of_ones_own_needs_no_key(fake: FakeProvider) -> None:
    with build_client("", fake.url) as client:
        assert transcriber(client).transcribe(VOICE, Hints()).text
