"""Databases that are files: duckdb:///lake.duckdb and sqlite:///crm.db, read by the DuckDB inside the connector.

Owns: where such a file may lie, opening it without writing to it, and the types of an SQLite table. Must not: know a
rule, or keep a file open once its command has ended.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa

from connector.config.sections import variables
from connector.config.sections.engines import local_path, scheme
from connector.config.sections.models import Config, Source
from connector.sources.text import literal, name, plain
from connector.sources.trouble import fail

_OWN = "the_file"  # what DuckDB calls it here
_PIECE = 50_000  # rows
_BY_DECLARATION = (  # SQLite's own rule, and words that it takes for numbers; the first that occurs
    ("BOOL", "BOOLEAN"),
    ("DATETIME", "TIMESTAMP"),
    ("TIMESTAMP", "TIMESTAMP"),
    ("DATE", "DATE"),
    ("INT", "BIGINT"),
    ("CHAR", "VARCHAR"),
    ("CLOB", "VARCHAR"),
    ("TEXT", "VARCHAR"),
    ("REAL", "DOUBLE"),
    ("FLOA", "DOUBLE"),
    ("DOUB", "DOUBLE"),
    ("DEC", "DECIMAL(38, 9)"),
    ("NUM", "DECIMAL(38, 9)"),
)
_ZONE = "'([Zz]|[+-][0-9]{2}(:?[0-9]{2})?)$'"


def file_of(config: Config) -> Path | None:
    """The file that the engine's address names; None for every other engine. Raises SourceError where none is, or
    where it lies outside and a source does not allow that."""
    written = local_path(config.engine)
    if written is None:
        return None
    place, shown = config.place(("engine",)), plain(written)
    if variables.names(written):
        written = unquote(variables.filled(written, place))
    path = config.folder / written
    if not path.is_file():
        text = f"there is no file {shown}. Correct the address: its path begins beside segments.yaml."
        fail(place, "engine-unreachable", text)
    inside = path.resolve().is_relative_to(config.folder.resolve())
    for source in config.sources.values():
        if not inside and source.table is not None and not source.allow_outside:
            text = f"{shown} lies outside the folder of segments.yaml. Write `allow_outside: true` beside `table`."
            fail(config.place(("sources", source.name, "table")), "outside", text)
    return path


def opened(config: Config, path: Path, make: Any) -> Any:
    """`make()`, an Ibis backend in memory, beside which the file is read. DuckDB's own errors come through."""
    backend = make()
    if scheme(config.engine) == "duckdb":
        backend.con.execute(f"ATTACH {literal(str(path))} AS {_OWN} (READ_ONLY)")
        _fence(backend.con, config, path)
    else:
        with sqlite3.connect(_uri(path), uri=True) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        connection.close()
    return backend


def _fence(con: Any, config: Config, path: Path) -> None:
    """A view may read files: those below segments.yaml, or beside a database that may lie outside."""
    folders = {config.folder.resolve(), path.resolve().parent}
    folders |= {Path(con.execute("SELECT current_setting('temp_directory')").fetchone()[0])}
    listed = ", ".join(literal(f"{folder}{os.sep}") for folder in sorted(folders))
    con.execute(f"SET allowed_directories = [{listed}]; SET enable_external_access = false")


def table(backend: Any, config: Config, path: Path, source: Source) -> Any:
    """Raises Ibis' TableNotFound."""
    from ibis.common.exceptions import TableNotFound

    *where, wanted = str(source.table).split(".")
    if scheme(config.engine) == "duckdb":
        return backend.table(wanted, database=(_OWN, where[-1] if where else "main"))
    into = f"sqlite_{wanted}"
    if not backend.con.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = ?", [into]).fetchall():
        if where not in ([], ["main"]):
            raise TableNotFound(source.table)
        _copy(backend.con, path, wanted, into)
    return backend.table(into)


def _copy(con: Any, path: Path, wanted: str, into: str) -> None:
    """An SQLite table as a table of DuckDB. A cell may hold anything there, whatever its column is declared as: where
    one does not fit, the column is texts, and a rule that needs a number says so."""
    from ibis.common.exceptions import TableNotFound

    with sqlite3.connect(_uri(path), uri=True) as connection:
        told = connection.execute("SELECT name, type FROM pragma_table_xinfo(?)", (wanted,)).fetchall()
        if not told:
            raise TableNotFound(wanted)
        kept = [(column, str(type_).upper()) for column, type_ in told if "BLOB" not in str(type_).upper()]
        cells = ", ".join(f"CAST({name(column)} AS TEXT)" for column, _ in kept)
        found = connection.execute(f"SELECT {cells} FROM {name(wanted)}")
        schema = pa.schema([(column, pa.string()) for column, _ in kept])
        con.register("sqlite_piece", schema.empty_table())
        con.execute("CREATE OR REPLACE TEMP TABLE sqlite_texts AS FROM sqlite_piece")
        while rows := found.fetchmany(_PIECE):
            columns = [pa.array(values, pa.string()) for values in zip(*rows, strict=True)]
            con.register("sqlite_piece", pa.table(columns, schema=schema))
            con.execute("INSERT INTO sqlite_texts FROM sqlite_piece")
        con.unregister("sqlite_piece")
    connection.close()
    values = ", ".join(f"{_typed(con, column, declared)} AS {name(column)}" for column, declared in kept)
    con.execute(f"CREATE OR REPLACE TEMP TABLE {name(into)} AS SELECT {values} FROM sqlite_texts")
    con.execute("DROP TABLE sqlite_texts")


def _typed(con: Any, column: str, declared: str) -> str:
    cell = f"NULLIF(trim({name(column)}), '')"
    for type_ in _types(con, cell, declared):
        lost = f"SELECT count(*) FROM sqlite_texts WHERE {cell} IS NOT NULL AND TRY_CAST({cell} AS {type_}) IS NULL"
        if not con.execute(lost).fetchone()[0]:
            return f"CAST({cell} AS {type_})"
    return name(column)


def _types(con: Any, cell: str, declared: str) -> tuple[str, ...]:
    """What the column may be; nothing for a text. Without a declaration (a view's expressions) its cells tell."""
    type_ = next((type_ for word, type_ in _BY_DECLARATION if word in declared), "VARCHAR" if declared else "")
    if type_ == "":
        shape = "'^-?([0-9]|[1-9][0-9]*)([.][0-9]+)?$'"
        count = f"SELECT count({cell}), count_if(regexp_matches({cell}, {shape})) FROM sqlite_texts"
        given, numbers = con.execute(count).fetchone()
        return ("BIGINT", "DECIMAL(38, 9)") if given and given == numbers else ()
    if type_ == "TIMESTAMP":
        count = (
            f"SELECT count({cell}), count_if(regexp_matches({cell}, {_ZONE}) AND {cell} LIKE '%:%') FROM sqlite_texts"
        )
        given, zoned = con.execute(count).fetchone()
        return ("TIMESTAMP",) if not zoned else ("TIMESTAMPTZ",) if given == zoned else ()
    return () if type_ == "VARCHAR" else (type_,)


def _uri(path: Path) -> str:
    return f"{path.resolve().as_uri()}?mode=ro"
