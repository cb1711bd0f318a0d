"""What the provider would bill for notes as people record them."""

from __future__ import annotations

import io
import json
import random
from array import array
from typing import Any

from bench.kinds import Figures, Scale
from bench.measures import send
from bench.sides import Side
from tests.audio_maker import said, silence

#: Of a hundred: so many are silent, have long pauses, are sent a second time. The rest is speech.
SILENT, PAUSED, TWICE = 10, 20, 10
#: About what OpenAI's tokenizers make of Portuguese; both sides are counted alike.
CHARACTERS_PER_TOKEN = 4


def billed(side: Side, scale: Scale) -> Figures:
    """Audio seconds and tokens that reach the provider, for each hundred notes.

    Speech lasts 18 s, silence 18 s; a note with long pauses has 36 s of speech and three pauses of
    8 s. A person who sends again has seen no answer: the same bytes under the same Idempotency-Key
    where a side knows such a thing, which for these two makes no difference to the bill.
    """
    words = "chamar o encanador amanhã cedo para ver a torneira"
    side.servers.provide(listens=True, default_text=words)
    count = scale.of(100, 10)
    notes, again = mixture(count)
    send(side, notes, 4)
    side.settle(300)
    send(side, again, 4)
    side.settle(300)
    heard = side.servers.asked("transcriptions")
    return {
        "audio seconds billed per 100 mixed notes": 100
        * sum(_seconds(one) for one in heard)
        / count,
        "input tokens per 100 mixed notes": 100
        * sum(map(_tokens, side.servers.asked("chat")))
        / count,
    }


def mixture(count: int) -> tuple[list[bytes], list[bytes]]:
    """So many recordings in all: those that come first, and those of them that come again."""
    share = count / 100
    speech = said()
    paused = speech + 3 * (silence(8) + speech)
    kinds = (
        (silence(18), round(SILENT * share)),
        (paused, round(PAUSED * share)),
        (speech + speech, round((100 - SILENT - PAUSED - TWICE) * share)),
    )
    dice, made = random.Random(count), []
    for samples, times in kinds:
        made += [as_ogg(_unlike(samples, dice)) for _ in range(times)]
    return made, made[-round(TWICE * share) :]


def as_ogg(samples: array[int]) -> bytes:
    """16 kHz samples as a messenger would send them: Opus of 24 kbit/s."""
    import av
    import numpy

    file = io.BytesIO()
    out: Any
    with av.open(file, "w", format="ogg") as out:
        stream = out.add_stream("libopus", rate=16_000, layout="mono")
        stream.bit_rate = 24_000
        wave = numpy.frombuffer(samples, dtype=numpy.int16)
        for at in range(0, len(wave), 320):
            piece = numpy.zeros(320, dtype=numpy.int16)
            piece[: len(wave[at : at + 320])] = wave[at : at + 320]
            frame = av.AudioFrame.from_ndarray(piece.reshape(1, -1), format="s16", layout="mono")
            frame.sample_rate, frame.pts = 16_000, at
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return file.getvalue()


def _unlike(samples: array[int], dice: random.Random) -> array[int]:
    """The same to an ear, in other bytes: two recordings are never alike."""
    return array(
        "h", (value + dice.randint(-2, 2) if abs(value) < 30_000 else value for value in samples)
    )


def _seconds(request: dict[str, Any]) -> float:
    return float(request["seconds"])


def _tokens(request: dict[str, Any]) -> float:
    """Of all that the model is given: messages, and the schema of the answer."""
    asked = request["json"]
    given = [asked["messages"], asked.get("response_format"), asked.get("tools")]
    return len(json.dumps(given, ensure_ascii=False)) / CHARACTERS_PER_TOKEN
