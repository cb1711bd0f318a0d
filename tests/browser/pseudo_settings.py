"""The product's settings, with a catalogue whose every text is longer, accented and in brackets.

``[Ñöţéš one]``: what is on a page and not in brackets came from no catalogue; and what is clipped
would be in some language.
"""

from __future__ import annotations

import re

from notes import texts
from page import script_texts
from page import texts as page_texts
from project.settings import *  # noqa: F403

_PLAIN, _ODD = "aceinostuACEINOSTU", "àçéïñöšţüÀÇÉÏÑÖŠŢÜ"
#: What a text gains at least, as translations from English do.
LONGER = 0.4


def pseudo(text: str) -> str:
    """``text`` for a reader of no language; its ``{names}`` stay as they are."""
    odd = "".join(
        part if part.startswith("{") else part.translate(str.maketrans(_PLAIN, _ODD))
        for part in re.split(r"(\{\w*\})", text)
    )
    words = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"] * 9
    more: list[str] = []
    while sum(map(len, more)) < LONGER * len(text):
        more.append(words[len(more)])
    return f"[{odd} {' '.join(more)}]"


def _disguise(catalogue: dict[str, texts.Text]) -> None:
    for key, text in catalogue.items():
        catalogue[key] = texts.Text(pseudo(text.pt), pseudo(text.en))


for _catalogue in (texts.NOTE_ERRORS, texts.FILING_REASONS, texts.PAUSES):
    _disguise(_catalogue)
for _code, (_status, _text) in texts.PROBLEMS.items():
    texts.PROBLEMS[_code] = (_status, texts.Text(pseudo(_text.pt), pseudo(_text.en)))
_disguise(page_texts.TEXTS)
_disguise(script_texts.SCRIPT_TEXTS)
