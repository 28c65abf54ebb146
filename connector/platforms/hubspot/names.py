"""Names at HubSpot: labels that people may change, over ids and internal values that stay.

Owns: which option a tag is, what the tag of an option is called here, and that names which differ by case are one.
Must not: send anything, keep state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connector.core.model import Kind
from connector.platforms.hubspot import wire

Key = tuple[Kind, str]


class Options:
    """The options of the tag property. `known` are the values under which the ledger has our tags."""

    def __init__(self, definition: Mapping[str, Any] | None, known: Mapping[str, str]) -> None:
        found = [(str(one["label"]), str(one["value"])) for one in (definition or {}).get("options") or ()]
        self.labels = dict(found)
        values = {value for _, value in found}
        self._ours = {tag: value for tag, value in known.items() if value in values}
        self._names = {value: label for label, value in found} | {value: tag for tag, value in self._ours.items()}
        self._values = values
        self._folded = {label.casefold(): value for label, value in found} | {one.casefold(): one for one in values}

    def value(self, tag: str) -> str | None:
        """By what the ledger knows, by the internal value that we would give it, by label, and by either whatever the
        case: HubSpot refuses a second option that differs only in that."""
        if tag in self._ours:
            return self._ours[tag]
        own = wire.option_value(tag)
        if own in self._values:
            return own
        return self.labels.get(tag) or self._folded.get(own.casefold()) or self._folded.get(tag.casefold())

    def values(self, tags: Sequence[str]) -> list[str]:
        """Of those tags that have one; two names of one option are one."""
        return list(dict.fromkeys(value for tag in tags if (value := self.value(tag)) is not None))

    def tag(self, value: str) -> str:
        """What we call the option, whatever its label is now."""
        return self._names.get(value) or wire.tag_name(value)


class Existing(dict[Key, str]):
    """Targets as they are called there now; one may be asked for by a name that differs by case, and a tag by its
    internal value."""

    def __init__(self, lists: Mapping[str, str], options: Options | None) -> None:
        tags = options.labels if options else {}
        named = {Kind.LIST: lists, Kind.TAG: tags}
        super().__init__({(kind, name): key for kind, names in named.items() for name, key in names.items()})
        self._options = options
        self._lists = {name.casefold(): key for name, key in lists.items()}

    def get(self, key: Key, default: Any = None) -> Any:
        kind, name = key
        if kind is Kind.TAG:
            return (self._options.value(name) if self._options else None) or default
        return super().get(key) or self._lists.get(name.casefold(), default)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, tuple) and self.get(key) is not None

    def __getitem__(self, key: Key) -> str:
        found: str | None = self.get(key)
        if found is None:
            raise KeyError(key)
        return found
