"""The lists of a Klaviyo account: found by name, and made.

Owns: which list a name means, and that one creation never makes two. Must not: know who is in a list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from connector.core.errors import Unanswered
from connector.core.model import Kind
from connector.platforms.klaviyo import wire
from connector.platforms.klaviyo.facts import FILTER_CAP, LISTS_PAGE

Pages = Callable[[str, Mapping[str, Any], str], Iterator[wire.Page]]  # (path, query, bucket)
Lists = dict[tuple[Kind, str], str]  # (kind, name) -> id


def found(pages: Pages, query: Mapping[str, Any] | None = None) -> Lists:
    """Of several lists with one name the oldest counts."""
    held: Lists = {}
    asked = {"page[size]": LISTS_PAGE, "sort": "created"} | dict(query or {})
    for page in pages("/api/lists", asked, "lists"):
        for each in page.data:
            held.setdefault((Kind.LIST, str(each.attributes.get("name"))), each.id)
    return held


def named(pages: Pages, names: Sequence[str]) -> Lists:
    held: Lists = {}
    for portion in wire.portions(list(dict.fromkeys(names)), FILTER_CAP):
        held |= found(pages, {"filter": wire.any_of("name", portion)})
    return held


def create(pages: Pages, post: Callable[[object], str], name: str) -> str:
    """A list with the account's own opt-in process; its id. Names need not be unique, so a creation without an answer
    is looked for before it is tried again, twice at most."""
    body = {"data": {"type": "list", "attributes": {"name": name}}}
    for _ in range(2):
        try:
            return post(body)
        except Unanswered:
            there = named(pages, [name]).get((Kind.LIST, name))
            if there is not None:
                return there
    return post(body)
