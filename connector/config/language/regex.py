"""Is a pattern one that RE2 reads? Checked here, so that a wrong one fails at its line and not inside an engine.

Owns: the difference between RE2 and Python's `re` (github.com/google/re2/wiki/Syntax). The pattern is walked once and
rewritten to what `re` accepts; `re` then finds unbalanced brackets and the like.
Must not: match anything with the result.
"""

from __future__ import annotations

import re
import warnings
from re import _parser  # type: ignore[attr-defined]
from typing import Any

from connector.config.language.values import text
from connector.config.sections.codes import BadValue

LONGEST = 1000  # characters
LARGEST = 30_000  # signs, with repetitions written out; what DuckDB's RE2 holds of the largest kind of set (measured)
LARGEST_OF_CLASSES = 400  # where \pL or its like occurs, which are hundreds of ranges each
_CATEGORY = re.compile(r"\\[pP](?:[A-Z]|\{\^?[A-Z][a-z]?\})")
_REPEATS = (_parser.MAX_REPEAT, _parser.MIN_REPEAT)
_ESCAPES_OUTSIDE = frozenset("ABbzDdSsWwCafnrtv")
_ESCAPES_INSIDE = frozenset("DdSsWwafnrtv")
_REPEAT = re.compile(r"\{(\d+)(,(\d*))?\}", re.ASCII)
_PROPERTY = re.compile(r"[pP](\{\^?\w+\}|[A-Z])", re.ASCII)
_CATEGORIES = re.compile(r"C[cfos]?|L[lmotu]?|M[cen]?|N[dlo]?|P[cdefios]?|S[ckmo]?|Z[lps]?")
_HEX = re.compile(r"x(\{[0-9A-Fa-f]{1,6}\}|[0-9A-Fa-f]{2})")
_OCTAL = re.compile(r"0[0-7]{0,2}|[1-7][0-7]{1,2}")
_FLAGS = re.compile(r"\(\?([imsU]*(?:-[imsU]+)?)([:)])")
_NAMED = re.compile(r"\(\?P<\w+>", re.ASCII)
_POSIX = re.compile(r"\[:\^?\w+:\]", re.ASCII)


def pattern(value: Any) -> str:
    """The pattern as written. Raises BadValue."""
    found = text(value)
    if len(found) > LONGEST:
        raise _bad(f"it is longer than {LONGEST} characters")
    python = _Walk(found).rewrite()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(python)
            _bounded(_parser.parse(python), found)
    except (re.error, RecursionError, OverflowError) as error:
        raise _bad(error.msg if isinstance(error, re.error) else "it is nested too deeply") from None
    return found


def _bounded(tree: Any, written: str) -> None:
    """RE2 writes repetitions out: nested ones multiply, and what becomes too large is refused while people are read."""
    if _nested(tree) > 1000:
        raise _bad("nested repetitions may repeat no more than 1000 times in all")
    if _size(tree) > (LARGEST_OF_CLASSES if _CATEGORY.search(written) else LARGEST):
        raise _bad("with its repetitions written out it is too large")


def _repeats(code: object, given: Any) -> int:
    """How often a part is written out."""
    low, high = given[:2] if code in _REPEATS else (1, 1)
    return max(1, int(low if high is _parser.MAXREPEAT else high))


def _parts(code: object, given: Any) -> list[Any]:
    """The content of a part."""
    if code is _parser.BRANCH:
        return list(given[1])
    return [given[-1]] if code in _REPEATS or code is _parser.SUBPATTERN else []


def _nested(tree: Any) -> int:
    """The largest product of repetitions in each other."""
    return max((_repeats(*item) * max(map(_nested, _parts(*item)), default=1) for item in tree), default=1)


def _size(tree: Any) -> int:
    return sum(_repeats(*item) * (sum(map(_size, _parts(*item))) or 1) for item in tree)


def _bad(why: str) -> BadValue:
    return BadValue("bad-regex", f"The pattern cannot be read by RE2: {why}.")


def _class(match: re.Match[str]) -> str:
    """A category of Unicode, or a script; the names of scripts are left to the engine."""
    name = match[1].strip("{}").removeprefix("^")
    if len(name) < 3 and not _CATEGORIES.fullmatch(name):
        raise _bad(f"it knows no class \\p{{{name}}}")
    return r"\w"


def _hex(match: re.Match[str]) -> str:
    return _code(int(match[1].strip("{}"), 16))


def _octal(match: re.Match[str]) -> str:
    return _code(int(match[0], 8))


def _code(code: int) -> str:
    if code > 0x10FFFF:
        raise _bad("a code above 10FFFF is no character")
    return re.escape(chr(code))


class _Walk:
    def __init__(self, written: str) -> None:
        self._text = written
        self._at = 0
        self._out: list[str] = []

    def rewrite(self) -> str:
        repeated = False  # did the last piece repeat? RE2 refuses x** and has no possessive x*+
        while self._at < len(self._text):
            char = self._text[self._at]
            repeats = self._repeat()
            if repeats and repeated:
                raise _bad("a repetition follows a repetition; put the first in brackets")
            if not repeats:
                self._piece(char)
            repeated = repeats
        return "".join(self._out)

    def _repeat(self) -> bool:
        """Take *, +, ? or {n,m} with an optional lazy ?."""
        counted = _REPEAT.match(self._text, self._at)
        if counted and max(int(n or 0) for n in (counted[1], counted[3])) > 1000:
            raise _bad("nothing may repeat more than 1000 times")
        if counted is None and self._text[self._at] not in "*+?":
            return False
        end = counted.end() if counted else self._at + 1
        end += self._text.startswith("?", end)
        self._take(end, self._text[self._at : end])
        return True

    def _piece(self, char: str) -> None:
        if char == "\\":
            self._escape(_ESCAPES_OUTSIDE)
        elif char == "[":
            self._set()
        elif self._text.startswith("(?", self._at):
            self._group()
        else:
            self._take(self._at + 1, char)

    def _group(self) -> None:
        if named := _NAMED.match(self._text, self._at):
            self._take(named.end(), named[0])
        elif (flags := _FLAGS.match(self._text, self._at)) and flags[0] != "(?)":
            self._take(flags.end(), "(?:" if flags[2] == ":" else "")
        else:
            raise _bad("it has no look-ahead, look-behind, conditions or comments; only (?:…), (?P<name>…), (?i)")

    def _escape(self, letters: frozenset[str]) -> None:
        start = self._at + 1
        for known, python in ((_PROPERTY, _class), (_HEX, _hex), (_OCTAL, _octal)):
            if match := known.match(self._text, start):
                self._take(match.end(), python(match))
                return
        char = self._text[start : start + 1]
        if char == "Q" and letters is _ESCAPES_OUTSIDE:
            end = self._text.find("\\E", start)
            self._take(len(self._text) if end < 0 else end + 2, "a")
        elif char.isdigit():
            raise _bad("it has no back-references")
        elif not char or (char.isalnum() and char not in letters) or not char.isascii():
            raise _bad(f"it does not know \\{char}")
        else:
            self._take(start + 1, {"z": r"\Z", "C": "."}.get(char, "\\" + char))

    def _set(self) -> None:
        """[…]: a first ] is itself, [:alpha:] is a class."""
        self._take(self._at + 1, "[")
        self._take_if("^")
        self._take_if("]", r"\]")
        while self._at < len(self._text) and self._text[self._at] != "]":
            if posix := _POSIX.match(self._text, self._at):
                self._take(posix.end(), r"\w")
            elif self._text[self._at] == "\\":
                self._escape(_ESCAPES_INSIDE)
            else:
                char = self._text[self._at]
                self._take(self._at + 1, r"\[" if char == "[" else char)
        self._take_if("]")

    def _take_if(self, char: str, python: str | None = None) -> None:
        if self._text.startswith(char, self._at):
            self._take(self._at + 1, python or char)

    def _take(self, end: int, python: str) -> None:
        self._out.append(python)
        self._at = end
