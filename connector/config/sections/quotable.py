"""Which parts of segments.yaml may be quoted in a message.

Owns: quotable(), allow() for a file that was read, raw() for one whose YAML breaks off. Must not: word a message.

A part is quoted when its key is known to hold no secret. Below `destinations` these are the keys listed here and a
platform's settings; whatever else is there, in an unknown section or in a comment may be a key that was pasted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from connector.config.language.rules import Loc
from connector.config.sections.fields import is_secret
from connector.config.yaml.nodes import Document
from connector.core.quote import Lines
from connector.core.scrub import scrub
from connector.vendors import OWN

_SECTIONS = frozenset(
    {
        *("version", "project", "timezone", "engine", "sources", "traits", "consent"),
        *("segments", "priorities", "silence", "guards", "lifecycle", "cleanup"),
        *("tests", "as_of", "quality", "measure", "experiments"),
    }
)
_OF_DESTINATIONS = frozenset({"platform", "audience", "new_contacts", "mode", "fields", "guards", "prices"})
_SETTINGS = frozenset(key for vendor in OWN.values() for key in vendor.settings)
_SECTION = re.compile(r"([A-Za-z_]\w*)\s*:")
_KEY = re.compile(r"\s*(?:- +)?([A-Za-z_][\w ]*?)\s*:(?=\s|$)")


def quotable(loc: Loc, value: Any) -> bool:
    """Whether the value that stands at `loc` may be in a message."""
    if not loc or _private(str(value)):
        return False
    if loc[0] == "destinations":
        return len(loc) > 2 and (loc[2] in _OF_DESTINATIONS | _SETTINGS or is_secret(value))
    if loc[0] == "notify":
        return loc[1:2] != ("to",) or is_secret(value)
    return loc[0] in _SECTIONS


def allow(document: Document) -> None:
    """Let messages quote every key and value that may be."""
    document.lines.prepare = partial(_allow, document)


def _allow(document: Document) -> None:
    for loc, place in (*document.keys.items(), *document.repeated):
        if loc and isinstance(loc[-1], str) and not _private(loc[-1]) and _known_key(loc):
            document.lines.show(place.line, place.column)
    for loc, value in leaves(document.data):
        if loc in document.values and quotable(loc, value):
            document.lines.show(document.values[loc].line, document.values[loc].column)


def raw(text: str) -> Lines:
    """The lines of a file that is no YAML: whole below a known section, else no more than the key."""
    found = Lines(text.split("\n"))
    section = ""
    for number, line in enumerate(found.lines, 1):
        begins = _SECTION.match(line)
        section = begins[1] if begins else "" if line[:1].strip(" #-") else section
        comment = re.search(r"(^|\s)#", line)
        words = line[: comment.start()] if comment else line
        if section in _SECTIONS and not _private(words):
            found.show(number, 1, len(words) + 1)
        elif (key := _KEY.match(words)) and not _private(key[1]):
            found.show(number, 1, key.end() + 1)
    return found


def _known_key(loc: Loc) -> bool:
    """Keys below an unknown one are as unknown as values."""
    if loc[0] == "destinations":
        return len(loc) <= 3 or loc[2] in _OF_DESTINATIONS | _SETTINGS
    return len(loc) == 1 or loc[0] in _SECTIONS or (loc[0] == "notify" and len(loc) == 2)


def _private(text: str) -> bool:
    """An address, what looks like a key or a password, and links with a part that may be signed."""
    return "@" in text or ("://" in text and "?" in text) or "(key)" in scrub(text, len(text) + 20)


def leaves(data: Any) -> Iterator[tuple[Loc, Any]]:
    """Every scalar with its loc; in a loop, because a file may be deep."""
    todo: list[tuple[Loc, Any]] = [((), data)]
    while todo:
        loc, value = todo.pop()
        if isinstance(value, dict):
            todo.extend(((*loc, key), item) for key, item in value.items())
        elif isinstance(value, list):
            todo.extend(((*loc, index), item) for index, item in enumerate(value))
        else:
            yield loc, value
