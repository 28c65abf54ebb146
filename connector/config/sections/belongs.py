"""Where a misplaced key belongs, most often because of its indentation.

Owns: parents(), misplaced(). Must not: know a place in a file, or report a problem.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from connector.config.sections.fields import keys
from connector.config.sections.lifecycle import Inactive, Lifecycle, Stage
from connector.config.sections.models import Column, Config, Destination, Guards, Segment, Source
from connector.config.sections.notify import Notify
from connector.config.sections.quality import Quality
from connector.vendors import OWN

# What an entry of the section must have to be one; without it, an entry named like a key is that key.
_NEEDS: Mapping[str, tuple[str, ...]] = {
    "segments": ("when", "members_from"),
    "sources": ("file", "table"),
    "destinations": ("platform",),
}


@cache
def parents() -> Mapping[str, tuple[str, ...]]:
    """Every key of the file -> the parts that have it, as a person would call them."""
    secrets = [key for vendor in OWN.values() for key in (vendor.secret, *vendor.settings)]
    own = {"name", "secret", "settings", "silenced", "path"}
    parts = {
        "a segment": keys(Segment),
        "a source": keys(Source),
        "a destination": [*keys(Destination), *secrets],
        "a column": keys(Column),
        "`consent`": ["when", "proof"],
        "`lifecycle`": keys(Lifecycle),
        "`lifecycle: inactive`": keys(Inactive),
        "a stage of `lifecycle`": [*keys(Stage), "name"],
        "`guards`": keys(Guards),
        "`notify`": keys(Notify),
        "`quality`": keys(Quality),
        "the top of the file": keys(Config),
    }
    found: dict[str, tuple[str, ...]] = {}
    for part, names in parts.items():
        for name in dict.fromkeys(names):
            if name not in own or part.startswith("a stage"):
                found[name] = (*found.get(name, ()), part)
    return found


def misplaced(key: str) -> str:
    """“`title` is a key of a segment.”, or nothing for a word that is no key anywhere."""
    where = parents().get(key, ())
    return f"`{key}` is a key of {' or '.join(where[:3])}." if where else ""


def stray(section: str, name: str, value: object) -> bool:
    """Whether an entry of a section is no entry, but a key that belongs inside one."""
    needs = _NEEDS.get(section)
    if needs is None or (isinstance(value, dict) and any(need in value for need in needs)):
        return False
    part = {"segments": "a segment", "sources": "a source", "destinations": "a destination"}[section]
    return part in parents().get(name, ())
