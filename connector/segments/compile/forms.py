"""The forms of a text that rules compare, beside sources.text.fold.

Owns: wide(). Must not: know tables, rules or an engine.
"""

from __future__ import annotations

import unicodedata

from connector.sources.text import trim


def wide(text: str) -> str:
    """Trimmed and of one width (NFKC), in its own case: what `matches` looks at."""
    return trim(unicodedata.normalize("NFKC", text))
