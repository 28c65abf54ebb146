"""What no single section can know: names, circles, targets, consent.

Owns: checks across sections that need no data. Must not: read values (the sections have done that), open exports.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from connector.config.language.conditions import is_word
from connector.config.language.rules import InSegment, Loc, Pick, Trait, walk
from connector.config.language.scope import CONTACTS, Scope
from connector.config.language.shapes import known_segment
from connector.config.sections.codes import Code
from connector.config.sections.collector import Collector
from connector.config.sections.fields import Model, Text
from connector.config.sections.lifecycle import Lifecycle, Stage
from connector.config.sections.models import NONE_NEEDED, Config, Consent, Destination, Segment, Source
from connector.core.model import Kind, NewContacts
from connector.vendors import VENDORS

_WORD = re.compile(r"[^\W\d]\w{0,62}")  # may stand before a dot and in sql
_LABEL = re.compile(r"\w[\w-]{0,99}")  # may stand in --only and --to, where * ? [ are globs

_NONE = "Their APIs have none that could be taken back; `unsubscribe` has to be written as such."
_RESERVED = ("active", "returned", "retired")


class Proof(Model):
    """`consent: proof:`: the columns that say when and where somebody opted in."""

    at: Text
    source: Text | None = None


def names(data: Mapping[str, Any], problems: Collector) -> None:
    """Spelling of names, and that columns, traits, sources and words of the language share none."""
    for section, shape in (("sources", _WORD), ("traits", _WORD), ("destinations", _LABEL), ("segments", _LABEL)):
        _spelled([((section, name), name) for name in _keys(data, section)], shape, problems)
    sources = [(("sources", name), name) for name in _keys(data, "sources")]
    traits = [(("traits", name), name) for name in _keys(data, "traits")]
    _shared([*sources, *_columns(data, CONTACTS), *traits], problems)
    for source in _keys(data, "sources"):
        if source != CONTACTS:
            _shared([*[entry for entry in sources if entry[1] == source], *_columns(data, source)], problems)


def _keys(data: Any, *path: str) -> list[str]:
    for part in path:
        data = data.get(part) if isinstance(data, dict) else None
    return list(data) if isinstance(data, dict) else []


def _columns(data: Mapping[str, Any], source: str) -> list[tuple[Loc, str]]:
    return [(("sources", source, "columns", name), name) for name in _keys(data, "sources", source, "columns")]


def _spelled(entries: Iterable[tuple[Loc, str]], shape: re.Pattern[str], problems: Collector) -> None:
    seen: dict[str, Loc] = {}
    for loc, name in entries:
        if not shape.fullmatch(name):
            more = "" if shape is _WORD else " and -"
            text = f"A name here has letters, digits, _{more}; begin with a letter."
            problems.add_key(loc, "bad-name", text)
        _first(name, loc, seen, problems)


def _shared(entries: Iterable[tuple[Loc, str]], problems: Collector) -> None:
    seen: dict[str, Loc] = {}
    for loc, name in entries:
        if is_word(name.casefold()):
            text = f"“{name}” is a word of the language; take another name (a column: other_name: {{from: {name}}})."
            problems.add_key(loc, "name-clash", text)
        else:
            _first(name, loc, seen, problems)


def _first(name: str, loc: Loc, seen: dict[str, Loc], problems: Collector) -> None:
    """Names that differ in case only are one name."""
    other = seen.setdefault(name.strip().casefold(), loc)
    if other != loc:
        what = str(other[-2]).removesuffix("s")
        text = f"“{name}” is the name of a {what} already, in line {problems.line(other)}; take another name."
        problems.add_key(loc, "name-clash", text)


def columns(source: Source, loc: Loc, problems: Collector) -> None:
    """A place has two headers, and only a place has."""
    for name, column in source.columns.items():
        place = (*loc, "columns", name)
        if column.type == "place" and not isinstance(column.from_, tuple):
            problems.add_key(place, "contradiction", "A place is made of two headers: from: [Latitude, Longitude].")
        elif isinstance(column.from_, tuple) and column.type != "place":
            problems.add_key(place, "contradiction", "Two headers make a place; add `type: place`.")


def one_origin(segment: Mapping[str, Any], loc: Loc, problems: Collector) -> None:
    """Exactly one of when and members_from; a file of members is frozen."""
    if "when" not in segment and "members_from" not in segment:
        problems.add_missing(loc, "when", "`when` is missing here: who is in the segment (or `members_from`).")
    if "when" in segment and "members_from" in segment:
        text = "`members_from` names the members, so there is no `when`; delete one of the two."
        problems.add_key((*loc, "members_from"), "contradiction", text)
    if "allow_outside" in segment and "members_from" not in segment:
        text = "`allow_outside` is about the file of `members_from`; delete this line."
        problems.add_key((*loc, "allow_outside"), "contradiction", text)
    if "members_from" in segment and segment.get("frozen") is False:
        problems.add((*loc, "frozen"), "contradiction", "`members_from` implies `frozen: true`; delete this line.")


def former_names(segments: Mapping[str, Segment], problems: Collector) -> None:
    """`renamed_from` names a segment that is not in the file any more, once."""
    taken: set[str] = set()
    for name, segment in segments.items():
        former, loc = segment.renamed_from, ("segments", name, "renamed_from")
        if former in segments:
            text = f"“{former}” is a segment of this file, so it was not renamed; delete this line."
            problems.add(loc, "contradiction", text)
        elif former is not None and former in taken:
            problems.add(loc, "twice", f"“{former}” is the former name of another segment already.")
        taken.add(former or "")


def cycles(traits: Mapping[str, Trait], segments: Mapping[str, Segment], problems: Collector) -> None:
    """Segments and traits that ask for each other in a circle."""
    asks: dict[str, dict[str, Loc]] = {}
    for name, segment in segments.items():
        found = [node for node in walk(segment.when) if isinstance(node, InSegment)] if segment.when else []
        asks[name] = {other: node.loc for node in found for other in node.names if other in segments}
    _circles(asks, "segment", problems)
    named = {name.casefold(): name for name in traits}
    picks = {name: trait for name, trait in traits.items() if isinstance(trait, Pick)}
    _circles({name: _used(pick, named) for name, pick in picks.items()}, "trait", problems)


def _used(pick: Pick, named: Mapping[str, str]) -> dict[str, Loc]:
    """The traits among the columns of greatest or least; `rfm.recency` belongs to the trait rfm."""
    bases = [(index, column.partition(".")[0].strip().casefold()) for index, column in enumerate(pick.columns)]
    return {named[base]: (*pick.loc, pick.side, index) for index, base in bases if base in named}


def _circles(asks: Mapping[str, Mapping[str, Loc]], what: str, problems: Collector) -> None:
    """Each circle once, written from its first member in the file."""
    graph = {name: set(others) & asks.keys() for name, others in asks.items()}
    order = list(asks)
    while True:
        try:
            TopologicalSorter(graph).prepare()
            return
        except CycleError as error:
            ring = list(reversed(error.args[1]))[:-1]
        start = min(range(len(ring)), key=lambda index: order.index(ring[index]))
        ring = [*ring[start:], *ring[:start]]
        text = f"{what.capitalize()}s ask for each other in a circle: {' → '.join([*ring, ring[0]])}."
        problems.add(asks[ring[0]][ring[1 % len(ring)]], "cycle", text)
        graph = {name: others - set(ring) for name, others in graph.items() if name not in ring}


def targets(
    data: Mapping[str, Any],
    accounts: Mapping[str, Destination],
    segments: Mapping[str, Segment],
    problems: Collector,
) -> None:
    """No tag or list of an account is written by two."""
    seen: dict[tuple[Hashable, Kind, str], tuple[str, Loc]] = {}
    for name, segment in segments.items():
        for entry in segment.send_to:
            for kind, target in entry.targets:
                loc: Loc = ("segments", name, "send_to", entry.destination, str(kind))
                where = _account(entry.destination, accounts)
                _one_writer((where, kind, target), entry.destination, loc, seen, problems)
    for place, kind, target in _stage_targets(data):
        for account in accounts:
            _one_writer((_account(account, accounts), kind, target), account, place, seen, problems)


def _account(name: str, accounts: Mapping[str, Destination]) -> Hashable:
    """What tells two destinations apart before any platform is asked: the same key and audience are one account."""
    found = accounts.get(name)
    if found is None:
        return name
    return found.platform, found.secret.variable, found.audience, found.base_url


def stage_targets(data: Mapping[str, Any], accounts: Mapping[str, Destination], problems: Collector) -> None:
    """Some platform must have what a stage is to set; one that has not goes without, and the plan says so."""
    kinds = {kind for account in accounts.values() for kind in VENDORS[account.platform].kinds}
    for place, kind, _ in _stage_targets(data):
        if accounts and kind not in kinds:
            others = " or ".join(f"`{each}:`" for each in Kind if each in kinds)
            text = f"No platform of this file has a {kind} that the stage could set; write {others}."
            problems.add_key(place, "not-offered", text)


def _stage_targets(data: Mapping[str, Any]) -> Iterable[tuple[Loc, Kind, str]]:
    """The tags and lists of lifecycle; they exist on every destination."""
    section = data.get("lifecycle")
    written = section if isinstance(section, dict) else {}
    stages = written.get("stages")
    parts: list[tuple[Loc, Any]] = [(("lifecycle", "returned"), written.get("returned"))]
    for index, stage in enumerate(stages if isinstance(stages, list) else []):
        parts.append((("lifecycle", "stages", index), stage))
    for loc, part in parts:
        for kind in Kind:
            if isinstance(part, dict) and isinstance(part.get(str(kind)), str):
                yield (*loc, str(kind)), kind, part[str(kind)]


def _one_writer(
    target: tuple[Hashable, Kind, str],
    destination: str,
    loc: Loc,
    seen: dict[tuple[Hashable, Kind, str], tuple[str, Loc]],
    problems: Collector,
) -> None:
    account, kind, name = target
    other, first = seen.setdefault((account, kind, name.strip().casefold()), (destination, loc))
    if first != loc:
        where = destination if other == destination else f"the account of {destination}, which is that of {other} too,"
        line = problems.line(first)
        text = f"The {kind} “{name}” in {where} is written in line {line} already; each needs its own."
        problems.add(loc, "same-target", text)


def consent(accounts: Mapping[str, Destination], section: Consent | None, told: bool, problems: Collector) -> None:
    """Nobody is subscribed without consent and dated proof, and nobody created unless the file says a word about
    consent (`told`); not said where the platform creates nobody so anyway."""
    proven = section is not None and section.proof_at is not None
    for name, account in accounts.items():
        policy = account.new_contacts
        if policy is NewContacts.SKIP or policy not in VENDORS[account.platform].new_contacts:
            continue
        if policy is NewContacts.SUBSCRIBED and not proven:
            text = "`subscribed` needs a `consent:` section with `when` and `proof: {at: COLUMN}`."
        elif not told:
            text = (
                f"`{policy}` creates people on the platform, and the file does not say who has agreed. Write"
                f" `consent: {{when: …}}`, or `consent: {NONE_NEEDED}` where nobody has to be asked."
            )
        else:
            continue
        problems.add(("destinations", name, "new_contacts"), "needs-consent", text)


def actions(config: Config, problems: Collector) -> None:
    """Somebody must be able to do what is written; a platform that cannot leaves its people alone and says so."""
    keys = [VENDORS[account.platform] for account in config.destinations.values()]
    undone = {each.retire for each in keys} - {None}
    offered = undone | ({"unsubscribe"} if any(each.unsubscribes for each in keys) else set())
    stages = config.lifecycle.stages if config.lifecycle else ()
    written: list[tuple[Loc, str | None]] = [
        (("lifecycle", "stages", number, "action"), stage.action) for number, stage in enumerate(stages)
    ]
    for key in ("bounced", "unsubscribed"):
        part = getattr(config.cleanup, key, None)
        written.append((("cleanup", key, "action"), part.action if part else None))
    for loc, action in written:
        known = action in (None, "remove_tags", "report") or action in offered or (action == "default" and undone)
        if not known and config.destinations:
            hint = f"They offer: {', '.join(sorted(map(str, offered)))}." if undone else _NONE
            text = f"No platform of this file offers “{action}” in a way that this connector does. {hint}"
            problems.add(loc, "not-offered", text)


def lifecycle(section: Lifecycle | None, scope: Scope) -> None:
    """The order of the stages, and that the protected segments exist."""
    if section is None:
        return
    for index, name in enumerate(section.protect):
        known_segment(name, ("lifecycle", "protect", index), scope)
    seen: set[str] = set()
    for index, stage in enumerate(section.stages):
        loc: Loc = ("lifecycle", "stages", index)
        for key, code, text in _stage_problems(stage, index == 0, index == len(section.stages) - 1, seen):
            scope.problems.add_key((*loc, key), code, text)
        seen.add(stage.name)


def _stage_problems(stage: Stage, first: bool, last: bool, seen: set[str]) -> Iterable[tuple[str, Code, str]]:
    if stage.name in seen:
        yield "name", "twice", f"The stage “{stage.name}” stands twice; every stage needs a name of its own."
    if stage.name in _RESERVED:
        yield "name", "name-clash", f"“{stage.name}” is what the lifecycle calls people itself; take another name."
    if first and stage.after is not None:
        yield "after", "contradiction", "The first stage begins when somebody is inactive; delete its `after`."
    if not first and stage.after is None:
        yield "name", "missing-key", f"The stage “{stage.name}” needs `after`: how long the stage before lasts."
    if not last and stage.action is not None:
        yield "action", "contradiction", "A stage with an action is the last; no stage can follow it."
