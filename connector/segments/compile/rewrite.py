"""Rules made from rules.

Owns: bare(), a rule without its places, and joined(), a long list combined without deep nesting.
Must not: know columns or an engine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any


def bare(node: Any) -> Any:
    """What a rule says without where it stands: equal and hashable wherever it is written."""
    if isinstance(node, tuple):
        return tuple(bare(item) for item in node)
    if not is_dataclass(node) or isinstance(node, type):
        return node
    return replace(
        node, **{field.name: () if field.name == "loc" else bare(getattr(node, field.name)) for field in fields(node)}
    )


def joined(check: Callable[[Any, Any], Any], parts: Sequence[Any]) -> Any:
    """The parts combined pairwise, so that a list of a thousand does not nest a thousand deep."""
    while len(parts) > 1:
        pairs = [check(left, right) for left, right in zip(parts[::2], parts[1::2], strict=False)]
        parts = [*pairs, *parts[len(pairs) * 2 :]]
    return parts[0]
