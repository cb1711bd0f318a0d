"""Statements that each upload needs, made into SQL once per process.

Django makes the SQL of a statement anew each time. For one that finds or makes a single row that
takes several times as long as the answer of the database, and web does it with one core's worth of
Python.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, Generic, TypeVar, cast

from django.db import connection
from django.db.models import Field, Model, QuerySet
from django.db.models.sql import InsertQuery, UpdateQuery
from django.db.models.sql.compiler import SQLCompiler, SQLInsertCompiler

M = TypeVar("M", bound=Model)


class Template:
    """Some SQL, and which of its parameters are a caller's values."""

    def __init__(self, sql: str, params: Iterable[Any], examples: tuple[Any, ...]) -> None:
        self.sql = sql
        params = list(params)
        names = [str(example) for example in examples]
        self._slots = [names.index(str(p)) if str(p) in names else None for p in params]
        self._params = params
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
        sql, params = compiler.as_sql()
        return compiler, Template(sql, params, self._examples)


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
        sql, params = query.get_compiler(connection=connection).as_sql()
        return Template(sql, params, self._examples)


class Inserted(Generic[M]):
    """Makes rows of ``model``: ``fixed`` columns are alike in all, those of ``examples`` are not.

    Any other column has its default, alike in all rows too unless the database makes it. Examples
    are as for :class:`Found`. No signals are sent.
    """

    def __init__(self, model: type[M], fixed: dict[str, Any], **examples: Any) -> None:
        self._model, self._fixed, self._examples = model, fixed, examples
        self._fields = [cast("Field[Any, Any]", model._meta.get_field(name)) for name in examples]

    def __call__(self, **values: Any) -> M:
        """Insert a row; the instance with what the database filled in.

        Raises:
          django.db.IntegrityError: the row breaks a constraint.
          TypeError: there is no example of a column.
        """
        if strange := values.keys() - self._examples.keys():
            raise TypeError(f"no example of {', '.join(strange)}")
        compiler, template, converters = self._compiled
        made = self._model(**self._fixed, **values)
        with connection.cursor() as cursor:
            cursor.execute(template.sql, template.params(self._as_stored(made)))
            row = cursor.fetchone()
        [filled_in] = compiler.apply_converters([row], converters)
        for field, value in zip(self._model._meta.db_returning_fields, filled_in, strict=True):
            setattr(made, field.attname, value)
        made._state.adding, made._state.db = False, connection.alias
        return made

    def _as_stored(self, made: M) -> tuple[Any, ...]:
        return tuple(
            field.get_db_prep_save(getattr(made, field.attname), connection)
            for field in self._fields
        )

    @cached_property
    def _compiled(self) -> tuple[SQLInsertCompiler, Template, dict[int, Any]]:
        meta, example = self._model._meta, self._model(**self._fixed, **self._examples)
        query = InsertQuery(self._model)
        query.insert_values(meta.local_concrete_fields, [example])
        compiler = query.get_compiler(connection=connection)
        compiler.returning_fields = meta.db_returning_fields
        [(sql, params)] = compiler.as_sql()
        columns: list[Any] = [field.get_col(meta.db_table) for field in meta.db_returning_fields]
        template = Template(sql, params, self._as_stored(example))
        return compiler, template, compiler.get_converters(columns)
