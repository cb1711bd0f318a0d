"""What each family of transcription models takes, and hints in the form that it takes them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

#: More keywords than this only cost time; OpenAI documents no limit.
MAX_KEYWORDS = 100
MAX_KEYWORD_LENGTH = 80
#: Where a vendor gives no limit: so much is answered well within the timeout of a call.
OURS_SECONDS = 600.0
#: 25 MB less what the form around the file may take.
OURS_BYTES = 24_000_000
#: Whisper reads the last 224 tokens of a prompt and drops what stands before them.
PROMPT_TOKENS = 224


@dataclass(frozen=True)
class Family:
    """How a family of models is asked.

    ``keywords``: it takes the lists ``keywords`` and ``languages``; otherwise one ``language``
    and, if ``prompt``, free text. ``chunking`` is the ``chunking_strategy`` it insists on.
    ``seconds`` and ``bytes`` are what one request may hold; see docs/providers.md for what of it
    the vendor says and what is ours. TRANSCRIPTION_PART_SECONDS and TRANSCRIPTION_PART_MB go
    before them.
    """

    keywords: bool = False
    prompt: bool = True
    response_format: str = "json"
    chunking: str = ""
    seconds: float = OURS_SECONDS
    bytes: int = OURS_BYTES


#: By prefix of the model's name, the first that fits. ``verbose_json`` tells the duration.
FAMILIES = (
    ("gpt-transcribe", Family(keywords=True, prompt=False)),
    ("gpt-4o-transcribe-diarize", Family(prompt=False, chunking="auto")),
    # 2,000 tokens out: a dense note of more than ten minutes would be cut off.
    ("gpt-4o-mini-transcribe", Family(seconds=480.0)),
    ("gpt-4o-", Family()),
    ("whisper-1", Family(response_format="verbose_json")),
)
#: A model nobody heard of, on a server of one's own: ask for what all of them know.
UNKNOWN = Family()


def family_of(model: str) -> Family:
    """The family of ``model``, which compatible servers may prefix: ``openai/whisper-1``."""
    name = model.rsplit("/", 1)[-1].lower()
    return next((family for prefix, family in FAMILIES if name.startswith(prefix)), UNKNOWN)


def two_letters(language: str | None) -> str:
    """``pt-BR`` -> ``pt``; empty for what isn't ISO 639-1, which vendors answer with a 400."""
    code = re.split(r"[-_]", (language or "").strip().lower())[0]
    return code if re.fullmatch(r"[a-z]{2}", code) else ""


def clean_keywords(words: Iterable[str]) -> list[str]:
    """``words`` as gpt-transcribe takes them, in the same order.

    One keyword with ``<``, ``>``, CR or LF and the vendor refuses the whole request.
    """
    cleaned: dict[str, str] = {}
    for word in words:
        keyword = " ".join(re.sub(r"[<>\x00-\x1f\x7f-\x9f]", " ", word).split())
        keyword = keyword[:MAX_KEYWORD_LENGTH].rstrip()
        if keyword:
            cleaned.setdefault(keyword.casefold(), keyword)
        if len(cleaned) == MAX_KEYWORDS:
            break
    return list(cleaned.values())


def prompt_from(words: Iterable[str]) -> str:
    """``words`` as a prompt within Whisper's limit.

    The last ones are dropped first, and the most useful comes last: should the guess of the
    length be wrong, the model forgets the beginning.
    """
    kept: list[str] = []
    tokens = 0
    for word in clean_keywords(words):
        tokens += _tokens(word)
        if tokens > PROMPT_TOKENS:
            break
        kept.append(word)
    return ", ".join(reversed(kept))


def _tokens(word: str) -> int:
    """A high guess: Portuguese has about three bytes to a token; one more for the comma."""
    return -(-len(word.encode()) // 2) + 1
