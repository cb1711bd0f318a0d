"""Every measure, in the order of the page."""

from __future__ import annotations

from bench import billing, measures, million, recovery
from bench.kinds import Measure

MEASURES = (
    Measure("pick-up", measures.pick_up),
    Measure("idle", measures.idle),
    Measure("upload", measures.upload, role="web", rounds=3),
    Measure("per-note", measures.per_note),
    Measure("drain", measures.drain),
    Measure("drain-128", measures.drain, env={"WORKER_THREADS": "128"}),
    Measure("start", measures.start),
    Measure("million", million.pages, role="web", million=True, rounds=2),
    Measure("killed", recovery.killed, once=True),
    Measure("terminated", recovery.terminated, once=True),
    Measure("flushed", recovery.flushed, once=True),
    Measure("without-redis", recovery.without_redis, once=True),
    Measure("duplicates", measures.duplicates, once=True),
    Measure("billed", billing.billed, once=True),
)
