"""What has to be done every so often, by one worker, whichever comes first."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db.models.functions import Now

from notes.models import Delivery, Duty, Heartbeat, IdempotencyKey, Note, Usage
from notes.models.note import Status
from notes.storage import days_with_audio, delete_audio, is_older_than, objects_of
from notes.tallies import tally_up

log = logging.getLogger(__name__)

#: Younger objects may belong to an upload whose row is not yet committed.
ORPHAN_AGE = timedelta(hours=24)
#: How many days back the frequent orphan sweep looks; the weekly one looks at all.
ORPHAN_DAYS = 8
BATCH = 500


def run_due() -> None:
    """Run each duty whose time has come and that no other worker has taken."""
    rested = Duty.not_due({name: every for name, (every, _) in DUTIES.items()})
    for name, (every, duty) in DUTIES.items():
        if name not in rested and Duty.take(name, every):
            duty()


def delete_orphans() -> int:
    """Delete audio of the last days that no note refers to: left by a process that died."""
    today = datetime.now(UTC).date()
    recent = [today - timedelta(days=days) for days in range(1, ORPHAN_DAYS + 1)]
    return _delete_orphans_of(f"{day:%Y-%m-%d}" for day in recent)


def delete_old_orphans() -> int:
    """Delete audio of any age that no note refers to: left by a delete that failed."""
    return _delete_orphans_of(days_with_audio())


def _delete_orphans_of(days: Iterable[str]) -> int:
    if not Note.objects.exclude(audio_key="").exists():
        # An empty database beside a full bucket is a wrong setting, not a reason to delete.
        return 0
    count = 0
    for day in days:
        for key in orphans_of(day):
            delete_audio(key)
            count += 1
    if count:
        log.info("deleted %d orphaned audio objects", count)
    return count


def orphans_of(day: str) -> Iterator[str]:
    """The keys of audio of ``day`` that no note refers to and no upload can be about to."""
    keys = list(objects_of(day))
    known = set(Note.objects.filter(audio_key__in=keys).values_list("audio_key", flat=True))
    for key in keys:
        if key not in known and is_older_than(key, ORPHAN_AGE):
            yield key


def expire_audio() -> int:
    """Delete the audio of notes that ended AUDIO_RETENTION_DAYS ago; their words stay."""
    if not settings.AUDIO_RETENTION_DAYS:
        return 0
    old = Note.objects.filter(
        processing_status=Status.COMPLETED,
        completed_at__lt=Now() - timedelta(days=settings.AUDIO_RETENTION_DAYS),
    ).exclude(audio_key="")
    count = 0
    while batch := list(old.values_list("pk", "audio_key")[:BATCH]):
        for pk, key in batch:
            # Row first: a file without a row is swept, a row without its file would be an error.
            Note.objects.filter(pk=pk).update(audio_key="")
            delete_audio(key)
        count += len(batch)
    return count


DUTIES: dict[str, tuple[timedelta, Callable[[], object]]] = {
    "delete_orphans": (timedelta(hours=6), delete_orphans),
    "delete_old_orphans": (timedelta(days=7), delete_old_orphans),
    "expire_audio": (timedelta(hours=1), expire_audio),
    "forget_old_keys": (timedelta(hours=1), IdempotencyKey.forget_the_old),
    "forget_old_usage": (timedelta(days=1), Usage.forget_the_old),
    "expire_deliveries": (timedelta(days=1), Delivery.expire),
    "tally_up": (timedelta(minutes=1), tally_up),
    "forget_dead_workers": (timedelta(days=1), Heartbeat.forget_the_dead),
}
