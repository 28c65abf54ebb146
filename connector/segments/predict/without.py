"""A file without the predictions that may not be used: its other segments are served all the same.

Owns: which segments depend on such a prediction. Must not: evaluate, decide whether a prediction may be used.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal

from connector.config.language.rules import InSegment, Pick, Sample
from connector.config.sections.models import Config
from connector.segments.names import CONTACTS, DRIVERS, mentioned, nodes

_ANYBODY = Decimal(1)  # per cent; no column is asked. Who is in it is not looked at


def without(
    config: Config, refused: Mapping[str, str], decided: Collection[str]
) -> tuple[Config, dict[str, str]] | None:
    """The file in which no rule asks for the predictions `refused` (name -> why), and segment -> why it is left out:
    its rule or a segment that it names asks for one, or it comes after such a segment in `priorities`. Segments that
    were `decided` (frozen) keep their members.

    None when somebody's consent, the lifecycle or a field that is sent depends on one: without it these are unknown."""
    names = _traits(config, refused)
    rules = {name: segment.when for name, segment in config.segments.items()}
    by_rule: dict[str, str] = {}
    while found := {
        name: why
        for name, rule in rules.items()
        if not (name in by_rule or name in decided) and (why := _asks(rule, names, by_rule))
    }:
        by_rule |= found
    if _needed(config, names, by_rule):
        return None
    left_out = dict(by_rule)
    for group in config.priorities:
        first = next((place for place, name in enumerate(group) if name in left_out), len(group))
        above = group[first] if first < len(group) else ""
        for name in group[first + 1 :]:
            left_out.setdefault(name, f"{above}, which comes before it in priorities, is left out")
    segments = {
        name: segment.model_copy(update={"when": Sample(_ANYBODY, None, segment.when.loc)})
        if segment.when is not None and _asks(segment.when, names, by_rule)
        else segment
        for name, segment in config.segments.items()
    }
    traits = {name: trait for name, trait in config.traits.items() if name not in names}
    return config.model_copy(update={"segments": segments, "traits": traits}), left_out


def _traits(config: Config, refused: Mapping[str, str]) -> dict[str, str]:
    """Every name that needs one of these predictions, and why it may not be used."""
    names = dict(refused) | {f"{name}.{DRIVERS}": why for name, why in refused.items()}
    picks = {name: trait for name, trait in config.traits.items() if isinstance(trait, Pick)}
    while found := {
        name: why
        for name, pick in picks.items()
        if name not in names and (why := next((names[one] for one in pick.columns if one in names), ""))
    }:
        names |= found
    return names


def _asks(rule: object, names: Mapping[str, str], segments: Mapping[str, str]) -> str:
    """Why a rule cannot be decided: it asks for one of `names` or `segments` (each with its reason); empty: it can."""
    for node, source in nodes(rule, CONTACTS):
        if isinstance(node, InSegment) and (why := next((segments[one] for one in node.names if one in segments), "")):
            return why
        for one in mentioned(node, source):
            if one.traits and one.written in names:
                return names[one.written]
    return ""


def _needed(config: Config, names: Mapping[str, str], segments: Mapping[str, str]) -> bool:
    """Whether consent, the lifecycle or a field asks for one of them."""
    rules: list[object] = [policy.for_.when for policy in config.lifecycle if policy.for_ is not None]
    written = [name for policy in config.lifecycle for name in policy.signals]
    written += [name for item in config.destinations.values() for name in item.fields.values()]
    if (consent := config.consent) is not None:
        rules.append(consent.when)
        written += [name for name in (consent.proof_at, consent.proof_source) if name is not None]
    protected = {name for policy in config.lifecycle for name in policy.protect}
    return (
        any(_asks(rule, names, segments) for rule in rules)
        or any(name in names for name in written)
        or not protected.isdisjoint(segments)
    )
