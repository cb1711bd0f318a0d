"""Whisper on this machine: real weights on real clips, and what it says when it cannot."""

from __future__ import annotations

import hashlib
import re
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import faster_whisper
import jiwer
import pytest

from notes.audio.formats import PCM
from notes.audio.order import Order
from notes.provider import Later, Never
from notes.transcribers import Hints, Recording, Transcript, get_transcriber, weights
from notes.transcribers.local import LocalTranscriber, get_local_transcriber
from notes.transcribers.weights import WeightsDamaged, WeightsMissing, assembled_weights
from tests.audio_run import decide
from tests.services import this_run

SAMPLES = Path(__file__).parent.parent / "samples"
#: The sample's rate is 8.3 % (two of 24 words), so this leaves room for one word more.
WORST_WORD_ERROR_RATE = 0.13


@pytest.fixture(scope="module")
def whisper() -> LocalTranscriber:
    """The shipped weights, put together once for this run."""
    return LocalTranscriber("", this_run().new_directory("models"))


def listen(transcriber: LocalTranscriber, data: bytes, language: str | None = None) -> Transcript:
    """What it hears in bare samples."""
    return transcriber.transcribe(Recording(data, PCM), Hints(language=language))


def pcm(clip: str) -> bytes:
    """A sample as the decoder's child gives it to a model on this machine."""
    (part,) = decide(SAMPLES / f"{clip}.ogg", Order(copy="pcm")).parts
    return part.data


def refusal(transcriber: LocalTranscriber, data: bytes) -> str:
    with pytest.raises(Never) as refused:
        listen(transcriber, data)
    return refused.value.code


def word_error_rate(expected: str, heard: str) -> float:
    return float(jiwer.wer(plain(expected), plain(heard)))


def plain(text: str) -> str:
    """Lower case, without punctuation."""
    return " ".join(re.findall(r"\w+", text.lower()))


def sound(seconds: float) -> bytes:
    """Silence in bare samples."""
    return bytes(int(seconds * 16_000) * 2)


@pytest.mark.parametrize(
    ("clip", "hint", "language", "seconds"),
    # No language is called xx: the model hears for itself.
    [("encanador", "pt-BR", "pt", 9.1), ("plumber", "xx", "en", 7.1)],
)
def test_a_voice_note_is_written_down(
    whisper: LocalTranscriber, clip: str, hint: str | None, language: str, seconds: float
) -> None:
    heard = listen(whisper, pcm(clip), hint)

    expected = (SAMPLES / f"{clip}.txt").read_text()
    assert word_error_rate(expected, heard.text) <= WORST_WORD_ERROR_RATE, heard.text
    assert heard.language == language
    assert heard.seconds == pytest.approx(seconds, abs=0.1)


@pytest.mark.parametrize("seconds", [0.1, 3])
def test_silence_is_an_empty_transcript(whisper: LocalTranscriber, seconds: float) -> None:
    heard = listen(whisper, sound(seconds))

    assert (heard.text, heard.language) == ("", "")
    assert heard.seconds == pytest.approx(seconds)


def test_it_tells_when_it_heard_what(whisper: LocalTranscriber) -> None:
    heard = listen(whisper, pcm("encanador"), "pt")

    assert heard.segments
    assert heard.segments[0].start < heard.segments[-1].end <= 9.5
    assert " ".join(segment.text for segment in heard.segments) == heard.text


def test_full_memory_is_tried_again_later(
    monkeypatch: pytest.MonkeyPatch, whisper: LocalTranscriber
) -> None:
    def exhausted(*args: Any, **options: Any) -> None:
        raise MemoryError

    monkeypatch.setattr("notes.transcribers.local._samples", exhausted)

    with pytest.raises(Later, match="out_of_memory"):
        listen(whisper, sound(1))


def test_the_model_is_loaded_once_however_many_ask(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    loads = []

    class SlowModel:
        supported_languages = ["pt"]

        def __init__(self, *args: Any, **options: Any) -> None:
            loads.append(args)
            time.sleep(0.1)

        def transcribe(self, *args: Any, **options: Any) -> tuple[list[Any], SimpleNamespace]:
            return [], SimpleNamespace(language="pt", duration=1.0)

    monkeypatch.setattr(faster_whisper, "WhisperModel", SlowModel)
    transcriber = LocalTranscriber(str(model_folder(tmp_path)), tmp_path)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: listen(transcriber, sound(1)), range(4)))

    assert len(loads) == 1


def test_a_process_has_one(settings: Any, tmp_path: Path) -> None:
    settings.TRANSCRIBER, settings.LOCAL_MODEL, settings.VAR_DIR = "local", "/models/own", tmp_path

    assert get_transcriber() is get_local_transcriber()
    assert get_local_transcriber().model == "own"
    assert get_local_transcriber().exclusive


def model_folder(parent: Path) -> Path:
    folder = parent / "model"
    folder.mkdir()
    for name in ("model.bin", "config.json", "tokenizer.json"):
        (folder / name).write_text("{}")
    return folder


def test_without_its_library_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "faster_whisper", None)

    assert refusal(LocalTranscriber("", tmp_path), sound(1)) == "local_transcriber_missing"


def test_without_the_weights_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(weights, "PACKAGES", ("nobody_has_this_1", "nobody_has_this_2"))

    assert refusal(LocalTranscriber("", tmp_path), sound(1)) == "local_transcriber_missing"


@pytest.mark.parametrize("name", ["no-such-model", "base", "somebody/some-model"])
def test_a_model_that_is_not_here_is_not_fetched(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))

    assert refusal(LocalTranscriber(name, tmp_path), sound(1)) == "provider_misconfigured"


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    assert refusal(LocalTranscriber(str(tmp_path), tmp_path), sound(1)) == "provider_misconfigured"


def test_a_folder_with_a_broken_model_is_refused(tmp_path: Path) -> None:
    folder = str(model_folder(tmp_path))

    assert refusal(LocalTranscriber(folder, tmp_path), sound(1)) == "provider_misconfigured"


@pytest.fixture
def packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Path]:
    """Two small packages in place of the real ones."""
    folders = [tmp_path / "part1", tmp_path / "part2"]
    for folder, part, content in zip(folders, weights.PARTS, (b"wei", b"ghts"), strict=True):
        folder.mkdir()
        (folder / part).write_bytes(content)
    for name in weights.COMPANIONS:
        (folders[0] / name).write_text("{}")
    monkeypatch.setattr(weights, "_package_folders", lambda: folders)
    monkeypatch.setattr(weights, "MODEL_BYTES", len(b"weights"))
    monkeypatch.setattr(weights, "MODEL_SHA256", hashlib.sha256(b"weights").hexdigest())
    return folders


@pytest.fixture
def assemblies(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that were put together, each slowly enough to be caught at it."""
    made = []
    assemble = weights._assemble

    def slowly(packages: list[Path], target: Path) -> None:
        made.append(target)
        time.sleep(0.2)
        assemble(packages, target)

    monkeypatch.setattr(weights, "_assemble", slowly)
    return made


def test_weights_are_put_together_once(
    packages: list[Path], assemblies: list[Path], tmp_path: Path
) -> None:
    folder = assembled_weights(tmp_path / "models")
    again = assembled_weights(tmp_path / "models")

    assert folder == again
    assert (folder / "model.bin").read_bytes() == b"weights"
    assert sorted(path.name for path in folder.iterdir()) == [
        "config.json",
        "model.bin",
        "tokenizer.json",
        "vocabulary.txt",
    ]
    assert len(assemblies) == 1


def test_two_at_once_put_them_together_once(
    packages: list[Path], assemblies: list[Path], tmp_path: Path
) -> None:
    barrier = threading.Barrier(3)

    def ask(_: int) -> Path:
        barrier.wait()
        return assembled_weights(tmp_path / "models")

    with ThreadPoolExecutor(3) as pool:
        folders = set(pool.map(ask, range(3)))

    assert len(folders) == 1
    assert len(assemblies) == 1


def test_what_an_interrupted_run_left_is_not_used(packages: list[Path], tmp_path: Path) -> None:
    models = tmp_path / "models"
    for name in (weights.FOLDER, f"{weights.FOLDER}.partial"):
        (models / name).mkdir(parents=True)
        (models / name / "model.bin").write_bytes(b"wei")

    folder = assembled_weights(models)

    assert (folder / "model.bin").read_bytes() == b"weights"
    assert not (models / f"{weights.FOLDER}.partial").exists()


def test_weights_with_another_checksum_are_refused(packages: list[Path], tmp_path: Path) -> None:
    (packages[1] / weights.PARTS[1]).write_bytes(b"GHTS")
    models = tmp_path / "models"

    with pytest.raises(WeightsDamaged):
        assembled_weights(models)
    assert [path.name for path in models.iterdir()] == [f"{weights.FOLDER}.lock"]
    assert refusal(LocalTranscriber("", models), sound(1)) == "provider_misconfigured"


def test_weights_that_lack_a_part_are_refused(packages: list[Path], tmp_path: Path) -> None:
    (packages[1] / weights.PARTS[1]).unlink()

    with pytest.raises(WeightsMissing):
        assembled_weights(tmp_path / "models")
