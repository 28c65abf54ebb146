"""The forms of a text that rules compare, beside sources.text.fold.

Owns: wide(), and awkward(), which finds the texts that need Python. Must not: know tables, rules or an engine.
"""

from __future__ import annotations

import unicodedata
from typing import Any

import ibis

from connector.sources.text import trim


@ibis.udf.scalar.builtin(name="strlen")  # type: ignore[untyped-decorator]
def _bytes(text: str) -> int:  # type: ignore[empty-body]
    """The length in bytes, as DuckDB calls it."""


def awkward(text: Any) -> Any:
    """Whether an engine's lower() compares the text wrongly: it is not ASCII, or has a blank at either end.

    A pattern would say it in one word, and take three times as long over a million rows."""
    return (_bytes(text) != text.length()) | (text < "!") | (text.right(1) < "!")


def wide(text: str) -> str:
    """Trimmed and of one width (NFKC), in its own case: what `matches` looks at."""
    return trim(unicodedata.normalize("NFKC", text))
