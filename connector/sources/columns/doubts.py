"""Texts that somebody damaged on the way here, and lists that are not divided as the others.

Owns: the signs of both, their findings. Must not: mend a value.

Letters that were encoded twice (`ZÃ¼rich`, `Z√ºrich`), words that show how an encoding was guessed, letters that a
program replaced (`Z?rich`, `Z�rich`), and items of a list whose parts are items of other cells (`press/vip` among
`press;vip`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from connector.core.counts import by_count
from connector.sources import engine
from connector.sources.cells import quoted
from connector.sources.findings import Findings
from connector.sources.text import literal, literals, name, plain, trim

if TYPE_CHECKING:
    import duckdb

_HIGH = "\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"
_HIGH_1251 = (
    "[ЂЃ‚ѓ„…†‡€‰Љ‹ЊЌЋЏђ‘’“”•–—™љ›њќћџ\\x{a0}ЎўЈ¤Ґ¦§Ё©Є«¬\\x{ad}®Ї°±Ііґµ¶·ё№є»јЅѕї]"  # also letters: one says little
)
_TWICE = {
    "cp1252": f"[ÂÃÄÅÆÎÏÐÑâ][{_HIGH}]+",
    "mac-roman": "[¬√ƒ≈∆Œœ–—‚][\\x{a0}-\\x{ff}ÄÅÇÉÑÖÜ†°¢£§•¶ß®©™≠∞±≤≥¥µ∂∑∏π∫Ωƒ√∆Œœ]+",
    "cp1250": "[ÂĂÄĹĐŃâ][€‚„…†‡‰Š‹ŚŤŽŹ‘’“”•–—™š›śťžź\\x{a0}ˇ˘Ł¤Ą¦§¨©Ş«¬\\x{ad}®Ż°±˛ł´µ¶·¸ąş»Ľ˝ľż]+",
    "cp1251": f"(?:[ВГРСТ]{_HIGH_1251}){{2,}}|[A-Za-z][ГДЕ]{_HIGH_1251}|[ГДЕ]{_HIGH_1251}[a-z]",
}
_REPLACED = r"\x{fffd}|\p{L}\?\p{L}"
_HTML = (
    r"&(?:amp|lt|gt|quot|apos|nbsp|szlig|[A-Za-z]{1,2}(?:uml|acute|grave|circ|tilde|cedil|ring|slash|lig)"
    r"|#\d{2,6}|#x[0-9A-Fa-f]{2,5});"
)
_ERROR = r"^\s*#(?:(?:[A-ZÄÉÖÜ]{3,9}|DIV/0)[!?]|NV|N/D)\s*$"  # of a spreadsheet, in its language
_SIGNS = (*",;|/\t\n", "\u037e", "\uff1b", "\uff0c", "\u3001", "\u061b", "\u060c")
_DISTINCT = 500  # spellings that are looked at; a column of more is one of free text
_IN_WORD = r"[^\x00-\x26\x28-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f\x{a0}]"  # signs too: `£ukasz` is Łukasz
_WORD = rf"{_IN_WORD}*[^\x00-\x7f\x{{a0}}]{_IN_WORD}*"
_WESTERN = frozenset("äöüÄÖÜßéèêëàâáóòôíìîïúùûñçåæøœÉÈÀÁÇÑÅØÆÍÓÚõãºª’‘“”„…–—€°")
_SHOWN = 3  # words
Where = Callable[[int], tuple[str, int]]


def texts(
    con: duckdb.DuckDBPyConnection, raw: str, cells: dict[str, str], at: str, place: Where, findings: Findings
) -> None:
    """Look at columns of texts: `cells` maps each to the SQL of its text over `raw` as `r`; `at` is the source."""
    if not cells:
        return
    # Each sign for itself is twice as quick as one condition of all.
    suspect = ", ".join("+".join(f"count(*) FILTER ({one})" for one in _suspect(cell)) for cell in cells.values())
    counts = engine.row(con, f"SELECT {suspect} FROM {raw} r")
    for (column, cell), count in zip(cells.items(), counts, strict=True):
        if count:
            _look(con, raw, column, cell, at, place, findings)


def _suspect(cell: str) -> tuple[str, ...]:
    """SQL, quick: one of these is true for every cell that may be damaged."""
    return f"strlen({cell}) <> length({cell})", *(f"contains({cell}, '{sign}')" for sign in "?&#")


def _look(
    con: duckdb.DuckDBPyConnection, raw: str, column: str, cell: str, at: str, place: Where, findings: Findings
) -> None:
    pattern = literal("|".join((*_TWICE.values(), _REPLACED, _HTML, _ERROR)))
    suspect = " OR ".join(_suspect(cell))
    found = con.execute(
        f"SELECT {cell} AS v, count(*), min(rowid) FROM {raw} r WHERE ({suspect}) AND regexp_matches(v, {pattern})"
        f" GROUP BY v ORDER BY 3 LIMIT {_DISTINCT}"
    ).fetchall()
    for code, is_one, forms, message in (
        ("encoded-twice", twice, ("cell was", "cells were"),
         "encoded twice, as a word shows: the letters are not what people wrote"),
        ("letters-lost", replaced, ("cell has", "cells have"),
         "a sign in the place of a letter that a program could not write"),
        ("html-codes", _has(_HTML), ("cell has", "cells have"),
         "codes of HTML in the place of letters or signs: rules compare them as they stand"),
        ("sheet-error", _has(_ERROR), ("cell is", "cells are"),
         "a spreadsheet's error, which counts as a value. Correct it, or say `missing:`"),
    ):  # fmt: skip
        mine = [(text, count, row) for text, count, row in found if is_one(text)]
        if mine:
            number, shown = sum(count for _, count, _ in mine), tuple(quoted(text) for text, *_ in mine[:1])
            message = f"{by_count(number, *forms)} {message}"
            findings.add(code, at, column, number, message, place(mine[0][2]), shown)


def twice(text: str) -> bool:
    """Whether a piece of the text is UTF-8 that was read as another encoding."""
    for encoding, pattern in _TWICE.items():
        for piece in re.findall(re.sub(r"\\x\{(..)\}", lambda code: chr(int(code[1], 16)), pattern), text):
            try:
                piece.encode(encoding).decode("utf-8")
            except UnicodeError:
                continue
            return True
    return False


def _has(pattern: str) -> Callable[[str], bool]:
    return lambda text: re.search(pattern, text) is not None


def replaced(text: str) -> bool:
    return "\ufffd" in text or (
        "://" not in text and "=" not in text and re.search(r"[^\W\d_]\?[^\W\d_]", text) is not None
    )


def words(con: duckdb.DuckDBPyConnection, cells: str) -> list[str]:
    """A few words that show in which encoding the texts `cells` (a query for the column `cell`) were read: those with
    signs that Western languages lack first, then those whose letters are not in the words before."""
    found = con.execute(
        f"SELECT unnest(regexp_extract_all(cell, {literal(_WORD)})) AS word, count(*) FROM ({cells})"
        f" WHERE strlen(cell) <> length(cell) AND NOT contains(cell, '@')"
        f" GROUP BY word ORDER BY 2 DESC, 1 LIMIT {_DISTINCT}"
    ).fetchall()
    left = [word for word, _ in found if any(sign.isalpha() for sign in word)] or [word for word, _ in found]
    shown: list[str] = []
    seen: set[str] = set()
    while left and len(shown) < _SHOWN:
        best = max(left, key=lambda word: _news(word, seen))  # of equal ones the most frequent
        if not any(_news(best, seen)):
            break
        shown.append(plain(best, 30))
        seen |= set(best)
        left.remove(best)
    return shown


def _news(word: str, seen: set[str]) -> tuple[int, int]:
    new = {sign for sign in word if sign > "\x7f"} - seen
    return len(new - _WESTERN), len(new)


def lists(
    con: duckdb.DuckDBPyConnection, table: str, column: str, separator: str, at: str, place: Where, findings: Findings
) -> None:
    """Look at a list of the typed `table`: an item with another sign, every part of which is an item elsewhere; where
    no cell is split at all, one of its parts is enough."""
    others = [sign for sign in _SIGNS if sign not in separator]
    odd = " OR ".join(f"contains(item, {literal(sign)})" for sign in others)
    items = f"SELECT _row, unnest({name(column)}) AS item FROM {table}"
    joined = f"array_to_string({name(column)}, chr(1))"
    some = " OR ".join(f"contains({joined}, {literal(sign)})" for sign in others)
    if not engine.number(con, f"SELECT count(*) FROM {table} WHERE {some}"):
        return
    found = con.execute(f"SELECT item, count(*), min(_row) FROM ({items}) WHERE {odd} GROUP BY item").fetchall()
    if len(found) > _DISTINCT:
        return
    parts = {item: _parts(item, others) for item, *_ in found}
    known = _among(con, items, {part for some in parts.values() for part in some})
    split = engine.number(con, f"SELECT count(*) FROM {table} WHERE len({name(column)}) > 1")
    alike = [item for item, some in parts.items() if len(some) > 1 and (some <= known if split else some & known)]
    mine = [(item, count, row) for item, count, row in found if item in alike]
    if mine:
        item, _, row = min(mine, key=lambda one: one[2])
        count = sum(count for _, count, _ in mine)
        what = by_count(count, "item is", "items are")
        message = f"{what} several of the others, as “{quoted(item)}”, in cells that are split at “{separator}”"
        findings.add(
            "mixed-separators", at, column, count, f"{message}. Correct them, or say `separator:`.", place(row)
        )


def _parts(item: str, signs: Iterable[str]) -> set[str]:
    pieces = re.split("|".join(map(re.escape, signs)), item)
    return {trim(piece) for piece in pieces if trim(piece)}


def _among(con: duckdb.DuckDBPyConnection, items: str, parts: set[str]) -> set[str]:
    """Which of `parts` are items."""
    if not parts:
        return set()
    found = con.execute(f"SELECT DISTINCT item FROM ({items}) WHERE item IN ({literals(sorted(parts))})").fetchall()
    return {item for (item,) in found}
