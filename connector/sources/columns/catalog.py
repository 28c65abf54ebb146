"""Which columns each source has: declared ones, those a preset knows, and every other header.

Owns: catalog(), and how a header becomes a column. Must not: read rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import NoReturn

from connector.config.language.rules import Loc
from connector.config.sections.engines import DUCKDB
from connector.config.sections.models import Column, Config, Source
from connector.core.errors import SourceError
from connector.core.problem import Place, Problem, did_you_mean
from connector.sources.columns.model import ColumnInfo, SourceInfo
from connector.sources.columns.presets import APOSTROPHE, preset
from connector.sources.files import lakes, titles
from connector.sources.files.discover import check_age, files_of
from connector.sources.files.formats import Export, inspect
from connector.sources.files.quotable import quotable
from connector.sources.text import fold, plain, snake
from connector.sources.trouble import fail
from connector.sources.warehouse import connect
from connector.vendors import Known

_OF_THE_ENGINE = ("engine-unreachable", "engine-missing")


def catalog(config: Config, as_of: datetime) -> Mapping[str, SourceInfo]:
    """Every source's files and columns, from the headers alone.

    Raises SourceError with the problems of all sources at once: no such file, unreadable, too old ("stale"), a column
    that segments.yaml names and the export lacks."""
    found: dict[str, SourceInfo] = {}
    problems: list[Problem] = []
    for source in config.sources.values():
        try:
            found[source.name] = describe(config, source, as_of)
        except SourceError as error:
            problems.extend(problem for problem in error.problems if problem not in problems)
            if any(problem.code in _OF_THE_ENGINE for problem in error.problems):
                break  # the next table would say the same, after as long a wait
    if not problems:
        problems.extend(_joins(config, found))
    if problems:
        raise SourceError(problems)
    return found


def numbered(headers: Iterable[str]) -> tuple[str, ...]:
    """Headers made distinct: the second `Email` is `Email (2)`, an empty one is `Column 3`."""
    seen: dict[str, int] = {}
    result = []
    for position, header in enumerate(headers, start=1):
        key = fold(header)
        shown = header if key else f"Column {position}"
        seen[key] = seen.get(key, 0) + 1
        result.append(shown if seen[key] == 1 or not key else f"{shown} ({seen[key]})")
    return tuple(result)


def describe(config: Config, source: Source, as_of: datetime) -> SourceInfo:
    """The files and columns of one source. Raises SourceError."""
    if source.table is not None or (config.engine != DUCKDB and source.name in config.sources):
        files: tuple[Path, ...] = ()
        exports: tuple[Export, ...] = (connect.inspect(config, source),)
    else:
        place = config.place(("sources", source.name, "file"))
        files = files_of(config, source)
        lakes.refuse(files, place)
        check_age(config, source, files, as_of)
        exports = tuple(inspect(file, source, place) for file in files)
    headers = _all_headers(exports)
    shown = quotable(exports)
    columns = _Columns(config, source, headers, shown, exports).build()
    safe = {fold(header) for header in shown}
    hidden = frozenset(
        name for name, column in columns.items() if column.origin == "header" and fold(column.headers[0]) not in safe
    )
    return SourceInfo(source.name, files, columns, _aliases(columns.values()), exports, hidden)


def _all_headers(exports: Iterable[Export]) -> tuple[str, ...]:
    """The headers of all files, first come first, those that differ only in case or blanks once."""
    found: dict[str, str] = {}
    for export in exports:
        for header in numbered(export.headers):
            found.setdefault(fold(header), header)
    return tuple(found.values())


class _Columns:
    """The columns of one source in the making: each header goes to the first that claims it."""

    def __init__(
        self,
        config: Config,
        source: Source,
        headers: tuple[str, ...],
        shown: tuple[str, ...],
        exports: tuple[Export, ...],
    ) -> None:
        self.config, self.source, self.headers, self.shown = config, source, headers, shown
        self.exports = exports
        self.preset = preset(source.preset)
        self.by_fold = {fold(header): header for header in headers}
        self.columns: dict[str, ColumnInfo] = {}
        self.claimed: set[str] = set()

    def build(self) -> dict[str, ColumnInfo]:
        for name, column in self.source.columns.items():
            self._declared(name, column)
        self._setting("email", self.source.addresses[0] if self.source.addresses else None)
        self._addresses()
        for setting in ("id", "updated_at", "emails"):
            self._setting(setting, getattr(self.source, setting))
        for header in self.headers:
            if header not in self.claimed and (known := self.preset.get(fold(header))):
                self._add(known.column, (header,), known, "preset")
        self._collisions()
        for header in self.headers:
            if header not in self.claimed:
                self._rest(header)
        return self.columns

    def _addresses(self) -> None:
        loc: Loc = ("sources", self.source.name, "email")
        more = tuple(self._header(written, loc) for written in self.source.addresses[1:])
        if more:
            self.columns["email"] = replace(self.columns["email"], also=more)

    def _collisions(self) -> None:
        """Headers that mean a column which a preset gave to another header; they stay columns of their own, too."""
        for name, column in self.columns.items():
            if column.origin == "preset":
                also = tuple(
                    header
                    for header in self.headers
                    if header not in self.claimed and name in (snake(header), self._known(header))
                )
                self.columns[name] = replace(column, also=also)

    def _known(self, header: str) -> str | None:
        known = self.preset.get(fold(header))
        return known.column if known else None

    def _declared(self, name: str, column: Column) -> None:
        loc: Loc = ("sources", self.source.name, "columns", name)
        if column.from_ is None:
            written: tuple[str, ...] = (self._by_name(name) or name,)
        else:
            written = (column.from_,) if isinstance(column.from_, str) else column.from_
        headers = tuple(self._header(one, loc) for one in written)
        known = self.preset.get(fold(headers[0])) or Known(name)
        self.columns[name] = ColumnInfo(
            name,
            headers,
            column.type or ("place" if len(headers) == 2 else _typed(name, known)),
            "declared",
            separator=column.separator or known.separator,
            format=column.format,
            decimal=column.decimal,
            missing=column.missing if column.missing is not None else self.source.missing,
            yes=known.yes,
            no=known.no,
            apostrophe=self.source.preset in APOSTROPHE,
        )
        if len(headers) == 1:
            self.claimed.add(headers[0])

    def _setting(self, setting: str, written: str | None) -> None:
        if written is None or setting in self.columns:
            return
        header = self._header(written, ("sources", self.source.name, setting))
        owner = next((column for column in self.columns.values() if column.headers == (header,)), None)
        known = self.preset.get(fold(header)) or Known(setting)
        if owner is None:
            self._add(setting, (header,), known, "declared")
        else:  # the same header under the name that `columns:` gave it, and under the setting's
            self.columns[setting] = ColumnInfo(setting, (header,), owner.type, "declared", format=owner.format)

    def _rest(self, header: str) -> None:
        base = snake(header) or "column"
        name, number = base, 2
        while name in self.columns:
            name, number = f"{base}_{number}", number + 1
        self._add(name, (header,), Known(name), "header")

    def _add(self, name: str, headers: tuple[str, ...], known: Known, origin: str) -> None:
        if name in self.columns:
            return
        self.columns[name] = ColumnInfo(
            name,
            headers,
            _typed(name, known),
            origin,  # type: ignore[arg-type]
            separator=known.separator,
            missing=self.source.missing,
            yes=known.yes,
            no=known.no,
            apostrophe=self.source.preset in APOSTROPHE,
        )
        self.claimed.update(headers)

    def _header(self, written: str, loc: Loc) -> str:
        header = self.by_fold.get(fold(written)) or self._by_name(written)
        if header is None:
            self._no_header(written, self.config.place(loc))
        return header

    def _no_header(self, written: str, place: Place) -> NoReturn:
        """Headers may turn out to be people, or the first line of no table: those are never quoted."""
        file = self.source.origin
        if any("@" in header for header in self.headers):
            message = f"the first row of {file} holds an address, not headers. Add a header row, or see `skip_rows`."
            fail(place, "no-header", message)
        below = titles.hint(self.source, self.exports, lambda headers: fold(written) in map(fold, headers))
        hint = below or did_you_mean(written, self.shown) or " Is it an export with a row of headers?"
        fail(place, "column-missing", f'{file} has no column "{written}".{hint}')

    def _by_name(self, name: str) -> str | None:
        for header in self.headers:
            known = self.preset.get(fold(header))
            if fold(header) == fold(name) or snake(header) == name.casefold() or (known and known.column == name):
                return header
        return None


def _typed(name: str, known: Known):  # type: ignore[no-untyped-def]
    return known.type or ("country" if name == "country" else None)


def _aliases(columns: Iterable[ColumnInfo]) -> dict[str, str]:
    columns = list(columns)
    found = {column.name.casefold(): column.name for column in columns}
    for column in columns:
        if len(column.headers) == 1:
            found.setdefault(fold(column.headers[0]), column.name)
    for column in columns:
        if len(column.headers) == 1:
            found.setdefault(snake(column.headers[0]), column.name)
    return found


def _joins(config: Config, found: Mapping[str, SourceInfo]) -> list[Problem]:
    """Settings of related sources that name columns: `at` and both sides of `join`."""
    problems = []
    for name, info in found.items():
        source = config.sources[name]
        wanted: list[tuple[str, str, SourceInfo]] = []
        if source.at:
            wanted.append(("at", source.at, info))
        if source.id and name != "contacts":
            wanted.append(("id", source.id, info))
        if source.join:
            wanted += [("join", source.join[0], info), ("join", source.join[1], found["contacts"])]
        for setting, written, where in wanted:
            column = where.resolve(written)
            if setting == "at" and column is not None and len(where.columns[column].headers) == 2:
                message = f"at: “{plain(written)}” is a place, and the time of an event is needed."
                problems.append(Problem(config.place(("sources", name, "at")), "wrong-type", message))
            elif column is None:
                near = did_you_mean(written, where.known())
                message = f'{setting}: {where.name} has no column "{written}".{near}'
                problems.append(Problem(config.place(("sources", name, setting)), "column-missing", message))
    return problems
