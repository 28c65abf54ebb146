"""Every code a problem of segments.yaml can carry, each with one line for the reference.

Owns: Code (checked by mypy at each use), CODES, BadValue. Codes are stable: people silence and search them.
Must not: know places or word a message for one case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TypeVar

T = TypeVar("T")

Code = Literal[
    "alias",
    "anchor",
    "bad-character",
    "bad-date",
    "bad-duration",
    "bad-key",
    "bad-name",
    "bad-number",
    "bad-origin",
    "bad-percent",
    "bad-place",
    "bad-regex",
    "bad-secret",
    "bad-target",
    "bad-url",
    "contradiction",
    "cycle",
    "duplicate-key",
    "empty",
    "empty-file",
    "empty-value",
    "encoding",
    "literal-secret",
    "merge-key",
    "misplaced-secret",
    "misplaced-word",
    "missing-key",
    "missing-time",
    "name-clash",
    "needs-consent",
    "no-file",
    "no-list",
    "not-installed",
    "not-offered",
    "not-on-engine",
    "range",
    "same-target",
    "second-document",
    "secret-not-set",
    "shares",
    "split-differs",
    "tab",
    "too-deep",
    "twice",
    "unknown-destination",
    "unknown-engine",
    "unknown-key",
    "unknown-segment",
    "unknown-source",
    "unknown-test",
    "unknown-timezone",
    "unknown-unit",
    "unknown-value",
    "version",
    "wrong-type",
    "yaml",
    "yaml-tag",
]

CODES: Mapping[Code, str] = {
    "alias": "A YAML alias (*name) is used; segments.yaml has none, so that every rule reads by itself.",
    "anchor": "A YAML anchor (&name) is set; segments.yaml has none.",
    "bad-character": "A control character, or one that no text may hold.",
    "bad-date": "Not a date (2026-01-31) or time (2026-01-31T12:00, with or without zone) of the calendar.",
    "bad-duration": "Not a whole number above 0 and hours, days, weeks, months or years.",
    "bad-key": "A key that is not one plain word or text.",
    "bad-name": "A name with characters that names may not have.",
    "bad-number": "A number is needed here.",
    "bad-origin": "An address of `file:` that no export is read from.",
    "bad-percent": "Not a share like 10% in the range that makes sense here.",
    "bad-place": "Not a point (latitude,longitude) or not a distance (25 km, 10 miles).",
    "bad-regex": "A pattern that RE2 cannot read.",
    "bad-secret": "A secret whose value in the environment cannot be a key.",
    "bad-target": "A tag or list name that the platform cannot hold.",
    "bad-url": "Not an address of the form https://host, one with a user or password in it, or http:// elsewhere.",
    "contradiction": "Two settings that exclude each other.",
    "cycle": "Segments or traits that ask for each other in a circle.",
    "duplicate-key": "The same key twice in one mapping.",
    "empty": "A list, mapping or text that must hold something is empty.",
    "empty-file": "The file holds nothing.",
    "empty-value": "A key with nothing after it.",
    "encoding": "The file is not UTF-8.",
    "literal-secret": "A key is written into the file; only ${NAME} is allowed there.",
    "merge-key": "The YAML merge key (<<) is used; segments.yaml has none.",
    "misplaced-secret": "${NAME} is written where no secret is read.",
    "misplaced-word": "A word of the language where it has no meaning.",
    "missing-key": "A required key is missing.",
    "missing-time": "A window is asked for on a source without `at`.",
    "name-clash": "Two things share a name, or a name is a word of the language.",
    "needs-consent": "Creating subscribed contacts needs a consent section with dated proof.",
    "no-file": "segments.yaml cannot be opened.",
    "no-list": "The platform has no such kind of target.",
    "not-installed": "The package of this platform is installed, and cannot be used.",
    "not-offered": "The platform, or no platform of the file, offers this.",
    "not-on-engine": "Something that the chosen engine cannot do.",
    "range": "A number or pair outside its range or out of order.",
    "same-target": "Two segments are sent to the same tag or list of one destination.",
    "second-document": "A second YAML document (---) in the file.",
    "secret-not-set": "The environment variable of a secret is not set.",
    "shares": "The shares of a split do not make 100.",
    "split-differs": "Two splits of one name have different shares.",
    "tab": "A tab where only spaces may indent.",
    "too-deep": "Nested deeper than anybody can read.",
    "twice": "A name is given twice where it may be given once.",
    "unknown-destination": "No destination has this name.",
    "unknown-engine": "No engine has this name.",
    "unknown-key": "A key that does not exist here.",
    "unknown-segment": "No segment has this name.",
    "unknown-source": "No source has this name.",
    "unknown-test": "No test of the language has this name.",
    "unknown-timezone": "No time zone of the IANA database has this name.",
    "unknown-unit": "Not a unit of the language.",
    "unknown-value": "A value that is none of the allowed words.",
    "version": "The file is of a version that this connector does not read.",
    "wrong-type": "A value of the wrong kind: text for a mapping, a list for text, …",
    "yaml": "The YAML itself cannot be read.",
    "yaml-tag": "A YAML tag (!name) is used; segments.yaml has none.",
}


class BadValue(ValueError):
    """One written value cannot be used. `message` says what and what to do, and holds no secret. `inside` is the
    position of the wrong item when the value is a list."""

    def __init__(self, code: Code, message: str, inside: tuple[int, ...] = ()) -> None:
        self.code: Code = code
        self.message = message
        self.inside = inside
        super().__init__(message)


def each(parse: Callable[[Any], T], items: Iterable[Any]) -> tuple[T, ...]:
    """Every item parsed; a BadValue says which one it is about."""
    found = []
    for index, item in enumerate(items):
        try:
            found.append(parse(item))
        except BadValue as bad:
            raise BadValue(bad.code, bad.message, (index, *bad.inside)) from None
    return tuple(found)
