"""T15: a vendor that is busy, hangs, hangs up, talks rubbish or refuses us; all at once."""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import Any

from tests.faults.rig import LATE, PACES, QUICK, Rig, Sent, percentile
from tests.marks import marked
from tests.services import wait_for

ASKED = 3.0
#: The answer "come back later", in each of its forms.
BUSY: dict[str, dict[str, Any]] = {
    "429 in seconds": {"status": 429, "headers": {"Retry-After": "3"}},
    "429 as a date": {"status": 429},
    "503": {"status": 503, "headers": {"Retry-After": "3"}},
}
#: What fails at once, and the code that says why.
FINAL: dict[str, tuple[dict[str, Any], str]] = {
    "401": ({"status": 401, "code": "invalid_api_key"}, "provider_unauthorized"),
    "out of credit": ({"status": 429, "code": "insufficient_quota"}, "provider_out_of_credit"),
}
RUBBISH = {"status": 200, "body": "<html>oops", "content_type": "text/html", "times": 0}
NEIGHBOURS = 10


@PACES
def test_each_fault_of_the_provider_ends_as_promised(pace: dict[str, str]) -> None:
    stage = 180 if pace["LEASE_SECONDS"] == "30" else 6
    cut, sweep = min(60.0, stage / 2), int(pace["SWEEP_SECONDS"])
    late = LATE if pace == QUICK else 0
    with Rig(env={**pace, "STAGE_SECONDS": str(stage)}) as rig:
        hung = send_with(rig, hang=300)
        busy = {name: send_with(rig, **with_date(fault)) for name, fault in BUSY.items()}
        reset = send_with(rig, reset=True)
        rubbish = send_with(rig, **RUBBISH)
        final = {name: (send_with(rig, **fault), code) for name, (fault, code) in FINAL.items()}
        neighbours = latencies(rig, NEIGHBOURS)
        give_up_soon(rig, rubbish)
        rig.settle(cut + 30)

        for sent, code in final.values():
            assert outcome(rig, sent) == ("failed", code, 1)
        assert outcome(rig, rubbish) == ("failed", "provider_bad_answer", 8)
        for sent in (*busy.values(), reset, hung):
            assert outcome(rig, sent) == ("completed", "", 2)
        gaps = {name: gap(rig, sent) for name, sent in busy.items()}
        gaps |= {"reset": gap(rig, reset), "hang": gap(rig, hung)}
        told = ", ".join(f"{name} {seconds:.1f}" for name, seconds in gaps.items())
        p95 = percentile(neighbours, 95)
        rig.close_books(
            "T15 provider faults",
            recovery=gaps["hang"],
            of=f"from a hang of 300 s to the next try; cut at {cut:.0f} s",
            remark=f"gaps in s: {told}; other notes p95 {p95:.2f} s",
        )
        # A date has whole seconds, so it may ask for almost one less.
        assert all(ASKED - ("date" in name) <= gaps[name] <= 9 + late for name in BUSY), gaps
        assert 1 <= gaps["reset"] <= 4 + sweep + 1 + late
        assert cut <= gaps["hang"] <= cut + 4 + sweep + 2 + late
        assert p95 < 3 + late, "other notes were held up"


def with_date(fault: dict[str, Any]) -> dict[str, Any]:
    """``fault``, with a date as its Retry-After unless it has one in seconds.

    Dates have no fractions, neither this one nor the vendor's own Date: at the beginning of a
    second the two are as far apart as they say.
    """
    if "headers" in fault:
        return fault
    wait_for(lambda: time.time() % 1 < 0.1, 2, "no second begins")
    return {**fault, "headers": {"Retry-After": formatdate(time.time() + ASKED, usegmt=True)}}


def send_with(rig: Rig, **fault: Any) -> Sent:
    """Upload a note whose transcription goes wrong in this way."""
    audio, mark = marked()
    rig.provider.fail("transcriptions", mark=mark, **fault)
    started = time.monotonic()
    note = rig.owner.upload(audio)
    rig.sent.append(Sent(note["id"], mark, time.monotonic() - started))
    return rig.sent[-1]


def latencies(rig: Rig, count: int) -> list[float]:
    """Seconds from upload to completion of notes sent one after the other."""
    seconds = []
    for _ in range(count):
        [sent] = rig.send()
        assert rig.owner.wait(sent.note)["processing_status"] == "completed"
        seconds.append(time.monotonic() - sent.at + sent.seconds)
    return seconds


def give_up_soon(rig: Rig, sent: Sent) -> None:
    """Wait for the last try; the waits between tries, minutes in all, are cut short in the row."""

    def ended() -> bool:
        rig.query(
            "UPDATE notes_note SET next_attempt_at = now()"
            f" WHERE id = '{sent.note}' AND processing_status = 'pending'"
        )
        return outcome(rig, sent)[0] == "failed"

    wait_for(ended, 90, "it is tried for ever")


def outcome(rig: Rig, sent: Sent) -> tuple[str, str, int]:
    """Status, error code and number of calls."""
    where = f"FROM notes_note WHERE id = '{sent.note}'"
    [(status, code)] = rig.query(f"SELECT processing_status, error_code {where}")
    return str(status), str(code), len(rig.calls(sent))


def gap(rig: Rig, sent: Sent) -> float:
    """Seconds between the first answer (or call, if there never was one) and the second call."""
    first, second = rig.calls(sent)
    began = first.ended if first.ended and first.ended < second.started else first.started
    return second.started - began
