"""Finding notes by their words. Each database has its own way; which one answers is told."""

from __future__ import annotations

from typing import Literal, cast

from django.db import connection

from notes.search.found import Filters, Found, Order, Place
from notes.search.query import Clause, parse
from notes.search.snippets import Snippet, snippets

__all__ = ["Engine", "Filters", "Found", "Order", "Place", "Search", "Snippet"]

Engine = Literal["postgresql", "sqlite"]


class Search:
    """A query of one owner. Nobody else's notes are looked at, counted or weighed."""

    def __init__(self, text: str, owner: int) -> None:
        self.clauses: tuple[Clause, ...] = parse(text)
        self.owner = owner

    @property
    def engine(self) -> Engine:
        """Which database answers."""
        return cast(Engine, connection.vendor)

    def find(self, filters: Filters, after: Place | None, limit: int) -> Found:
        """At most ``limit`` places of notes, from ``after`` on."""
        if self.engine == "postgresql":
            from notes.search import postgresql as database
        else:
            from notes.search import sqlite as database  # type: ignore[no-redef]
        return database.find(self.owner, self.clauses, filters, after, limit)

    def snippets(self, found: Found, texts: list[str]) -> list[Snippet]:
        """The place that was found in each of ``texts``."""
        wanted = {
            word
            for clause in self.clauses
            for term in clause
            if not term.without
            for word in term.words
        }
        return snippets(texts, wanted, found.meant)
