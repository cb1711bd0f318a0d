"""Webhooks through real processes: the receiver is away, the worker is killed, Redis is not there.

Figures that a person may want to see are printed; `-s` or `-rP` shows them.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest
import standardwebhooks

from tests.fakes.receiver import Call, Receiver
from tests.services import wait_for
from tests.services.postgres import Postgres
from tests.services.rest import Json
from tests.services.valkey import Valkey
from tests.stack import Client, Stack

pytestmark = pytest.mark.slow

DATABASE = "webhooks"
#: Deliveries wait for half a minute after a first failure; the tests do not.
HURRY = "UPDATE notes_delivery SET next_attempt_at = now(), lease_expires_at = now()"


@pytest.fixture(scope="module")
def product(valkey: Valkey, postgres: Postgres) -> Iterator[Stack]:
    env = {"WEBHOOKS_ALLOW_PRIVATE": "1", "SWEEP_SECONDS": "1", "WORKER_THREADS": "4"}
    env |= {"CLASSIFIER": "rules", "DATABASE_URL": postgres.create_database(DATABASE)}
    with Stack(env, redis=valkey.url) as stack:
        yield stack


@pytest.fixture(scope="module")
def people(product: Stack) -> Iterator[Client]:
    """Made in one go: a user costs a Django start otherwise."""
    return iter(product.create_users("ana", "bia", "caio", "davi"))


@pytest.fixture
def person(people: Iterator[Client]) -> Client:
    return next(people)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def listen(person: Client, receiver: Receiver) -> Json:
    hook: Json = person.call("POST", "webhooks", json={"url": receiver.url})
    return hook


def log_of(person: Client, hook: Json) -> list[Json]:
    log: list[Json] = person.call("GET", f"webhooks/{hook['id']}/deliveries")["results"]
    return log


def wait_until(person: Client, hook: Json, **columns: object) -> None:
    """Back when every delivery in the log has these."""

    def so() -> bool:
        return all(columns.items() <= row.items() for row in log_of(person, hook))

    wait_for(so, 30, lambda: f"not {columns}: {log_of(person, hook)}")


def told(call: Call, hook: Json) -> Json:
    """What a call says, if it is signed for ``hook``."""
    message: Json = standardwebhooks.Webhook(hook["secret"]).verify(call.body, call.headers)
    return message


def test_a_note_is_told_soon_after_it_ends(person: Client, receiver: Receiver) -> None:
    hook = listen(person, receiver)
    delays = []
    for count in range(1, 11):
        note = person.text("anotar: comprar pão")
        call = receiver.wait_for(count)[-1]
        assert told(call, hook)["data"]["note"] == note["id"]
        delays.append(call.at)
    wait_until(person, hook, status="delivered")
    print(f"webhooks: 10 notes one after the other told in {delays[-1] - delays[0]:.2f} s")


def test_a_receiver_that_was_down_is_told_once_it_is_back_with_the_same_id(
    postgres: Postgres, person: Client, receiver: Receiver
) -> None:
    hook = listen(person, receiver)
    receiver.stop()
    note = person.text("anotar: comprar pão")
    wait_for(lambda: log_of(person, hook), 20, "nothing was written")
    wait_until(person, hook, attempts=1, response_status=None, status="pending")
    wait_for(lambda: log_of(person, hook)[0]["error"], 20, "nothing was tried")
    [waiting] = log_of(person, hook)
    assert (waiting["status"], waiting["error"]["code"]) == ("pending", "receiver_unreachable")
    receiver.start()
    postgres.execute(HURRY, database=DATABASE)
    call = receiver.wait_for(1)[0]
    assert told(call, hook)["data"]["note"] == note["id"]
    assert call.headers["webhook-id"] == f"msg_{waiting['id'].replace('-', '')}"
    wait_until(person, hook, status="delivered")


def test_a_worker_killed_while_it_delivers_is_followed_by_one_that_delivers(
    product: Stack, postgres: Postgres, person: Client, receiver: Receiver
) -> None:
    hook = listen(person, receiver)
    receiver.slow = 4.0
    person.text("anotar: comprar pão")
    receiver.wait_for(1)
    os.kill(product.worker_pid().child, signal.SIGKILL)
    receiver.slow = 0.0
    postgres.execute(HURRY, database=DATABASE)
    first, second, *_ = receiver.wait_for(2)
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert told(first, hook) == told(second, hook)
    wait_until(person, hook, status="delivered")


def test_a_receiver_that_hangs_holds_up_no_note(person: Client, receiver: Receiver) -> None:
    listen(person, receiver)
    receiver.slow = 30.0
    started = time.monotonic()
    notes = [person.text(f"anotar: número {number}")["id"] for number in range(12)]
    for note in notes:
        assert person.wait(note, timeout=60)["processing_status"] == "completed"
    print(f"webhooks: 12 notes done in {time.monotonic() - started:.1f} s beside a hung receiver")
    assert receiver.most_at_once == 1
