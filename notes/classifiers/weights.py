"""How much a mention of a box says about a note."""

from __future__ import annotations

from notes.classifiers.mentions import Heard, Hit
from notes.classifiers.phrases import (
    ANNOUNCING,
    ARTICLES,
    BARE_BEFORE,
    CIRCUMSTANCE,
    LEADING,
    MOTION,
    OF,
    PLACES,
    POSSESSED,
    SUBJECTS,
    VERB_LIKE,
)
from notes.classifiers.words import is_infinitive

SUBJECT = 5.0
NAMED = 3.5
MISHEARD = 3.2
IN_PASSING = 2.0
CIRCUMSTANTIAL = 1.0
BARE_PLACE = 0.5

KEYWORD = 1.0
PHRASE = 1.5
SAME_STEM = 0.7

LONG_NOTE_WORDS = 60
NEAR = 4


def name_weight(hit: Hit, heard: Heard, coined: bool) -> float:
    """What naming a box at ``hit`` says: from the subject of the note down to a mere place."""
    name = heard.words[hit.start].plain
    single = hit.end - hit.start == 1
    if single and not coined:
        if name in VERB_LIKE and heard.window(hit.start - 1, hit.start) in _ALONE_SUBJECTS:
            return 0.0
        if _is_bare_place(name, hit, heard):
            return BARE_PLACE
    if _is_subject(hit, heard):
        return SUBJECT
    if coined or not single:
        return NAMED
    return _common_word_weight(name, hit, heard)


_ALONE_SUBJECTS = [[word] for word in sorted(SUBJECTS)]


def _is_bare_place(name: str, hit: Hit, heard: Heard) -> bool:
    before = heard.window(hit.start - 1, hit.start)
    if before and before[0] in BARE_BEFORE.get(name, ()):
        return True
    return name in PLACES and bool(MOTION & set(_before(hit, heard)))


def _before(hit: Hit, heard: Heard) -> list[str]:
    first, _ = heard.clause(hit.start)
    return heard.window(max(first, hit.start - NEAR), hit.start)


def _is_subject(hit: Hit, heard: Heard) -> bool:
    """Whether the clause only announces the box ("Coisas da casa, ...") or says "about" it."""
    first, last = heard.clause(hit.start)
    if hit.start - first > 6:
        return False
    before = heard.window(first, hit.start)
    if any(word not in LEADING for word in before):
        return False
    return bool(ANNOUNCING & set(before)) or all(
        word in ARTICLES for word in heard.window(hit.end, min(last, hit.end + NEAR))
    )


def _common_word_weight(name: str, hit: Hit, heard: Heard) -> float:
    after = heard.window(hit.end, hit.end + 1)
    if name in POSSESSED and after and after[0] in OF:
        return CIRCUMSTANTIAL
    if (CIRCUMSTANCE | MOTION) & set(_before(hit, heard)):
        return CIRCUMSTANTIAL
    if name not in hit.phrase.words and name + "s" in hit.phrase.words:
        return IN_PASSING
    return IN_PASSING if len(heard.words) > LONG_NOTE_WORDS else NAMED


def keyword_weight(hit: Hit) -> float:
    """What a keyword says, whatever the number of the others."""
    if len(hit.phrase.words) > 1:
        return PHRASE
    return KEYWORD if hit.literal or is_infinitive(hit.phrase.words[0]) else SAME_STEM


def together(weights: list[float]) -> float:
    """The weight of several keywords: each counts, later ones less, none lowers the sum."""
    return sum(weight * 0.9**place for place, weight in enumerate(sorted(weights, reverse=True)))
