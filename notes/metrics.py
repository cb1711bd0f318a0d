"""``/metrics`` for Prometheus: the same answer from whichever web process is asked.

Counts come from the tallies, states from the rows, at the time of the question; so the worker
needs no port. docs/operations.md lists them.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator, Mapping

import redis
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from notes import advice
from notes.broker import broker
from notes.management.commands.queue import counts
from notes.models import Heartbeat
from notes.stages import Stage
from notes.tallies import totals

#: Tallies: their labels, and what they count.
COUNTERS = {
    "requests": (("method", "status"), "HTTP requests that were answered"),
    "uploads": ((), "Voice notes accepted"),
    "upload_bytes": ((), "Bytes of the requests that brought them"),
    "attempts": (("stage", "outcome"), "Tries of a stage that have ended"),
    "provider_errors": (("code",), "Tries that ended with an error of the provider"),
    "expired_leases": (("stage",), "Tries whose worker was never heard of again"),
    "audio_seconds_sent": ((), "Seconds of audio that a provider was paid to hear"),
    "audio_seconds_saved": ((), "Seconds of audio that no provider had to hear"),
}
HISTOGRAMS = {
    "stage_seconds": (("stage",), "How long a try of a stage takes"),
    "request_seconds": ((), "How long an answer takes"),
}


def metrics(request: HttpRequest) -> HttpResponse:
    """The metrics, for whoever sends METRICS_TOKEN; where that is not set there are none."""
    token = settings.METRICS_TOKEN
    if not token:
        return HttpResponse("not found", status=404, content_type="text/plain")
    sent = request.headers.get("Authorization", "").encode()
    if not hmac.compare_digest(sent, f"Bearer {token}".encode()):
        headers = {"WWW-Authenticate": 'Bearer realm="metrics"'}
        return HttpResponse("unauthorized", status=401, headers=headers, content_type="text/plain")
    registry = CollectorRegistry()
    registry.register(Everything())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class Everything(Collector):
    """All there is to tell."""

    def collect(self) -> Iterator[Metric]:
        yield from _tallied(totals())
        yield from _queue()
        yield from _workers()
        yield from _signs()

    def describe(self) -> Iterable[Metric]:
        # Else the registry would ask for everything once more, for the names.
        return ()


def _tallied(found: Mapping[str, float]) -> Iterator[Metric]:
    for name, (labels, help_text) in COUNTERS.items():
        counter = CounterMetricFamily(f"bau_{name}", help_text, labels=labels)
        for parts, value in _of(name, found):
            counter.add_metric(parts, value)
        yield counter
    for name, (labels, help_text) in HISTOGRAMS.items():
        histogram = HistogramMetricFamily(f"bau_{name}", help_text, labels=labels)
        by_labels: dict[tuple[str, ...], dict[str, float]] = {}
        for parts, value in _of(name, found):
            by_labels.setdefault(tuple(parts[:-1]), {})[parts[-1]] = value
        for key, values in by_labels.items():
            total = values.pop("sum", 0.0)
            buckets = sorted(values.items(), key=lambda bucket: float(bucket[0]))
            histogram.add_metric(list(key), buckets, total)
        yield histogram


def _of(name: str, found: Mapping[str, float]) -> Iterator[tuple[list[str], float]]:
    for key, value in sorted(found.items()):
        first, *parts = key.split("|")
        if first == name:
            yield parts, value


def _queue() -> Iterator[Metric]:
    notes = GaugeMetricFamily("bau_notes", "Notes by what they wait for", labels=["state"])
    for state, count in counts().items():
        notes.add_metric([state.replace(" ", "_")], count)
    yield notes
    up, depth = 1.0, 0
    try:
        depth = sum(int(broker().bell.llen(f"bau:{stage.queue}")) for stage in Stage)
    except redis.RedisError:
        up = 0.0
    yield GaugeMetricFamily("bau_redis_up", "Whether Redis answers", value=up)
    if up:
        yield GaugeMetricFamily("bau_rings", "Rings that no worker has fetched", value=depth)


def _workers() -> Iterator[Metric]:
    alive = list(Heartbeat.alive())
    yield GaugeMetricFamily("bau_workers", "Workers seen lately", value=len(alive))
    labels = ["worker"]
    cpu = GaugeMetricFamily("bau_worker_cpu_share", "Share of its processors", labels=labels)
    running = GaugeMetricFamily("bau_worker_running", "Notes it has in work", labels=labels)
    threads = GaugeMetricFamily("bau_worker_threads", "How many it may have", labels=labels)
    for beat in alive:
        vitals = beat.vitals or {}
        for family, key in ((cpu, "cpu_share"), (running, "running"), (threads, "threads")):
            if vitals.get(key) is not None:
                family.add_metric([beat.worker], vitals[key])
    yield from (cpu, running, threads)


def _signs() -> Iterator[Metric]:
    seen = advice.signs()
    last_day, late = seen.uploads, seen.late.total_seconds()
    yield GaugeMetricFamily("bau_notes_last_day", "Notes received in 24 hours", value=last_day)
    yield GaugeMetricFamily("bau_due_seconds", "How long the first due note is due", value=late)
    if seen.web_seconds is not None:
        text = "How long web takes for a trivial answer while the worker beside it is busy"
        yield GaugeMetricFamily("bau_web_busy_seconds", text, value=seen.web_seconds)
    given = GaugeMetricFamily("bau_advice", "1 for what manage.py queue advises", labels=["advice"])
    word = advice.advise(seen).word
    for choice in (advice.STAY, advice.THREADS, advice.WORKER, advice.SPLIT):
        given.add_metric([choice], float(choice == word))
    yield given
