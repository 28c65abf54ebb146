"""Messages name settings that exist: what stands between backticks is a key or a word of segments.yaml."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from connector.config.language.schema import json_schema

ROOT = Path(__file__).parent.parent / "connector"
NAMED = re.compile(r"`([a-z_][a-z_.]*)(:[^`\n]{0,60})?`")
# Of a column, a database or the command line, and placeholders of an explanation.
OTHERS = frozenset({"case", "column", "country", "key", "sslmode", "as_of", "amount", "true", "false", "this", "last"})


def _strings(path: Path) -> Iterator[tuple[str, int]]:
    """The texts of a module, without its docstrings; an f-string as one text."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inner: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            inner.add(id(node.value))  # a docstring
        if isinstance(node, ast.JoinedStr):
            parts = [part for part in node.values if isinstance(part, ast.Constant)]
            inner |= {id(part) for part in parts}
            told = [str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values]
            yield "".join(told), node.lineno
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inner:
            yield node.value, node.lineno


def _words(part: Any) -> Iterator[str]:
    """Every key, and every word that may be a value, of the schema of segments.yaml."""
    if isinstance(part, dict):
        yield from part.get("properties", {})
        yield from (word for word in (*part.get("enum", ()), part.get("const")) if isinstance(word, str))
    for below in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from _words(below)


def test_what_is_named_exists() -> None:
    known = {*_words(json_schema()), *OTHERS}
    strangers = [
        f"{path.relative_to(ROOT)}:{line}: `{word}`"
        for path in sorted(ROOT.rglob("*.py"))
        if "rehearsal" not in path.relative_to(ROOT).parts
        for text, line in _strings(path)
        for word, _ in NAMED.findall(text)
        if word not in known
    ]
    assert not strangers


def test_a_stranger_is_found() -> None:
    assert NAMED.findall("Write `settings.revision`, or `revison:` of the destination") == [
        ("settings.revision", ""),
        ("revison", ":"),
    ]
    known = {*_words(json_schema())}
    assert "revision" in known and not known & {"revison", "settings.revision"}
