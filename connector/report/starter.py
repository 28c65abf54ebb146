"""The first segments.yaml that `sync init` writes.

Owns: its text. Must not: read the export itself, or name a column that the facts do not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from connector.sources.outline import CONTACTS, Draft
from connector.sources.suggest import Facts
from connector.vendors import VENDORS

_PLAIN = re.compile(r"[A-Za-z_][\w ./-]*(?<! )", re.ASCII)
_ZONES = {"AT": "Vienna", "BE": "Brussels", "CH": "Zurich", "DE": "Berlin", "DK": "Copenhagen", "ES": "Madrid",
          "FI": "Helsinki", "FR": "Paris", "GB": "London", "IE": "Dublin", "IT": "Rome", "NL": "Amsterdam",
          "NO": "Oslo", "PL": "Warsaw", "PT": "Lisbon", "SE": "Stockholm"}  # fmt: skip
_WINDOW = "90 days"
_SILENCE = ("silence: [overlap]                  # these are tags: a VIP is a repeat customer too, and may be both", "")


def starter(facts: Facts, file: Path) -> str:
    """A file that checks and evaluates as it stands, with what usually comes next as comments."""
    traits = _traits(facts)
    parts = [
        "# Segments of our customers. The language: docs/language.md",
        "# Next: sync check, sync segments, sync plan --rehearse",
        "version: 1",
        f"timezone: UTC                       # where “today” begins; {_zone(facts)}",
        "",
        "sources:",
        *(line for draft in facts.drafts for line in _source(draft, file, facts)),
        "",
        *(["traits:", *(f"  {name}: {rule}" for name, rule in traits.items()), ""] if traits else []),
        *_consent(facts),
        "",
        "# destinations:",
        *(f"#   {vendor.example}" for vendor in VENDORS.values()),
        "",
        *_lifecycle(facts, traits),
        *(_SILENCE if len(list(_rules(facts, traits))) > 1 else ()),
        "segments:",
        *(line for segment in _segments(facts, traits) for line in segment),
    ]
    return "\n".join(parts) + "\n"


def _zone(facts: Facts) -> str:
    name = _ZONES.get(facts.country or "")
    if name:
        return f"most contacts are in {facts.country}: Europe/{name}?"
    utc = any("utc" in header.casefold() for draft in facts.drafts for header in draft.headers)
    return "the exports say UTC themselves" if utc else "e.g. Europe/Berlin"


def _source(draft: Draft, file: Path, facts: Facts) -> Iterator[str]:
    folder = file.resolve().parent
    path, inside = draft.file.resolve(), draft.file.resolve().is_relative_to(folder)
    path = path.relative_to(folder) if inside else path
    yield f"  {draft.name}:" + ("                         # one row per person" if draft.name == CONTACTS else "")
    yield f"    file: {json.dumps(path.as_posix(), ensure_ascii=False)}"
    if not inside:
        yield "    allow_outside: true"
    for key in ("preset", "email", "id", "updated_at", "at"):
        value = getattr(draft, key)
        if key == "email" and draft.more:
            yield f"    email: [{', '.join(_quoted(header) for header in (draft.email or '', *draft.more))}]"
        elif value is not None:
            yield f"    {key}: {_quoted(value)}"
    if draft.join is not None:
        yield f"    join: {{{_quoted(draft.join[0])}: {_quoted(draft.join[1])}}}"
    if draft.declared:
        yield "    columns:"
        for name, (header, type_) in draft.declared.items():
            yield f"      {name}: {{from: {_quoted(header)}, type: {type_}}}"
    if draft.name == CONTACTS:
        yield f"    # columns here: {', '.join(_comment(name) for name in facts.columns or draft.shown)}"


def _quoted(text: str) -> str:
    return (
        text
        if _PLAIN.fullmatch(text) and text not in ("true", "false", "null")
        else json.dumps(text, ensure_ascii=False)
    )


def _comment(header: str) -> str:
    """A header must not break out of the comment."""
    return " ".join(header.split())


def _traits(facts: Facts) -> dict[str, str]:
    """What the events of a person come to; a column of the export keeps its name."""
    found: dict[str, str] = {}
    orders = facts.orders
    if orders is not None:
        if facts.amount:
            found[_free("lifetime_value", facts)] = f"{{sum: {orders.name}.{facts.amount}}}"
        found[_free("orders_ever", facts)] = f"{{count: {orders.name}}}"
        found[_free("last_order_at", facts)] = f"{{latest: {orders.name}}}"
    if facts.clicks is not None:
        draft, column, word = facts.clicks
        found[_free("last_click_at", facts)] = f"{{latest: {draft.name}, where: {{{column}: {_quoted(word)}}}}}"
    signs = _signs(facts, found)
    if len(signs) > 1:
        found[_free("last_engaged_at", facts)] = f"{{greatest: [{', '.join(signs)}]}}"
    return found


def _free(name: str, facts: Facts) -> str:
    return f"{name}_computed" if name in facts.columns else name


def _trait(facts: Facts, traits: Iterable[str], name: str) -> str | None:
    found = _free(name, facts)
    return found if found in traits else None


def _signs(facts: Facts, traits: Iterable[str]) -> list[str]:
    """The last click and the last order, or what the export says instead."""
    clicked = _trait(facts, traits, "last_click_at") or facts.last_sign
    ordered = _trait(facts, traits, "last_order_at") or facts.last_order
    return [name for name in (clicked, ordered) if name]


def _consent(facts: Facts) -> list[str]:
    if facts.consent is None:
        return [
            "# consent:                          # who may be contacted; without it everybody counts as consenting",
            "#   when: {email_opt_in: true}",
            "#   proof: {at: opted_in_at, source: opt_in_source}",
        ]
    column, value = facts.consent
    lines = [
        "consent:                            # who may be contacted at all",
        f"  when: {{{column}: {_quoted_value(value)}}}",
    ]
    if facts.proof_at:
        source = f", source: {facts.proof_source}" if facts.proof_source else ""
        lines.append(f"  proof: {{at: {facts.proof_at}{source}}}")
    return lines


def _quoted_value(value: str) -> str:
    return value if value in ("true", "false") else _quoted(value)


def _lifecycle(facts: Facts, traits: dict[str, str]) -> list[str]:
    signs = _signs(facts, traits)
    if not signs:
        return []
    vip = "\n  protect: [vip]" if "vip" in {name for name, *_ in _rules(facts, traits)} else ""
    return [
        "lifecycle:                          # inactive contacts enter win-back stages; see docs/lifecycle.md",
        f"  signals: [{', '.join(signs)}]",
        f"  inactive: {{after: {_WINDOW}}}{vip}",
        "  stages:",
        "    - {name: win_back, tag: win-back}",
        "    - {name: last_call, after: 30 days, tag: last-call}",
        "    # - {name: sunset, after: 14 days, action: default}   # archives or suppresses, by: sync cleanup",
        "  returned: {tag: won-back, for: 60 days}",
        "  ramp: {at_most: 5% of contacts, per: run}",
        "",
    ]


def _rules(facts: Facts, traits: dict[str, str]) -> Iterator[tuple[str, str, str, list[str]]]:
    """(name, title, description, conditions), as far as the data is there."""
    value = _trait(facts, traits, "lifetime_value") or facts.spent
    count = _trait(facts, traits, "orders_ever") or facts.orders_count
    ordered = _trait(facts, traits, "last_order_at") or facts.last_order
    signs = _signs(facts, traits)
    engaged = _trait(facts, traits, "last_engaged_at") or (signs[0] if signs else None)
    since = facts.proof_at if facts.proof_at and facts.consent else facts.joined
    recent = [f"{ordered}: {{within: {_WINDOW}}}"] if ordered else []
    if since:
        yield "new_subscribers", "New subscribers", "Came within the last 30 days", [f"{since}: {{within: 30 days}}"]
    if engaged:
        yield "engaged", "Engaged", "Active lately", [f"{engaged}: {{within: {_WINDOW}}}"]
    if count:
        yield "repeat_customers", "Repeat customers", "Two orders or more", [f"{count}: {{at_least: 2}}", *recent]
    if value:
        told = f"Spent {facts.much:,} or more" if facts.much else "The tenth who spent most"
        rank = f"at_least: {facts.much}" if facts.much else "top: 10%"
        lately = ", and bought lately" if recent else ""
        yield "vip", "VIP customers", f"{told}{lately}", [f"{value}: {{{rank}}}", *recent]
    if count and ordered:
        late = [f"{count}: {{at_least: 2}}", f"{ordered}: {{more_than_ago: {_WINDOW}}}"]
        late += [f"{engaged}: {{within: 180 days}}"] if engaged != ordered else []
        yield "at_risk", "At risk", "Bought more than once, and nothing for three months", late
    if engaged:
        silent = [f"{facts.joined}: {{more_than_ago: 30 days}}"] if facts.joined else []
        silent.append(f"not: {{{engaged}: {{within: 180 days}}}}")
        yield "inactive", "Inactive", "No activity for half a year", silent
    if facts.birthday:
        near = [f"{facts.birthday}: {{anniversary_within: 7 days}}"]
        yield "birthday", "Birthday", "Birthday within the next seven days", near


def _segments(facts: Facts, traits: dict[str, str]) -> Iterator[list[str]]:
    rules = list(_rules(facts, traits))
    if not rules:
        everyone = "Every address of the export"
        rules = [("everyone", "Everyone in the export", everyone, ["email: {exists: true}"])]
    for name, title, description, conditions in rules:
        yield [
            f"  {name}:",
            f"    title: {title}",
            f"    description: {description}",
            "    when:",
            *(f"      {condition}" for condition in conditions),
            "    # send_to:",
            f"    #   {next(iter(VENDORS))}: {{tag: {title}}}",
            "",
        ]
