"""Long notes: cut, sent in parts, each paid for once; silence, duplicates, and what they cost."""

from __future__ import annotations

import io
import json
import os
import signal
import time
from array import array
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import InterfaceError, OperationalError
from django.test import Client

from notes import pipeline
from notes.audio.formats import PCM
from notes.audio.order import Order
from notes.audio.preparing import Preparation
from notes.audio.process import Process
from notes.audio.report import Part as AudioPart
from notes.leases import leases
from notes.models import Attempt, Note, Part, Work
from notes.models.note import Status
from notes.provider import Later, Never
from notes.storage import has_audio, new_key, store_audio
from notes.transcribers import Hints, Recording
from notes.transcribers.local import LocalTranscriber
from tests.audio_maker import chords, clicks, encoded, noise, said, silence, wav
from tests.audio_run import DATA, decide
from tests.fakes.hearing import Clip
from tests.fakes.provider import FakeProvider
from tests.faults.rig import QUICK, Rig
from tests.marks import hours
from tests.services import proc, this_run, wait_for
from tests.test_local_transcriber import word_error_rate
from tests.test_untouched_copy import short_opus

database = pytest.mark.database
rows = pytest.mark.django_db(transaction=True)
Spoken = Callable[[bytes], Note]


@pytest.fixture
def spoken(alice: User) -> Spoken:
    """Makes notes of these bytes."""

    def make(audio: bytes) -> Note:
        key = new_key()
        store_audio(key, io.BytesIO(audio))
        return Note.receive(owner_id=alice.pk, audio_key=key, audio_format="wav")

    return make


@pytest.fixture
def short_parts(provider: FakeProvider, settings: Any) -> FakeProvider:
    """A vendor that is sent twelve seconds at most."""
    settings.TRANSCRIPTION_PART_SECONDS = 12
    return provider


def transcribed(note: Note) -> Note:
    pipeline.transcribe(note.pk)
    note.refresh_from_db()
    return note


def four_sentences() -> bytes:
    return wav((said() + silence(1)) * 4)


QUIET: dict[str, Callable[[], array[int]]] = {
    "digital silence": lambda: silence(5),
    "low noise": lambda: noise(5, 40),
    "a click": lambda: clicks(1, (0.4,)),
}


@rows
@database
@pytest.mark.parametrize("name", QUIET)
def test_where_nobody_speaks_nothing_is_paid_and_the_note_is_complete(
    provider: FakeProvider, spoken: Spoken, name: str
) -> None:
    note = transcribed(spoken(wav(QUIET[name]())))
    assert (note.processing_status, note.speech) == (Status.COMPLETED, False)
    assert (note.box, note.filing_reason, note.error_code) == (None, "no_speech", "")
    assert note.duration_seconds == pytest.approx(1 if name == "a click" else 5, abs=0.01)
    assert has_audio(note.audio_key)
    assert provider.requests() == []
    attempt = Attempt.objects.get(note=note)
    assert (attempt.seconds_sent, attempt.seconds_saved) == (0.0, note.duration_seconds)


@rows
def test_music_that_is_taken_for_speech_ends_with_what_the_vendor_heard(
    provider: FakeProvider, spoken: Spoken
) -> None:
    provider.default_text = "Legendas pela comunidade Amara.org"
    note = transcribed(spoken(wav(chords(5))))
    assert (note.processing_status, note.speech, note.transcript) == (Status.COMPLETED, False, "")
    assert len(provider.requests("transcriptions")) <= 1


@rows
@database
def test_a_note_says_what_was_found_out_about_its_sound(
    provider: FakeProvider, spoken: Spoken, api: Client
) -> None:
    whole = encoded("ogg", "libopus")
    note = transcribed(spoken(whole[: len(whole) // 2]))
    answer = api.get(f"/api/v1/notes/{note.pk}").json()
    assert answer["truncated"] is True
    assert 3 < answer["duration_seconds"] < 6
    assert 50 < len(answer["waveform"]) <= 200
    assert answer["peak"] > answer["rms"] > -40
    assert 0.5 < answer["speech_share"] <= 1
    assert (answer["parts_done"], answer["parts_total"]) == (1, 1)
    assert "waveform" not in api.get("/api/v1/notes").json()["results"][0]
    (call,) = provider.requests("transcriptions")
    assert (call.filename, call.mime) == ("voice.ogg", "audio/ogg")


@rows
@database
def test_a_failed_part_is_repeated_and_no_other(short_parts: FakeProvider, spoken: Spoken) -> None:
    note = spoken(four_sentences())
    short_parts.latency["transcriptions"] = 0.3
    short_parts.fail("transcriptions", status=500, hang=1.5)
    transcribed(note)
    assert (note.processing_status, note.error_code) == (Status.PENDING, "provider_error")
    stored = Part.objects.filter(note=note).count()
    first = len(short_parts.requests("transcriptions"))
    assert stored == note.parts_done == first - 1 >= 2
    Note.objects.update(next_attempt_at=note.created_at)
    transcribed(note)
    asked = short_parts.requests("transcriptions")
    assert note.processing_status == Status.CLASSIFYING
    total = note.parts_total or 0
    assert len(asked) == total + 1
    assert Part.objects.count() == 0
    assert len(note.transcript.split("nota ")) == total + 1
    sent = [attempt.seconds_sent for attempt in Attempt.objects.filter(note=note)]
    assert sum(filter(None, sent)) == pytest.approx(sum(c.seconds for c in asked), abs=0.2)


@rows
@database
def test_what_was_heard_of_a_part_waits_for_a_database_that_is_away(
    short_parts: FakeProvider, spoken: Spoken, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = [OperationalError("its answer is lost"), InterfaceError("it is not stored")]
    keep = Work.keep_part

    def away_at_first(work: Work, part: Part) -> None:
        if len(faults) != 2:
            keep(work, part)
        if faults:
            raise faults.pop()

    monkeypatch.setattr(Work, "keep_part", away_at_first)
    note = transcribed(spoken(four_sentences()))
    assert not faults
    assert note.processing_status == Status.CLASSIFYING
    assert len(short_parts.requests("transcriptions")) == note.parts_total


@pytest.fixture(params=[Later("out_of_memory"), Never("audio_decoder_crashed")], ids=str)
def dying(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Decoders die after the only part of an untouched copy is out; the codes of their deaths."""
    deaths = []
    part_of = Preparation._part_of

    def dies_after_the_part(self: Preparation, process: Process) -> AudioPart | None:
        if self._count and self._order.untouched:
            deaths.append(request.param.code)
            raise request.param
        part = part_of(self, process)
        assert part is None or part.only == self._order.untouched
        return part

    monkeypatch.setattr(Preparation, "_part_of", dies_after_the_part)
    return deaths


@rows
@database
def test_what_was_heard_of_a_note_whose_decoder_then_dies_is_its_transcript(
    provider: FakeProvider, spoken: Spoken, dying: list[str], api: Client
) -> None:
    provider.default_text = "comprar pão"
    note = transcribed(spoken(short_opus()))
    assert len(dying) == 1
    assert (note.processing_status, note.transcript) == (Status.CLASSIFYING, "comprar pão")
    (call,) = provider.requests("transcriptions")
    assert note.duration_seconds == pytest.approx(call.seconds, abs=0.03)
    answer = api.get(f"/api/v1/notes/{note.pk}").json()
    assert (answer["waveform"], answer["parts_done"], answer["parts_total"]) == ([], 1, 1)
    assert Attempt.objects.get(note=note).seconds_sent == pytest.approx(3, abs=0.1)


@rows
@database
def test_if_the_provider_hears_nothing_besides_that_is_not_taken_for_silence(
    provider: FakeProvider, spoken: Spoken, dying: list[str]
) -> None:
    provider.default_text = ""
    note = transcribed(spoken(short_opus()))
    assert note.error_code == dying[0]
    assert note.processing_status in (Status.PENDING, Status.FAILED)


@rows
@database
def test_what_the_provider_says_of_itself_stays_what_is_told(
    provider: FakeProvider, spoken: Spoken, dying: list[str]
) -> None:
    provider.fail("transcriptions", status=401)
    note = transcribed(spoken(short_opus()))
    assert len(dying) == 1
    assert (note.processing_status, note.error_code) == (Status.FAILED, "provider_unauthorized")
    assert len(provider.requests("transcriptions")) == 1


@rows
@database
def test_if_the_provider_refuses_it_besides_it_is_encoded_anew(
    provider: FakeProvider, spoken: Spoken, dying: list[str]
) -> None:
    provider.fail("transcriptions", status=400, param="file")
    note = transcribed(spoken(short_opus()))
    assert len(dying) == 1
    assert note.processing_status == Status.CLASSIFYING
    assert [one.status for one in provider.requests("transcriptions")] == [400, 200]
    assert note.waveform


@rows
def test_parts_are_sent_at_once_within_the_share_of_the_note(
    short_parts: FakeProvider, spoken: Spoken, settings: Any
) -> None:
    settings.TRANSCRIPTION_PARALLEL_PARTS = 2
    short_parts.latency["transcriptions"] = 0.5
    transcribed(spoken(wav((said() + silence(1)) * 6)))
    assert len(short_parts.requests("transcriptions")) >= 5
    assert short_parts.log.max_in_flight == 2


@rows
def test_a_note_that_is_too_long_for_the_vendor_is_asked_for_in_halves(
    provider: FakeProvider, spoken: Spoken
) -> None:
    provider.max_seconds = 40
    note = transcribed(spoken(wav((said() + silence(1)) * 6)))
    assert note.processing_status == Status.CLASSIFYING
    assert [call.status for call in provider.requests("transcriptions")].count(400) == 1
    assert len(note.transcript.split("nota ")) == 3


@rows
def test_a_worker_that_stops_keeps_the_parts_that_are_done(
    short_parts: FakeProvider, spoken: Spoken, settings: Any
) -> None:
    settings.TRANSCRIPTION_PARALLEL_PARTS = 1
    note = spoken(wav((said() + silence(1)) * 6))
    short_parts.latency["transcriptions"] = 0.5
    keep = Part.save

    def stop_after(part: Part, **options: Any) -> None:
        keep(part, **options)
        leases.draining.set()

    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Part, "save", stop_after)
            transcribed(note)
    finally:
        leases.draining.clear()
    assert (note.processing_status, note.lease_token, note.attempts) == (Status.PENDING, None, 0)
    done = Part.objects.filter(note=note).count()
    assert 1 <= done < 5
    handed = Attempt.objects.get(note=note)
    assert handed.outcome == Attempt.Outcome.HANDED_BACK
    assert (handed.seconds_sent or 0) > 5
    transcribed(note)
    assert note.processing_status == Status.CLASSIFYING
    assert len(short_parts.requests("transcriptions")) == note.parts_total


# --- The same bytes again -------------------------------------------------------------------------


def send(api: Client, audio: bytes, query: str = "") -> Any:
    return api.post(f"/api/v1/notes{query}", {"audio": SimpleUploadedFile("a.ogg", audio)})


@rows
@database
def test_the_same_bytes_of_one_owner_are_one_note(
    api: Client, api_of_bob: Client, sample: bytes
) -> None:
    first = send(api, sample)
    again = send(api, sample)
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json()["id"] == first.json()["id"]
    assert again["Duplicate-Upload"] == "true"
    assert "Duplicate-Upload" not in first
    assert send(api_of_bob, sample).json()["id"] != first.json()["id"]
    insisted = send(api, sample, "?allow_duplicate=1").json()["id"]
    assert insisted != first.json()["id"]


@rows
@database
def test_a_failed_twin_is_tried_again_and_a_deleted_or_old_one_is_none(
    api: Client, sample: bytes
) -> None:
    first = send(api, sample).json()["id"]
    Note.objects.update(processing_status=Status.FAILED, error_code="provider_unauthorized")
    again = send(api, sample).json()
    assert (again["id"], again["processing_status"], again["error"]) == (first, "pending", None)
    api.delete(f"/api/v1/notes/{first}")
    second = send(api, sample).json()["id"]
    assert second != first
    Note.objects.update(created_at=datetime.now(UTC) - timedelta(hours=25))
    assert send(api, sample).json()["id"] != second


# --- Orphans --------------------------------------------------------------------------------------


@rows
@database
def test_orphans_are_found_and_purged_both_ways(
    spoken: Spoken, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for day in default_storage.listdir("audio")[0] if default_storage.exists("audio") else []:
        for name in default_storage.listdir(f"audio/{day}")[1]:
            default_storage.delete(f"audio/{day}/{name}")
    kept, gone, waiting = (spoken(b"RIFF") for _ in range(3))
    Note.objects.filter(pk=gone.pk).update(processing_status=Status.COMPLETED)
    for note in (gone, waiting):
        default_storage.delete(note.audio_key)
    orphan = new_key()
    store_audio(orphan, io.BytesIO(b"RIFF"))
    monkeypatch.setattr("notes.duties.ORPHAN_AGE", timedelta(0))
    with pytest.raises(SystemExit):
        call_command("purge_orphans", "--dry-run", "--json")
    counts = {"orphans": 1, "gone_of_completed": 1, "gone_of_open": 1}
    assert json.loads(capsys.readouterr().out) == {**counts, "dry_run": True}
    with pytest.raises(SystemExit) as ended:
        call_command("purge_orphans", "--dry-run")
    assert ended.value.code == 1
    assert has_audio(orphan)
    with pytest.raises(SystemExit):  # audio of a waiting note is gone: a person must look
        call_command("purge_orphans")
    said_so = capsys.readouterr().out
    assert f"no note: {orphan}" in said_so
    assert f"no audio: note {waiting.pk} (pending)" in said_so
    assert not has_audio(orphan)
    assert has_audio(kept.audio_key)
    gone.refresh_from_db()
    assert gone.audio_key == ""
    waiting.delete()
    call_command("purge_orphans", "--dry-run")


# --- Twenty-five minutes, through real processes --------------------------------------------------

LONG = DATA / "long"


@pytest.fixture(scope="module")
def clip() -> Clip:
    if not LONG.is_dir():
        pytest.skip("the long clips lie beside the checkout")
    return Clip(LONG / "long25.ogg", LONG / "long25.marks.json")


@pytest.mark.faults
def test_the_long_clip_takes_three_calls_of_time_and_loses_no_word(clip: Clip) -> None:
    # The time is the machine's too: three calls are asked for only where nobody else uses it.
    calm = os.getloadavg()[0] < 2
    with Rig(env={"TRANSCRIPTION_PART_SECONDS": "300"}) as rig:
        provider = rig.provider
        provider.max_seconds, provider.clip = 300, clip
        provider.latency["transcriptions"] = 10.0
        begun = time.monotonic()
        note = rig.owner.upload((LONG / "long25.ogg").read_bytes())
        done = rig.owner.wait(note["id"], timeout=150)
        took = time.monotonic() - begun
        calls = provider.requests("transcriptions")
        print(f"{len(calls)} parts of 25 min, {took:.1f} s with 10 s per call")
        assert done["processing_status"] == "completed"
        assert done["transcript"] == clip.text
        assert (len(calls), done["parts_total"]) == (5, 5)
        assert provider.log.max_in_flight <= 4
        assert took <= (30 if calm else 90)


@pytest.mark.faults
def test_kill_9_in_the_middle_repeats_only_open_parts(clip: Clip) -> None:
    with Rig(env={**QUICK, "TRANSCRIPTION_PART_SECONDS": "300"}) as rig:
        provider = rig.provider
        provider.max_seconds, provider.clip = 300, clip
        provider.latency["transcriptions"] = 3.0
        note = rig.owner.upload((LONG / "long25.ogg").read_bytes())["id"]
        wait_for(lambda: rig.owner.get(note)["parts_done"] >= 2, 150, "no part was stored")
        proc.send(rig.stack.worker_pid(), signal.SIGKILL)
        stored = rig.query("SELECT count(*) FROM notes_part")[0][0]
        before = len(provider.requests("transcriptions"))
        done = rig.owner.wait(note, timeout=150)
        after = len(provider.requests("transcriptions")) - before
        print(f"killed with {stored} of 5 parts stored and {before} asked: {after} asked again")
        assert done["transcript"] == clip.text
        assert after == 5 - stored


def memory_of(rig: Rig) -> float:
    """Megabytes that the worker's processes hold, what they share counted once."""
    [supervisor] = [p for p, command in rig.stack.processes() if "-m project.worker" in command]
    return sum(map(proc.pss, proc.with_descendants({supervisor})))


@pytest.mark.faults
def test_three_hours_cost_little_memory_and_leave_no_file(tmp_path: Path) -> None:
    with Rig(env={"TMPDIR": str(tmp_path)}) as rig:
        rig.provider.default_text = "palavra e mais uma " * 600
        rig.owner.wait(rig.send()[0].note)
        idle = memory_of(rig)
        note, peak = rig.owner.upload(hours(3))["id"], 0.0
        begun = time.monotonic()
        while rig.owner.get(note)["processing_status"] not in ("completed", "failed"):
            peak = max(peak, memory_of(rig))
            assert time.monotonic() - begun < 900
            time.sleep(0.2)
        done = rig.owner.get(note)
        took = time.monotonic() - begun
        print(f"3 h: {took:.0f} s, {done['parts_total']} parts, {idle:.0f} MB -> {peak:.0f} MB")
        assert done["processing_status"] == "completed"
        assert done["duration_seconds"] == pytest.approx(3 * 3600, abs=10)
        assert peak - idle <= 150
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.slow
@pytest.mark.skipif(not LONG.is_dir(), reason="the long clips lie beside the checkout")
def test_ninety_seconds_with_pauses_are_heard_as_well_as_without() -> None:
    """By Whisper base on this machine, from the copy with shortened pauses."""
    whisper = LocalTranscriber("", this_run().new_directory("models"))
    expected = (LONG / "note90.txt").read_text()
    rates = {}
    for shorten in (True, False):
        decided = decide(LONG / "note90.ogg", Order(copy="pcm", shorten_pauses=shorten))
        heard = [whisper.transcribe(Recording(p.data, PCM), Hints("pt")) for p in decided.parts]
        rates[shorten] = 100 * word_error_rate(expected, " ".join(one.text for one in heard))
    print(f"word error rate: {rates[True]:.1f} % shortened, {rates[False]:.1f} % whole")
    assert rates[True] <= rates[False] + 2
