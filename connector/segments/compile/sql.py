"""The analyst's door: `sql:` holds one yes/no expression of DuckDB over columns and traits.

Owns: what it may hold, its columns, and its text for the engine. Must not: run anything that is not on the list.

The expression is parsed, and every part must be on ALLOWED: so there is no sub-select, table, file, clock, random
number or setting, and a function that a later DuckDB adds is refused until it is listed. Text compares exactly; an
expression that fails or is unknown for a person is false for that person.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import sqlglot
from sqlglot import exp

from connector.config.language.rules import Sql
from connector.config.sections.models import Config
from connector.core.model import ColumnType
from connector.core.problem import Problem
from connector.segments.compile.frame import Column, Frame
from connector.segments.compile.literals import WrongType

_LONGEST = 4000  # characters
_SYNTAX = (
    "Column Identifier Literal Boolean Null Paren And Or Not EQ NEQ GT GTE LT LTE Is NullSafeEQ NullSafeNEQ In Between "
    "Like ILike Add Sub Mul Div IntDiv Mod Neg DPipe Case If Cast TryCast DataType DataTypeParam Interval Var "
    "Array Tuple"
)
_FUNCTIONS = (
    "Coalesce Nullif Greatest Least Abs Round Floor Ceil Sqrt Ln Exp Pow Sign Lower Upper Trim Length Concat Substring "
    "Left Right Replace StartsWith EndsWith Contains StrPosition RegexpLike ArrayContains ArrayOverlaps "
    "ArrayContainsAll Extract DateDiff DateTrunc TimestampTrunc Year Month Day DayOfWeek DayOfYear"
)
ALLOWED = frozenset((_SYNTAX + " " + _FUNCTIONS).split())
NAMED = frozenset({"date_part", "datediff", "date_add", "suffix", "prefix", "len"})  # functions without a class
_TYPES = frozenset(
    {"boolean", "int", "bigint", "double", "decimal", "varchar", "text", "date", "timestamp", "timestampntz"}
)

# What a column of each type is in the engine, for finding out what an expression gives.
_PHYSICAL: Mapping[ColumnType, str] = {
    "text": "VARCHAR",
    "country": "VARCHAR",
    "phone": "VARCHAR",
    "day": "VARCHAR",
    "integer": "BIGINT",
    "number": "DECIMAL(38, 6)",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "boolean": "BOOLEAN",
    "list": "VARCHAR[]",
    "place": "STRUCT(latitude DOUBLE, longitude DOUBLE)",
}


class BadSql(ValueError):
    """The text is no expression that may stand here; the message says why."""


def parse(text: str) -> exp.Expression:
    """The expression. Raises BadSql."""
    if len(text) > _LONGEST:
        raise BadSql(f"It is longer than {_LONGEST} characters; make traits of its parts.")
    try:
        found = sqlglot.parse(text, dialect="duckdb")
    except (sqlglot.errors.SqlglotError, RecursionError):
        raise BadSql("It cannot be read as one SQL expression. Check brackets, quotes and commas.") from None
    if len(found) != 1 or found[0] is None:
        raise BadSql("One expression is needed, without a semicolon.")
    tree = cast(exp.Expression, found[0])
    for node in tree.walk():
        _check(node)
    return tree


def _check(node: Any) -> None:
    name = type(node).__name__
    if isinstance(node, exp.Anonymous):
        if str(node.this).lower() not in NAMED:
            raise BadSql(f"The function {str(node.this)[:40]} may not stand here.")
    elif name not in ALLOWED:
        raise BadSql(f"{name.upper()} may not stand here: an expression over columns and traits, nothing else.")
    elif isinstance(node, exp.DataType) and node.this.value.lower() not in _TYPES:
        raise BadSql(f"Values cannot be cast to {node.this.value.lower()}. Types: {', '.join(sorted(_TYPES))}.")


def written(column: exp.Expression) -> str:
    """A column's name as a rule would write it: lifetime_value, rfm.recency, Lifecycle Stage."""
    return ".".join(str(part.this) for part in cast(exp.Column, column).parts)


def columns(text: str) -> list[str]:
    """The names of columns and traits in it; none when it cannot be read."""
    try:
        return list(dict.fromkeys(written(column) for column in parse(text).find_all(exp.Column)))
    except BadSql:
        return []


def problems(config: Config, nodes: Iterator[object]) -> Iterator[Problem]:
    """One for each expression among `nodes` that may not stand in the file."""
    for node in nodes:
        if isinstance(node, Sql):
            try:
                parse(node.text)
            except BadSql as error:
                yield Problem(config.place(node.loc), "bad-sql", str(error))


def check(connection: Any, node: Sql, type_of: Callable[[str], ColumnType | None]) -> None:
    """Raises WrongType when it does not give yes or no, or joins types that do not fit."""
    names = columns(node.text)
    made = {name: f"c{number}" for number, name in enumerate(names)}
    types = {made[name]: _PHYSICAL[type_of(name) or "text"] for name in names}
    empty = {name for name in names if type_of(name) is None}
    text = _with_fields(node.text, lambda name: None if name in empty else made[name])
    row = ", ".join(f'NULL::{kind} AS "{field}"' for field, kind in types.items()) or "1 AS one"
    try:
        gives = str(connection.con.sql(f"SELECT ({text}) AS found FROM (SELECT {row})").types[0])
    except Exception as error:  # noqa: BLE001 - the engine has many ways to say that an expression does not fit
        raise WrongType(f"The expression does not fit its columns ({type(error).__name__}). {_first(error)}") from None
    if gives not in ("BOOLEAN", '"NULL"', "NULL"):
        raise WrongType(f"The expression gives {gives.lower()}; it must give yes or no: compare it with something.")


def _first(error: Exception) -> str:
    """The engine's first line, which names functions and types and no values."""
    return str(error).splitlines()[0].partition(": ")[2][:160]


def build(frame: Frame, node: Sql, column: Callable[[str], Column]) -> Any:
    """The expression as a boolean one."""
    found = {name: column(name) for name in columns(node.text)}
    text = _with_fields(node.text, lambda name: None if found[name].empty else found[name].field)
    return frame.test(("sql", text), frame.raw(("sql", text), f"TRY(({text})::BOOLEAN)"))


def _with_fields(text: str, field: Callable[[str], str | None]) -> str:
    """The SQL over other names; a column without any value becomes NULL."""

    def renamed(node: Any) -> Any:
        if not isinstance(node, exp.Column):
            return node
        name = field(written(node))
        return exp.null() if name is None else exp.column(exp.to_identifier(name, quoted=True))

    return str(parse(text).transform(renamed).sql(dialect="duckdb"))
