"""What no single section can know: names, circles, targets, consent.

Owns: checks across sections that need no data. Must not: read values (the sections have done that), open exports.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any

from connector.config.language.conditions import is_word
from connector.config.language.rules import InSegment, Loc, Pick, Trait, walk
from connector.config.language.scope import CONTACTS
from connector.config.sections.collector import Collector
from connector.config.sections.fields import Model, Text
from connector.config.sections.models import NONE_NEEDED, Config, Consent, Destination, Segment, Source
from connector.config.sections.policies import Written
from connector.core.model import Kind, NewContacts
from connector.vendors import VENDORS

_WORD = re.compile(r"[^\W\d]\w{0,62}")  # may stand before a dot and in sql
_LABEL = re.compile(r"\w[\w-]{0,99}")  # may stand in --only and --to, where * ? [ are globs

_NONE = "Their APIs have none that could be taken back; `unsubscribe` has to be written as such."


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
    policies: Sequence[Written],
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
    stages = [(one, *target) for one in policies for target in one.targets()]
    for one, place, kind, target in stages:
        for account in filter(one.at, accounts):
            if kind not in VENDORS[accounts[account].platform].kinds:
                continue
            _one_writer((_account(account, accounts), kind, target), account, place, seen, problems)


def _account(name: str, accounts: Mapping[str, Destination]) -> Hashable:
    """What tells two destinations apart before any platform is asked: the same key and audience are one account."""
    found = accounts.get(name)
    if found is None:
        return name
    return found.platform, found.secret.variable, found.audience, found.base_url


def stage_targets(policies: Sequence[Written], accounts: Mapping[str, Destination], problems: Collector) -> None:
    """Some platform must have what a stage is to set; one that has not goes without, and the plan says so."""
    for one in policies:
        here = [account for name, account in accounts.items() if one.at(name)]
        kinds = {kind for account in here for kind in VENDORS[account.platform].kinds}
        for place, kind, name in one.targets():
            vendors = dict.fromkeys(VENDORS[account.platform] for account in here)
            for text in filter(None, (vendor.name_problem(kind, name) for vendor in vendors if kind in vendor.kinds)):
                problems.add(place, "bad-target", text)
            if here and kind not in kinds:
                others = " or ".join(f"`{each}:`" for each in Kind if each in kinds)
                text = f"No platform of this file has a {kind} that the stage could set; write {others}."
                problems.add_key(place, "not-offered", text)
        _mails(one, here, problems)


def _mails(one: Written, accounts: Sequence[Destination], problems: Collector) -> None:
    """Where mails alone decide, some platform must tell of them."""
    inactive = one.section.inactive if one.section else None
    if inactive is None or not accounts or any(VENDORS[account.platform].engagement for account in accounts):
        return
    never = inactive.never_engaged
    for part, loc in ((inactive, ()), (never, ("never_engaged",))):
        if part is not None and part.after is None:
            text = "No platform here tells how many mails people got, so nobody would be inactive ever. Write `after`."
            problems.add((*one.loc, "inactive", *loc, "sends"), "not-offered", text)


def _one_writer(
    target: tuple[Hashable, Kind, str],
    destination: str,
    loc: Loc,
    seen: dict[tuple[Hashable, Kind, str], tuple[str, Loc]],
    problems: Collector,
) -> None:
    account, kind, name = target
    other, first = seen.setdefault((account, kind, name.strip().casefold()), (destination, loc))
    if first == loc and other != destination:
        text = (
            f"The {kind} “{name}” would be set by {other} and by {destination}, which are one account. Give the stages "
            "of each their own policy: `lifecycle:` as a list with `for: {to: …}`."
        )
        problems.add(loc, "same-target", text)
    elif first != loc:
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


def actions(config: Config, policies: Sequence[Written], problems: Collector) -> None:
    """Somebody must be able to do what is written; a platform that cannot leaves its people alone and says so."""
    for one in policies:
        here = [account for name, account in config.destinations.items() if one.at(name)]
        for number, stage in enumerate(one.section.stages if one.section else ()):
            _offered(stage.action, (*one.loc, "stages", number, "action"), here, problems)
    for key in ("bounced", "unsubscribed"):
        part = getattr(config.cleanup, key, None)
        everywhere = list(config.destinations.values())
        _offered(part.action if part else None, ("cleanup", key, "action"), everywhere, problems)


def _offered(action: str | None, loc: Loc, accounts: Sequence[Destination], problems: Collector) -> None:
    keys = [VENDORS[account.platform] for account in accounts]
    undone = {each.retire for each in keys} - {None}
    offered = undone | ({"unsubscribe"} if any(each.unsubscribes for each in keys) else set())
    known = action in (None, "remove_tags", "report") or action in offered or (action == "default" and undone)
    if not known and accounts:
        hint = f"They offer: {', '.join(sorted(map(str, offered)))}." if undone else _NONE
        text = f"No platform of this file offers “{action}” in a way that this connector does. {hint}"
        problems.add(loc, "not-offered", text)
