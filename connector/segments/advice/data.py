"""Advice about rules and data together: values nobody has, empty columns, dates read by guess, old exports.

Owns: these findings and the look at a column's distinct values. Must not: show a value that may be an address.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from connector.config.language.rules import Compare, Loc
from connector.config.language.words import WORDS
from connector.config.sections.advice_codes import TOLD, WARNINGS
from connector.core.counts import count_of
from connector.segments.advice.model import Advice, Evidence
from connector.segments.compile import engine
from connector.segments.compile.windows import Clock, ago
from connector.segments.compile.words import read
from connector.segments.names import CONTACTS, Names, nodes, references
from connector.segments.platform_columns import unread
from connector.sources.files.discover import newest
from connector.sources.text import fold, plain, trim

DISTINCT = 20_000  # a column with more spellings is not a list of words
LISTED = 8
_LIST = re.compile(r"[;|,\n]")
_TEXT = ("text", "country", "list")


def advice(given: Evidence) -> Iterator[Advice]:
    yield from _vacant(given)
    yield from _unread(given)
    yield from _old(given)
    yield from _guessed(given)
    yield from _joins(given)
    yield from _empty(given)
    yield from _unseen(given)


def _vacant(given: Evidence) -> Iterator[Advice]:
    """Exports that look like failed ones, at the source or list."""
    for finding in given.loaded.findings:
        for code in WARNINGS:
            if finding.code == code:
                _, listed, segment = finding.source.partition("members of ")
                loc: Loc = ("segments", segment, "members_from") if listed else ("sources", finding.source)
                yield given.file(code, loc, finding.message)


def _unread(given: Evidence) -> Iterator[Advice]:
    for sentence in unread(given.config, given.loaded.observed):
        yield given.file("not-read-yet", ("destinations", sentence.partition(".")[0]), sentence)


def _old(given: Evidence) -> Iterator[Advice]:
    for name, source in given.config.sources.items():
        info = given.loaded.catalog.get(name)
        if source.max_age is not None or info is None or not info.files:
            continue
        file, made = newest(info.files, ZoneInfo(source.timezone or given.config.timezone))
        if made < ago(given.as_of, given.config.quality.stale_after, given.config.zone):
            age = given.as_of - made
            text = (
                f"{file.name} is {count_of(age.days, 'day')} old. Export again; `max_age: 36 hours` here stops a run "
                "on an old export."
            )
            yield given.file("stale-export", ("sources", name), text)


def _guessed(given: Evidence) -> Iterator[Advice]:
    """What loading found and nobody can pass over."""
    for finding in given.loaded.findings:
        for code in TOLD:
            if finding.code == code:
                loc: Loc = ("sources", finding.source, "columns", finding.column)
                where = f" The first: {plain(finding.file)} row {finding.row:,}." if finding.row else ""
                text = f"{finding.source}.{finding.column}: {finding.count:,} {finding.message}{where}"
                yield given.file(code, loc, text)


def _joins(given: Evidence) -> Iterator[Advice]:
    for finding in given.loaded.findings:
        if finding.code == "join-finds-some":
            yield given.file("join-finds-some", ("sources", finding.source, "join"), finding.message)


def _empty(given: Evidence) -> Iterator[Advice]:
    """One line per column, at the first place that uses it."""
    seen: set[tuple[str, str]] = set()
    names = given.names
    for reference in references(given.config):
        column = names.column(reference.source, reference.written)
        if column is None or (reference.traits and reference.written in names.traits):
            continue
        if column in given.loaded.empty.get(reference.source, ()) and (reference.source, column) not in seen:
            seen.add((reference.source, column))
            text = f"Nobody has a value in “{reference.written}” of {reference.source}: every test of it is false."
            owner = (str(reference.loc[1]),) if reference.loc[0] == "segments" else ()
            yield Advice("empty-column", given.config.place(reference.loc), text, owner)


def _unseen(given: Evidence) -> Iterator[Advice]:
    values = _Values(given, given.names)
    clock = Clock.at(given.as_of, given.config.zone)
    for loc, root in _rules(given):
        for node, source in nodes(root):
            if not isinstance(node, Compare) or not WORDS[node.test].operand.whole:
                continue
            type_ = given.type_of(node, source)
            known = values.of(source, node.column) if type_ in _TEXT else None
            if type_ is None or known is None:
                continue
            wanted = read(node, type_, clock)
            for word in wanted if isinstance(wanted, tuple) else (wanted,):
                if word not in known.words if node.exact else fold(word) not in known.folded:
                    owner = (str(loc[1]),) if loc[0] == "segments" else ()
                    text = f"“{word}” is no value of {_spoken(source, node.column)} today.{_near(word, known)}"
                    yield Advice("unseen-value", given.config.place(node.loc), text, owner)
                if type_ == "text" and (whole := known.holding(word)) is not None:
                    owner = (str(loc[1]),) if loc[0] == "segments" else ()
                    text = (
                        f"“{word}” is also one of several in a cell of {_spoken(source, node.column)}, as in"
                        f" “{plain(whole)}”, which is another value. If it is a list, declare `type: list`."
                    )
                    yield Advice("part-of-value", given.config.place(node.loc), text, owner)


def _rules(given: Evidence) -> Iterator[tuple[Loc, Any]]:
    for name, trait in given.config.traits.items():
        yield ("traits", name), trait
    if given.config.consent is not None:
        yield ("consent",), given.config.consent.when
    for name, item in given.config.segments.items():
        if item.when is not None:
            yield ("segments", name), item.when


def _spoken(source: str, column: str) -> str:
    return column if source == CONTACTS else f"{source}.{column}"


@dataclass(frozen=True, slots=True)
class Known:
    """The words of one column: every spelling, and one spelling per folded form."""

    words: frozenset[str]
    folded: Mapping[str, str]

    def holding(self, word: str) -> str | None:
        """A spelling that has the word between the signs of a list."""
        wanted = fold(word)
        some = (item for item in sorted(self.words) if wanted in fold(item) and len(_LIST.split(item)) > 1)
        return next((item for item in some if wanted in map(fold, _LIST.split(item))), None)


def _near(word: str, known: Known) -> str:
    near = difflib.get_close_matches(fold(word), known.folded, n=1, cutoff=0.6)
    if near:
        return f' Did you mean "{known.folded[near[0]]}"?'
    if 0 < len(known.folded) <= LISTED:
        return f" It has: {', '.join(sorted(known.folded.values()))}."
    return " Look at how it is spelled in the export."


class _Values:
    """The distinct words per column, read once; None for columns that are no list of words."""

    def __init__(self, given: Evidence, names: Names) -> None:
        self.given, self.names = given, names
        self.found: dict[tuple[str, str], Known | None] = {}

    def of(self, source: str, written: str) -> Known | None:
        column = self.names.column(source, written)
        if column is None or column == "email" or (source == CONTACTS and written in self.names.traits):
            return None
        key = (source, column)
        if key not in self.found:
            self.found[key] = self._read(*key)
        return self.found[key]

    def _read(self, source: str, column: str) -> Known | None:
        loaded = self.given.loaded
        table = loaded.contacts if source == CONTACTS else loaded.related[source]
        value = table[column].unnest() if loaded.types[source][column] == "list" else table[column]
        rows = engine.arrow(loaded.connection, table.select(word=value).distinct().limit(DISTINCT + 1))
        words = [trim(word) for word in rows["word"].to_pylist() if word]
        if len(words) > DISTINCT or any("@" in word for word in words):
            return None
        return Known(frozenset(words), {fold(word): word for word in sorted(words, reverse=True)})
