"""YAML text -> plain data with the place of every key and value.

Owns: PyYAML, the strict scalars (YAML 1.2, numbers as JSON writes them without exponents), and the refusal of
anchors, aliases, tags, merge keys, duplicate keys and second documents.
Must not: know a key of segments.yaml, or quote a value in a message (it may be a secret).

Built from parser events in a loop, never by recursion, so that no nesting can exhaust the stack.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import yaml

from connector.config.language.rules import Loc
from connector.config.sections.codes import Code
from connector.config.yaml.errors import explain
from connector.core.problem import Place, Problem
from connector.core.quote import Lines

DEEPEST = 100  # levels of YAML; a rule nested deeper than this is nobody's intention
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # the C parser is ten times faster; both give the same events
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,37})(\.[0-9]{1,30})?")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(slots=True)
class Document:
    """`data` is made of dict, list, str, int, Decimal, bool, None. `damaged` are the parts whose value is not what
    was written, so that nothing further is said about them."""

    file: str
    data: Any = None
    keys: dict[Loc, Place] = field(default_factory=dict)  # of a mapping entry: its key; of a list item: the item
    values: dict[Loc, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    damaged: set[Loc] = field(default_factory=set)
    repeated: list[tuple[Loc, Place]] = field(default_factory=list)  # keys that are there already
    lines: Lines = field(default_factory=lambda: Lines(()))


class Unreadable(Exception):
    """Nothing after this point can be read. `before` are the problems found until here."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.before: list[Problem] = []
        super().__init__(str(problem))


def read(text: str, file: str) -> Document:
    """Read one document. Raises Unreadable when the YAML breaks off; lesser problems stand in the Document."""
    bad = _UNPRINTABLE.search(text)
    if bad:
        place = place_at(text, bad.start(), file)
        raise Unreadable(
            Problem(place, "bad-character", f"Character U+{ord(bad[0]):04X} cannot stand here; delete it.")
        )
    builder = _Builder(Document(file, lines=Lines(text.split("\n"))))
    try:
        for event in _events(text):
            builder.take(event)
            if builder.finished:
                break
    except yaml.YAMLError as error:
        broken = Unreadable(explain(error, text, file))
        broken.before = builder.document.problems
        raise broken from None
    except Unreadable as broken:
        broken.before = builder.document.problems
        raise
    if builder.empty:
        raise Unreadable(
            Problem(Place(file, 1, 1), "empty-file", "The file holds nothing. `sync init` writes a start.")
        )
    return builder.document


def place_at(text: str, offset: int, file: str) -> Place:
    """The place of the character at `offset`."""
    return Place(file, text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1)


def scalar(text: str, plain: bool) -> str | int | Decimal | bool | None:
    """The value of a scalar. Spelling survives: str() of a number gives back what was written."""
    if not plain:
        return text
    if text in ("", "~", "null"):
        return None
    if text in ("true", "false"):
        return text == "true"
    if _NUMBER.fullmatch(text) and text != "-0":
        return Decimal(text) if "." in text else int(text)
    return text


def _events(text: str) -> Iterator[Any]:
    yield from yaml.parse(text, Loader=_LOADER)


@dataclass(slots=True)
class _Frame:
    """One open mapping or list. `lost` when it stands under a duplicate or merge key: read, not kept."""

    loc: Loc
    items: Any
    lost: bool
    key: str | None = None
    key_lost: bool = False


class _Builder:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.finished = False
        self.empty = True
        self._stack: list[_Frame] = []
        self._documents = 0

    def take(self, event: Any) -> None:
        if isinstance(event, yaml.DocumentStartEvent):
            self._open_document(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._stack.pop()
        elif isinstance(event, yaml.NodeEvent):
            self._node(event)

    def _open_document(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            self._problem(event, "second-document", "A file holds one document; delete this --- and join the parts.")
            self.finished = True

    def _node(self, event: Any) -> None:
        top = self._stack[-1] if self._stack else None
        if top is not None and isinstance(top.items, dict) and top.key is None:
            self._key(top, event)
            return
        loc, lost = self._slot(top)
        place = self._place(event)
        if not lost:
            self.document.values[loc] = place
            if not (top and isinstance(top.items, dict)):
                self.document.keys[loc] = place
        self._refuse(event, loc)
        self._put(top, lost, self._value(event, loc, lost))

    def _slot(self, top: _Frame | None) -> tuple[Loc, bool]:
        """Where the next value belongs."""
        if top is None:
            return (), False
        if isinstance(top.items, list):
            return (*top.loc, len(top.items)), top.lost
        assert top.key is not None
        return (*top.loc, top.key), top.lost or top.key_lost

    def _value(self, event: Any, loc: Loc, lost: bool) -> Any:
        if isinstance(event, yaml.CollectionStartEvent):
            if len(self._stack) >= DEEPEST:
                raise Unreadable(Problem(self._place(event), "too-deep", f"Nested deeper than {DEEPEST} levels."))
            items: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
            self._stack.append(_Frame(loc, items, lost))
            self.empty = False
            return items
        if isinstance(event, yaml.AliasEvent):
            return None
        value = scalar(event.value, plain=event.style in (None, ""))
        self.empty = self.empty and value is None
        return value

    def _put(self, top: _Frame | None, lost: bool, value: Any) -> None:
        if top is None:
            self.document.data = value
        elif isinstance(top.items, list):
            top.items.append(value)
        else:
            if not lost:
                top.items[top.key] = value
            top.key = None

    def _key(self, top: _Frame, event: Any) -> None:
        if not isinstance(event, yaml.ScalarEvent) or not event.value.strip():
            raise Unreadable(Problem(self._place(event), "bad-key", "A key is one word or one text before the colon."))
        top.key = event.value
        loc = (*top.loc, event.value)
        top.key_lost = False
        self._refuse(event, loc)
        if event.value == "<<" and event.style in (None, ""):
            self._problem(event, "merge-key", "Merge keys are not part of the language; write the keys out.")
            top.key_lost = True
            self.document.damaged.add(top.loc)
        elif event.value in top.items:
            first = self.document.keys.get(loc)
            where = f", first in line {first.line}" if first else ""
            self._problem(event, "duplicate-key", f"The key “{event.value}” stands twice here{where}; keep one.")
            self.document.repeated.append((loc, self._place(event)))
            top.key_lost = True
        elif not top.lost:
            self.document.keys[loc] = self._place(event)

    def _refuse(self, event: Any, loc: Loc) -> None:
        """Anchors, aliases and tags make a file mean more than it says."""
        if isinstance(event, yaml.AliasEvent):
            self._problem(event, "alias", "YAML aliases (*name) are not part of the language; write the value out.")
            self.document.damaged.add(loc)
        elif event.anchor is not None:
            self._problem(event, "anchor", "YAML anchors (&name) are not part of the language; delete it.")
            self.document.damaged.add(loc)
        if getattr(event, "tag", None) is not None:
            self._problem(event, "yaml-tag", "YAML tags (!name) are not part of the language; text goes in quotes.")
            self.document.damaged.add(loc)

    def _problem(self, event: Any, code: Code, message: str) -> None:
        self.document.problems.append(Problem(self._place(event), code, message))

    def _place(self, event: Any) -> Place:
        start, end = event.start_mark, event.end_mark
        place = Place(self.document.file, start.line + 1, start.column + 1, self.document.lines)
        if not isinstance(event, yaml.CollectionStartEvent):
            self.document.lines.ends[place.line, place.column] = end.line + 1, end.column + 1
        return place
