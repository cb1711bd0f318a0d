"""Two apps as in production, watched by an operator: doctor, metrics, logs, and no secret told."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

import httpx2
import pytest

from notes.doctor import CHECKS
from tests.conftest import SAMPLE
from tests.fakes.provider import FakeProvider
from tests.services import wait_for
from tests.services.postgres import Postgres
from tests.services.s3 import S3
from tests.services.valkey import Valkey
from tests.stack import Client, Stack

T = TypeVar("T")

#: Each kind of secret, in a form that would be seen anywhere.
CANARIES = {
    "SECRET_KEY": "canary-secret-key-Zk3v8Qw1xN5tR7yB2mC4dF6gH9jL0pS_aEiOuTz",
    "OPENAI_API_KEY": "sk-canary-provider-key",
    "METRICS_TOKEN": "canary-metrics-token",
}
REDIS_PASSWORD = "canary-redis-password"
REQUEST = "request-of-a-phone"
SAID = "canário amarelo na gaiola, chamar o encanador"


class Product(NamedTuple):
    """Web and worker as apps of their own."""

    web: Stack
    worker: Stack
    alice: Client
    provider: FakeProvider
    s3: S3

    def logs(self) -> str:
        return self.web.log_text() + self.worker.log_text()


@pytest.fixture(scope="module")
def product(postgres: Postgres, s3: S3) -> Iterator[Product]:
    with FakeProvider() as provider, Valkey(password=REDIS_PASSWORD) as valkey:
        provider.default_text = SAID
        database = postgres.create_database("operations")
        env = {**CANARIES, **s3.env, "LOG_FORMAT": "json", "LOG_LEVEL": "DEBUG"}
        env |= {"SWEEP_SECONDS": "1"}
        services = {"database": database, "redis": valkey.url, "provider": provider.url}
        web = Stack(env, role="web", **services)
        worker = Stack(web.env, role="worker")
        try:
            # The worker waits for the schema that web makes.
            at_once(Stack.start, web, worker)
            yield Product(web, worker, web.create_user("alice"), provider, s3)
        finally:
            at_once(Stack.close, web, worker)
        postgres.drop_database("operations")


def at_once(do: Callable[[Stack], T], *stacks: Stack) -> list[T]:
    """The answers of ``do`` for each of them."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(do, stacks))


def metrics(product: Product) -> str:
    headers = {"Authorization": f"Bearer {CANARIES['METRICS_TOKEN']}"}
    answer = httpx2.get(f"{product.web.url}/metrics", headers=headers, trust_env=False)
    assert answer.status_code == 200
    return answer.text


def test_doctor_finds_all_well_in_both_apps(product: Product) -> None:
    for said in at_once(lambda app: app.manage("doctor", "--json", "--strict"), *product[:2]):
        findings = json.loads(said)
        status = {name: finding["status"] for name, finding in findings.items()}
        assert status == dict.fromkeys(CHECKS, "ok")


def test_notes_are_counted_logged_and_never_quoted(product: Product) -> None:
    phone = product.web.client(product.alice.token)
    phone.http.headers["X-Request-ID"] = REQUEST
    done = phone.upload(SAMPLE.read_bytes() + os.urandom(16))
    note = product.alice.wait(done["id"])
    assert note["transcript"] == SAID
    product.provider.fail("transcriptions", status=401, times=1)
    refused = product.alice.upload(SAMPLE.read_bytes() + os.urandom(16))
    product.alice.wait(refused["id"])
    product.alice.list(search="canário")

    # One line per note and stage, from the worker, for machines to count by.
    ended = [line for line in lines(product.worker) if "outcome" in line]
    told = {
        (line["note"], line["stage"], line["outcome"], line.get("error_code")) for line in ended
    }
    assert told == {
        (note["id"], "transcription", "succeeded", None),
        (note["id"], "classification", "succeeded", None),
        (refused["id"], "transcription", "failed", "provider_unauthorized"),
    }
    assert len(ended) == 3
    # The request that brought a note is named by web and worker, and by no other note's lines.
    assert {line["note"] for line in ended if line.get("request_id") == REQUEST} == {note["id"]}
    assert any(line.get("request_id") == REQUEST for line in lines(product.web))
    assert all(line["seconds"] >= 0 and line["role"] == "worker" for line in ended)

    # The web app tells of the worker, which has no port; counts of requests come within seconds.
    wait_for(lambda: "bau_uploads_total 2.0" in metrics(product), 20, lambda: metrics(product))
    text = metrics(product)
    assert 'bau_attempts_total{outcome="failed",stage="transcription"} 1.0' in text
    assert 'bau_provider_errors_total{code="provider_unauthorized"} 1.0' in text
    assert "bau_workers 1.0" in text
    assert 'bau_advice{advice="stay"} 1.0' in text
    assert "advice               stay" in product.web.manage("queue")

    secrets = [*CANARIES.values(), REDIS_PASSWORD, product.alice.token]
    secrets += [product.s3.secret_access_key, "X-Amz-Signature"]
    for secret in (*secrets, SAID, "canário", "alice"):
        assert secret not in product.logs()
        assert secret not in text


def lines(stack: Stack) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stack.log_text().splitlines()]


def test_no_secret_is_on_a_command_line(product: Product) -> None:
    running = [*product.web.processes(), *product.worker.processes()]
    assert len(running) >= 6
    secrets = [*CANARIES.values(), REDIS_PASSWORD, product.s3.secret_access_key]
    for process in running:
        assert not any(secret in process.command for secret in secrets), process
