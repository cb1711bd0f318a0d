"""Real speech through the running product with the local transcriber: what it heard, and how well.

The clips lie beside the checkout in CI; elsewhere the sample of the repository stands in.
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import NamedTuple

import jiwer
import pytest

from tests.conftest import SAMPLE
from tests.services.run import REPOSITORY
from tests.services.valkey import Valkey
from tests.stack import Stack

CLIPS = REPOSITORY.parent / "shared" / "data" / "short"

BOXES = {
    "Casa": ["encanador", "cozinha", "pia", "lâmpada", "casa", "plumber", "kitchen", "sink"],
    "Trabalho": ["reunião", "cliente", "proposta", "relatório", "meeting", "client", "proposal"],
    "Saúde": ["remédio", "exame", "receita", "médico", "comprimidos"],
    "Finanças": ["boleto", "cartão", "fatura", "banco"],
    "Escola": ["escola", "professora", "lição"],
    "Viagem": ["passagem", "voo", "hotel", "viagem"],
}


class Clip(NamedTuple):
    """A voice note and what is said in it."""

    path: Path
    text: str

    @property
    def language(self) -> str:
        return "en" if self.path.name.startswith("en0") else "pt"


def clips() -> list[Clip]:
    found = sorted(CLIPS.glob("*.ogg")) or [SAMPLE]
    return [Clip(path, path.with_suffix(".txt").read_text().strip()) for path in found]


def word_error_rate(expected: str, heard: str) -> float:
    """In percent, of words in lower case without punctuation."""

    def words(text: str) -> str:
        return " ".join("".join(c if c.isalnum() else " " for c in text.lower()).split())

    return float(jiwer.wer(words(expected), words(heard))) * 100


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_clip_ends_completed_with_words_that_are_right(
    valkey: Valkey, capsys: pytest.CaptureFixture[str]
) -> None:
    with Stack(redis=valkey.url) as stack:
        owner = stack.create_user("alice")
        for name, keywords in BOXES.items():
            owner.create_box(name, keywords=keywords)
        sent = [(clip, owner.upload(clip.path.read_bytes())["id"]) for clip in clips()]
        notes = [(clip, owner.wait(note_id, timeout=200)) for clip, note_id in sent]
    rates: dict[str, list[float]] = {"pt": [], "en": []}
    rows = []
    for clip, note in notes:
        rate = word_error_rate(clip.text, note["transcript"])
        rates[clip.language].append(rate)
        box = note["box"]["name"] if note["box"] else "Inbox"
        rows.append([clip.path.stem, clip.text, note["transcript"], f"{rate:.1f} %", box])
        assert note["processing_status"] == "completed", json.dumps(note)
        assert note["transcript"]
        assert note["duration_seconds"] > 1
    with capsys.disabled():
        print("\n| clip | expected | got | word error rate | box |\n|---|---|---|---|---|")
        for row in rows:
            print(f"| {' | '.join(row)} |")
        for language, values in rates.items():
            if values:
                print(f"median word error rate {language}: {statistics.median(values):.1f} %")
    assert statistics.median(rates["pt"]) <= 12
