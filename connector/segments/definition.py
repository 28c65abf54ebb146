"""What a segment means: its rule and all that the rule leans on, as a hash that knows no layout, and as text.

Owns: definition(). Must not: evaluate, read the state.

The hash changes with the rule, the traits and other segments that it asks, its place among the priorities and the
time zone; not with comments, order of keys, titles or where it is sent.
"""

from __future__ import annotations

import hashlib
import itertools
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from connector.config.language.rules import InSegment, Loc, Sample
from connector.config.sections.models import Config
from connector.segments.compile.rewrite import bare
from connector.segments.names import mentioned, nodes


@dataclass(frozen=True, slots=True)
class Definition:
    """`text` is the rule as the file has it, then the traits and segments that it leans on."""

    hash: str
    text: str


def definition(config: Config, segment: str) -> Definition:
    """The definition in force of a segment of the file."""
    locs: list[Loc] = list(_leans_on(config, segment))
    meant = [(loc, repr(bare(_at(config, loc)))) for loc in locs]
    above = next((group[: group.index(segment)] for group in config.priorities if segment in group), ())
    # The name is no part of it, unless a sample is drawn by it: a segment under a new name means the same.
    own = any(isinstance(node, Sample) and node.name is None for node, _ in nodes(_at(config, locs[0])))
    said = repr((segment if own else "", meant[0][1], sorted(map(repr, meant[1:])), above, config.timezone))
    asked = [f"{loc[0]}.{loc[1]}:\n{textwrap.indent(_text(config, loc), '  ')}" for loc in locs[1:]]
    parts = [_text(config, locs[0]), *asked]
    parts += [f"after: {', '.join(above)}"] if above else []
    return Definition(hashlib.blake2b(said.encode(), digest_size=8).hexdigest(), "\n".join(parts))


def _at(config: Config, loc: Loc) -> Any:
    if loc[0] == "traits":
        return config.traits[str(loc[1])]
    segment = config.segments[str(loc[1])]
    return segment.when if segment.when is not None else segment.members_from


def _leans_on(config: Config, segment: str) -> Iterator[Loc]:
    """The segment first, then every trait and segment that it asks, each once."""
    seen: dict[Loc, None] = {}
    todo: list[Loc] = [("segments", segment, "when")]
    while todo:
        here = todo.pop(0)
        if here in seen:
            continue
        seen[here] = None
        yield here
        for node, source in nodes(_at(config, here)):
            if isinstance(node, InSegment):
                todo += [("segments", name, "when") for name in node.names]
            todo += [("traits", name) for name in _traits(config, node, source)]


def _traits(config: Config, node: object, source: str) -> Iterator[str]:
    """The traits that a node names; a part of one (`value.monetary`) names it too."""
    for reference in mentioned(node, source):
        for name in (reference.written, reference.written.partition(".")[0]):
            if reference.traits and name in config.traits:
                yield name


def _text(config: Config, loc: Loc) -> str:
    """The value at `loc` as it stands in the file."""
    place = config.value_place(loc)
    lines = place.lines
    if lines is None or not place.line:
        return repr(bare(_at(config, loc)))
    text = lines.lines
    first = " " * (place.column - 1) + text[place.line - 1][place.column - 1 :]
    if first.lstrip()[:1] in ("{", "["):
        return _flow("\n".join([first, *text[place.line :]]).lstrip())
    key = config.place(loc).column  # a block ends where a line is not indented more than its key
    inside = itertools.takewhile(lambda line: not line.strip() or _indent(line) >= key, text[place.line :])
    return textwrap.dedent("\n".join([first, *inside])).rstrip()


def _flow(text: str) -> str:
    """The text up to the bracket that closes its first one."""
    depth, quote = 0, ""
    for at, sign in enumerate(text):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        else:
            depth += (sign in "{[") - (sign in "}]")
        if not depth:
            return text[: at + 1]
    return text


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
