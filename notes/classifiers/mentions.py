"""Finds the words of names and keywords in a transcript: whole words, whole phrases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from notes.classifiers.words import Word, heard_stems, number_forms, split_words, wanted_stems

MAX_PHRASE_WORDS = 8
# Repetition proves little, and a phrase repeated ten thousand times would cost much.
MAX_PLACES = 30
MAX_KEYWORD_PLACES = 3
MAX_INDEXED = 200
MAX_HITS = 20_000
MAX_COMPARISONS = 50_000
# Stemming is the dear part (0.1 ms a word the first time). What a day of talking needs is far
# below; beyond it plurals are still found.
MAX_STEMMED = 300


class Kind(Enum):
    """What a phrase is to its box."""

    NAME = "name"
    KEYWORD = "keyword"
    IDIOM = "idiom"


@dataclass(frozen=True)
class Phrase:
    """Plain words that stand for a box; ``box`` is its place among the owner's, -1 for none."""

    box: int
    words: tuple[str, ...]
    kind: Kind


@dataclass(frozen=True)
class Hit:
    """A phrase found at ``words[start:end]``; not ``literal`` when only a stem agreed."""

    phrase: Phrase
    start: int
    end: int
    literal: bool


class Heard:
    """A transcript cut into words, with an index of where each form of a word stands."""

    def __init__(self, text: str, words: Sequence[Word]) -> None:
        self.text, self.words = text, words
        self.literal: dict[str, list[int]] = {}
        self.stems: dict[str, list[int]] = {}
        self.stems_of: dict[str, frozenset[str]] = {}
        self.last_of_clause = {word.clause: at for at, word in enumerate(words)}
        self.places: dict[str, list[int]] = {}
        for at, word in enumerate(words):
            self.places.setdefault(word.plain, []).append(at)
        for plain, places in self.places.items():
            for form in number_forms(plain):
                self.literal.setdefault(form, []).extend(places[:MAX_INDEXED])

    def index_stems(self, wanted: Iterable[str]) -> frozenset[str]:
        """Index the stems that could agree with ``wanted`` words; returns the words allowed."""
        beginnings = {word[:3] for word in self.places if len(word) > 3}
        allowed = [w for w in dict.fromkeys(wanted) if len(w) > 2 and w[:3] in beginnings]
        allowed = allowed[:MAX_STEMMED]
        beginnings = {word[:3] for word in allowed}
        stemmed = [word for word in self.places if len(word) > 3 and word[:3] in beginnings]
        for word in stemmed[:MAX_STEMMED]:
            self.stems_of[word] = heard_stems(word)
            for stem in self.stems_of[word]:
                self.stems.setdefault(stem, []).extend(self.places[word][:MAX_INDEXED])
        return frozenset(allowed)

    def quote(self, start: int, end: int) -> str:
        """The words ``start`` to ``end`` (exclusive) as they stand in the text."""
        return self.text[self.words[start].start : self.words[end - 1].end]

    def clause(self, at: int) -> tuple[int, int]:
        """Where the clause of word ``at`` starts and ends (exclusive)."""
        number = self.words[at].clause
        return self.last_of_clause.get(number - 1, -1) + 1, self.last_of_clause[number] + 1

    def window(self, start: int, end: int) -> list[str]:
        """The plain words ``start`` to ``end`` (exclusive), cut to what exists."""
        return [word.plain for word in self.words[max(start, 0) : max(end, 0)]]


def find(phrases: Sequence[Phrase], heard: Heard) -> list[Hit]:
    """Every phrase where it is meant: longer ones hide what they contain, names hide keywords."""
    keyword_words = (w for p in phrases if p.kind is Kind.KEYWORD for w in p.words)
    stemmable = heard.index_stems(keyword_words)
    hits: list[Hit] = []
    comparisons = 0
    for phrase in phrases:
        places = _places(phrase, heard, stemmable)
        comparisons += len(places) * (len(phrase.words) - 1)
        if len(hits) > MAX_HITS or comparisons > MAX_COMPARISONS:
            break
        hits.extend(hit for at in places if (hit := _hit_at(phrase, at, heard, stemmable)))
    return _unhidden(hits)


def _places(phrase: Phrase, heard: Heard, stemmable: frozenset[str]) -> list[int]:
    """Where the phrase may start, by the rarest of its words."""
    fewest: list[int] | None = None
    for number, word in enumerate(phrase.words):
        found: list[int] = []
        for form in number_forms(word):
            found += heard.literal.get(form, ())
        if word in stemmable and phrase.kind is Kind.KEYWORD:
            for stem in wanted_stems(word):
                found += heard.stems.get(stem, ())
        if not found:
            return []
        if fewest is None or len(found) < len(fewest):
            fewest = [at - number for at in found]
    most = MAX_KEYWORD_PLACES if phrase.kind is Kind.KEYWORD else MAX_PLACES
    return sorted(set(fewest or ()))[:most]


def _hit_at(phrase: Phrase, start: int, heard: Heard, stemmable: frozenset[str]) -> Hit | None:
    end = start + len(phrase.words)
    said = heard.words[max(start, 0) : end]
    if start < 0 or len(said) < len(phrase.words) or said[0].clause != said[-1].clause:
        return None
    literal = True
    for word, spoken in zip(phrase.words, said, strict=True):
        if phrase.kind is Kind.IDIOM:
            # "Works" is an idiom, "Work" a box.
            if word != spoken.plain:
                return None
        elif not number_forms(word) & number_forms(spoken.plain):
            literal = False
            stems = heard.stems_of.get(spoken.plain, frozenset())
            if word not in stemmable or not wanted_stems(word) & stems:
                return None
    return Hit(phrase, start, end, literal)


def _unhidden(hits: list[Hit]) -> list[Hit]:
    named = {(hit.start, hit.end) for hit in hits if hit.phrase.kind is Kind.NAME}
    idioms = {(hit.start, hit.end) for hit in hits if hit.phrase.kind is Kind.IDIOM}
    longest: dict[int, list[Hit]] = defaultdict(list)
    for hit in sorted(hits, key=lambda h: h.start - h.end):
        # The longest few suffice to hide, and keep crafted boxes cheap.
        for at in range(hit.start, hit.end) if hit.end - hit.start > 1 else ():
            if len(longest[at]) < 3:
                longest[at].append(hit)
    return [hit for hit in hits if not _is_hidden(hit, longest, named, idioms)]


def _is_hidden(
    hit: Hit,
    longest: dict[int, list[Hit]],
    named: set[tuple[int, int]],
    idioms: set[tuple[int, int]],
) -> bool:
    span = (hit.start, hit.end)
    if span in idioms or (hit.phrase.kind is Kind.KEYWORD and span in named):
        return True
    for at in range(hit.start, hit.end):
        for other in longest.get(at, ()):
            longer = other.end - other.start > hit.end - hit.start
            if longer and other.phrase.box != hit.phrase.box:
                return True
    return False


@lru_cache(maxsize=20_000)
def plain_words(text: str) -> tuple[str, ...]:
    """A name or keyword as comparable words; empty for one made of signs alone."""
    return tuple(word.plain for word in split_words(text[:200])[1][:MAX_PHRASE_WORDS])
