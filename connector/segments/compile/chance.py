"""Samples and splits: the same people today, next year and on every engine.

Owns: the hash of a person and the shares of it. Must not: use an engine's own random numbers or hashes.

The hash is MD5 of NAME|ADDRESS in hexadecimal. A share of it is everything below a bound, compared as text: the
texts are of one alphabet, so they sort like the numbers.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import ibis.expr.datatypes as dt

from connector.config.language.rules import Sample, Split
from connector.segments.compile import engine
from connector.segments.compile.frame import Frame

_DIGITS = 16


def sample(frame: Frame, node: Sample, owner: str) -> Any:
    """`owner` is the segment, whose name a sample without one takes. A smaller sample lies in a larger one."""
    return _below(frame, node.name or owner, node.percent)


def split(frame: Frame, node: Split) -> Any:
    """The people of one part; the parts follow each other in the order of the file."""
    low = Decimal(0)
    for part, share in node.of:
        if part == node.part:
            upper = _below(frame, node.name, low + share)
            return upper & ~_below(frame, node.name, low) if low else upper
        low += share
    raise AssertionError("config refuses a part that is not of the split")


def bound(percent: Decimal) -> str:
    """The first hash that is not in the share; "g" is above them all."""
    number = Fraction(percent) / 100 * 16**_DIGITS
    return "g" if percent >= 100 else format(-(-number.numerator // number.denominator), f"0{_DIGITS}x")


def _below(frame: Frame, name: str, percent: Decimal) -> Any:
    column = frame.columns.get(("chance", name))
    if column is None:
        value = engine.md5(frame.connection, f"{name}|" + frame.person)
        column = frame.derive(("chance", name), "text", dt.string, value)
    return frame.test((column.field, percent), column.value < bound(percent))
