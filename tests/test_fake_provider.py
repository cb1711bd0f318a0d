"""The fake provider refuses what the vendor refuses, obeys its script and remembers all."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from tests.fakes.provider import FakeProvider

VOICE = b"OggS" + b"a voice note" * 10


@pytest.fixture
def fake() -> Iterator[FakeProvider]:
    with FakeProvider() as fake:
        yield fake


@pytest.fixture
def http(fake: FakeProvider) -> Iterator[httpx2.Client]:
    headers = {"Authorization": "Bearer sk-test"}
    with httpx2.Client(base_url=fake.url, headers=headers, timeout=10) as http:
        yield http


def transcribe(
    http: httpx2.Client, data: bytes = VOICE, filename: str = "voice.ogg", **fields: Any
) -> httpx2.Response:
    form = {"model": "gpt-transcribe", **fields}
    return http.post(
        "/audio/transcriptions", data=form, files={"file": (filename, data, "audio/ogg")}
    )


def chat(http: httpx2.Client, model: str = "gpt-6-luna", **body: Any) -> httpx2.Response:
    messages = [{"role": "user", "content": "json"}]
    return http.post("/chat/completions", json={"model": model, "messages": messages, **body})


def test_text_tells_whose_recording_it_is_unless_a_table_knows_better(
    fake: FakeProvider, http: httpx2.Client
) -> None:
    sha = hashlib.sha256(VOICE).hexdigest()
    assert transcribe(http).json()["text"] == f"nota {sha[:12]}"
    fake.texts[sha] = "comprar leite"
    assert transcribe(http).json()["text"] == "comprar leite"
    assert transcribe(http, b"other").json()["text"].startswith("nota ")


@pytest.mark.parametrize(
    ("fields", "status", "param"),
    [
        ({"languages[]": ["pt", "en"], "keywords[]": ["Mercado"]}, 200, None),
        ({"language": "pt"}, 200, None),
        ({"language": "pt", "languages[]": ["pt"]}, 400, "language"),
        ({"languages[]": ["pt-BR"]}, 400, "languages"),
        ({"keywords[]": ["good", "a <b>"]}, 400, "keywords"),
        ({"keywords[]": ["two\nlines"]}, 400, "keywords"),
        ({"response_format": "verbose_json"}, 400, "response_format"),
        ({"model": "whisper-1", "response_format": "verbose_json", "language": "pt"}, 200, None),
        ({"model": "whisper-1", "language": "pt-BR"}, 400, "language"),
        ({"model": "whisper-1", "languages[]": ["pt"]}, 400, "languages"),
        ({"model": "gpt-4o-transcribe", "keywords[]": ["a"]}, 400, "keywords"),
        ({"model": "gpt-4o-transcribe", "response_format": "verbose_json"}, 400, "response_format"),
        ({"model": "gpt-4o-transcribe-diarize", "prompt": "a"}, 400, "prompt"),
        ({"model": "whisper-9"}, 404, None),
    ],
)
def test_each_family_of_models_takes_its_own_fields(
    http: httpx2.Client, fields: dict[str, Any], status: int, param: str | None
) -> None:
    answer = transcribe(http, **fields)
    assert answer.status_code == status
    assert status == 200 or answer.json()["error"]["param"] == param


@pytest.mark.parametrize(
    ("filename", "data", "status"),
    [
        ("voice.webm", VOICE, 200),
        ("voice.opus", VOICE, 400),
        ("voice", VOICE, 400),
        ("voice.ogg", b"", 400),
        ("voice.ogg", bytes(26_214_400), 200),
        ("voice.ogg", bytes(26_214_401), 413),
    ],
)
def test_files_are_refused_by_name_and_by_size(
    http: httpx2.Client, filename: str, data: bytes, status: int
) -> None:
    assert transcribe(http, data, filename).status_code == status


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({"max_completion_tokens": 9}, 200, None),
        ({"max_tokens": 9}, 400, "max_tokens"),
        ({"temperature": 0}, 400, "temperature"),
        ({"model": "gpt-4o-mini", "max_tokens": 9, "temperature": 0}, 200, None),
        ({"model": "gpt-9"}, 404, None),
        ({"response_format": {"type": "json_object"}}, 200, None),
        ({"messages": []}, 400, "messages"),
    ],
)
def test_models_that_reason_refuse_what_others_take(
    http: httpx2.Client, body: dict[str, Any], status: int, param: str | None
) -> None:
    answer = chat(http, **body)
    assert answer.status_code == status
    assert status == 200 or answer.json()["error"]["param"] == param


@pytest.mark.parametrize(
    "change", [{"additionalProperties": True}, {"required": []}, {"required": ["box", "more"]}]
)
def test_a_strict_schema_must_be_strict(http: httpx2.Client, change: dict[str, Any]) -> None:
    schema = {
        "type": "object",
        "properties": {"box": {"type": "string"}},
        "required": ["box"],
        "additionalProperties": False,
    }

    def ask(schema: dict[str, Any]) -> int:
        wanted = {"name": "x", "strict": True, "schema": schema}
        format = {"type": "json_schema", "json_schema": wanted}
        return chat(http, response_format=format).status_code

    assert ask(schema) == 200
    assert ask({**schema, **change}) == 400


def test_keys_are_checked_and_models_tell_their_last_day(
    fake: FakeProvider, http: httpx2.Client
) -> None:
    dates = {model["id"]: model["shutdown_date"] for model in http.get("/models").json()["data"]}
    assert dates["whisper-1"] == "2027-02-26"
    assert dates["gpt-transcribe"] is None
    fake.keys = {"sk-other"}
    answer = http.get("/models")
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "invalid_api_key"


def test_faults_come_in_order_and_only_to_whom_they_are_meant(
    fake: FakeProvider, http: httpx2.Client
) -> None:
    poisoned = hashlib.sha256(b"poison").hexdigest()
    fake.fail("transcriptions", status=500, sha256=poisoned, times=0)
    fake.fail("transcriptions", status=429, code="slow_down", headers={"Retry-After": "7"})
    fake.fail("chat", status=503, contains="leite")
    limited = transcribe(http)
    assert (limited.status_code, limited.headers["retry-after"]) == (429, "7")
    assert limited.json()["error"]["type"] == "rate_limit_error"
    assert [transcribe(http, b"poison").status_code for _ in range(3)] == [500] * 3
    assert transcribe(http).status_code == 200
    assert chat(http).status_code == 200
    milk = [{"role": "user", "content": "leite"}]
    assert chat(http, messages=milk).status_code == 503
    fake.reset()
    assert transcribe(http, b"poison").status_code == 200


def test_a_connection_can_be_reset_in_mid_body(fake: FakeProvider, http: httpx2.Client) -> None:
    fake.fail("transcriptions", reset=True)
    with pytest.raises(httpx2.TransportError):
        transcribe(http)
    assert fake.requests()[0].status == 0
    assert transcribe(http).status_code == 200


def test_the_log_tells_what_was_sent(fake: FakeProvider, http: httpx2.Client) -> None:
    transcribe(http, VOICE, "voice.ogg", **{"keywords[]": ["a", "b"]})
    chat(http)
    voice, question = fake.requests()
    assert voice.fields == {"model": ["gpt-transcribe"], "keywords[]": ["a", "b"]}
    assert (voice.filename, voice.mime, voice.bytes) == ("voice.ogg", "audio/ogg", len(VOICE))
    assert voice.sha256 == hashlib.sha256(VOICE).hexdigest()
    assert voice.ended is not None
    assert voice.started <= voice.ended <= question.started
    assert (question.endpoint, question.model, question.status) == ("chat", "gpt-6-luna", 200)
    assert question.json["messages"] == [{"role": "user", "content": "json"}]


def test_128_requests_are_served_at_once(fake: FakeProvider) -> None:
    fake.fail("transcriptions", hang=60, times=0)
    limits = httpx2.Limits(max_connections=128)
    headers = {"Authorization": "Bearer sk-test"}
    with (
        httpx2.Client(base_url=fake.url, headers=headers, limits=limits, timeout=30) as http,
        ThreadPoolExecutor(128) as threads,
    ):
        calls = [threads.submit(transcribe, http, bytes([n])) for n in range(128)]
        fake.log.wait_for(128, timeout=20)
        assert fake.log.max_in_flight == 128
        fake.closed.set()  # ends every wait
        assert {call.result().status_code for call in calls} == {200}


def test_as_a_process_of_its_own_it_is_led_by_http() -> None:
    command = [sys.executable, "-m", "tests.fakes.provider", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip().removeprefix("OPENAI_BASE_URL=")
            root = url.removesuffix("/v1")
            fault = {"endpoint": "transcriptions", "status": 500}
            assert post(f"{root}/_control", {"faults": [fault], "latency": {"chat": 0}}) == 200
            assert post(f"{root}/_control", {"latncy": {}}) == 400
            with httpx2.Client(base_url=url, headers={"Authorization": "Bearer k"}) as http:
                assert [transcribe(http).status_code for _ in range(2)] == [500, 200]
                log = http.get(f"{root}/_log").json()
                assert [entry["status"] for entry in log["requests"]] == [500, 200]
                assert log["max_in_flight"] == 1
                assert post(f"{root}/_reset", {}) == 200
                assert http.get(f"{root}/_log").json()["requests"] == []
        finally:
            process.terminate()


def post(url: str, body: dict[str, Any]) -> int:
    request = urllib.request.Request(url, json.dumps(body).encode(), method="POST")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
