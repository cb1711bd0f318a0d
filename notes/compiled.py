"""Queries that each upload asks, made into SQL once per process.

Django makes the SQL of a query anew each time. For a query that finds one row by its index that
takes several times as long as the answer of the database, and web does it with one core's worth of
Python.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.db.models.sql import UpdateQuery
from django.db.models.sql.compiler import SQLCompiler


class Template:
    """Some SQL, and which of its parameters are a caller's values."""

    def __init__(self, compiler: SQLCompiler, examples: tuple[Any, ...]) -> None:
        self.sql, params = compiler.as_sql()
        names = [str(example) for example in examples]
        self._slots = [names.index(str(p)) if str(p) in names else None for p in params]
        self._params = list(params)
        assert sorted(set(self._slots) - {None}) == list(range(len(names)))  # type: ignore[type-var] # noqa: S101  # nosec B101

    def params(self, values: tuple[Any, ...]) -> list[Any]:
        """The parameters with ``values`` where the examples stand."""
        filled = zip(self._slots, self._params, strict=True)
        return [given if slot is None else values[slot] for slot, given in filled]


class Found:
    """``build(*values)`` is a ``values_list`` queryset; this asks for its first row.

    ``examples`` are values unlike each other and unlike everything else in the query. Values are
    strings, integers, or days as ISO 8601.
    """

    def __init__(self, build: Callable[..., QuerySet[Any, Any]], *examples: Any) -> None:
        self._build, self._examples = build, examples

    def __call__(self, *values: Any) -> tuple[Any, ...] | None:
        """The first row, None if there is none."""
        compiler, template = self._compiled
        with connection.cursor() as cursor:
            cursor.execute(template.sql, template.params(values))
            row = cursor.fetchone()
        if row is None:
            return None
        return tuple(next(iter(compiler.results_iter([[row]]))))

    @cached_property
    def _compiled(self) -> tuple[SQLCompiler, Template]:
        query = self._build(*self._examples).query
        query.set_limits(high=1)
        compiler = query.get_compiler(connection=connection)
        return compiler, Template(compiler, self._examples)


class Changed:
    """``build(*values)`` is a queryset and what to set in its rows; this says how many there were.

    As for :class:`Found` otherwise.
    """

    def __init__(
        self, build: Callable[..., tuple[QuerySet[Any], dict[str, Any]]], *examples: Any
    ) -> None:
        self._build, self._examples = build, examples

    def __call__(self, *values: Any) -> int:
        """Change the rows."""
        with connection.cursor() as cursor:
            cursor.execute(self._template.sql, self._template.params(values))
            return int(cursor.rowcount)

    @cached_property
    def _template(self) -> Template:
        rows, changes = self._build(*self._examples)
        query: Any = rows.query.chain(UpdateQuery)
        query.add_update_values(changes)
        return Template(query.get_compiler(connection=connection), self._examples)
