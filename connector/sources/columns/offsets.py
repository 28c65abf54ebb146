"""Zones that a cell tells behind its time: `Z`, `UTC`, `(GMT)`, `CET`, `+0100`, `GMT+1`, `+01:00[Europe/Berlin]`.

Owns: the words that mean one offset, their pattern, the offset in seconds. Must not: read times. Words that mean
several zones (CST, IST, BST) are none: a time with one is not understood, and told.
"""

from __future__ import annotations

import re

from connector.sources.text import literal, literals

WORDS = {
    "z": 0, "utc": 0, "gmt": 0, "wet": 0, "west": 1, "cet": 1, "cest": 2, "mez": 1, "mesz": 2, "eet": 2, "eest": 3,
    "msk": 3, "est": -5, "edt": -4, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7, "akst": -9, "akdt": -8, "hst": -10,
    "jst": 9, "kst": 9, "aest": 10, "aedt": 11, "nzst": 12, "nzdt": 13,
}  # fmt: skip
_SEVERAL = re.compile(r":\d{2}\b.*[ (](CST|CDT|IST|BST|AST|SST|PT|ET|CT|MT)\)?\s*$", re.IGNORECASE)
_NUMBER = r"(?:(?:utc|gmt) ?[+-]\d{1,2}|[+-]\d{2})(?::?\d{2})?"
_NAME = r"(?: ?\([^()]*\)|\[[^\[\]]*\])?"  # what is behind an offset only explains it
_GAP = r"[ \x{a0}\x{202f}]*"
_ZONE = rf"{_GAP}(?:{_NUMBER}{_NAME}|\(?(?:{'|'.join(WORDS)}|{_NUMBER})\)?)$"
_CLOCK = r"\d:\d{2}(?::\d{2}(?:\.\d+)?)?(?:[ \x{a0}\x{202f}]*[ap]\.?m\.?)?"


def told(value: str) -> str:
    """SQL: whether a time of day with a zone is at the end of the text."""
    return f"(contains({value}, ':') AND regexp_matches(lower({value}), {literal(_CLOCK + _ZONE)}))"


def without(value: str) -> str:
    """SQL: the text without its zone."""
    return f"regexp_replace({value}, {literal('(?i)' + _ZONE)}, '')"


def bare(value: str) -> str:
    """SQL: the text, without its zone when it has one behind a time of day."""
    return f"CASE WHEN {told(value)} THEN {without(value)} ELSE {value} END"


def seconds(value: str) -> str:
    """SQL: by how much the told zone is ahead of UTC."""
    zone = f"regexp_extract(lower({value}), {literal(_ZONE)})"
    number = r"[+-](\d{1,2}):?(\d{2})?"
    hours, minutes = (f"coalesce(TRY_CAST(regexp_extract({zone}, '{number}', {group}) AS INT), 0)" for group in (1, 2))
    sign = f"CASE WHEN regexp_matches({zone}, '-\\d') THEN -1 ELSE 1 END"
    place = f"list_position([{literals(WORDS)}], regexp_extract({zone}, '[a-z]+'))"
    word = f"[{', '.join(str(hours * 3600) for hours in WORDS.values())}][{place}]"
    return (
        f"CASE WHEN regexp_matches({zone}, '[+-]\\d') THEN {sign} * ({hours} * 3600 + {minutes} * 60) ELSE {word} END"
    )


def hint(text: str) -> str:
    """A sentence about a time whose zone word means several; "" for other texts."""
    found = _SEVERAL.search(text)
    return f"“{found[1]}” means several time zones: write the offset, as 14:05 +01:00" if found else ""
