"""Messages name settings that exist: what stands between backticks is a key or a word of segments.yaml."""

from __future__ import annotations

import ast
import itertools
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


COUNTED = re.compile(
    r"(?: (?:more|other|new))* (?:people|rows|contacts|members|changes|segments|memberships|requests|records|profiles|"
    r"runs|mails|events|cells|days|entries|jobs|expectations)\b"
)
FOUND = re.compile(
    r"(?:rows|people|events|values|cells|contacts|ids|items|amounts|places|times|addresses) "
    r"(?:have|are|belong|come|repeat|say|stand|share|name|were|got|lie|appear|can)\b"
)
# Never 1: checked before, or a constant; mistakes of our own, which nobody but us should read.
NEVER_ONE = frozenset({
    "app/alike.py", "cli/upkeep.py", "config/language/durations.py", "platforms/brevo/adapter.py",
    "platforms/hubspot/adapter.py", "platforms/klaviyo/adapter.py", "platforms/mailchimp/adapter.py", "plan/unite.py",
    "report/page/document.py", "segments/advice/ties.py", "segments/predict/history.py", "sources/columns/vacant.py",
    "sources/consent.py", "sources/keys.py",
})  # fmt: skip


def _uncounted(tree: ast.AST) -> Iterator[str]:
    """Texts that are right for many and wrong for one."""
    inner = {
        id(below)
        for node in ast.walk(tree)
        if isinstance(node, ast.IfExp | ast.Tuple)
        or (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("by_count", "count_of"))
        for below in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in inner:
            continue
        if isinstance(node, ast.JoinedStr):
            for before, after in itertools.pairwise(node.values):
                found = COUNTED.match(str(after.value)) if isinstance(after, ast.Constant) else None
                if found and isinstance(before, ast.FormattedValue) and not _helped(before):
                    yield f"…{found[0]}"
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and (found := FOUND.match(node.value)):
            yield found[0]


def _helped(part: ast.FormattedValue) -> bool:
    call = part.value
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in ("by_count", "count_of")


def test_one_is_not_many() -> None:
    wrong = [
        f"{name}: {text}"
        for path in sorted(ROOT.rglob("*.py"))
        if (name := str(path.relative_to(ROOT))).split("/")[0] != "rehearsal" and name not in NEVER_ONE
        for text in _uncounted(ast.parse(path.read_text(encoding="utf-8")))
        if name.startswith(("sources/", "report/", "segments/")) or text.startswith("…")
    ]
    assert not wrong


def test_what_is_wrong_for_one_is_found() -> None:
    wrong = 'a = f"{n:,} rows"; b = f"{n} more people are"; c = "rows repeat an address"'
    right = """a = f"{count_of(n, 'row')} of them"
b = count_of(n, "person", "people")
c = by_count(n, "row has", "rows have")
"""
    assert list(_uncounted(ast.parse(wrong))) == ["… rows", "… more people", "rows repeat"]
    assert list(_uncounted(ast.parse(right))) == []
