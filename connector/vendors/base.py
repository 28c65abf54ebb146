"""The shape of a platform's facts.

Owns: Vendor. Must not: name a platform.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connector.core.model import Kind, NewContacts


@dataclass(frozen=True, slots=True)
class Vendor:
    """`secret` is the key of its secret in segments.yaml, `settings` are its own keys with their defaults; `retire` is
    the action by which a contact is let go."""

    name: str
    title: str
    secret: str
    settings: Mapping[str, str | None]
    kinds: frozenset[Kind]  # of targets
    new_contacts: frozenset[NewContacts]  # the policies that a CREATE can carry out
    retire: str | None = None
    unsubscribes: bool = False  # `action: unsubscribe` is offered
    audience: bool = False
    engagement: bool = True  # it tells in bulk who opened and clicked

    @property
    def policies(self) -> list[str]:
        """The values of `new_contacts`, in the order of the documentation."""
        return [str(policy) for policy in NewContacts if policy in self.new_contacts]
