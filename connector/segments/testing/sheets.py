"""Given people as exports: one CSV file per source, in the headers that segments.yaml expects.

Owns: which header a column is written under, and what is filled in where a test leaves it out (addresses, keys of
joins). Must not: decide a type: the files are read like any export.
"""

from __future__ import annotations

import csv
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from connector.config.language.scope import CONTACTS
from connector.config.sections.cases import Case, Cell, Given
from connector.config.sections.models import Column, Config, Source
from connector.core.errors import ConfigError
from connector.core.problem import Place, Problem, did_you_mean
from connector.segments.names import EMAIL, Names, references
from connector.sources import emails
from connector.sources.columns.presets import preset
from connector.sources.text import fold, snake

_LIST = ";"
_SETTINGS = ("id", "updated_at", "emails")


@dataclass(slots=True)
class Sheet:
    """One source's file in the making. `rows` are cells by header; `places` tell where (row, header) is written."""

    source: Source
    headers: dict[str, None] = field(default_factory=dict)
    rows: list[dict[str, str]] = field(default_factory=list)
    places: dict[tuple[int, str], Place] = field(default_factory=dict)
    lists: dict[str, str] = field(default_factory=dict)  # header -> column that holds lists

    def header(self, written: str) -> str:
        """The header of the column that `written` means; a new one when there is none."""
        found = self._declared(written) or self._known(written) or written
        same = next((one for one in self.headers if fold(one) == fold(found) or snake(one) == snake(found)), found)
        self.headers.setdefault(same)
        return same

    def _declared(self, written: str) -> str | None:
        for name, column in self.source.columns.items():
            if isinstance(column.from_, tuple):
                if written in (name, *column.from_):
                    return column.from_[0]
            elif fold(written) in (fold(name), fold(column.from_ or name)):
                return column.from_ or name
        if written == EMAIL and self.source.addresses:
            return self.source.addresses[0]
        told = getattr(self.source, written, None) if written in _SETTINGS else None
        return told if isinstance(told, str) else None

    def _known(self, written: str) -> str | None:
        known = preset(self.source.preset)
        return written if fold(written) in known else next((one for one in known if known[one].column == written), None)

    def put(self, row: int, written: str, cell: Cell) -> None:
        header, value = self.header(written), cell.value
        column = self.source.columns.get(written)
        if column is not None and isinstance(column.from_, tuple):  # a place: two headers
            parts = [part.strip() for part in _text(value, ",").split(",")]
            for one, part in zip(column.from_, [*parts, ""][:2], strict=True):
                self.rows[row][one] = part
                self.places[row, one] = cell.place
            return
        if isinstance(value, list):
            self.lists[header] = written
        self.rows[row][header] = _text(value, _LIST)
        self.places[row, header] = cell.place

    def write(self, folder: Path) -> Path:
        path = folder / f"{self.source.name}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(self.headers), restval="")
            writer.writeheader()
            writer.writerows(self.rows)
        return path


def _text(value: Any, separator: str) -> str:
    if isinstance(value, list):
        return separator.join(_text(part, separator) for part in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


class Book:
    """All sheets of some tests, with the addresses of their people in their order."""

    def __init__(self, config: Config, cases: Sequence[Case]) -> None:
        self.config = config
        self.names = Names(config, {})
        self.sheets = {name: Sheet(source) for name, source in config.sources.items()}
        self.computed: list[dict[str, Cell]] = []  # per person: traits and columns of platforms
        self.used = _used(config)
        for name, sheet in self.sheets.items():
            self._expected_headers(name, sheet)
        self.people = [self._person(given, own) for case in cases for given, own in named(case)]

    def written(self, folder: Path) -> Config:
        """The files, and the configuration that reads them."""
        sources = {name: _reading(sheet, sheet.write(folder)) for name, sheet in self.sheets.items()}
        return self.config.model_copy(update={"sources": sources, "engine": "duckdb"})

    def place(self, source: str, row: int, column: str) -> Place | None:
        """Where the cell of a file's row (the header is row 1) is written in the test."""
        sheet = self.sheets[source]
        return sheet.places.get((row - 2, sheet.header(column)))

    def _expected_headers(self, name: str, sheet: Sheet) -> None:
        source = sheet.source
        for header in (*source.addresses, *(getattr(source, one) for one in (*_SETTINGS, "at"))):
            if header:
                sheet.header(header)
        if source.join:
            sheet.header(source.join[0])
            self.sheets[CONTACTS].header(source.join[1])
        for column in source.columns.values():
            if isinstance(column.from_, tuple):
                sheet.headers.update(dict.fromkeys(column.from_))
        for written in (*source.columns, *sorted(self.used[name])):
            sheet.header(written)

    def _person(self, given: Given, own: int) -> str:
        """`own` is a number that no other person has."""
        sheet = self.sheets[CONTACTS]
        sheet.rows.append({})
        row = len(sheet.rows) - 1
        self.computed.append({name: cell for name, cell in given.contact.items() if self.names.computed(name)})
        for name, cell in given.contact.items():
            if not self.names.computed(name):
                self._known(CONTACTS, name, cell)
                sheet.put(row, name, cell)
        header = sheet.header(EMAIL)
        address = self._address(sheet.rows[row].get(header) or f"person-{own}@example.com", given)
        sheet.rows[row][header] = address
        for source, rows in given.events.items():
            for cells in rows:
                self._event(source, cells, row, address, own)
        return address

    def _address(self, written: str, given: Given) -> str:
        address, _ = emails.normalise(written)
        cell = given.contact.get(EMAIL)
        if address is None:
            _fail(cell.place if cell else given.place, "bad-address", "This is not one e-mail address.")
        if address in (row.get(self.sheets[CONTACTS].header(EMAIL)) for row in self.sheets[CONTACTS].rows[:-1]):
            _fail(cell.place if cell else given.place, "twice", "Another person of this test has this address.")
        return address

    def _event(self, source: str, cells: Mapping[str, Cell], person: int, address: str, own: int) -> None:
        sheet, contacts = self.sheets[source], self.sheets[CONTACTS]
        sheet.rows.append({})
        row = len(sheet.rows) - 1
        for name, cell in cells.items():
            self._known(source, name, cell)
            sheet.put(row, name, cell)
        here, there = sheet.source.join or (EMAIL, EMAIL)
        key = contacts.header(there)
        owner = contacts.rows[person]
        by_email = key == contacts.header(EMAIL)
        owner_key = address if by_email else owner.setdefault(key, f"{own}")
        sheet.rows[row][sheet.header(here)] = owner_key
        if sheet.source.id:
            sheet.rows[row].setdefault(sheet.header(sheet.source.id), f"{own}-{row}")

    def _known(self, source: str, name: str, cell: Cell) -> None:
        """A name that no rule uses decides nothing: it is misspelled, or may go."""
        sheet = self.sheets[source]
        known = {*self.used[source], *sheet.source.columns, *(one for one in sheet.headers)}
        if source == CONTACTS:
            known |= {EMAIL, *_SETTINGS}
        if not {fold(name), snake(name)} & {form for one in known for form in (fold(one), snake(one))}:
            more = (*self.names.traits, *self.names.platforms.values()) if source == CONTACTS else ()
            hint = did_you_mean(name, [*known, *more])
            text = f"No rule, trait or field uses “{name[:40]}” of {source}, so it decides nothing.{hint}"
            _fail(cell.key, "unknown-column", text)


def named(case: Case) -> Iterator[tuple[Given, int]]:
    """The people of a test, each with a number that stays the same whichever tests are beside it: shares by chance
    are drawn by address or id."""
    for number, given in enumerate(case.people):
        yield given, zlib.crc32(f"{case.name} {number}".encode())


def identities(config: Config, case: Case) -> set[tuple[str, str]]:
    """What tells the test's people apart, where it is written: addresses, ids, keys of joins."""
    sheet = Sheet(config.sources[CONTACTS])
    told = [EMAIL, *_SETTINGS, *(one.join[1] for one in config.sources.values() if one.join)]
    headers = {sheet.header(name) for name in told}
    found = ((sheet.header(name), cell.value) for given in case.people for name, cell in given.contact.items())
    return {(header, fold(str(value))) for header, value in found if header in headers}


def _used(config: Config) -> dict[str, set[str]]:
    """Per source the columns that rules, traits, consent and fields name, as they are written."""
    names = Names(config, {})
    found: dict[str, set[str]] = {name: set() for name in config.sources}
    for reference in references(config):
        if not (reference.traits and names.computed(reference.written)):
            found[reference.source].add(reference.written)
    found[CONTACTS].discard(EMAIL)
    return found


def _reading(sheet: Sheet, path: Path) -> Source:
    """The source as it reads the file: one made by us, so nothing about its form is the export's."""
    columns = {
        name: one.model_copy(update={"decimal": None, "format": None}) for name, one in sheet.source.columns.items()
    }
    for header, written in sheet.lists.items():
        declared = columns.get(written, Column.model_validate({"from": header}))
        columns[written] = declared.model_copy(update={"type": declared.type or "list", "separator": _LIST})
    form: dict[str, Any] = {
        "file": str(path),
        "table": None,
        "allow_outside": True,
        "pick": "all",
        "max_age": None,
        "encoding": None,
    }
    form |= {"delimiter": ",", "sheet": None, "skip_rows": 0, "columns": columns}
    return sheet.source.model_copy(update=form)


def _fail(place: Place, code: str, message: str) -> NoReturn:
    raise ConfigError([Problem(place, code, message)])
