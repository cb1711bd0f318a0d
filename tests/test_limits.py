"""Requests a minute and notes a day: counted, told in every answer, and told how to wait."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import http_sf
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from notes import limits, quota
from notes.models import IdempotencyKey, Note, Usage
from notes.models.usage import seconds_to_reset, today
from tests.conftest import client_of
from tests.test_auth import NOTES
from tests.test_upload import OGG, STORE, refused, upload, write

pytestmark = [pytest.mark.database, pytest.mark.django_db]

USAGE = "/api/v1/usage"


class Clock:
    """The monotonic clock that windows are counted by."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("notes.limits.time.monotonic", clock)
    return clock


def fields_of(response: Any) -> tuple[str, dict[str, int], dict[str, int]]:
    """Name, policy and standing, as a parser of structured fields reads them."""
    name, policy = structured(response.headers["RateLimit-Policy"])
    same, standing = structured(response.headers["RateLimit"])
    assert name == same
    assert set(policy) == {"q", "w"}
    assert set(standing) == {"r", "t"}
    assert all(type(value) is int for value in [*policy.values(), *standing.values()])
    return name, policy, standing


def structured(field: str) -> Any:
    """The one item of a list, and its parameters."""
    items: Any = http_sf.parse(field.encode(), tltype="list")
    [item] = items
    return item


# --- A minute ------------------------------------------------------------------------------------


def test_one_too_many_is_a_429_that_says_what_and_until_when(
    api: Client, settings: Any, clock: Clock
) -> None:
    settings.USER_REQUESTS_PER_MINUTE = 3
    for left in (2, 1, 0):
        answer = api.get("/api/v1/boxes")
        assert answer.status_code == 200
        assert fields_of(answer) == ("requests", {"q": 3, "w": 60}, {"r": left, "t": 60})
    clock.now += 20.5
    for _ in range(3):
        answer = api.get("/api/v1/boxes")
        assert refused(answer, 429, "rate_limited")
        assert fields_of(answer) == ("requests", {"q": 3, "w": 60}, {"r": 0, "t": 40})
        assert answer.headers["Retry-After"] == "40"
        told = {"policy": "requests", "limit": 3, "remaining": 0, "reset": 40}
        assert told.items() <= answer.json().items()
    clock.now += 40
    assert fields_of(api.get("/api/v1/boxes"))[2] == {"r": 2, "t": 60}


def test_each_user_has_a_limit_of_their_own(api: Client, api_of_bob: Client, settings: Any) -> None:
    settings.USER_REQUESTS_PER_MINUTE = 1
    assert api.get(NOTES).status_code == 200
    assert refused(api.get(NOTES), 429, "rate_limited")
    assert api_of_bob.get(NOTES).status_code == 200


def test_all_tokens_and_the_session_of_a_user_are_counted_together(
    alice: User, settings: Any
) -> None:
    settings.USER_REQUESTS_PER_MINUTE = 2
    browser = Client()
    browser.force_login(alice)
    assert client_of(alice).get(NOTES).status_code == 200
    assert browser.get(NOTES).status_code == 200
    assert refused(client_of(alice).get(NOTES), 429, "rate_limited")


def test_waiting_for_a_note_is_not_counted(api: Client, settings: Any) -> None:
    settings.USER_REQUESTS_PER_MINUTE = 1
    note = write(api).json()["id"]
    first = api.get(f"{NOTES}/{note}")
    for _ in range(200):
        again = api.get(f"{NOTES}/{note}", headers={"If-None-Match": first.headers["ETag"]})
        assert again.status_code == 304
    assert "RateLimit" not in first.headers
    assert refused(api.get(NOTES), 429, "rate_limited")


def test_web_processes_share_the_limit(api: Client, settings: Any) -> None:
    settings.USER_REQUESTS_PER_MINUTE, settings.WEB_CONCURRENCY = 10, 3
    assert fields_of(api.get(NOTES))[1] == {"q": 4, "w": 60}


def test_zero_is_no_limit(api: Client, settings: Any) -> None:
    settings.USER_REQUESTS_PER_MINUTE = settings.USER_NOTES_PER_DAY = 0
    answers = [upload(api, OGG + word) for word in (b"a", b"b", b"c")]
    assert {answer.status_code for answer in answers} == {202}
    assert "RateLimit" not in answers[0].headers
    assert Usage.objects.get().notes == 3


def test_windows_that_are_over_are_forgotten(
    settings: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notes.limits.REMEMBERED", 100)
    windows = limits.RequestWindows()
    for user in range(100):
        windows.count(user)
    clock.now += 61
    windows.count(1000)
    assert len(windows._windows) == 1


def test_redis_is_not_asked(api: Client, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    def down(*_: Any, **__: Any) -> None:
        raise ConnectionError

    settings.USER_REQUESTS_PER_MINUTE, settings.USER_NOTES_PER_DAY = 3, 1
    monkeypatch.setattr("redis.connection.ConnectionPool.get_connection", down)
    assert upload(api).status_code == 202
    assert refused(upload(api, OGG + b"more"), 429, "quota_exceeded")
    api.get(NOTES)
    assert refused(api.get(NOTES), 429, "rate_limited")


# --- A day ---------------------------------------------------------------------------------------


def test_notes_beyond_the_days_are_a_429_until_midnight(api: Client, settings: Any) -> None:
    settings.USER_NOTES_PER_DAY = 2
    assert upload(api).status_code == write(api).status_code == 202
    for answer in (upload(api, OGG + b"more"), write(api)):
        assert refused(answer, 429, "quota_exceeded")
        name, policy, standing = fields_of(answer)
        assert (name, policy, standing["r"]) == ("notes", {"q": 2, "w": 86_400}, 0)
        left = seconds_to_reset()
        assert abs(int(answer.headers["Retry-After"]) - left) < 60
        assert standing["t"] == int(answer.headers["Retry-After"]) == answer.json()["reset"]
        assert answer.json()["policy"] == "notes"
    assert Note.objects.count() == 2
    assert not IdempotencyKey.objects.exists()


def test_a_note_sent_again_is_counted_once(api: Client, settings: Any) -> None:
    settings.USER_NOTES_PER_DAY = 1
    assert upload(api, key="k1").status_code == 202
    assert upload(api, key="k1").status_code == 202
    answer = upload(api, OGG + b"more", key="k2")
    assert refused(answer, 429, "quota_exceeded")
    assert IdempotencyKey.objects.get().key == "k1"


def test_a_note_that_was_not_taken_in_is_given_back(
    api: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.USER_NOTES_PER_DAY = 1
    with monkeypatch.context() as broken:
        broken.setattr(STORE, lambda *_: 1 / 0)
        assert refused(upload(api), 500, "internal_error")
    assert refused(write(api, box="00000000-0000-0000-0000-000000000000"), 422, "unknown_box")
    assert upload(api).status_code == 202


def test_a_deleted_note_was_still_sent(api: Client, settings: Any) -> None:
    settings.USER_NOTES_PER_DAY = 1
    api.delete(f"{NOTES}/{upload(api).json()['id']}")
    assert refused(upload(api), 429, "quota_exceeded")


# --- What is left --------------------------------------------------------------------------------


def test_a_user_sees_what_is_used_and_what_is_left(
    api: Client, api_of_bob: Client, alice: User, settings: Any
) -> None:
    settings.USER_NOTES_PER_DAY, settings.USER_AUDIO_MINUTES_PER_DAY = 100, 60
    upload(api)
    with quota.reserved(alice.pk, 90.5):
        pass
    seen = api.get(USAGE).json()
    assert seen["day"] == today().isoformat()
    resets_in = datetime.fromisoformat(seen["resets_at"]) - timezone.now()
    assert abs(resets_in.total_seconds() - seconds_to_reset()) < 60
    assert seen["notes"] == {"used": 1, "limit": 100, "remaining": 99}
    assert seen["audio_seconds"] == {"used": 90.5, "limit": 3600, "remaining": 3509.5}
    assert seen["requests_per_minute"] == 600
    assert api_of_bob.get(USAGE).json()["notes"]["used"] == 0


def test_where_there_is_no_limit_nothing_is_left_to_say(api: Client, settings: Any) -> None:
    settings.USER_NOTES_PER_DAY = settings.USER_AUDIO_MINUTES_PER_DAY = 0
    settings.USER_REQUESTS_PER_MINUTE = 0
    seen = api.get(USAGE).json()
    nothing = {"used": 0, "limit": None, "remaining": None}
    assert seen["notes"] == seen["audio_seconds"] == nothing
    assert seen["requests_per_minute"] is None
