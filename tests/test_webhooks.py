"""Webhooks: what is written with a note's ending arrives, signed, and as often as it must."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, cast

import pytest
import standardwebhooks
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext

from notes.classifiers import Decision
from notes.models import Box, Delivery, Note, Webhook
from notes.models.delivery import SCHEDULE
from notes.models.note import FiledBy
from notes.models.webhook import MAX_FAILURES, MAX_WEBHOOKS, OLD_SECRET_LIVES
from notes.provider import Never
from notes.stages import Stage
from notes.webhooks.delivering import deliver_next
from notes.webhooks.postman import Postman
from tests.fakes.receiver import Call, Receiver
from tests.services import free_port
from tests.test_claim import claimed, lose_lease
from tests.test_upload import refused

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]

NewNote = Callable[..., Note]
WEBHOOKS = "/api/v1/webhooks"
INBOX = Decision(None, 0, "no_match")


@pytest.fixture(autouse=True)
def loopback_allowed(settings: Any) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE = True


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
def webhook(alice: User, receiver: Receiver) -> Webhook:
    return Webhook.objects.create(owner=alice, url=receiver.url)


@pytest.fixture
def ended(new_note: NewNote) -> Callable[[], Note]:
    """Makes notes that are filed, or left in the Inbox."""

    def end() -> Note:
        note = new_note(transcript="segredo: chamar o encanador")
        assert claimed(note, Stage.CLASSIFICATION).file_in(INBOX, FiledBy.RULE)
        return note

    return end


def ask(client: Client, method: str, path: str, body: Any = None) -> Any:
    data = "" if body is None else json.dumps(body)
    return client.generic(method, WEBHOOKS + path, data, "application/json")


def verified(call: Call, secret: str) -> Any:
    """The message, if ``secret`` has signed it."""
    return standardwebhooks.Webhook(secret).verify(call.body, call.headers)


def due_now() -> None:
    Delivery.objects.filter(lease_token__isnull=True).update(next_attempt_at=Now())


def deliver_all() -> int:
    count = 0
    while deliver_next():
        count += 1
    return count


def wait_of(delivery: Delivery) -> timedelta:
    """How long until the next try."""
    row = Delivery.objects.annotate(clock=Now()).get(pk=delivery.pk)
    return row.next_attempt_at - cast(datetime, vars(row)["clock"])


# --- Making and changing them --------------------------------------------------------------------


def test_the_secret_is_shown_once(api: Client) -> None:
    made = ask(api, "POST", "", {"url": "https://example.com/hook", "description": "n8n"})
    assert made.status_code == 201
    assert made.headers["Cache-Control"] == "no-store"
    secret = made.json()["secret"]
    assert secret.startswith("whsec_")
    path = made.headers["Location"].removeprefix(WEBHOOKS)
    shown = ask(api, "GET", path).json()
    assert shown == {name: v for name, v in made.json().items() if name != "secret"}
    assert (shown["active"], shown["paused"], shown["failures"]) == (True, None, 0)
    assert shown["events"] == ["note.completed", "note.failed"]
    assert secret not in ask(api, "GET", "").content.decode()


@pytest.mark.parametrize(
    "url",
    ["https://localhost/", "https://10.0.0.1/", "https://a@example.com/", "http://example.com/"],
)
def test_an_address_that_points_inwards_is_refused(api: Client, settings: Any, url: str) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE = False
    assert refused(ask(api, "POST", "", {"url": url}), 422, "bad_webhook_url")
    made = ask(api, "POST", "", {"url": "https://example.com/"}).json()
    assert refused(ask(api, "PATCH", f"/{made['id']}", {"url": url}), 422, "bad_webhook_url")
    assert Webhook.objects.get().url == "https://example.com/"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": "https://example.com/", "events": []},
        {"url": "https://example.com/", "events": ["note.deleted"]},
        {"url": "https://example.com/", "owner": 1},
        {"url": "https://example.com/", "secret": "whsec_AAAA"},
        {"url": "https://example.com/", "description": "\x00"},
        {"url": 7},
    ],
    ids=lambda body: "-".join(body) or "empty",
)
def test_a_bad_body_is_refused(api: Client, body: Any) -> None:
    assert refused(ask(api, "POST", "", body), 422, "invalid_request")
    assert not Webhook.objects.exists()


def test_an_owner_has_so_many_and_no_more(api: Client) -> None:
    for _ in range(MAX_WEBHOOKS):
        assert ask(api, "POST", "", {"url": "https://example.com/"}).status_code == 201
    assert refused(ask(api, "POST", "", {"url": "https://example.com/"}), 409, "too_many_webhooks")
    assert len(ask(api, "GET", "").json()) == MAX_WEBHOOKS


def test_a_webhook_can_be_changed_paused_and_deleted(api: Client, webhook: Webhook) -> None:
    path = f"/{webhook.pk}"
    changed = ask(api, "PATCH", path, {"events": ["note.failed"], "description": "x"}).json()
    assert (changed["events"], changed["description"]) == (["note.failed"], "x")
    paused = ask(api, "PATCH", path, {"active": False}).json()
    assert (paused["active"], paused["paused"]["code"]) == (False, "owner")
    resumed = ask(api, "PATCH", path, {"active": True}).json()
    assert (resumed["active"], resumed["paused"]) == (True, None)
    assert ask(api, "DELETE", path).status_code == 204
    assert refused(ask(api, "GET", path), 404, "not_found")


# --- What is written, and what it costs ----------------------------------------------------------


def test_an_ending_costs_a_statement_only_where_somebody_listens(
    ended: Callable[[], Note], alice: User, bob: User, new_note: NewNote
) -> None:
    def told() -> int:
        work = claimed(new_note(transcript="x"), Stage.CLASSIFICATION)
        with CaptureQueriesContext(connection) as queries:
            assert work.file_in(INBOX, FiledBy.RULE)
        return sum(Delivery._meta.db_table in one["sql"] for one in queries)

    assert told() == 0
    Webhook.objects.create(owner=bob, url="https://example.com/")
    assert told() == 0
    Webhook.objects.create(owner=alice, url="https://example.com/")
    Webhook.objects.create(owner=alice, url="https://example.org/")
    assert told() == 1
    assert Delivery.objects.count() == 2
    assert Delivery.objects.values("message_id").distinct().count() == 1


def test_only_what_is_asked_for_is_written(alice: User, new_note: NewNote) -> None:
    both = Webhook.objects.create(owner=alice, url="https://example.com/")
    good = Webhook.objects.create(owner=alice, url="https://example.com/", on_failed=False)
    bad = Webhook.objects.create(owner=alice, url="https://example.com/", on_completed=False)
    assert claimed(new_note()).give_up(Never("audio_refused"))
    note = new_note(transcript="x")
    assert claimed(note, Stage.CLASSIFICATION).file_in(INBOX, FiledBy.RULE)
    written = Delivery.objects.values_list("webhook", "event", "note_error")
    assert sorted(written, key=str) == sorted(
        [
            (both.pk, "note.failed", "audio_refused"),
            (bad.pk, "note.failed", "audio_refused"),
            (both.pk, "note.completed", ""),
            (good.pk, "note.completed", ""),
        ],
        key=str,
    )


def test_an_ending_that_does_not_happen_is_not_told(webhook: Webhook, new_note: NewNote) -> None:
    note = new_note(transcript="x")
    late = claimed(note, Stage.CLASSIFICATION)
    lose_lease(note)
    again = claimed(note, Stage.CLASSIFICATION)
    assert not late.file_in(INBOX, FiledBy.RULE)
    with transaction.atomic():
        assert again.file_in(INBOX, FiledBy.RULE)
        transaction.set_rollback(True)
    assert not Delivery.objects.exists()
    assert again.file_in(INBOX, FiledBy.RULE)
    assert Delivery.objects.count() == 1


# --- What arrives --------------------------------------------------------------------------------


def test_a_message_is_signed_and_thin(
    api: Client, webhook: Webhook, receiver: Receiver, new_note: NewNote, home: Box
) -> None:
    note = new_note(transcript="segredo: chamar o encanador")
    in_home = Decision(home.pk, 1.0, "name_mentioned", "segredo")
    assert claimed(note, Stage.CLASSIFICATION).file_in(in_home, FiledBy.RULE)
    assert deliver_all() == 1
    [call] = receiver.calls
    message = verified(call, webhook.secret)
    assert message["type"] == "note.completed"
    assert message["data"] == {
        "note": str(note.pk),
        "processing_status": "completed",
        "box": str(home.pk),
        "error": None,
        "completed_at": message["timestamp"],
    }
    assert b"segredo" not in call.body
    assert b"Casa" not in call.body
    [delivery] = ask(api, "GET", f"/{webhook.pk}/deliveries").json()["results"]
    assert call.headers["webhook-id"] == f"msg_{delivery['id'].replace('-', '')}"
    assert (delivery["status"], delivery["response_status"]) == ("delivered", 200)
    assert (delivery["note"], delivery["attempts"]) == (str(note.pk), 1)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        verified(call, "whsec_" + "A" * 43 + "=")
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        verified(call._replace(body=call.body.replace(b"completed", b"failed", 1)), webhook.secret)


def test_while_a_secret_is_rotated_both_sign(
    api: Client, webhook: Webhook, receiver: Receiver, ended: Callable[[], Note]
) -> None:
    rotated = ask(api, "POST", f"/{webhook.pk}/rotate-secret").json()
    old, new = webhook.secret, rotated["secret"]
    assert new != old
    assert rotated["old_secret_until"]
    ended()
    deliver_all()
    assert verified(receiver.calls[0], old) == verified(receiver.calls[0], new)
    Webhook.objects.update(old_secret_until=Now() - timedelta(seconds=1))
    ended()
    deliver_all()
    assert verified(receiver.calls[1], new)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        verified(receiver.calls[1], old)
    assert timedelta(hours=24) == OLD_SECRET_LIVES


def test_a_ping_goes_out_also_while_paused(
    api: Client, webhook: Webhook, receiver: Receiver
) -> None:
    ask(api, "PATCH", f"/{webhook.pk}", {"active": False})
    ping = ask(api, "POST", f"/{webhook.pk}/ping")
    assert (ping.status_code, ping.json()["event"]) == (202, "webhook.ping")
    deliver_all()
    assert verified(receiver.calls[0], webhook.secret)["data"] == {"webhook": str(webhook.pk)}


def test_a_message_is_sent_again_on_demand_with_the_same_id(
    api: Client, webhook: Webhook, receiver: Receiver, ended: Callable[[], Note]
) -> None:
    ended()
    deliver_all()
    delivery = ask(api, "GET", f"/{webhook.pk}/deliveries").json()["results"][0]["id"]
    again = ask(api, "POST", f"/{webhook.pk}/deliveries/{delivery}/redeliver")
    assert (again.status_code, again.json()["status"]) == (202, "pending")
    deliver_all()
    first, second = receiver.calls
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body


# --- When the receiver fails ---------------------------------------------------------------------


def test_a_receiver_that_is_down_gets_it_once_it_is_back_with_the_same_id(
    webhook: Webhook, receiver: Receiver, ended: Callable[[], Note]
) -> None:
    receiver.status = 503
    ended()
    deliver_all()
    receiver.stop()
    due_now()
    deliver_all()
    delivery = Delivery.objects.get()
    assert (delivery.attempts, delivery.error_code) == (2, "receiver_unreachable")
    assert (delivery.processing_status, delivery.response_status) == ("pending", None)
    receiver.status = 204
    receiver.start()
    assert deliver_all() == 0
    due_now()
    assert deliver_all() == 1
    delivery.refresh_from_db()
    assert (delivery.processing_status, delivery.attempts) == ("delivered", 3)
    refused_call, taken = receiver.calls
    assert refused_call.headers["webhook-id"] == taken.headers["webhook-id"]
    assert verified(taken, webhook.secret) == verified(refused_call, webhook.secret)


def test_the_tries_follow_the_schedule_and_end(
    webhook: Webhook, receiver: Receiver, ended: Callable[[], Note]
) -> None:
    receiver.status = 500
    ended()
    assert [wait.total_seconds() for wait in SCHEDULE] == [0, 30, 120, 600, 3600]
    for wait in SCHEDULE[1:]:
        deliver_all()
        delivery = Delivery.objects.get()
        assert wait * 0.9 < wait_of(delivery) < wait * 1.2
        due_now()
    deliver_all()
    delivery.refresh_from_db()
    assert (delivery.processing_status, delivery.attempts) == ("failed", 5)
    assert (delivery.response_status, delivery.error_code) == (500, "receiver_refused")
    assert len(receiver.calls) == 5
    webhook.refresh_from_db()
    assert (webhook.failures, webhook.paused_by) == (1, "")


@pytest.mark.parametrize(("asked", "seconds"), [("300", 300), ("9999999", 3600), ("1", 30)])
def test_a_receiver_may_ask_for_more_patience(
    webhook: Webhook, receiver: Receiver, ended: Callable[[], Note], asked: str, seconds: int
) -> None:
    receiver.status, receiver.headers = 429, {"Retry-After": asked}
    ended()
    deliver_all()
    wait = wait_of(Delivery.objects.get()).total_seconds()
    assert seconds * 0.9 < wait < seconds * 1.2


def test_a_receiver_that_fails_ten_times_is_paused_and_resumed_by_its_owner(
    api: Client, webhook: Webhook, receiver: Receiver, ended: Callable[[], Note]
) -> None:
    receiver.status = 500
    for _ in range(MAX_FAILURES + 2):
        ended()
    last_tries = Delivery.objects.order_by("pk")[:MAX_FAILURES].values_list("pk", flat=True)
    Delivery.objects.filter(pk__in=list(last_tries)).update(attempts=4)
    Delivery.objects.exclude(pk__in=list(last_tries)).update(
        next_attempt_at=Now() + timedelta(seconds=60)
    )
    assert deliver_all() == MAX_FAILURES
    shown = ask(api, "GET", f"/{webhook.pk}").json()
    assert (shown["active"], shown["failures"]) == (False, MAX_FAILURES)
    assert shown["paused"]["code"] == "too_many_failures"
    assert shown["paused"]["message"]
    waiting = Delivery.objects.filter(processing_status="held")
    assert waiting.count() == 2
    ended()
    due_now()
    assert (waiting.count(), deliver_all()) == (2, 0)
    receiver.status = 200
    resumed = ask(api, "PATCH", f"/{webhook.pk}", {"active": True}).json()
    assert (resumed["active"], resumed["failures"]) == (True, 0)
    assert deliver_all() == 2


def test_a_success_ends_a_row_of_failures(
    webhook: Webhook, receiver: Receiver, ended: Callable[[], Note]
) -> None:
    Webhook.objects.update(failures=MAX_FAILURES - 1)
    ended()
    deliver_all()
    webhook.refresh_from_db()
    assert (webhook.failures, webhook.paused_by) == (0, "")


def test_who_says_gone_is_not_called_again(
    webhook: Webhook, receiver: Receiver, ended: Callable[[], Note]
) -> None:
    receiver.status = 410
    ended()
    ended()
    deliver_all()
    webhook.refresh_from_db()
    assert (webhook.paused_by, len(receiver.calls)) == ("receiver_gone", 1)
    statuses = Delivery.objects.order_by("pk").values_list("processing_status", "error_code")
    assert list(statuses) == [("failed", "receiver_gone"), ("held", "")]


# --- When a worker fails -------------------------------------------------------------------------


def test_what_a_dead_worker_held_is_sent_by_another_and_its_late_word_dropped(
    webhook: Webhook, receiver: Receiver, ended: Callable[[], Note]
) -> None:
    ended()
    late = Delivery.claim_next()
    assert late is not None
    assert Delivery.claim_next() is None
    Delivery.objects.update(lease_expires_at=Now() - timedelta(seconds=1))
    assert deliver_all() == 1
    assert not late.give_up(Never("receiver_gone"))
    delivery = Delivery.objects.get()
    assert (delivery.processing_status, delivery.attempts) == ("delivered", 2)
    webhook.refresh_from_db()
    assert webhook.paused_by == ""


def test_what_a_stop_interrupts_counts_as_no_try(
    webhook: Webhook, ended: Callable[[], Note]
) -> None:
    ended()
    held = Delivery.claim_next()
    assert held is not None
    assert held.lease_token is not None
    assert Delivery.hand_back([held.lease_token]) == 1
    again = Delivery.claim_next()
    assert again is not None
    assert again.attempts == 1


def test_a_delivery_that_ends_worker_after_worker_is_given_up(
    webhook: Webhook, receiver: Receiver, ended: Callable[[], Note]
) -> None:
    ended()
    for _ in SCHEDULE:
        assert Delivery.claim_next() is not None
        Delivery.objects.update(lease_expires_at=Now() - timedelta(seconds=1))
    assert deliver_all() == 1
    delivery = Delivery.objects.get()
    assert (delivery.processing_status, delivery.error_code) == ("failed", "interrupted")
    assert receiver.calls == []


def test_a_slow_receiver_takes_one_thread_and_holds_up_nobody(
    alice: User, bob: User, webhook: Webhook, receiver: Receiver, ended: Callable[[], Note]
) -> None:
    receiver.slow = 2.0
    for _ in range(4):
        ended()
    with Receiver() as quick:
        other = Webhook.objects.create(owner=bob, url=quick.url)
        for _ in range(3):
            Delivery.ping(other)
        postman = Postman()
        postman.start(deliver_next)
        try:
            postman.wake()
            quick.wait_for(3)
            assert len(receiver.calls) == 1
        finally:
            postman.stop()
            postman.wait(15)
    assert receiver.most_at_once == 1


def test_a_postman_that_nobody_started_sends_nothing(
    webhook: Webhook, receiver: Receiver, ended: Callable[[], Note]
) -> None:
    ended()
    postman = Postman()
    postman.wake()
    postman.wait(5)
    assert receiver.accepted == 0
    assert Delivery.objects.get().attempts == 0


# --- The log, and its end ------------------------------------------------------------------------


def test_the_log_comes_in_pages(api: Client, webhook: Webhook) -> None:
    ids = [str(Delivery.ping(webhook).message_id) for _ in range(5)]
    path, seen, cursor = f"/{webhook.pk}/deliveries?limit=2", list[str](), ""
    while True:
        page = ask(api, "GET", path + cursor).json()
        seen += [row["id"] for row in page["results"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == ids[::-1]
    unknown = ask(api, "GET", f"{path}&cursor={webhook.pk}")
    assert refused(unknown, 422, "bad_cursor")


def test_the_log_is_kept_for_thirty_days(webhook: Webhook) -> None:
    old, young = Delivery.ping(webhook), Delivery.ping(webhook)
    Delivery.objects.filter(pk=old.pk).update(created_at=Now() - timedelta(days=31))
    Delivery.objects.filter(pk=young.pk).update(created_at=Now() - timedelta(days=29))
    Delivery.expire()
    assert list(Delivery.objects.all()) == [young]


def test_with_a_note_goes_its_log_and_with_a_user_go_the_webhooks(
    alice: User, webhook: Webhook, ended: Callable[[], Note]
) -> None:
    ended().erase()
    assert not Delivery.objects.exists()
    ended()
    alice.delete()
    assert (Webhook.objects.count(), Delivery.objects.count()) == (0, 0)


def test_nothing_listens_where_nobody_is(alice: User, ended: Callable[[], Note]) -> None:
    Webhook.objects.create(owner=alice, url=f"http://127.0.0.1:{free_port()}/")
    ended()
    assert deliver_all() == 1
    assert Delivery.objects.get().error_code == "receiver_unreachable"
