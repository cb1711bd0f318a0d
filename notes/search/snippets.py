"""The place in a note that a search found: plain text, and where the words are in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from notes.search.query import WORD, fold

#: Characters of a snippet, and how many of them come before what was found.
LENGTH = 200
BEFORE = 60
#: Of a long text only so much is looked at for places to show.
MAX_LOOKED_AT = 200_000


@dataclass(frozen=True)
class Snippet:
    """``text`` is the note's from ``start`` on; ``highlights`` are places in it, as (start, end).

    All in Unicode code points. Nothing is escaped and nothing is marked up.
    """

    text: str
    start: int
    highlights: list[tuple[int, int]]


def snippets(
    texts: list[str], wanted: Iterable[str], meant: Callable[[set[str]], set[str]]
) -> list[Snippet]:
    """One of each text. ``wanted`` are words of the query; ``meant`` tells which words of the
    texts they stand for, and is only asked about those that begin alike."""
    beginnings = tuple({word[:2] for word in wanted})
    places = [_candidates(text, beginnings) for text in texts]
    words = meant({word for found in places for word, _, _ in found})
    return [
        _snippet(text, [(start, end) for word, start, end in found if word in words])
        for text, found in zip(texts, places, strict=True)
    ]


def _candidates(text: str, beginnings: tuple[str, ...]) -> list[tuple[str, int, int]]:
    return [
        (match.group(), *match.span())
        for match in WORD.finditer(text[:MAX_LOOKED_AT])
        # Cheap before exact: folding decomposes, and most words are something else.
        if fold(match.group()[:4]).startswith(beginnings)
    ]


def _snippet(text: str, places: list[tuple[int, int]]) -> Snippet:
    begin = _densest(places)
    start = max(0, begin - BEFORE)
    if start:
        # Not in the middle of a word, unless it is a very long one.
        space = text.find(" ", start, begin)
        start = space + 1 if space >= 0 else start
    end = min(len(text), start + LENGTH)
    if end < len(text):
        space = text.rfind(" ", start + LENGTH // 2, end)
        end = space if space >= 0 else end
    inside = [(a - start, b - start) for a, b in places if a >= start and b <= end]
    return Snippet(text[start:end], start, inside)


def _densest(places: list[tuple[int, int]]) -> int:
    """Where a snippet would show most of ``places``; 0 without any."""
    best, most, first = 0, 0, 0
    for last, (_, end) in enumerate(places):
        while end - places[first][0] > LENGTH - BEFORE:
            first += 1
        if last - first + 1 > most:
            best, most = places[first][0], last - first + 1
    return best
