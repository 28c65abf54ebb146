"""What the chosen engine can do: files are read by DuckDB, tables by the engine that holds them.

Owns: the check of a whole file against its `engine`, so that what cannot run fails at its line before anything is
opened. Must not: know a driver, connect.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from connector.config.language.rules import Loc, Near, Sql, walk
from connector.config.language.scope import CONTACTS
from connector.config.sections.collector import Collector
from connector.config.sections.models import Config, Source

DUCKDB = "duckdb"
_OF_FILES = ("pick", "max_age", "encoding", "delimiter", "sheet", "skip_rows", "missing")
_OF_CELLS = ("separator", "format", "decimal", "missing")
_WITHOUT_PLACES = ("postgres", "postgresql", "trino")  # a place is a pair of numbers in one column


def scheme(engine: str) -> str:
    return engine.partition("://")[0]


def local_path(engine: str) -> str | None:
    """The path in duckdb:///PATH and sqlite:///PATH; None for MotherDuck (duckdb:///md:NAME) and other engines."""
    found = re.fullmatch(r"(?:duckdb|sqlite):///(?!md:)(.+)", engine)
    return found[1] if found else None


def check(config: Config, problems: Collector) -> None:
    """Report every part of the file that the engine cannot run."""
    for loc, text in _wrong(config):
        problems.add_key(loc, "not-on-engine", text)


def _wrong(config: Config) -> Iterator[tuple[Loc, str]]:
    other = config.engine != DUCKDB
    for source in config.sources.values():
        yield from _source(source, other, scheme(config.engine))
    if other:
        yield from _rules(config)
        yield from _places(config)
        invalid = config.cleanup.invalid if config.cleanup is not None else None
        for name in ("role", "disposable", "typo"):
            if invalid is not None and getattr(invalid, name) == "quarantine":
                yield ("cleanup", "invalid", name), f"`{name}: quarantine` looks at the rows of files; take it out."


def is_parquet(file: str) -> bool:
    """Whether Spark may read the file itself: Parquet tells the types of its columns."""
    return file.lower().endswith((".parquet", ".pq"))


def _source(source: Source, other: bool, engine: str) -> Iterator[tuple[Loc, str]]:
    loc: Loc = ("sources", source.name)
    if not other:
        if source.table is not None:
            yield (*loc, "table"), "DuckDB reads files: write `file`, or the `engine` that holds the table."
        return
    if source.file is not None and engine == "spark":
        if not is_parquet(source.file):
            yield (*loc, "file"), "Spark reads files of Parquet; write one (or a pattern), or the `table` of a catalog."
    elif source.file is not None:
        yield (*loc, "file"), "This engine evaluates tables that it holds: write `table`, or take `engine` out."
    for key in _OF_FILES:
        if key in source.model_fields_set:
            yield (*loc, key), f"`{key}` is about files; a table has none. Take it out."
    if len(source.addresses) > 1:
        yield (*loc, "email"), "Several columns of addresses are about files; choose one in a view."
    if source.emails is not None:
        yield (*loc, "emails"), "Further addresses are read from files; make one row per address in a view of events."
    if source.name != CONTACTS and source.id is not None:
        yield (*loc, "id"), "`id` of events is about rows of files; make one row per event in a view. Take it out."
    for name, column in source.columns.items():
        if column.type == "day":
            text = "Days without a year are texts in files; make them dates of any past year in a view, without `type`."
            yield (*loc, "columns", name, "type"), text
        for key in _OF_CELLS:
            if key in column.model_fields_set:
                yield (*loc, "columns", name, key), f"`{key}` is about texts in files; a table has types. Take it out."


def _rules(config: Config) -> Iterator[tuple[Loc, str]]:
    rules = (segment.when for segment in config.segments.values())
    consent = config.consent.when if config.consent is not None else None
    for root in (*config.traits.values(), consent, *rules):
        for node in walk(root):
            if isinstance(node, Sql):
                yield (
                    node.loc,
                    "`sql:` is an expression of DuckDB; say it in words, or make it a column of the table.",
                )
            elif isinstance(node, Near) and scheme(config.engine) in _WITHOUT_PLACES:
                yield node.loc, f"`near` cannot run on {scheme(config.engine)}: compute the distance in the table."


def _places(config: Config) -> Iterator[tuple[Loc, str]]:
    for source in config.sources.values():
        for name, column in source.columns.items():
            if column.type == "place" and scheme(config.engine) in _WITHOUT_PLACES:
                text = f"A place is a pair, which {scheme(config.engine)} has not; name its two columns apart."
                yield ("sources", source.name, "columns", name), text
