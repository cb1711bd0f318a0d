"""Two containers that start at once on an empty database: the schema is made once, both come up."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import SAMPLE
from tests.fakes.provider import FakeProvider
from tests.faults.books import Row
from tests.services.postgres import Postgres
from tests.services.valkey import Valkey
from tests.stack import Stack

pytestmark = pytest.mark.faults


def test_two_containers_that_start_at_once_migrate_once(postgres: Postgres) -> None:
    with FakeProvider() as provider, Valkey() as valkey:
        provider.latency["transcriptions"] = 4.0
        database = postgres.create_database("two_starts")
        first = Stack(
            {"SWEEP_SECONDS": "1"}, database=database, redis=valkey.url, provider=provider.url
        )
        both = [first, Stack(first.env)]
        try:
            began = time.monotonic()
            with ThreadPoolExecutor() as pool:
                list(pool.map(lambda stack: stack.start(), both))
            took = time.monotonic() - began
            names = postgres.execute(
                "SELECT app || '.' || name FROM django_migrations", database="two_starts"
            )
            applied = Counter(str(name) for (name,) in names)
            told = Counter(line for stack in both for line in applying(stack))
            alice = first.create_user("alice")
            clients = [alice, both[1].client(alice.token)]
            notes = [client.upload(SAMPLE.read_bytes())["id"] for client in clients]
            ended = [alice.wait(note)["processing_status"] for note in notes]
            signs = first.manage("queue")
        finally:
            for stack in reversed(both):
                stack.close()
            postgres.drop_database("two_starts")
    # Each was applied once, by whoever had the lock.
    assert set(applied.values()) == set(told.values()) == {1}
    assert len(applied) == len(told)
    assert ended == ["completed", "completed"]
    # The worker has asked web beside it while the provider was slow.
    assert "web while busy" in signs
    Row(
        fault="two containers start at once on an empty database",
        database="postgres",
        accepted=2,
        completed=2,
        failed=0,
        lost=0,
        doubled=0,
        calls=2,
        recovery=took,
        of="until both were ready",
        remark=f"{len(applied)} migrations, each applied once",
    ).publish()


def applying(stack: Stack) -> list[str]:
    """The migrations that this container applied, as it tells them."""
    lines = stack.log_text().splitlines()
    return [line.split()[1] for line in lines if line.strip().startswith("Applying ")]
