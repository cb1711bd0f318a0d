"""What all tries of all notes add up to.

Tries are deleted with their note, and counting them all at each question would cost more every
day. So a duty adds those that have ended to :class:`notes.models.Tally`, and whoever asks adds the
few of the last minute itself.
"""

from __future__ import annotations

import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from notes.models import Attempt, Tally
from notes.stages import Stage

#: The tally that holds up to which second (Unix time) tries have been added.
MARK = "counted_until"
#: A try is committed at most so long after the time that it bears.
SETTLED_SECONDS = 10
#: About so many are added in one transaction.
BATCH = 2000
#: Upper bounds of how long a try takes, in seconds; the last has none.
BOUNDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180, 600)
LOCAL = ("", "local", "rules")

Sums = defaultdict[str, float]


def tally_up() -> None:
    """Add the tries that have ended since the last time; safe to run twice at once.

    A few at a time, since SQLite lets nobody else write meanwhile.
    """
    Tally.objects.get_or_create(name=MARK, defaults={"value": 0.0})
    while _tally_some():
        pass


def _tally_some() -> bool:
    """Add the next tries in the order of their end; whether there may be more."""
    with transaction.atomic():
        mark = Tally.objects.select_for_update().get(name=MARK)
        until = int(_database_time()) - SETTLED_SECONDS
        if until <= mark.value:
            return False
        ends = _tries(mark.value, until).order_by("ended_at").values_list("ended_at", flat=True)
        last = ends[BATCH : BATCH + 1].first()
        if last is not None:
            # Whole seconds, so that the mark is exact; one second's tries are never too many.
            until = min(until, max(int(last.timestamp()), int(mark.value) + 1))
        Tally.add(_sums(_tries(mark.value, until)))
        Tally.objects.filter(name=MARK).update(value=float(until))
    return last is not None


def totals() -> Sums:
    """Every tally, with the tries that have ended since they were added."""
    found: Sums = defaultdict(float, Tally.objects.values_list("name", "value"))
    for name, value in _sums(_tries(found.pop(MARK, 0.0), None)).items():
        found[name] += value
    return found


def _database_time() -> float:
    clock = Tally.objects.annotate(clock=Now()).values_list("clock", flat=True)
    return clock[0].timestamp() if clock else time.time()


def _tries(after: float, until: float | None) -> QuerySet[Attempt]:
    """Those that ended after a second and, if that is given, not after another."""
    tries = Attempt.objects.filter(ended_at__gt=_moment(after))
    if until is not None:
        tries = tries.filter(ended_at__lte=_moment(until))
    fields = ("stage", "outcome", "error_code", "provider", "started_at", "ended_at")
    return tries.only(*fields, "audio_seconds", "seconds_sent", "seconds_saved").order_by()


def _moment(second: float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=second)


def _sums(tries: QuerySet[Attempt]) -> Sums:
    sums: Sums = defaultdict(float)
    for tried in tries.iterator(chunk_size=500):
        sums[f"attempts|{tried.stage}|{tried.outcome}"] += 1
        if tried.error_code.startswith("provider_"):
            sums[f"provider_errors|{tried.error_code}"] += 1
        if tried.outcome == Attempt.Outcome.INTERRUPTED:
            sums[f"expired_leases|{tried.stage}"] += 1
        else:
            _add_seconds(sums, tried)
        if tried.stage == Stage.TRANSCRIPTION:
            _add_audio(sums, tried)
    return sums


def _add_seconds(sums: Sums, tried: Attempt) -> None:
    """A histogram: how many took at most each bound, how many in all, and their sum."""
    seconds = max(0.0, (tried.ended_at - tried.started_at).total_seconds())
    for bound in BOUNDS:
        sums[f"stage_seconds|{tried.stage}|{bound:g}"] += seconds <= bound
    sums[f"stage_seconds|{tried.stage}|+Inf"] += 1
    sums[f"stage_seconds|{tried.stage}|sum"] += seconds


def _add_audio(sums: Sums, tried: Attempt) -> None:
    """Seconds of audio that a provider was paid to hear, and those that it was spared.

    Tries that failed were paid for too. What was spared is known when a note has its words.
    """
    is_local = tried.provider in LOCAL
    if not is_local:
        sums["audio_seconds_sent"] += tried.seconds_sent or 0.0
    if tried.outcome == Attempt.Outcome.SUCCEEDED:
        spared = tried.audio_seconds if is_local else tried.seconds_saved
        sums["audio_seconds_saved"] += spared or 0.0
