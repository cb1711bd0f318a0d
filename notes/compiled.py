"""Statements that each upload and each note needs, made into SQL once per process.

Django makes the SQL of a statement anew each time. For one that finds or makes a single row that
takes several times as long as the answer of the database, and web and worker do it with one core's
worth of Python.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, wraps
from inspect import signature
from typing import Any, Generic, TypeVar, cast
from uuid import UUID

from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.models import Expression, Field, Model, QuerySet
from django.db.models.expressions import DatabaseDefault
from django.db.models.functions import Now
from django.db.models.sql import DeleteQuery, InsertQuery, UpdateQuery
from django.db.models.sql.compiler import SQLCompiler, SQLInsertCompiler

M = TypeVar("M", bound=Model)
E = TypeVar("E", bound=Expression)


def cursor_for_known() -> CursorWrapper:
    """A cursor for SQL that is the same each time but for its parameters.

    PostgreSQL keeps what it has parsed and planned: to do it each time is half of its work.
    """
    return getattr(connection, "prepared_cursor", connection.cursor)()


def writes_at_once() -> bool:
    """Whether one statement may write to several tables. SQLite's may not."""
    return connection.vendor == "postgresql"


class Given(Expression):
    """A value that is told when the statement is executed: the one of that ``name``, or of the
    ``column`` that is set to it.

    Without a column it is a string, a number, a day, a UUID or None: as the database takes them.
    """

    def __init__(self, name: str, column: Field[Any, Any] | None = None) -> None:
        super().__init__(output_field=column)
        self.name, self._column = name, column

    def as_sql(self, compiler: SQLCompiler, connection: Any) -> tuple[str, Any]:
        return "%s", (self,)

    def of(self, given: dict[str, Any], columns: dict[str, Any]) -> Any:
        """Its value, as the database takes it."""
        if self._column is not None:
            return self._column.get_db_prep_save(columns[self.name], connection)
        value = given[self.name]
        native = connection.features.has_native_uuid_field
        return value.hex if isinstance(value, UUID) and not native else value


_FIXED: dict[int, Expression] = {}


def fixed(expression: E) -> E:
    """An expression that is made once, so that SQL with it may be remembered.

    It may hold a :class:`Given`.
    """
    _FIXED[id(expression)] = expression
    return expression


class Inserted(Generic[M]):
    """Makes rows of ``model``: ``fixed`` columns are alike in all, those of ``names`` are not.

    Any other column has its default, alike in all rows too unless the database makes it. No signals
    are sent.
    """

    def __init__(self, model: type[M], fixed: dict[str, Any], *names: str) -> None:
        self._model, self._fixed, self._names = model, fixed, names

    def __call__(self, **values: Any) -> M:
        """Insert a row; the instance with what the database filled in.

        Raises:
          django.db.IntegrityError: the row breaks a constraint.
          TypeError: a column is not among those that differ.
        """
        made, params = self.told(**values)
        with cursor_for_known() as cursor:
            cursor.execute(self._compiled[1], params)
            return self.finished(made, cursor.fetchone())

    def from_each_row_of(self, table: str) -> str:
        """SQL that inserts as many rows as ``table`` has, for a statement that this is a part of.

        It takes the parameters of :meth:`told` and returns what :meth:`finished` wants.

        Raises:
          NotImplementedError: the database fills in nothing, or Django writes it otherwise.
        """
        into, values, rest = self._compiled[1].partition(" VALUES (")
        told, returning, returned = rest.rpartition(") RETURNING ")
        if not (values and returning):
            raise NotImplementedError(f"no such INSERT: {into}")
        return f"{into} SELECT {told} FROM {table} RETURNING {returned}"  # noqa: S608  # nosec B608

    def told(self, **values: Any) -> tuple[M, list[Any]]:
        """The instance as it is before it is inserted, and the parameters of that.

        Raises:
          TypeError: a column is not among those that differ.
        """
        if strange := values.keys() - set(self._names):
            raise TypeError(f"the same in all rows: {', '.join(strange)}")
        made = self._model(**self._fixed, **values)
        return made, _filled(self._compiled[2], {}, vars(made))

    def finished(self, made: M, row: Sequence[Any]) -> M:
        """``made`` with what the database filled in, which it returned as ``row``."""
        compiler, *_, converters = self._compiled
        [filled_in] = compiler.apply_converters([row], converters)
        for field, value in zip(self._model._meta.db_returning_fields, filled_in, strict=True):
            setattr(made, field.attname, value)
        made._state.adding, made._state.db = False, connection.alias
        return made

    def _is_told(self, field: Field[Any, Any], example: M) -> bool:
        """Whether the database would not give ``field`` the same value by itself."""
        value = getattr(example, field.attname)
        if field is self._model._meta.auto_field or isinstance(value, DatabaseDefault):
            return False
        return value is not None or field.has_db_default()

    @cached_property
    def _compiled(self) -> tuple[SQLInsertCompiler, str, list[Any], dict[int, Any]]:
        meta, example = self._model._meta, self._model(**self._fixed)
        for name in self._names:
            field = cast("Field[Any, Any]", meta.get_field(name))
            setattr(example, field.attname, Given(field.attname, field))
        query = InsertQuery(self._model)
        columns = [one for one in meta.local_concrete_fields if self._is_told(one, example)]
        query.insert_values(columns, [example])
        compiler = query.get_compiler(connection=connection)
        compiler.returning_fields = meta.db_returning_fields
        [(sql, params)] = compiler.as_sql()
        returned: list[Any] = [field.get_col(meta.db_table) for field in meta.db_returning_fields]
        return compiler, *_written_out(sql, params), compiler.get_converters(returned)


class _Selected:
    """``build(...)`` is a queryset; each of its parameters is a value told later."""

    def __init__(self, build: Callable[..., QuerySet[Any, Any]]) -> None:
        self._build, self._names = build, tuple(signature(build).parameters)

    def _rows(self, values: Sequence[Any]) -> list[Any]:
        """What is selected, as the database gives it."""
        _, sql, params, _ = self._compiled
        given = dict(zip(self._names, values, strict=True))
        with cursor_for_known() as cursor:
            cursor.execute(sql, _filled(params, given, {}))
            return list(cursor.fetchall())

    def _converted(self, rows: list[Any]) -> list[Any]:
        compiler, *_, converters = self._compiled
        return list(compiler.apply_converters(rows, converters))

    @cached_property
    def _compiled(self) -> tuple[SQLCompiler, str, list[Any], dict[int, Any]]:
        query = self._build(*map(Given, self._names)).query
        compiler: Any = query.get_compiler(connection=connection)
        sql, params = _written_out(*compiler.as_sql())
        converters = compiler.get_converters([chosen[0] for chosen in compiler.select])
        return compiler, sql, params, converters


class Found(_Selected):
    """``build(...)`` is a ``values_list`` queryset of one row at most, which this asks for."""

    def __call__(self, *values: Any) -> tuple[Any, ...] | None:
        """The row, None if there is none."""
        rows = self._converted(self._rows(values))
        return tuple(rows[0]) if rows else None


class Loaded(_Selected, Generic[M]):
    """``build(...)`` is a queryset of rows; each of its parameters is a value told later."""

    def __init__(self, build: Callable[..., QuerySet[M]]) -> None:  # of whole rows alone
        super().__init__(build)

    def __call__(self, *values: Any) -> list[M]:
        """The rows, as the queryset would give them."""
        return self.made_of(self._rows(values))

    def made_of(self, rows: list[Any]) -> list[M]:
        """``rows`` of what is selected, as the queryset would give them."""
        return [self._made(row) for row in self._converted(rows)]

    @cached_property
    def selected(self) -> tuple[str, list[Any]]:
        """What is selected, as SQL for a RETURNING, and the parameters of that.

        Raises:
          NotImplementedError: Django writes it otherwise.
        """
        compiler, sql, params, _ = self._compiled
        table = connection.ops.quote_name(compiler.query.get_meta().db_table)
        columns, found, _ = sql.removeprefix("SELECT ").partition(f" FROM {table} WHERE ")
        if not found:
            raise NotImplementedError(f"no such SELECT: {sql}")
        return columns, params[: columns.count("%s")]

    def _made(self, row: Sequence[Any]) -> M:
        compiler: Any = self._compiled[0]
        info = compiler.klass_info
        columns = info["select_fields"]
        names = [compiler.select[at][0].target.attname for at in columns]
        made: M = info["model"].from_db(connection.alias, names, row[columns[0] : columns[-1] + 1])
        for name, at in compiler.annotation_col_map.items():
            setattr(made, name, row[at])
        return made


class Updated:
    """``build(...)`` is a queryset of rows, of which any columns may be set.

    The SQL is made once for each set of columns. A column gets a value, ``Now()`` or an expression
    that is :func:`fixed`; with any other expression the SQL is made anew.
    """

    def __init__(self, build: Callable[..., QuerySet[Any]]) -> None:
        self._build, self._names = build, tuple(signature(build).parameters)
        self._known: dict[tuple[tuple[str, object], ...], tuple[str, Any]] = {}

    def __call__(self, *keys: Any, columns: dict[str, Any], **given: Any) -> int:
        """Set ``columns`` in the rows; how many there were. ``given`` is for what is fixed."""
        kinds = tuple((name, _kind(value)) for name, value in columns.items())
        if any(kind is Expression for _, kind in kinds):
            return self._build(*keys).update(**columns)
        sql, params = self.told(*keys, columns=columns, **given)
        with cursor_for_known() as cursor:
            cursor.execute(sql, params)
            return int(cursor.rowcount)

    def told(self, *keys: Any, columns: dict[str, Any], **given: Any) -> tuple[str, list[Any]]:
        """The statement, where every expression in ``columns`` is fixed, and its parameters."""
        kinds = tuple((name, _kind(value)) for name, value in columns.items())
        if kinds not in self._known:
            self._known[kinds] = self._compile(columns, kinds)
        sql, params = self._known[kinds]
        assert not given.keys() & set(self._names)  # noqa: S101  # nosec B101
        given |= dict(zip(self._names, keys, strict=True))
        return sql, _filled(params, given, columns)

    def _compile(
        self, columns: dict[str, Any], kinds: tuple[tuple[str, object], ...]
    ) -> tuple[str, Any]:
        rows = self._build(*map(Given, self._names))
        get_field = rows.model._meta.get_field
        told = {name: Given(name, get_field(name)) for name, kind in kinds if kind is None}
        query: Any = rows.query.chain(UpdateQuery)
        query.add_update_values({**columns, **told})
        return _written_out(*query.get_compiler(connection=connection).as_sql())


class Taken(Generic[M]):
    """``build(...)`` is a queryset of rows, of which columns are set as by :class:`Updated`.

    This gives the rows as they are then, with what ``annotate`` adds to the queryset.
    """

    def __init__(
        self,
        build: Callable[..., QuerySet[M]],
        annotate: Callable[[QuerySet[M]], QuerySet[M]],
    ) -> None:
        self._updated = Updated(build)
        self._loaded = Loaded(wraps(build)(lambda *names: annotate(build(*names))))

    def __call__(self, *keys: Any, columns: dict[str, Any]) -> list[M]:
        """Set ``columns`` in the rows; the rows."""
        sql, params = self._updated.told(*keys, columns=columns)
        returned, more = self._loaded.selected
        with cursor_for_known() as cursor:
            cursor.execute(f"{sql} RETURNING {returned}", [*params, *more])
            return self._loaded.made_of(cursor.fetchall())


class Deleted:
    """``build(...)`` is a queryset of rows to delete, to which no other rows belong."""

    def __init__(self, build: Callable[..., QuerySet[Any]]) -> None:
        self._build, self._names = build, tuple(signature(build).parameters)

    def __call__(self, *values: Any) -> None:
        """Delete the rows. No signals are sent."""
        sql, params = self._compiled
        with cursor_for_known() as cursor:
            given = dict(zip(self._names, values, strict=True))
            cursor.execute(sql, _filled(params, given, {}))

    @cached_property
    def _compiled(self) -> tuple[str, Any]:
        query: Any = self._build(*map(Given, self._names)).query.chain(DeleteQuery)
        return _written_out(*query.get_compiler(connection=connection).as_sql())


def _written_out(sql: str, params: Iterable[Any]) -> tuple[str, list[Any]]:
    """``sql`` with its constants in it, and what is told later.

    psycopg writes all of them into the SQL each time. Elsewhere they stay what they are.
    """
    if connection.vendor != "postgresql":
        return sql, list(params)
    from psycopg.sql import Literal

    connection.ensure_connection()
    first, *texts = sql.split("%s")
    written, left = [first], []
    for param, text in zip(params, texts, strict=True):
        if isinstance(param, Given):
            left.append(param)
            written += ["%s", text]
        else:
            literal = Literal(param).as_string(connection.connection)
            written += [literal.replace("%", "%%"), text]
    return "".join(written), left


def _kind(value: Any) -> object:
    """What of ``value`` the SQL depends on; the class of all expressions if it cannot be told."""
    if not hasattr(value, "resolve_expression"):
        return None
    if isinstance(value, Now):
        return Now
    return id(value) if id(value) in _FIXED else Expression


def _filled(params: Iterable[Any], given: dict[str, Any], columns: dict[str, Any]) -> list[Any]:
    """``params`` with what was told in the places of what was to be."""
    return [one.of(given, columns) if isinstance(one, Given) else one for one in params]
