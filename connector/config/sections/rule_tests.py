"""The section `tests`, which segments_test.yaml has as well: people, a moment, and who is in or out.

Owns: how a test is written, and every problem of its keys, names and moments.
Must not: know a column's type, or run one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from connector.config.language import values
from connector.config.language.rules import Loc
from connector.config.language.schema_shapes import MOMENT, SCALAR, TEXT, Shape, items, mapping
from connector.config.sections.cases import Case, Cell, Expected, Given
from connector.config.sections.collector import Collector
from connector.core.problem import Place, did_you_mean

IN, OUT = "in", "out"
_PERSON = ("contact", "events", "expect", "consent")
_TEST = ("name", "as_of", "people", *_PERSON)


@dataclass(frozen=True, slots=True)
class Known:
    """The names that a test may use. None: the section could not be read, so nobody is told that one is unknown."""

    segments: Collection[str]
    sources: Collection[str] | None


def cases(value: Any, loc: Loc, known: Known, problems: Collector, as_of: Any = None) -> tuple[Case, ...]:
    """The tests of a list; `as_of` is the moment of those that name none."""
    if not isinstance(value, list):
        problems.add(loc, "wrong-type", f"Tests are a list: - {{name: …, as_of: …}}, not {values.kind(value)}.")
        return ()
    reader = _Reader(known, problems, as_of)
    found = [reader.case(item, (*loc, number)) for number, item in enumerate(value)]
    return tuple(case for case in found if case is not None)


class _Reader:
    def __init__(self, known: Known, problems: Collector, as_of: Any) -> None:
        self.known, self.problems, self.as_of = known, problems, as_of
        self.names: set[str] = set()

    def case(self, item: Any, loc: Loc) -> Case | None:
        if not self._mapping(item, loc, _TEST):
            return None
        name = self._name(item, loc)
        as_of = self._moment(item, loc)
        several = "people" in item
        for key in [key for key in _PERSON if several and key in item]:
            text = f"`{key}` is beside `people`; write it at one of them, or leave `people` out."
            self.problems.add_key((*loc, key), "contradiction", text)
        people = self._people(item["people"], (*loc, "people")) if several else [self._person(item, loc)]
        given = tuple(person for person in people if person is not None)
        written = [item, *(item["people"] if several and isinstance(item["people"], list) else ())]
        if not any(isinstance(one, dict) and {"expect", "consent"} & one.keys() for one in written):
            text = "`expect` is missing here: which segments the person is in or out of, like {vip: in}."
            self.problems.add_missing(loc, "expect", text)
        return Case(name, self._place(loc), as_of, given) if as_of is not None else None

    def _name(self, item: Mapping[str, Any], loc: Loc) -> str:
        name = self.problems.take((*loc, "name"), values.text, item["name"]) if "name" in item else None
        shown = name or f"test in line {self._place(loc).line}"
        if shown in self.names:
            self.problems.add((*loc, "name"), "twice", f"A test above is called {values.shown(shown)}, too.")
        self.names.add(shown)
        return shown

    def _moment(self, item: Mapping[str, Any], loc: Loc) -> date | datetime | None:
        if "as_of" not in item:
            if self.as_of is None:
                text = "`as_of` is missing here: the moment of the test, so that it tells the same tomorrow."
                self.problems.add_missing(loc, "as_of", text)
            known: date | datetime | None = self.as_of
            return known
        return moment(item["as_of"], (*loc, "as_of"), self.problems)

    def _people(self, value: Any, loc: Loc) -> list[Given | None]:
        if not isinstance(value, list) or not value:
            self.problems.add(loc, "wrong-type", "`people` is a list: - {contact: …, expect: …}.")
            return []
        return [
            self._person(item, (*loc, number)) if self._mapping(item, (*loc, number), _PERSON) else None
            for number, item in enumerate(value)
        ]

    def _person(self, item: Mapping[str, Any], loc: Loc) -> Given:
        contact = self._cells(item.get("contact", {}), (*loc, "contact"))
        events = dict(self._events(item.get("events", {}), (*loc, "events")))
        expected = [*self._expected(item.get("expect", {}), (*loc, "expect")), *self._consent(item, loc)]
        return Given(self._place(loc), contact, events, tuple(expected))

    def _cells(self, value: Any, loc: Loc) -> dict[str, Cell]:
        if not isinstance(value, dict):
            self.problems.add(loc, "wrong-type", f"Columns are a mapping {{column: value}}, not {values.kind(value)}.")
            return {}
        return {key: self._cell(item, (*loc, key)) for key, item in value.items()}

    def _cell(self, value: Any, loc: Loc) -> Cell:
        parts = value if isinstance(value, list) else [value]
        if any(part is None for part in parts):
            self.problems.add(loc, "empty-value", "Nothing stands here. A column that is left out is missing.")
        elif any(isinstance(part, dict | list) for part in parts):
            self.problems.add(loc, "wrong-type", "A value is one word, number or date, or a list of them.")
        return Cell(value, self.problems.document.values.get(loc, self._place(loc)), self._place(loc))

    def _events(self, value: Any, loc: Loc) -> Iterator[tuple[str, tuple[dict[str, Cell], ...]]]:
        if not isinstance(value, dict):
            text = f"Events are a mapping {{source: [row, row]}}, not {values.kind(value)}."
            self.problems.add(loc, "wrong-type", text)
            return
        for source, rows in value.items():
            here = (*loc, source)
            if self.known.sources is not None and source not in self.known.sources:
                hint = did_you_mean(source, self.known.sources)
                self.problems.add_key(here, "unknown-source", f"There is no source of events “{source[:40]}”.{hint}")
            if isinstance(rows, list):
                yield source, tuple(self._cells(row, (*here, number)) for number, row in enumerate(rows))
            else:
                text = f"Events are a list of rows: - {{column: value}}, not {values.kind(rows)}."
                self.problems.add(here, "wrong-type", text)

    def _expected(self, value: Any, loc: Loc) -> Iterator[Expected]:
        if not isinstance(value, dict):
            text = f"`expect` is a mapping {{segment: in or out}}, not {values.kind(value)}."
            self.problems.add(loc, "wrong-type", text)
            return
        for segment, word in value.items():
            here = (*loc, segment)
            if segment not in self.known.segments:
                hint = did_you_mean(segment, self.known.segments)
                self.problems.add_key(here, "unknown-segment", f"There is no segment {values.shown(segment)}.{hint}")
            elif word not in (IN, OUT) or isinstance(word, bool):
                self.problems.add(here, "unknown-value", f"{values.shown(word)} is neither `in` nor `out`.")
            else:
                yield Expected(segment, word == IN, self._place(here))

    def _consent(self, item: Mapping[str, Any], loc: Loc) -> Iterator[Expected]:
        if "consent" in item:
            here = (*loc, "consent")
            if isinstance(item["consent"], bool):
                yield Expected("", item["consent"], self._place(here))
            else:
                self.problems.add(here, "wrong-type", "Write true or false: whether the person counts as consenting.")

    def _mapping(self, item: Any, loc: Loc, known: Collection[str]) -> bool:
        if not isinstance(item, dict):
            text = f"A mapping is needed here: {', '.join(f'{key}: …' for key in known)}."
            self.problems.add(loc, "wrong-type", text)
            return False
        for key in item.keys() - set(known):
            self.problems.add_unknown((*loc, key), known)
        return True

    def _place(self, loc: Loc) -> Place:
        keys = self.problems.document.keys
        while loc and loc not in keys:
            loc = loc[:-1]
        return keys.get(loc, Place(self.problems.document.file))


def moment(value: Any, loc: Loc, problems: Collector) -> date | datetime | None:
    """A day or a time, or None and a problem."""
    return problems.take(loc, lambda written: values.parse_moment(values.moment(written)), value)


def shape(segments: Collection[str] = ()) -> Shape:
    """The JSON Schema of the list."""
    word: Shape = {"enum": [IN, OUT]}
    expect: Shape = mapping(dict.fromkeys(segments, word)) if segments else _any(word)
    row = _any({"anyOf": [SCALAR, items(SCALAR)]})
    events = _any({"type": "array", "items": row})
    person = {"contact": row, "events": events, "expect": expect, "consent": {"type": "boolean"}}
    people = items(mapping(person))
    return {"type": "array", "items": mapping({"name": TEXT, "as_of": MOMENT, **person, "people": people})}


def _any(shape: Shape) -> Shape:
    return {"type": "object", "additionalProperties": shape}
