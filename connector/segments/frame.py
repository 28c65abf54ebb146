"""One table on its way to conditions: its columns, their comparable forms, and each distinct test computed once.

Owns: Column, Frame and the stages of its query (columns, forms, derived columns, tests).
Must not: know the language's rules or what a test means.

Tests become boolean columns of an inner projection, each once however many rules share it; rules then combine
columns. Expressions are Ibis deferred ones (`_["field"]`), resolved when the stages are put together.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import ibis
import ibis.expr.datatypes as dt
import pyarrow as pa
from ibis import _

from connector.config.models import ColumnType
from connector.sources.text import fold, trim
from connector.segments.forms import PLAIN, wide

Form = Literal["fold", "trim", "wide"]
_FORMS = {"fold": fold, "trim": trim, "wide": wide}


@dataclass(frozen=True, slots=True)
class Column:
    """`field` is its name inside the frame. `origin` is its name in the loaded table, None when it is computed."""

    field: str
    type: ColumnType
    dtype: dt.DataType
    origin: str | None = None

    @property
    def value(self) -> Any:
        return _[self.field]


class Frame:
    """`origin` is the loaded table; `table` has its columns and, for contacts, those that were joined."""

    def __init__(self, connection: Any, origin: Any, types: Mapping[str, ColumnType], key: str) -> None:
        self.connection = connection
        self.origin = origin
        self.key = key
        names = [name for name in origin.columns if name in types or name == key]
        self.columns: dict[str, Column] = {
            name: Column(f"c{number}", types.get(name, "text"), origin[name].type(), name)
            for number, name in enumerate(names)
        }
        self._joined: list[tuple[Any, str, dict[str, Any]]] = []
        self._derived: list[tuple[str, Any]] = []
        self._tests: dict[Hashable, tuple[str, Any]] = {}
        self._forms: dict[tuple[str, Form], str] = {}
        self._elements: dict[str, dict[str, list[str]]] = {}

    def join(self, table: Any, on: str, fields: dict[str, Any]) -> None:
        """Left-join `table` by `on` = the key; `fields` are the columns taken from it, as expressions."""
        self._joined.append((table, on, fields))

    def derive(self, name: str, type_: ColumnType, dtype: dt.DataType, value: Any) -> Column:
        """A column computed from others that exist already."""
        column = Column(f"d{len(self._derived)}", type_, dtype)
        self._derived.append((column.field, value))
        self.columns[name] = column
        return column

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

    def elements(self, column: Column) -> Mapping[str, list[str]]:
        """Every spelling that stands in a list column, under its folded form."""
        assert column.origin is not None
        if column.origin not in self._elements:
            query = self.origin.select(element=self.origin[column.origin].unnest()).distinct()
            found: dict[str, list[str]] = {}
            for text in sorted(text for text in _arrow(self.connection, query)["element"].to_pylist() if text):
                found.setdefault(fold(text), []).append(text)
            self._elements[column.origin] = found
        return self._elements[column.origin]

    def build(self, keep: Mapping[str, Any]) -> Any:
        """The table of `keep` (name -> expression over columns) and of all tests."""
        table = self._with_forms(self.origin)
        for joined, on, fields in self._joined:
            table = _left_join(table, self.columns[self.key].field, joined, on, fields)
        for field, value in self._derived:
            table = table.mutate(**{field: value})
        return table.select(**keep, **dict(self._tests.values()))

    def _with_forms(self, table: Any) -> Any:
        columns = {column.field: table[name] for name, column in self.columns.items() if column.origin is not None}
        awkward = self._awkward()
        joins = [(origin, texts) for origin, texts in awkward.items() if texts]
        for number, (origin, texts) in enumerate(joins):
            table = table.left_join(_mapping(texts, number), table[origin] == _[f"raw{number}"])
        numbers = {origin: number for number, (origin, _texts) in enumerate(joins)}
        for (origin, form), field in self._forms.items():
            plain = _[origin].lower() if form == "fold" else _[origin]
            columns[field] = ibis.coalesce(_[f"{form}{numbers[origin]}"], plain) if origin in numbers else plain
        return table.select(**columns)

    def _awkward(self) -> dict[str, list[str]]:
        """Per column with forms, the distinct texts that an engine's lower() does not compare right."""
        origins = sorted({origin for origin, _form in self._forms})
        if not origins:
            return {}
        flags = {f"n{number}": (~_[origin].re_search(PLAIN)).any() for number, origin in enumerate(origins)}
        row = _arrow(self.connection, self.origin.aggregate(**flags)).to_pylist()[0]
        found = [origin for number, origin in enumerate(origins) if row[f"n{number}"]]
        return {origin: self._distinct(origin) for origin in found}

    def _distinct(self, origin: str) -> list[str]:
        texts = self.origin.select(text=_[origin]).filter(~_.text.re_search(PLAIN)).distinct()
        return list(_arrow(self.connection, texts)["text"].to_pylist())


def _left_join(table: Any, key: str, joined: Any, on: str, fields: dict[str, Any]) -> Any:
    kept = {name: _[name] for name in table.columns}
    return table.left_join(joined, table[key] == joined[on]).select(**kept, **fields)


def _mapping(texts: list[str], number: int) -> Any:
    forms = {f"{form}{number}": [make(text) for text in texts] for form, make in _FORMS.items()}
    return ibis.memtable(pa.table({f"raw{number}": texts, **forms}))


def _arrow(connection: Any, query: Any) -> pa.Table:
    return connection.to_pyarrow(query)
