"""A part of segments.yaml as one line, the way a person would write it.

Owns: excerpt(). Must not: know what the part means.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

from connector.config.language.rules import Loc

LONGEST = 90
_PLAIN = re.compile(r"[^\W\d][\w ./@+-]*(?<! )")  # may stand without quotes


def excerpt(data: Any, loc: Loc, above: Loc = ()) -> str:
    """The value at `loc` with its key: `country: [US, CA]`. A test comes with its column: `amount: {at_least: 5}`.

    `data` is the document (yaml_nodes.read), `above` what is left out in front, like ("segments", "vip", "when")."""
    value = data
    for part in loc:
        value = value[part]
    words: list[str] = []
    for part in reversed(loc[len(above) :]):
        if isinstance(part, int):
            break
        words.append(part)
    for word in words:
        value = {word: value}
    text = flow(value)
    text = text[1:-1] if isinstance(value, dict) else text
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def flow(value: Any) -> str:
    """A value in YAML's flow style."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{flow(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | Decimal):
        return str(value)
    text = " ".join(str(value).split())
    dated = re.fullmatch(r"\d[\w:.+% -]*", text)
    return text if _PLAIN.fullmatch(text) or dated else json.dumps(text, ensure_ascii=False)
