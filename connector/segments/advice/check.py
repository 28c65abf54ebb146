"""The checker's advice: what is no error and yet worth knowing before a push.

Owns: the order of the questions, and what `silence:` switches off.
Must not: find anything itself (advice_file, advice_rules, advice_members and advice_data do), print, call a platform.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from connector.config.sections.advice_codes import weight
from connector.config.sections.models import Config
from connector.segments.advice import consent, data, lifecycle, members, quality, rules, ties
from connector.segments.advice import file as advice_file
from connector.segments.advice.model import Advice, Evidence


def advise(given: Evidence) -> list[Advice]:
    """Everything that is not silenced: the weightiest code first, one code in the order of the file."""
    found = [item for item in _all(given) if not _silenced(given.config, item)]
    return sorted(dict.fromkeys(found), key=lambda item: (weight(item.code), item.place, item.message))


def advise_without_data(config: Config, as_of: datetime, secrets: Collection[str]) -> list[Advice]:
    """What the file alone tells. Whether a column is used is seen only beside the export, which may rename it."""
    nothing: Any = SimpleNamespace(catalog={})
    given = Evidence(config, nothing, nothing, as_of, lambda *_: None, secrets)
    found = [item for item in advice_file.advice(given) if item.code != "unused-column" and not _silenced(config, item)]
    return sorted(dict.fromkeys(found), key=lambda item: (weight(item.code), item.place, item.message))


def _all(given: Evidence) -> Iterator[Advice]:
    yield from advice_file.advice(given)
    yield from consent.advice(given)
    yield from rules.advice(given)
    yield from lifecycle.advice(given)
    yield from members.advice(given)
    yield from quality.advice(given)
    yield from data.advice(given)
    yield from ties.advice(given)


def _silenced(config: Config, item: Advice) -> bool:
    return item.code in config.silenced or any(item.code in config.segments[name].silenced for name in item.segments)
