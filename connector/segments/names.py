"""Which columns the file talks about: names in rules, traits, consent and fields, found in the exports' headers.

Owns: references(), Names and needed(). Must not: read rows, know a column's type, build expressions.

A name in a rule over contacts is a column of the contacts export, a trait or a column of a destination; inside `where`
it is a column of that source only. Traits are found by their exact name, columns also by their header.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from connector.config.language import platform_words
from connector.config.language.conditions import is_word
from connector.config.language.rules import (
    Aggregate,
    All,
    AnyOf,
    Compare,
    Events,
    Loc,
    Near,
    Not,
    Pick,
    Predict,
    Rank,
    Rfm,
    Sequence,
    Sql,
)
from connector.config.sections.belongs import misplaced
from connector.config.sections.models import Config
from connector.core.errors import ConfigError
from connector.core.model import ColumnType
from connector.core.problem import Problem, did_you_mean
from connector.segments.compile import sql
from connector.sources.columns.model import ColumnInfo, SourceInfo
from connector.sources.model import Loaded

CONTACTS = "contacts"
EMAIL = "email"
JOINED = "created_at"  # when somebody came to be known, where the export tells
RFM_PARTS = ("recency", "frequency", "monetary", "segment")
DRIVERS = "drivers"  # of a prediction: what raises or lowers it most


@dataclass(frozen=True, slots=True)
class Reference:
    """`written` stands at `loc` and means a column of `source`; with `traits`, a trait is meant as well."""

    source: str
    written: str
    loc: Loc
    traits: bool = False


class Names:
    """Finds what a written name means. Made from the catalog, so headers in any case are understood."""

    def __init__(self, config: Config, catalog: Mapping[str, SourceInfo]) -> None:
        self.catalog = catalog
        self.traits = trait_names(config)
        self.platforms = {name.casefold(): name for name in platform_words.columns(config)}

    @classmethod
    def of(cls, config: Config, loaded: Loaded) -> Names:
        """After loading; tables that were made without a catalog are known by their columns' own names."""
        plain = {
            source: SourceInfo(source, (), {name: _info(name, types) for name in types}, {})
            for source, types in loaded.types.items()
        }
        return cls(config, {**plain, **loaded.catalog})

    def column(self, source: str, written: str) -> str | None:
        """The column's own name, or None when the source has no such column."""
        if source == CONTACTS and written.strip().casefold() == EMAIL:
            return EMAIL
        info = self.catalog.get(source)
        return info.resolve(written) if info else None

    def contact(self, written: str) -> str | None:
        """A trait's name, a destination's column's or a contact column's, or None."""
        if written in self.traits:
            return written
        return self.platforms.get(written.strip().casefold()) or self.column(CONTACTS, written)

    def computed(self, written: str) -> bool:
        """Whether a name of contacts is no column of the export."""
        return written in self.traits or written.strip().casefold() in self.platforms

    def find(self, source: str, written: str) -> str | None:
        return self.contact(written) if source == CONTACTS else self.column(source, written)

    def known(self, source: str) -> list[str]:
        """What may be written here, for “did you mean”."""
        info = self.catalog.get(source)
        columns = info.known() if info else []
        return [*columns, EMAIL, *self.traits, *self.platforms.values()] if source == CONTACTS else columns


def _info(name: str, types: Mapping[str, ColumnType]) -> ColumnInfo:
    return ColumnInfo(name, (name,), types[name], "header")


def trait_names(config: Config) -> tuple[str, ...]:
    """Every computed column's name; an rfm trait is four of them, a prediction two."""
    names: list[str] = []
    for name, trait in config.traits.items():
        if isinstance(trait, Rfm):
            names.extend(f"{name}.{part}" for part in RFM_PARTS)
        else:
            names.extend([name, f"{name}.{DRIVERS}"] if isinstance(trait, Predict) else [name])
    return tuple(names)


def nodes(node: object, source: str = CONTACTS) -> Iterator[tuple[object, str]]:
    """The node and every node below it, each with the source whose columns it speaks of."""
    yield node, source
    if isinstance(node, All | AnyOf):
        for part in node.parts:
            yield from nodes(part, source)
    elif isinstance(node, Not):
        yield from nodes(node.part, source)
    elif isinstance(node, Events | Aggregate) and node.where is not None:
        yield from nodes(node.where, node.source)
    elif isinstance(node, Rfm) and node.where is not None:
        yield from nodes(node.where, node.frequency)
    elif isinstance(node, Sequence):
        for step in node.steps:
            if step.where is not None:
                yield from nodes(step.where, step.source)


def roots(config: Config) -> Iterator[object]:
    """Every rule and trait of the file."""
    yield from config.traits.values()
    if config.consent is not None:
        yield config.consent.when
    for segment in config.segments.values():
        if segment.when is not None:
            yield segment.when
    for policy in config.lifecycle:
        if policy.for_ is not None and policy.for_.when is not None:
            yield policy.for_.when


def references(config: Config) -> Iterator[Reference]:
    """Every name of a column that the file mentions."""
    for root in roots(config):
        for node, source in nodes(root):
            yield from mentioned(node, source)
    if config.consent is not None:
        for key in ("at", "source"):
            written = getattr(config.consent, f"proof_{key}")
            if written is not None:
                yield Reference(CONTACTS, written, ("consent", "proof", key), traits=True)
    identity = config.sources[CONTACTS].id
    if identity is not None and config.destinations:  # tells the plan who has a new address
        yield Reference(CONTACTS, identity, ("sources", CONTACTS, "id"))
    for place, policy in enumerate(config.lifecycle):
        for number, written in enumerate(policy.signals):
            yield Reference(CONTACTS, written, (*config.policy_at(place), "signals", number), traits=True)
    for destination in config.destinations.values():
        for field, written in destination.fields.items():
            yield Reference(CONTACTS, written, ("destinations", destination.name, "fields", field), traits=True)


def mentioned(node: object, source: str) -> Iterator[Reference]:
    """The names of columns that this node mentions, without those below it."""
    on_contacts = source == CONTACTS
    if isinstance(node, Compare | Near):
        yield Reference(source, node.column, node.loc, on_contacts)
    elif isinstance(node, Rank):
        yield Reference(source, node.column, node.loc, on_contacts)
        if node.by is not None:
            yield Reference(source, node.by, node.loc, on_contacts)
    elif isinstance(node, Events | Aggregate):
        if node.column is not None:
            yield Reference(node.source, node.column, node.loc)
    elif isinstance(node, Pick):
        for column in node.columns:
            yield Reference(CONTACTS, column, node.loc, traits=True)
    elif isinstance(node, Rfm):
        for name, column in (node.recency, node.monetary):
            yield Reference(name, column, node.loc)
    elif isinstance(node, Predict) and node.column is not None:
        yield Reference(node.source, node.column, node.loc)
    elif isinstance(node, Sql):
        for column in sql.columns(node.text):
            yield Reference(source, column, node.loc, on_contacts)


def sources(config: Config) -> frozenset[str]:
    """The sources that any rule or trait reads; contacts always."""
    found = {CONTACTS}
    for root in roots(config):
        for node, _ in nodes(root):
            if isinstance(node, Events | Aggregate | Predict):
                found.add(node.source)
            elif isinstance(node, Rfm):
                found.update((node.recency[0], node.frequency, node.monetary[0]))
            elif isinstance(node, Sequence):
                found.update(step.source for step in node.steps)
    return frozenset(found)


def asked_of_platforms(config: Config) -> dict[str, frozenset[str]]:
    """Destination -> the words (config/language/platform_words.py) that any rule, trait or field of the file uses."""
    found: dict[str, set[str]] = {}
    columns = {name.casefold(): name for name in platform_words.columns(config)}
    for reference in references(config):
        name = columns.get(reference.written.strip().casefold()) if reference.traits else None
        if name is not None and reference.written not in trait_names(config):
            destination, _, word = name.rpartition(".")
            found.setdefault(destination, set()).add(word)
    return {destination: frozenset(words) for destination, words in found.items()}


def needed(config: Config, catalog: Mapping[str, SourceInfo]) -> Mapping[str, frozenset[str]]:
    """The columns that must be loaded, per source that is read.

    Raises ConfigError with every unknown name, every clash of names and every `sql:` that is not allowed there."""
    names = Names(config, catalog)
    found = (node for root in roots(config) for node, _ in nodes(root))
    problems = [*sql.problems(config, found), *_clashes(config, names)]
    wanted: dict[str, set[str]] = {source: set() for source in sources(config)}
    for reference in references(config):
        column = names.column(reference.source, reference.written)
        if reference.traits and names.computed(reference.written):
            continue
        if column is None:
            problems.append(_unknown(config, names, reference))
        else:
            wanted.setdefault(reference.source, set()).add(column)
    joined = names.column(CONTACTS, JOINED)
    if config.lifecycle and joined is not None:
        wanted[CONTACTS].add(joined)
    if problems:
        raise ConfigError(in_order(problems))
    return {source: frozenset(columns) for source, columns in wanted.items()}


def in_order(problems: list[Problem]) -> list[Problem]:
    """Each problem once, in the order of the file."""
    return sorted(dict.fromkeys(problems), key=lambda problem: (problem.place, problem.message))


def _unknown(config: Config, names: Names, reference: Reference) -> Problem:
    what = "no column of contacts and no trait" if reference.traits else f"no column of {reference.source}"
    hint = _word_of_the_file(reference) or did_you_mean(reference.written, names.known(reference.source))
    place = config.word_place(reference.loc, reference.written)
    return Problem(place, "unknown-column", f"“{reference.written}” is {what}.{hint}")


def _word_of_the_file(reference: Reference) -> str:
    """For a word of the language or a key that stands where a column does: most often it is indented wrongly."""
    written = reference.written
    if is_word(written):
        return f" `{written}` is a word of the language: it belongs inside a test, like {{orders: {{{written}: …}}}}."
    elsewhere = misplaced(written) if reference.loc[-1] == written else ""
    return f" {elsewhere} Check its indentation." if elsewhere else ""


def _clashes(config: Config, names: Names) -> Iterator[Problem]:
    """A trait or source with the name of a contact column: a rule could mean either."""
    for section, owned in (("traits", config.traits), ("sources", config.sources)):
        for name in owned:
            if name != CONTACTS and names.column(CONTACTS, name) is not None:
                what = f"“{name}” is also a column of contacts: rename it here, so that a rule can only mean one."
                yield Problem(config.place((section, name)), "name-clash", what)
