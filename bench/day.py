"""What a million notes a day ask for, reckoned from the figures that were measured.

    python -m bench.day

Prints the table that ``python -m bench.run --write`` puts into docs/performance.md.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable

from bench.report import RESULTS

MARKS = ("<!-- bench.day: begin -->", "<!-- bench.day: end -->")
NOTES = 1_000_000
#: Of the mean rate in the busiest hour. An assumption, like the length and density of a note.
PEAK = 3
SECONDS, KILOBYTES = 30.0, 90.0
#: A call for the words and one for the box, in seconds, as the measures have them.
CALLS = 5.0 + 1.0
#: CPU of a decoder for each second of sound beyond the measures' four, by `bench.audio`.
DECODING_MS = 5.5


def measured(measure: str, name: str) -> float:
    """The product's median of a figure that was kept.

    Raises:
      KeyError: it was never measured.
    """
    for line in json.loads((RESULTS / f"{measure}.json").read_text())["lines"]:
        if line["name"] == name:
            return float(statistics.median(line["product"]))
    raise KeyError(name)


def rows() -> list[tuple[str, str, str]]:
    """What grows, the reckoning at the peak, and what to turn."""
    rate = PEAK * NOTES / 86_400
    flying = rate * CALLS
    worker = measured("drain", "worker CPU per note, ms")
    long = worker + DECODING_MS * (SECONDS - 4)
    web = measured("upload", "web CPU per upload, ms")
    said = measured("upload", "SQL statements per upload")
    said += measured("per-note", "SQL statements per note in the worker")
    disk = measured("million", "database of 1,000,000 notes, GB")
    one: Callable[[float], str] = "{:,.1f}".format
    return [
        (
            "calls in flight (threads)",
            f"{rate:.0f}/s x {CALLS:g} s = {flying:.0f}",
            "`WORKER_THREADS`: a container of 128 takes half of it; then a second",
        ),
        (
            "worker's CPU",
            f"{rate:.0f}/s x {worker:.0f} ms = {one(rate * worker / 1000)} cores; with notes of"
            f" {SECONDS:g} s, {long:.0f} ms each, {one(rate * long / 1000)}",
            "more worker containers: each has one Python process, and decoders on all its cores",
        ),
        (
            "web's CPU",
            f"{rate:.0f}/s x {web:.1f} ms = {one(rate * web / 1000)} cores",
            "`WEB_CONCURRENCY=2`, or the web app twice",
        ),
        (
            "requests to the provider",
            f"2 x {rate:.0f}/s = {2 * rate * 60:,.0f} a minute, and"
            f" {rate * SECONDS * 60 / 60:,.0f} minutes of sound a minute",
            "the account's rate limit; what it refuses waits in its row and costs no attempt",
        ),
        (
            "statements of PostgreSQL",
            f"{rate:.0f}/s x {said:.0f} = {rate * said:,.0f}/s",
            "a disk that syncs in under a millisecond; a server of its own",
        ),
        (
            "rows",
            f"{disk:.1f} GB a day, indexes included",
            "a server with the disk for it; then partitions by month",
        ),
        (
            "sound",
            f"{NOTES:,} x {KILOBYTES:g} kB = {NOTES * KILOBYTES / 1e6:,.0f} GB a day",
            "an object store, and `AUDIO_RETENTION_DAYS`",
        ),
    ]


def table() -> str:
    """The rows in Markdown."""
    lines = [f"| {what} | {reckoning} | {turn} |" for what, reckoning, turn in rows()]
    head = "| what grows | at the peak | what to turn |\n| --- | --- | --- |"
    return "\n".join([head, *lines])


if __name__ == "__main__":
    print(table())
    sys.exit(0)
