"""Notes as a list shows them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

#: Letters of a transcript that a list shows.
SHOWN = 220


def as_items(results: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the API lists, each with ``pieces`` of its words: (text, whether it was searched)."""
    return [{**note, "pieces": pieces_of(note)} for note in results]


def pieces_of(note: dict[str, Any]) -> list[tuple[str, bool]]:
    """The found part of a transcript, or its beginning, cut where highlights begin and end."""
    snippet = note.get("snippet")
    if snippet is None:
        text = note["transcript"].strip()
        short = text[:SHOWN].rstrip()
        return [(f"{short}…" if len(text) > SHOWN else short, False)] if short else []
    text, at = snippet.text, 0
    pieces = [("…", False)] if snippet.start else []
    for start, end in snippet.highlights:
        pieces += [(text[at:start], False), (text[start:end], True)]
        at = end
    return [piece for piece in [*pieces, (text[at:], False)] if piece[0]]
