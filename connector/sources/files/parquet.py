"""Parquet: columns with types of their own, as text.

Owns: the schema, and the text form of each physical type. Must not: interpret values.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from connector.core.model import ColumnType
from connector.sources.files.csv import Tally
from connector.sources.text import literal, name

if TYPE_CHECKING:
    import duckdb


def schema(file: Path) -> tuple[tuple[str, ...], tuple[ColumnType | None, ...]]:
    """Names and types; None for text and for what has no place in the language (its type is inferred)."""
    import pyarrow.parquet as pq

    found = pq.read_schema(file)
    return tuple(found.names), tuple(_type(field.type) for field in found)


def read(con: duckdb.DuckDBPyConnection, file: Path, wanted: Sequence[str | None], into: str) -> Tally:
    types = dict(zip(*schema_of(file), strict=True))
    columns = "".join(", NULL" if column is None else f", {_text(column, types[column])}" for column in wanted)
    con.execute(
        f"INSERT INTO {into} SELECT NULL, file_row_number + 1{columns}"
        f" FROM read_parquet({literal(str(file))}, file_row_number=true, hive_partitioning=false)"
    )
    return Tally()


def schema_of(file: Path) -> tuple[list[str], list[pa.DataType]]:
    import pyarrow.parquet as pq

    found = pq.read_schema(file)
    return list(found.names), list(found.types)


def _type(type_: pa.DataType) -> ColumnType | None:
    tests: list[tuple[bool, ColumnType]] = [
        (pa.types.is_integer(type_), "integer"),
        (pa.types.is_floating(type_) or pa.types.is_decimal(type_), "number"),
        (pa.types.is_boolean(type_), "boolean"),
        (pa.types.is_date(type_), "date"),
        (pa.types.is_timestamp(type_), "timestamp"),
        (pa.types.is_list(type_) or pa.types.is_large_list(type_), "list"),
    ]
    return next((ours for holds, ours in tests if holds), None)


def _text(column: str, type_: pa.DataType) -> str:
    value = name(column)
    if pa.types.is_timestamp(type_) and type_.tz is not None:
        return f"strftime({value}::TIMESTAMPTZ AT TIME ZONE 'UTC', '%Y-%m-%d %H:%M:%S.%fZ')"
    if pa.types.is_floating(type_):  # the shortest text, without an exponent and without .0
        short = f"{value}::{'DOUBLE' if pa.types.is_float64(type_) else 'FLOAT'}::VARCHAR"
        plain = f"CASE WHEN contains({short}, 'e') THEN TRY_CAST({short} AS DECIMAL(38, 15))::VARCHAR ELSE {short} END"
        return f"CASE WHEN isfinite({value}) THEN regexp_replace({plain}, '\\.0+$', '') END"
    if pa.types.is_nested(type_):
        return f"to_json({value})::VARCHAR"
    if pa.types.is_binary(type_) or pa.types.is_large_binary(type_) or pa.types.is_fixed_size_binary(type_):
        return f"TRY(decode({value}::BLOB))"
    return f"{value}::VARCHAR"
