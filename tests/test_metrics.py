"""/metrics: guarded, the same from every process, and counts that never go down."""

from __future__ import annotations

import io
import uuid
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.db.models.functions import Now
from django.http import HttpResponse
from django.test import Client, RequestFactory
from prometheus_client.parser import text_string_to_metric_families
from redis.backoff import NoBackoff
from redis.retry import Retry

from notes import tallies
from notes.broker import broker
from notes.models import Attempt, Heartbeat, Note, Tally
from notes.models.note import Status
from notes.tallies import tally_up
from notes.traffic import Traffic
from tests.services import free_port
from tests.test_commands import NewNote

pytestmark = [pytest.mark.database, pytest.mark.django_db]

TOKEN = "for-tests-only-metrics"


@pytest.fixture(autouse=True)
def token(settings: Any) -> None:
    settings.METRICS_TOKEN = TOKEN


def scrape(client: Client) -> dict[str, float]:
    """Each sample's value by name and labels."""
    response = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert response.status_code == 200
    return {
        " ".join([sample.name, *(f"{k}={v}" for k, v in sorted(sample.labels.items()))]): (
            sample.value
        )
        for family in text_string_to_metric_families(response.content.decode())
        for sample in family.samples
    }


def tried(note: Note, outcome: str, seconds: float = 2.0, ago: float = 60.0, **more: Any) -> None:
    """A try of transcription that ended a while ago."""
    ended = Now() - timedelta(seconds=ago)
    started = Now() - timedelta(seconds=ago + seconds)
    columns = {"stage": "transcription", "provider": "openai", **more}
    Attempt.objects.create(
        note=note, outcome=outcome, started_at=started, ended_at=ended, **columns
    )


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": TOKEN}, 401),
        ({"Authorization": "Bearer é"}, 401),
        ({"Authorization": f"Bearer {TOKEN}"}, 200),
    ],
)
def test_a_token_is_needed(client: Client, headers: dict[str, str], status: int) -> None:
    response = client.get("/metrics", headers=headers)
    assert response.status_code == status
    assert (b"bau_notes" in response.content) == (status == 200)


def test_without_a_token_set_there_are_no_metrics(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


def test_tries_are_counted_by_stage_outcome_and_fault(client: Client, new_note: NewNote) -> None:
    note = new_note()
    tried(note, "succeeded", audio_seconds=30.0, seconds_sent=20.0, seconds_saved=10.0)
    tried(note, "later", error_code="provider_busy", seconds=0.2, seconds_sent=20.0)
    tried(note, "interrupted")
    tried(note, "succeeded", stage="classification", ago=0.0)
    seen = scrape(client)
    attempts = "bau_attempts_total outcome={} stage={}"
    assert seen[attempts.format("succeeded", "transcription")] == 1
    assert seen[attempts.format("succeeded", "classification")] == 1
    assert seen["bau_provider_errors_total code=provider_busy"] == 1
    assert seen["bau_expired_leases_total stage=transcription"] == 1
    assert seen["bau_audio_seconds_sent_total"] == 40
    assert seen["bau_audio_seconds_saved_total"] == 10
    assert seen["bau_stage_seconds_bucket le=0.25 stage=transcription"] == 1
    assert seen["bau_stage_seconds_count stage=transcription"] == 2
    assert seen["bau_stage_seconds_sum stage=transcription"] == pytest.approx(2.2, abs=0.1)


def test_what_is_transcribed_here_costs_nothing(client: Client, new_note: NewNote) -> None:
    tried(new_note(), "succeeded", provider="local", audio_seconds=30.0, seconds_sent=20.0)
    seen = scrape(client)
    assert seen["bau_audio_seconds_saved_total"] == 30
    assert "bau_audio_seconds_sent_total" not in seen


def test_counts_do_not_go_down_when_notes_are_deleted_nor_twice_up(
    client: Client, new_note: NewNote
) -> None:
    note = new_note()
    tried(note, "succeeded", seconds_sent=7.0)
    tried(note, "succeeded", seconds_sent=5.0, ago=1.0)
    before = scrape(client)
    for _ in range(3):
        tally_up()
        assert scrape(client) == pytest.approx(before, abs=1)
        assert scrape(client)["bau_audio_seconds_sent_total"] == 12
    # What ended a second ago may have neighbours that are not yet committed.
    assert Tally.objects.get(name="audio_seconds_sent").value == 7
    note.erase()
    assert scrape(client)["bau_audio_seconds_sent_total"] == 7


def test_many_tries_are_added_in_parts_and_each_once(
    client: Client, new_note: NewNote, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = new_note()
    # Some within one second, more of them than fit a part.
    for number in range(12):
        tried(note, "succeeded", seconds_sent=1.0, ago=60.0 + number // 5)
    monkeypatch.setattr(tallies, "BATCH", 2)
    tally_up()
    assert Tally.objects.get(name="audio_seconds_sent").value == 12
    assert scrape(client)["bau_audio_seconds_sent_total"] == 12


def test_requests_and_uploads_are_counted_across_processes(client: Client) -> None:
    factory = RequestFactory()
    upload = factory.post("/api/v1/notes", {"audio": io.BytesIO(b"x" * 1000)})
    size = int(upload.META["CONTENT_LENGTH"])
    replay = HttpResponse(status=202, headers={"Idempotent-Replayed": "true"})
    for web in (Traffic(), Traffic()):
        web._start = lambda: None  # type: ignore[method-assign]
        web.count(upload, HttpResponse(status=202), 0.03)
        web.count(upload, HttpResponse(status=503), 0.3)
        web.count(upload, replay, 0.03)
        web.count(factory.get("/api/v1/notes"), HttpResponse(), 0.002)
        web.flush()
        web.flush()
    seen = scrape(client)
    assert seen["bau_uploads_total"] == 2
    assert seen["bau_upload_bytes_total"] == 2 * size
    assert seen["bau_requests_total method=POST status=5xx"] == 2
    assert seen["bau_requests_total method=GET status=2xx"] == 2
    assert seen["bau_request_seconds_bucket le=0.05"] == 6
    assert seen["bau_request_seconds_count"] == 8


def test_counts_wait_for_a_database_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    web = Traffic()
    web._start = lambda: None  # type: ignore[method-assign]
    web.count(RequestFactory().get("/"), HttpResponse(), 0.1)
    with monkeypatch.context() as away:
        away.setattr(Tally, "add", lambda amounts: 1 / 0)
        web.flush()
    web.flush()
    assert Tally.objects.get(name="requests|GET|2xx").value == 1


def test_states_workers_and_signs_are_told(client: Client, new_note: NewNote) -> None:
    new_note()
    Note.objects.filter(pk=new_note().pk).update(
        processing_status=Status.FAILED, error_code="audio_missing"
    )
    Note.objects.filter(pk=new_note().pk).update(
        processing_status=Status.TRANSCRIBING,
        lease_token=uuid.uuid4(),
        lease_expires_at=Now() + timedelta(minutes=1),
    )
    Heartbeat.beat("h:1", {"role": "all", "threads": 64, "running": 1, "cpu_share": 0.9})
    seen = scrape(client)
    assert [seen[f"bau_notes state={state}"] for state in ("due", "running", "failed")] == [1, 1, 1]
    assert (seen["bau_workers"], seen["bau_worker_cpu_share worker=h:1"]) == (1, 0.9)
    assert (seen["bau_advice advice=split"], seen["bau_advice advice=stay"]) == (1, 0)
    assert (seen["bau_notes_last_day"], seen["bau_redis_up"]) == (3, 1)
    assert "bau_rings" in seen


def test_a_redis_that_is_away_is_a_metric_not_a_fault(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with redis.Redis(port=free_port(), retry=Retry(NoBackoff(), 0)) as nobody:
        monkeypatch.setattr(broker(), "bell", nobody)
        seen = scrape(client)
    assert seen["bau_redis_up"] == 0
    assert "bau_rings" not in seen


def test_a_scrape_asks_a_fixed_number_of_questions(
    client: Client, new_note: NewNote, django_assert_max_num_queries: Any
) -> None:
    for _ in range(5):
        tried(new_note(), "succeeded")
    with django_assert_max_num_queries(12):
        scrape(client)
