"""Further questions put to the same pass over the export: how many are in a segment and also …

Owns: with_probes() and the names of probes. Must not: be seen by plans or reports: it makes a Config to evaluate only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from connector.config.language.rules import Rule, Sample
from connector.config.sections.models import Config, Segment


def with_probes(config: Config, rules: Mapping[str, Rule]) -> Config:
    """`config` with one more segment per rule, and without priorities: every segment has all who match its rule.

    A probe's name begins with “?”, which no segment's name can."""
    assert all(name.startswith("?") for name in rules)
    probes = {name: Segment(name=name, when=rule) for name, rule in rules.items()}
    return config.model_copy(update={"segments": {**config.segments, **probes}, "priorities": ()})


def of_segment(rule: Any, segment: str) -> Any:
    """`rule` as it would be anywhere else: a sample without a name is the segment's own."""
    if isinstance(rule, tuple):
        return tuple(of_segment(part, segment) for part in rule)
    if not is_dataclass(rule) or isinstance(rule, type):
        return rule
    if isinstance(rule, Sample) and rule.name is None:
        return replace(rule, name=segment)
    return replace(rule, **{field.name: of_segment(getattr(rule, field.name), segment) for field in fields(rule)})
