"""What an owner's boxes are called, as the rules need it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from notes.classifiers import BoxCard
from notes.classifiers.mentions import Kind, Phrase, plain_words
from notes.classifiers.phrases import ARTICLES, FUNCTION_WORDS, IDIOMS
from notes.classifiers.words import number_forms, sound

MAX_BOXES = 300
MAX_KEYWORDS = 100

PARTS = re.compile(r"[/&|+]")
IDIOM_PHRASES = tuple(Phrase(-1, plain_words(idiom), Kind.IDIOM) for idiom in IDIOMS)


@dataclass(frozen=True)
class Names:
    """One box's names as plain words; ``coined`` when no dictionary would have it."""

    box: int
    full: tuple[tuple[str, ...], ...]
    coined: bool

    @property
    def joined(self) -> tuple[str, ...]:
        """The names without gaps, for comparing with what a recogniser split."""
        return tuple("".join(words) for words in self.full)


class Roster:
    """The names of an owner's boxes, ready to be looked up by word, by beginning and by sound.

    A name without letters and digits ("🎉") is in no index, so nothing ever finds it.
    """

    def __init__(self, boxes: Sequence[BoxCard]) -> None:
        boxes = boxes[:MAX_BOXES]
        shouting = sum(box.name.isupper() for box in boxes) * 2 > len(boxes) > 1
        self.boxes = [
            Names(place, _names(box.name), _is_coined(box.name, shouting))
            for place, box in enumerate(boxes)
        ]
        self.by_beginning: dict[str, list[tuple[int, tuple[str, ...]]]] = {}
        self.by_word: dict[str, set[int]] = {}
        self.sounds: list[str] = []
        self.sounding: list[int] = []
        for known in self.boxes:
            for words in known.full:
                self._index(known.box, words)

    def _index(self, box: int, words: tuple[str, ...]) -> None:
        for form in number_forms(words[0]):
            self.by_beginning.setdefault(form, []).append((box, words))
        for word in words:
            for form in number_forms(word) if len(word) > 3 else ():
                self.by_word.setdefault(form, set()).add(box)
        self.sounds.append(sound("".join(words)))
        self.sounding.append(box)


def _names(name: str) -> tuple[tuple[str, ...], ...]:
    """ "Família/Escola" goes by both parts; "Casa & Jardim" also with the "e" one says."""
    whole = _without_article(plain_words(name))
    found = [whole]
    parts = [_without_article(plain_words(part)) for part in PARTS.split(name[:200])]
    parts = [part for part in parts if part]
    if 1 < len(parts) <= 4:
        found += [part for part in parts if len("".join(part)) > 2]
        for link in ("e", "and"):
            linked = [word for part in parts for word in (link, *part)]
            found.append(tuple(linked[1:]))
    return tuple(dict.fromkeys(words for words in found if words))


def _without_article(words: tuple[str, ...]) -> tuple[str, ...]:
    return words[1:] if len(words) > 1 and words[0] in ARTICLES else words


def _is_coined(name: str, shouting: bool) -> bool:
    """Coined names ("UAIZOUK", "PetCare") are what recognisers mishear, and nothing sounds alike.

    An ordinary word has neighbours ("mercado", "marcado") that are heard rightly.
    """
    letters = "".join(letter for letter in name if letter.isalpha())
    if len(letters) < 5:
        return False
    inner_capital = letters[1:] != letters[1:].lower() and " " not in name.strip()
    foreign = any(letter in "kwy" for letter in letters.lower())
    return foreign or (inner_capital and not shouting)


def phrases_of(boxes: Sequence[BoxCard], roster: Roster) -> list[Phrase]:
    """All idioms, names and keywords to look for, names first."""
    phrases = list(IDIOM_PHRASES)
    for known in roster.boxes:
        phrases += _telling(known.box, known.full, Kind.NAME)
    for known in roster.boxes:
        keywords = boxes[known.box].keywords[:MAX_KEYWORDS]
        distinct = dict.fromkeys(plain_words(keyword) for keyword in keywords)
        phrases += _telling(known.box, distinct, Kind.KEYWORD)
    return phrases


def _telling(box: int, phrases: Iterable[tuple[str, ...]], kind: Kind) -> list[Phrase]:
    """Without those of function words or a single letter, which would be everywhere."""
    return [
        Phrase(box, words, kind)
        for words in phrases
        if len("".join(words)) > 1 and not set(words) <= FUNCTION_WORDS
    ]
