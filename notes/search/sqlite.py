"""Search on SQLite: FTS5, without accents, words as they are, newest first. Its tables are in
``sqlite_schema``."""

from __future__ import annotations

from functools import partial

from django.db.models.expressions import RawSQL

from notes.models import Note
from notes.search.found import Filters, Found, Place
from notes.search.query import Clause, Term, fold

_FITS = """
SELECT r.note_id FROM notes_search JOIN notes_searchrow r ON r.id = notes_search.rowid
WHERE notes_search MATCH %s
"""


def find(
    owner: int, clauses: tuple[Clause, ...], filters: Filters, after: Place | None, limit: int
) -> Found:
    """The places after ``after`` of the notes of ``owner`` that fit, at most ``limit``.

    There is no rank: FTS5 weighs words by how rare they are among everybody's, so that pages would
    shift while others speak.
    """
    if not clauses:
        return Found("newest")
    match = " OR ".join(_all(owner, clause) for clause in clauses)
    notes = Note.objects.for_user(owner).narrowed(filters.box, filters.inbox, filters.status)
    # A constant; what was typed is a parameter.
    notes = notes.filter(pk__in=RawSQL(_FITS, (match,)))  # noqa: S611  # nosec B611
    if after:
        notes = notes.older_than(after.created_at, after.note_id)
    places = [Place(*row) for row in notes.values_list("created_at", "pk")[:limit]]
    return Found("newest", places, partial(_meant, clauses))


def _all(owner: int, clause: Clause) -> str:
    """FTS5's expression for a clause of a query of ``owner``.

    Words are letters and digits by then, so that within quotes nothing can be syntax.
    """
    wanted = "".join(f" AND {_phrase(term)}" for term in clause if not term.without)
    unwanted = "".join(f" NOT {_phrase(term)}" for term in clause if term.without)
    return f'((owner : "u{owner}"{wanted}){unwanted})'


def _phrase(term: Term) -> str:
    return f'transcript : "{term.text}"' + (" *" if term.prefix else "")


def _meant(clauses: tuple[Clause, ...], words: set[str]) -> set[str]:
    terms = [term for clause in clauses for term in clause if not term.without]
    whole = {word for term in terms for word in term.words}
    beginnings = tuple(term.text for term in terms if term.prefix)
    return {word for word in words if (f := fold(word)) in whole or f.startswith(beginnings)}
