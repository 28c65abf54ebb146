"""Damage to segments.yaml: to its text, and to the tree that the text stands for."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

import yaml

Damage = tuple[str, bool, bytes]  # (what was done, whether it must be an error, the file)
Path_ = tuple[Any, ...]

VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 10**400, 1e308, float("nan"), "", " ", "x" * 5000, "1e999", "90 days", "0 days",
    "99999999999 years",
    "100%", "${X}", "2026-02-30", "\u202e", "Ｖip", [], {}, [[]], [None], {"a": {"b": []}}, ["x"] * 500, {"all": []},
    {"not": None}, {"sql": "1; drop table x"}, {"segment": "vip"}, {"matches": "("}, {"within": "soon"},
)  # fmt: skip


def damaged(text: str, seed: int) -> Damage:
    """One damage, decided by `seed` alone."""
    dice = random.Random(seed)
    kind = dice.choice((*_TEXT, *_TREE))
    return kind.__name__.strip("_"), *kind(text, dice)


def _line(text: str, dice: random.Random, pattern: str) -> re.Match[str]:
    return dice.choice(list(re.finditer(pattern, text, re.MULTILINE)))


def _with(text: str, at: int, word: str, end: int | None = None) -> bytes:
    return (text[:at] + word + text[at if end is None else end :]).encode()


def _key_twice(text: str, dice: random.Random) -> tuple[bool, bytes]:
    found = _line(text, dice, r"^ *[a-z_]+: [^{\[\n#]+\n")
    return True, _with(text, found.end(), found[0])


def _tab(text: str, dice: random.Random) -> tuple[bool, bytes]:
    found = _line(text, dice, r"^ +(?=[a-z])")
    return True, _with(text, found.start(), "\t", found.end())


def _control_byte(text: str, dice: random.Random) -> tuple[bool, bytes]:
    return True, _with(text, _line(text, dice, r"(?<=: )[a-z]\w+").start(), dice.choice("\x00\x01\x07\x1b\x7f"))


def _truncated_utf8(text: str, dice: random.Random) -> tuple[bool, bytes]:
    at = dice.randrange(len(text))
    return True, text[:at].encode() + dice.choice((b"\xc3", b"\xe2\x82", b"\xff", b"\xed\xa0\x80")) + text[at:].encode()


def _yaml_feature(text: str, dice: random.Random) -> tuple[bool, bytes]:
    word = dice.choice(
        ("*a", "&a x", "!!python/object:os.system x", "!x y", "[", "{", '"', "'", "- a\n - b", "@x", "`x")
    )
    return True, _with(text, (found := _line(text, dice, r"(?<=: )[a-z]\w+$")).start(), word, found.end())


def _second_document(text: str, dice: random.Random) -> tuple[bool, bytes]:
    return True, (text + dice.choice(("---\nversion: 1\n", "...\n---\na: b\n", "--- x\n"))).encode()


def _merge_key(text: str, dice: random.Random) -> tuple[bool, bytes]:
    found = _line(text, dice, r"^( *)(?=[a-z_]+: \S)")
    return True, _with(text, found.start(), f"{found[0]}<<: {{a: b}}\n")


def _unknown_key(text: str, dice: random.Random) -> tuple[bool, bytes]:
    found = _line(text, dice, r"^( *)(?=(?:title|goal|file|join|platform|api_key|at|preset): )")
    return True, _with(text, found.start(), f"{found[0]}nonsense: 1\n")


def _deep(text: str, dice: random.Random) -> tuple[bool, bytes]:
    depth = dice.choice((200, 1000, 20_000))
    rule = "{not: " * depth + "{country: US}" + "}" * depth
    return True, f"{text}\n  deep:\n    when: {rule}\n".encode()


def _indentation(text: str, dice: random.Random) -> tuple[bool, bytes]:
    found = _line(text, dice, r"^ +(?=[a-z])")
    return False, _with(text, found.start(), " " * dice.randrange(9), found.end())


def _cut(text: str, dice: random.Random) -> tuple[bool, bytes]:
    return False, text[: dice.randrange(len(text))].encode()


def _bytes(text: str, dice: random.Random) -> tuple[bool, bytes]:
    content = bytearray(text.encode())
    for _ in range(dice.randint(1, 5)):
        content[dice.randrange(len(content))] = dice.randrange(256)
    return False, bytes(content)


def _line_gone(text: str, dice: random.Random) -> tuple[bool, bytes]:
    found = _line(text, dice, r"^.*\n")
    return False, _with(text, found.start(), "", found.end())


def _lines_swapped(text: str, dice: random.Random) -> tuple[bool, bytes]:
    lines = text.splitlines(keepends=True)
    one, other = (dice.randrange(len(lines)) for _ in range(2))
    lines[one], lines[other] = lines[other], lines[one]
    return False, "".join(lines).encode()


def _value(text: str, dice: random.Random) -> tuple[bool, bytes]:
    """Another value anywhere in the tree."""
    return _tree(text, dice, lambda _old: dice.choice(VALUES))


def _wrapped(text: str, dice: random.Random) -> tuple[bool, bytes]:
    """A value of the wrong depth."""
    return _tree(text, dice, lambda old: dice.choice(([old], {"x": old}, {"not": old}, {"all": [old, old]}, str(old))))


def _key_gone(text: str, dice: random.Random) -> tuple[bool, bytes]:
    tree, path = _place(text, dice)
    parent = _at(tree, path[:-1])
    parent.pop(path[-1])
    return False, _dumped(tree)


def _key_renamed(text: str, dice: random.Random) -> tuple[bool, bytes]:
    tree, path = _place(text, dice)
    parent = _at(tree, path[:-1])
    word = dice.choice(("x", "vip", "segment", "", "A.b", "all", "é", "9", "contacts", "a" * 300))
    if isinstance(parent, dict):
        parent[dice.choice((word, f"{path[-1]}{word}"))] = parent.pop(path[-1])
    else:
        parent.append({word: 1})
    return False, _dumped(tree)


def _values_swapped(text: str, dice: random.Random) -> tuple[bool, bytes]:
    tree, one = _place(text, dice)
    other = dice.choice(list(_paths(tree)))
    if one == other[: len(one)] or other == one[: len(other)]:
        return False, _dumped(tree)
    first, second = _at(tree, one), _at(tree, other)
    _at(tree, one[:-1])[one[-1]], _at(tree, other[:-1])[other[-1]] = second, first
    return False, _dumped(tree)


_TEXT = (
    _key_twice, _tab, _control_byte, _truncated_utf8, _yaml_feature, _second_document, _merge_key, _unknown_key, _deep,
    _indentation, _cut, _bytes, _line_gone, _lines_swapped,
)  # fmt: skip
_TREE = (_value, _value, _value, _wrapped, _wrapped, _key_gone, _key_renamed, _values_swapped)


def _tree(text: str, dice: random.Random, change: Callable[[Any], Any]) -> tuple[bool, bytes]:
    tree, path = _place(text, dice)
    parent = _at(tree, path[:-1])
    parent[path[-1]] = change(parent[path[-1]])
    return False, _dumped(tree)


def _place(text: str, dice: random.Random) -> tuple[Any, Path_]:
    tree = yaml.safe_load(text)
    return tree, dice.choice(list(_paths(tree)))


def _paths(tree: Any, path: Path_ = ()) -> Any:
    if path:
        yield path
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield from _paths(value, (*path, key))


def _at(tree: Any, path: Path_) -> Any:
    for key in path:
        tree = tree[key]
    return tree


def _dumped(tree: Any) -> bytes:
    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    return yaml.dump(tree, Dumper=Plain, sort_keys=False, allow_unicode=True, default_flow_style=None).encode()
