"""Search on PostgreSQL: stems, without accents, best first. What it asks is in
``postgresql_schema``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial
from typing import Any

from django.db import connection

from notes.search.found import Filters, Found, Place
from notes.search.query import Clause, Term

#: Where more notes than this have the words, a rank says little and would cost more than a person
#: waits for: the newest come first.
MAX_RANKED = 2_000

_QUOTED = re.compile("'([^']+)'")

# Equal scores are common among short notes, and then newer is better. As an integer it survives a
# cursor exactly.
_SCORE = "round(10000 * ts_rank(s.words, %(words)s::tsquery, 1))::integer"

# The index on words knows the owner; with the sum the planner does not read the other index, all of
# the owner's notes, for the same. Filters are looked at last: they cost more than a score.
_RANKED = f"""
WITH found AS MATERIALIZED (
  SELECT s.note_id, s.created_at, {_SCORE} AS score
  FROM notes_search s
  WHERE s.words @@ %(words)s::tsquery AND s.owner_id + 0 = %(owner)s
  {{cap}}
)
SELECT hits.note_id, hits.created_at, hits.score, many.found
FROM (SELECT count(*) AS found FROM found) many LEFT JOIN LATERAL (
  SELECT s.note_id, s.created_at, s.score FROM found s {{join}}
  WHERE true {{filters}} {{after}}
  ORDER BY s.score DESC, s.created_at DESC, s.note_id DESC LIMIT %(limit)s
) hits ON true
"""  # noqa: S608  # nosec B608: only constants of this file are put in

# The function behind @@: the index on words, which cannot give the newest, is not considered.
_NEWEST = """
SELECT s.note_id, s.created_at
FROM notes_search s {join}
WHERE s.owner_id = %(owner)s AND ts_match_vq(s.words, %(words)s::tsquery) {after} {filters}
ORDER BY s.created_at DESC, s.note_id DESC LIMIT %(limit)s
"""


def find(
    owner: int, clauses: tuple[Clause, ...], filters: Filters, after: Place | None, limit: int
) -> Found:
    """The places after ``after`` of the notes of ``owner`` that fit, at most ``limit``."""
    words = _tsquery(_any(map(_all, clauses)), owner)
    if not words:
        return Found("rank")
    if any(all(term.without for term in clause) for clause in clauses):
        # Of an index, only what is there can be asked: all notes of the owner.
        words = f"'@{owner}' & ({words})"
    asked = {"owner": owner, "words": words, "limit": limit, **_values(filters)}
    meant = partial(_meant, clauses)
    if after is None or after.score is not None:
        places = _ranked(asked, filters, after)
        if places is not None:
            return Found("rank", places, meant)
    return Found("newest", _newest(asked, filters, after), meant)


def _ranked(asked: dict[str, Any], filters: Filters, after: Place | None) -> list[Place] | None:
    """The best; None if there are too many to tell."""
    statement = _RANKED.format(
        **_narrowed(filters),
        # Whoever has begun to read by rank goes on so, also if one more hit has come meanwhile.
        cap="" if after else f"LIMIT {MAX_RANKED + 1}",
        after=(after and "AND (s.score, s.created_at, s.note_id) < (%(score)s, %(at)s, %(id)s)")
        or "",
    )
    rows = _rows(statement, {**asked, **_key(after)})
    if not after and rows[0][3] > MAX_RANKED:
        return None
    return [Place(created_at, note_id, score) for note_id, created_at, score, _ in rows if note_id]


def _newest(asked: dict[str, Any], filters: Filters, after: Place | None) -> list[Place]:
    statement = _NEWEST.format(
        **_narrowed(filters),
        after=(after and "AND (s.created_at, s.note_id) < (%(at)s, %(id)s)") or "",
    )
    rows = _rows(statement, {**asked, **_key(after)})
    return [Place(created_at, note_id) for note_id, created_at in rows]


def _narrowed(filters: Filters) -> dict[str, str]:
    conditions = []
    if filters.box is not None:
        conditions.append("AND n.box_id = %(box)s")
    if filters.inbox is not None:
        conditions.append(f"AND n.box_id IS {'' if filters.inbox else 'NOT '}NULL")
    if filters.status is not None:
        conditions.append("AND n.processing_status = %(status)s")
    join = "JOIN notes_note n ON n.id = s.note_id" if conditions else ""
    return {"join": join, "filters": " ".join(conditions)}


def _values(filters: Filters) -> dict[str, Any]:
    return {"box": filters.box, "status": filters.status}


def _key(after: Place | None) -> dict[str, Any]:
    return {"score": after.score, "at": after.created_at, "id": after.note_id} if after else {}


def _meant(clauses: tuple[Clause, ...], words: set[str]) -> set[str]:
    """Those of ``words`` (of texts, as written) that the query names, in whatever form."""
    single = [
        Term((word,), prefix=term.prefix)
        for clause in clauses
        for term in clause
        if not term.without
        for word in term.words
    ]
    query = _tsquery(_any(_term(term) for term in single), owner=0)
    if not query or not words:
        return set()
    # A word may be of either language here: the note's own is no use to the eye.
    rows = _rows(
        "SELECT w FROM unnest(%(texts)s::text[]) AS w WHERE"
        " notes_search_vector(w, '', 0) || notes_search_vector(w, 'en', 0) @@ %(words)s::tsquery",
        {"texts": list(words), "words": query},
    )
    return {word for (word,) in rows}


# --- From terms to a tsquery, made by PostgreSQL's own functions ----------------------------------

Expression = tuple[str, list[str]]


def _tsquery(expression: Expression, owner: int) -> str:
    """The text of what ``expression`` makes, for the words of ``owner``; empty if none counts.

    As a constant in the statements above it lets the planner look at how common the words are.
    """
    sql, values = expression
    if not sql:
        return ""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT ({sql})::text", values)
        return _QUOTED.sub(rf"'{owner}/\1'", cursor.fetchone()[0])


def _term(term: Term) -> Expression:
    if not term.prefix:
        return "notes_search_term(%s)", [term.text]
    return (
        "(notes_search_term(%s) || to_tsquery('simple', notes_search_plain(%s) || ':*'))",
        [term.text, term.text],
    )


def _all(clause: Clause) -> Expression:
    terms = [(_term(term), term.without) for term in clause]
    sql = " && ".join(f"!!{sql}" if without else sql for (sql, _), without in terms)
    return f"({sql})", [value for (_, values), _ in terms for value in values]


def _any(expressions: Iterable[Expression]) -> Expression:
    expressions = list(expressions)
    sql = " || ".join(sql for sql, _ in expressions)
    return sql, [value for _, values in expressions for value in values]


def _rows(statement: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
