"""One table on its way to conditions: its columns, their comparable forms, and each distinct test computed once.

Owns: Column, Frame and the stages of its query (columns, forms, derived columns, tests).
Must not: know the language's rules or what a test means.

Tests become boolean columns of an inner projection, each once however many rules share it; rules then combine
columns. Expressions are Ibis deferred ones (`_["field"]`), resolved when the stages are put together.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import pyarrow as pa
from ibis import _

from connector.core.model import ColumnType
from connector.segments.compile import engine, zones
from connector.segments.compile.forms import wide
from connector.sources.text import fold, trim

Form = Literal["fold", "trim", "wide"]
_FORMS = {"fold": fold, "trim": trim, "wide": wide}


@dataclass(frozen=True, slots=True)
class Column:
    """`field` is its name inside the frame. `origin` is its name in the loaded table, None when it is computed."""

    field: str
    type: ColumnType
    dtype: dt.DataType
    origin: str | None = None
    extent: tuple[Any, str] | None = None  # the loaded table and column that every value comes from, if there is one
    empty: bool = False  # nobody has a value, so nobody knows its type either: no test holds

    @property
    def value(self) -> Any:
        return _[self.field]


class Frame:
    """`origin` is the loaded table; `table` has its columns and, for contacts, those that were joined."""

    def __init__(
        self,
        connection: Any,
        origin: Any,
        types: Mapping[str, ColumnType],
        key: str,
        zone: ZoneInfo,
        empty: Collection[str] = (),
    ) -> None:
        self.connection = connection
        self.zone = zone
        self.origin = origin
        self.key = key
        names = [name for name in origin.columns if name in types or name == key]
        self.columns: dict[Hashable, Column] = {
            name: Column(
                f"c{number}", types.get(name, "text"), origin[name].type(), name, (origin, name), name in empty
            )
            for number, name in enumerate(names)
        }
        self._joined: list[tuple[Any, dict[str, Any], Column | None]] = []
        self._derived: list[tuple[str, Any]] = []
        self._tests: dict[Hashable, tuple[str, Any]] = {}
        self._forms: dict[tuple[str, Form], str] = {}
        self._elements: dict[str, dict[str, list[str]]] = {}

    def join(self, table: Any, columns: Mapping[Hashable, tuple[Column, Any]], on: Column | None = None) -> None:
        """Left-join `table`, whose distinct `_key` is the key, or the text of the column `on`; each column comes with
        its expression over `table`."""
        fields: dict[str, Any] = {}
        for name, (column, value) in columns.items():
            self.columns[name] = replace(column, field=f"j{len(self._joined)}_{len(fields)}")
            fields[self.columns[name].field] = value
        self._joined.append((table, fields, on))

    def derive(self, name: Hashable, type_: ColumnType, dtype: dt.DataType, value: Any) -> Column:
        """A column computed from others that exist already."""
        column = Column(f"d{len(self._derived)}", type_, dtype)
        self._derived.append((column.field, value))
        self.columns[name] = column
        return column

    def raw(self, name: Hashable, text: str) -> Any:
        """A boolean column from the text of an expression over fields, in the engine's own words."""
        column = self.columns.get(name) or self.derive(name, "boolean", dt.boolean, text)
        return column.value

    @property
    def person(self) -> Any:
        """The address that every row belongs to."""
        return self.columns[self.key].value

    def day(self, column: Column) -> Any:
        """The local day of a column of dates or times."""
        if column.type == "date":
            return column.value
        if column.type == "day":
            return ("2000-" + column.value.replace("/", "-")).cast("date")
        name = ("day", column.field)
        if name not in self.columns:
            self.derive(name, "date", dt.date, zones.local_day(column.value, self.zone, self.extent(column)))
        return self.columns[name].value

    def test(self, key: Hashable, value: Any) -> Any:
        """A boolean column that is false where `value` is unknown. The same key is the same column."""
        if key not in self._tests:
            self._tests[key] = (f"x{len(self._tests)}", value.fill_null(False))
        return _[self._tests[key][0]]

    def form(self, column: Column, form: Form) -> Any:
        """The text of a column as it is compared."""
        if column.origin is None:  # computed texts are plain
            return column.value.lower() if form == "fold" else column.value
        name = self._forms.setdefault((column.origin, form), f"f{len(self._forms)}")
        return _[name]

    def matching(self, column: Column, form: Form | None, pattern: str) -> Any | None:
        """Whether a text of the table matches, asked of its distinct texts by RE2; None where the engine is RE2's own
        or the texts are computed."""
        if self.connection.name == engine.DUCKDB or column.origin is None:
            return None
        name = ("matches", column.field, form, pattern)
        if name not in self.columns:
            texts = engine.arrow(self.connection, self.origin.select(text=_[column.origin]).distinct())["text"]
            found = engine.matching(texts, _FORMS[form] if form else str, pattern)
            self.join(
                engine.table(self.connection, found), {name: (Column("", "boolean", dt.boolean), _["found"])}, column
            )
        return self.columns[name].value

    def elements(self, column: Column) -> Mapping[str, list[str]]:
        """Every spelling that stands in a list column, under its folded form."""
        assert column.origin is not None
        if column.origin not in self._elements:
            query = self.origin.select(element=self.origin[column.origin].unnest()).distinct()
            found: dict[str, list[str]] = {}
            for text in sorted(text for text in engine.arrow(self.connection, query)["element"].to_pylist() if text):
                found.setdefault(fold(text), []).append(text)
            self._elements[column.origin] = found
        return self._elements[column.origin]

    def extent(self, column: Column) -> tuple[Any, Any] | None:
        """The smallest and the largest value of a column of dates; None when it comes from several columns."""
        if column.extent is None:
            return None
        table, name = column.extent
        ends = table.aggregate(low=table[name].min(), high=table[name].max())
        row = engine.arrow(self.connection, ends).to_pylist()[0]
        return row["low"], row["high"]

    def build(self, keep: Mapping[str, Any]) -> Any:
        """The table of `keep` (name -> expression over columns) and of all tests."""
        table = self._with_forms()
        for joined, fields, on in self._joined:
            table = _left_join(table, on or self.columns[self.key], joined, fields)
        for field, value in self._derived:
            table = _with_sql(table, field, value) if isinstance(value, str) else table.mutate(**{field: value})
        return table.select(**keep, **dict(self._tests.values()))

    def _with_forms(self) -> Any:
        """The columns, and the forms of texts: the engine's lower(), or a mapping of the awkward texts."""
        columns = {column.origin: column.field for column in self.columns.values() if column.origin is not None}
        table = self.origin.select(**{field: _[origin] for origin, field in columns.items()})
        fields = {field: _[field] for field in columns.values()}
        awkward = {origin: texts for origin, texts in self._awkward().items() if texts}
        for origin, texts in awkward.items():
            mapping = engine.table(self.connection, _mapping(texts, columns[origin]))
            table = table.left_join(mapping, table[columns[origin]] == mapping[f"raw_{columns[origin]}"])
        for (origin, form), field in self._forms.items():
            plain = _[columns[origin]].lower() if form == "fold" else _[columns[origin]]
            mapped = _[f"{form}_{columns[origin]}"]
            fields[field] = ibis.coalesce(mapped, plain) if origin in awkward else plain
        return table.select(**fields)

    def _awkward(self) -> dict[str, list[str]]:
        """Per column with forms, the distinct texts that an engine's lower() does not compare right."""
        origins = sorted({origin for origin, _form in self._forms})
        if not origins:
            return {}
        flags = {
            f"n{number}": engine.awkward(self.connection, _[origin]).any() for number, origin in enumerate(origins)
        }
        row = engine.arrow(self.connection, self.origin.aggregate(**flags)).to_pylist()[0]
        found = [origin for number, origin in enumerate(origins) if row[f"n{number}"]]
        return {origin: self._distinct(origin) for origin in found}

    def _distinct(self, origin: str) -> list[str]:
        texts = self.origin.select(text=_[origin]).filter(engine.awkward(self.connection, _.text)).distinct()
        return list(engine.arrow(self.connection, texts)["text"].to_pylist())


def _left_join(table: Any, on: Column, joined: Any, fields: dict[str, Any]) -> Any:
    """A view of its own for each: two rules that say the same in other words come to one table, joined twice."""
    joined = joined.view()
    kept = {name: _[name] for name in table.columns}
    return table.left_join(joined, table[on.field].cast("string") == joined["_key"]).select(**kept, **fields)


def _with_sql(table: Any, field: str, text: str) -> Any:
    """Table.sql() would ask the engine for the schema, which is known."""
    schema = ibis.schema({**dict(table.schema().items()), field: "boolean"})
    query = f'SELECT *, {text} AS "{field}" FROM stage_{field}'
    return ops.SQLStringView(parent=table.alias(f"stage_{field}"), query=query, schema=schema).to_expr()


def _mapping(texts: list[str], field: str) -> pa.Table:
    forms = {f"{form}_{field}": [make(text) for text in texts] for form, make in _FORMS.items()}
    return pa.table({f"raw_{field}": texts, **forms})
