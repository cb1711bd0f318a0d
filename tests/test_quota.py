"""What may be used in a day: exact at the edge, given back, and waited for without harm."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from io import BytesIO
from threading import Barrier
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from notes import pipeline, quota, transcription
from notes.limits import LimitReached
from notes.models import Attempt, Note, Usage, Work
from notes.models import usage as books
from notes.models.note import Status
from notes.models.usage import seconds_to_reset, today
from notes.provider import Later, Never, OverQuota
from notes.stages import Stage
from notes.storage import new_key, store_audio
from tests.fakes.provider import FakeProvider

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]

THREADS = 20
#: Eight of these fit into a minute, and a ninth does not.
SECONDS = 7.0


class Calendar:
    """The day that the product believes it is."""

    def __init__(self) -> None:
        self.day = dt.date(2026, 11, 22)

    def __call__(self) -> dt.date:
        return self.day


@pytest.fixture
def calendar(monkeypatch: pytest.MonkeyPatch) -> Calendar:
    calendar = Calendar()
    for module in ("notes.quota", "notes.api.usage", "notes.models.usage"):
        monkeypatch.setattr(f"{module}.today", calendar)
    return calendar


@pytest.fixture(autouse=True)
def limits(settings: Any) -> Any:
    """A minute of audio for each user and none for all together, unless a test says otherwise."""
    settings.USER_AUDIO_MINUTES_PER_DAY = 1
    settings.INSTANCE_AUDIO_MINUTES_PER_DAY = 0
    return settings


def used(owner: User | None) -> float:
    """Seconds of audio in the books of today."""
    return Usage.of(owner.pk if owner else None, books.today()).audio_milliseconds / 1000


def use(owner: User, seconds: float | None, told: float | None = None) -> None:
    with quota.reserved(owner.pk, seconds) as call:
        call.seconds = seconds if told is None else told


def in_threads(work: Callable[[int], Any], count: int = THREADS) -> list[Any]:
    """What ``work`` gives in each of so many threads that start together."""
    barrier = Barrier(count)

    def run(number: int) -> Any:
        try:
            barrier.wait(30)
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


# --- Reserving and settling ----------------------------------------------------------------------


def test_what_was_used_is_settled(alice: User, bob: User) -> None:
    use(alice, 10)
    use(alice, 10, told=4)
    use(alice, 10, told=12.5)
    use(alice, None, told=3)
    use(alice, None)
    assert used(alice) == 29.5
    assert used(bob) == 0


@pytest.mark.parametrize("fault", [Later("provider_busy"), Never("audio_refused")])
def test_a_call_without_a_result_is_not_counted(alice: User, fault: Exception) -> None:
    def fail() -> None:
        assert used(alice) == 50
        raise fault

    with pytest.raises(type(fault)), quota.reserved(alice.pk, 50):
        fail()
    assert used(alice) == 0


def test_a_call_of_which_nothing_is_known_stays_counted(alice: User) -> None:
    with pytest.raises(ZeroDivisionError), quota.reserved(alice.pk, 50):
        raise ZeroDivisionError
    assert used(alice) == 50


def test_what_does_not_fit_waits_for_the_reset(alice: User, bob: User) -> None:
    use(alice, 50)
    with pytest.raises(OverQuota) as refused:
        use(alice, 10.001)
    assert refused.value.code == "quota_exhausted"
    assert not refused.value.uses_attempt
    assert 0 <= refused.value.reset_in <= 86_400
    use(bob, 10.001)
    use(alice, 10)
    assert used(alice) == 60


def test_without_a_length_anything_left_is_enough(alice: User) -> None:
    use(alice, 59.9)
    use(alice, None, told=30)
    with pytest.raises(OverQuota):
        use(alice, None, told=1)
    assert used(alice) == 89.9


def test_what_fits_into_no_day_fails_at_once(alice: User) -> None:
    with pytest.raises(Never) as refused:
        use(alice, 60.001)
    assert refused.value.code == "audio_too_long"
    assert used(alice) == 0


def test_zero_is_no_limit(alice: User, limits: Any) -> None:
    limits.USER_AUDIO_MINUTES_PER_DAY = 0
    use(alice, 1e6)
    assert used(alice) == 1e6


def test_all_users_together_have_a_stop(alice: User, bob: User, limits: Any) -> None:
    limits.INSTANCE_AUDIO_MINUTES_PER_DAY = 1
    use(alice, 40)
    with pytest.raises(OverQuota) as refused:
        use(bob, 40)
    assert refused.value.code == "instance_quota_exhausted"
    assert (used(alice), used(bob), used(None)) == (40, 0, 40)
    use(bob, 20, told=10)
    assert (used(bob), used(None)) == (10, 50)


def test_a_day_is_settled_in_its_own_books(alice: User, calendar: Calendar) -> None:
    with quota.reserved(alice.pk, 50) as call:
        calendar.day += timedelta(days=1)
        call.seconds = 20
    assert used(alice) == 0
    calendar.day -= timedelta(days=1)
    assert used(alice) == 20


def test_no_connection_is_held_during_the_call(alice: User) -> None:
    with quota.reserved(alice.pk, 5):
        if connection.settings_dict["OPTIONS"].get("pool"):
            assert connection.connection is None


def test_a_database_that_is_away_after_the_call_costs_no_result(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise OperationalError

    with quota.reserved(alice.pk, 50) as call:
        monkeypatch.setattr(Usage, "give_back", away)
        call.seconds = 1
    assert used(alice) == 50


def test_a_known_length_costs_one_statement_and_one_for_all(
    alice: User, limits: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    costs = []
    for minutes in (0, 100):
        limits.INSTANCE_AUDIO_MINUTES_PER_DAY = minutes
        use(alice, 1)
        with CaptureQueriesContext(connection) as asked:
            use(alice, 1)
        costs.append(len(asked))
    with capsys.disabled():
        print(f"\nSQL statements of a reservation: {costs[0]}, with a stop for all {costs[1]}")
    assert costs == [1, 2]


# --- At the edge ---------------------------------------------------------------------------------


@pytest.mark.parametrize("shared", [False, True], ids=["of a user", "of all"])
def test_twenty_threads_never_reserve_more_than_the_quota(
    alice: User, limits: Any, shared: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    owners = [alice] * THREADS
    if shared:
        limits.INSTANCE_AUDIO_MINUTES_PER_DAY = 1
        owners = [User.objects.create_user(f"user{number}") for number in range(THREADS)]
    everybody_tried = Barrier(THREADS)
    seen: list[float] = []

    def try_it(number: int) -> bool:
        try:
            with quota.reserved(owners[number].pk, SECONDS):
                seen.append(used(None if shared else alice))
                connection.close()
                everybody_tried.wait(60)
            return True
        except OverQuota:
            connection.close()
            everybody_tried.wait(60)
            return False

    ran = in_threads(try_it).count(True)
    total = used(None if shared else alice)
    with capsys.disabled():
        print(
            f"\n{connection.vendor}, {THREADS} threads x {SECONDS:.0f} s, 60 s"
            f" {'for all' if shared else 'for one'}: {ran} ran,"
            f" at most {max(seen):.0f} s reserved, {total:.0f} s used"
        )
    assert ran == 8
    assert max(seen) == total == 56
    assert sum(row.audio_milliseconds for row in Usage.objects.filter(owner=None)) == (
        56_000 if shared else 0
    )


def test_the_first_of_a_day_may_come_all_at_once(alice: User) -> None:
    in_threads(lambda _: use(alice, 1))
    assert used(alice) == THREADS
    assert Usage.objects.count() == 1


def test_twenty_threads_never_send_more_notes_than_a_day_has(alice: User, limits: Any) -> None:
    limits.USER_NOTES_PER_DAY = 7

    def send(number: int) -> bool:
        try:
            with quota.one_note(alice.pk):
                return True
        except LimitReached:
            return False

    assert in_threads(send).count(True) == 7
    assert Usage.of(alice.pk, today()).notes == 7


# --- In the pipeline -----------------------------------------------------------------------------


@pytest.fixture
def spoken(alice: User, sample: bytes) -> Callable[[], Note]:
    def make() -> Note:
        key = new_key()
        store_audio(key, BytesIO(sample))
        return Note.receive(owner_id=alice.pk, audio_key=key, audio_format="ogg")

    return make


@pytest.fixture
def known_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each note is known to have so many SECONDS before the call."""
    monkeypatch.setattr(transcription, "reserved", lambda owner_id, seconds: known(owner_id))


def known(owner_id: int) -> Any:
    return quota.reserved(owner_id, SECONDS)


def codes() -> dict[str, int]:
    """How many notes have each status and code."""
    pairs = Note.objects.values_list("processing_status", "error_code")
    names = [f"{status} {code}".strip() for status, code in pairs]
    return {name: names.count(name) for name in names}


def run_due() -> None:
    """Transcribe all notes at once."""
    ids = list(Note.objects.values_list("pk", flat=True))
    in_threads(lambda number: pipeline.transcribe(ids[number]), len(ids))


def test_twenty_workers_at_the_edge_and_the_rest_after_the_reset(
    provider: FakeProvider,
    spoken: Callable[[], Note],
    alice: User,
    known_length: None,
    calendar: Calendar,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for _ in range(THREADS):
        spoken()
    days = []
    for expected in ((8, 12), (16, 4), (20, 0)):
        run_due()
        waiting = Note.objects.filter(processing_status=Status.PENDING)
        days.append(f"{used(alice):.0f} s")
        assert used(alice) <= 60
        assert len(provider.requests("transcriptions")) == expected[0]
        assert waiting.filter(error_code="quota_exhausted", attempts=0).count() == expected[1]
        run_due()  # nothing is due before the reset
        assert len(provider.requests("transcriptions")) == expected[0]
        calendar.day += timedelta(days=1)
        waiting.update(next_attempt_at=Now())
    with capsys.disabled():
        print(f"\n{connection.vendor}: {THREADS} workers, 60 s a day: {', '.join(days)} on 3 days")
    assert codes() == {"classifying": THREADS}


def test_a_note_waits_until_just_after_the_reset(
    provider: FakeProvider, spoken: Callable[[], Note], alice: User
) -> None:
    use(alice, 60)
    note = spoken()
    pipeline.transcribe(note.pk)
    note.refresh_from_db()
    assert (note.processing_status, note.error_code) == (Status.PENDING, "quota_exhausted")
    tomorrow = datetime.combine(today() + timedelta(days=1), dt.time(), UTC)
    assert timedelta(seconds=-2) <= note.next_attempt_at - tomorrow <= timedelta(seconds=40)
    assert note.lease_token is None
    assert provider.requests("transcriptions") == []
    assert Attempt.objects.get(note=note).outcome == Attempt.Outcome.LATER


def test_waiting_for_a_quota_uses_up_nothing(
    provider: FakeProvider, spoken: Callable[[], Note], alice: User, calendar: Calendar
) -> None:
    use(alice, 60)
    note = spoken()
    for day in range(10):
        calendar.day = dt.date(2026, 11, 22) + timedelta(days=day)
        if not used(alice):
            use(alice, 60)
        Note.objects.filter(pk=note.pk).update(
            next_attempt_at=Now(), first_tried_at=Now() - timedelta(days=day)
        )
        pipeline.transcribe(note.pk)
        note.refresh_from_db()
        assert (note.processing_status, note.attempts) == (Status.PENDING, 0)
    assert note.first_tried_at is None
    calendar.day += timedelta(days=1)
    Note.objects.filter(pk=note.pk).update(next_attempt_at=Now())
    pipeline.transcribe(note.pk)
    note.refresh_from_db()
    assert note.processing_status == Status.CLASSIFYING
    assert note.error_code == ""


def test_attempts_that_failed_before_still_count(alice: User, spoken: Callable[[], Note]) -> None:
    note = spoken()
    Note.objects.filter(pk=note.pk).update(attempts=7)
    work = Work.find(note.pk, Stage.TRANSCRIPTION)
    assert work
    assert work.claim()
    assert work.try_later(OverQuota("quota_exhausted", reset_in=5))
    note.refresh_from_db()
    assert (note.processing_status, note.attempts) == (Status.PENDING, 7)


# --- Books ---------------------------------------------------------------------------------------


def test_books_are_kept_for_a_season_and_go_with_their_user(alice: User, bob: User) -> None:
    Usage.objects.create(owner=alice, day=today() - timedelta(days=91))
    use(alice, 1)
    use(bob, 1)
    assert Usage.forget_the_old() == 1
    bob.delete()
    assert Usage.objects.get().owner == alice


def test_the_reset_is_the_next_midnight(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = datetime(2026, 11, 22, 23, 59, 30, tzinfo=UTC)
    monkeypatch.setattr("notes.models.usage.timezone.now", lambda: moment)
    assert today() == dt.date(2026, 11, 22)
    assert seconds_to_reset() == 30
