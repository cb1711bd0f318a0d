"""The search of ``GET /api/v1/notes``: a page of what was found, and where in it."""

from __future__ import annotations

from typing import Any

from notes.api.pages import cursor_after
from notes.api.schemas import note_out
from notes.models import Box, Note
from notes.search import Filters, Place, Search


def found_page(
    owner: int, text: str, filters: Filters, after: Place | None, limit: int
) -> dict[str, Any]:
    """The page of the notes of ``owner`` after ``after`` that ``text`` finds."""
    search = Search(text, owner)
    found = search.find(filters, after, limit + 1)
    shown = found.places[:limit]
    # Asked for by owner once more: what the index says is a hint, never a permission.
    notes = (
        Note.objects.for_user(owner).without_details().in_bulk([place.note_id for place in shown])
    )
    page = [notes[place.note_id] for place in shown if place.note_id in notes]
    snippets = search.snippets(found, [note.transcript for note in page])
    boxes = {box.pk: box for box in Box.objects.for_user(owner)}
    return {
        "results": [
            {**note_out(note, boxes), "snippet": snippet}
            for note, snippet in zip(page, snippets, strict=True)
        ],
        "next": cursor_after(shown[-1]) if len(found.places) > limit else None,
        "search": {"engine": search.engine, "order": found.order},
    }
