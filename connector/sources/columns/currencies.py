"""Amounts in several currencies: nothing here converts them, so somebody has to know.

Owns: the currencies of a column or of one beside it, and the finding. Must not: convert, choose.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from connector.core.counts import by_count
from connector.sources.columns.model import SourceInfo
from connector.sources.columns.money import currency
from connector.sources.findings import Findings
from connector.sources.text import fold, plain

if TYPE_CHECKING:
    import duckdb

_BESIDE = re.compile(r"(?:.*[ _-])?(?:currency|währung|devise|moneda|valuta|waluta|moeda)(?:[ _-]?(?:code|iso))?")
# Signs and words of one currency each; `$` and `kr` are several, and only told apart from others.
_CODES = {
    "€": "EUR", "£": "GBP", "US$": "USD", "R$": "BRL", "A$": "AUD", "C$": "CAD", "CA$": "CAD", "AU$": "AUD",
    "NZ$": "NZD", "HK$": "HKD", "S$": "SGD", "MX$": "MXN", "¥": "JPY", "₹": "INR", "RS": "INR", "RS.": "INR",
    "₺": "TRY", "₽": "RUB", "РУБ": "RUB", "РУБ.": "RUB", "₴": "UAH", "₩": "KRW", "₪": "ILS", "ZŁ": "PLN", "KČ": "CZK",
    "FT": "HUF", "LEI": "RON", "FR": "CHF", "FR.": "CHF", "KR.": "KR",
}  # fmt: skip


def beside(info: SourceInfo) -> str | None:
    """The column that says the currency of the amounts, if the export has one."""
    for column in info.columns.values():
        if len(column.headers) == 1 and _BESIDE.fullmatch(fold(column.headers[0])):
            return column.name
    return None


def two(
    con: duckdb.DuckDBPyConnection,
    raw: str,
    value: str,
    at: tuple[str, str],
    place: Callable[[int], tuple[str, int]],
    findings: Findings,
) -> None:
    """Tell of amounts in several currencies. `value` is SQL over `raw` as `r`: a number's text or a currency's code."""
    rows = con.execute(
        f"SELECT {currency(value)} AS sign, count(*), min(r.rowid) FROM {raw} r WHERE {value} IS NOT NULL GROUP BY sign"
    ).fetchall()
    found: dict[str, tuple[int, int]] = {}
    for sign, count, row in rows:
        code = _CODES.get(sign, sign)
        if code and len(code) <= len("руб."):
            much, first = found.get(code, (0, row))
            found[code] = (much + count, min(first, row))
    if len(found) < 2:
        return
    often = sorted(found, key=lambda code: (-found[code][0], code))
    shown = ", ".join(f"{plain(code)} ({found[code][0]:,})" for code in often[:5])
    others = [found[code] for code in often[1:]]
    count, row = sum(count for count, _ in others), min(row for _, row in others)
    what = by_count(count, "amount is", "amounts are")
    message = f"{what} in another currency than the others: {shown}. All are compared and added as they stand"
    findings.add("two-currencies", *at, count, message, place(row))
