"""What a kit is: the facts that the suite judges an adapter by, and the verbs of the world outside.

Owns: Kit, Meaning, Pace. Must not: know a platform.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

import requests

from connector.core.model import Status
from connector.rehearsal.core.process import Running

Json = dict[str, Any]


def batched(emails: Sequence[str], most: int) -> Iterator[Sequence[str]]:
    return (emails[at : at + most] for at in range(0, len(emails), most))


class Meaning(StrEnum):
    """What a vendor's status says: the person may be sent marketing mail, must never be, or neither of both."""

    YES = "yes"
    NO = "no"
    NEITHER = "neither"


YES, NO, NEITHER = Meaning


@dataclass(frozen=True)
class Pace:
    """The vendor allows `requests` in any `seconds` to the paths that match; `verb` of the adapter makes them."""

    path: str  # a regular expression for the whole path
    requests: int
    seconds: float
    verb: str  # a key of test_requests.VERBS


class Kit:
    """One platform. `kinds` are the targets that it offers, of which `thing` can be deleted; `field` and `other_field`
    are two of its fields, `policies` its new_contacts; `statuses` are the states that people can be in, besides the
    seeded ones."""

    name: ClassVar[str]
    headers: ClassVar[Mapping[str, str]]
    kinds: ClassVar[tuple[str, ...]]
    thing: ClassVar[str] = "list"
    field: ClassVar[str]
    other_field: ClassVar[str]  # where the platform has several kinds of fields, one of another kind
    policies: ClassVar[tuple[str, ...]]
    statuses: ClassVar[tuple[str, ...]]
    meanings: ClassVar[Mapping[str, Meaning]]  # of each status, and of each that a seeded address has
    seeded: ClassVar[Mapping[str, str]]  # address -> the status it has from the start
    page: ClassVar[int]  # the most people on a page, of all readings
    targets_page: ClassVar[int]  # the most lists (where there are none: tags) on a page
    paces: ClassVar[tuple[Pace, ...]]  # as the vendor publishes them
    address_paths: ClassVar[tuple[str, ...]] = ()  # where the vendor has no way to ask but an address in the path
    refused: ClassVar[str]  # an address that is one for us, and none for this platform
    cap: ClassVar[int]  # the largest batch of the operation with the smallest one
    secret: ClassVar[str] = "api_key"
    extra: ClassVar[Mapping[str, str]] = {}  # more keys of the destination in segments.yaml
    creates: ClassVar[str] = "transactional"  # the policy that creates, and asks for the least
    created: ClassVar[Status] = Status.NEVER_SUBSCRIBED  # how a contact created by it reads
    tags_are_property: ClassVar[bool] = True
    declares: ClassVar[bool] = False  # a tag that is a value has to be declared there, and so can be deleted
    merges: ClassVar[bool] = False  # contacts can be merged there

    def __init__(self, running: Running) -> None:
        self.running = running
        self._session = requests.Session()
        self._session.headers.update(self.headers)
        self._session.trust_env = False

    def close(self) -> None:
        self._session.close()

    def make(self, status: str, emails: Sequence[str]) -> None:
        """Bring people into a status; what the platform forbids (a resubscription, say) just does not happen."""
        raise NotImplementedError

    def members(self, kind: str, name: str) -> set[str]:
        """Who is in a target; nobody when there is none of that name."""
        raise NotImplementedError

    def delete(self, emails: Sequence[str]) -> None:
        """Delete contacts as thoroughly as the platform can."""
        raise NotImplementedError

    def replace(self, email: str) -> None:
        """Somebody else signs up with the address of a contact that has left it."""
        self.delete([email])
        self.make("subscribed", [email])

    def drop(self, name: str) -> None:
        """Delete a target of the kind `thing`."""
        raise NotImplementedError

    def drop_tag(self, name: str) -> None:
        """Delete what declares a tag. Only where `declares`."""
        raise NotImplementedError

    def values(self, field: str = "") -> dict[str, str]:
        """Address -> the value of a field (`field` unless told otherwise), "" when it has none."""
        raise NotImplementedError

    def subscribed(self) -> set[str]:
        """Who agreed to marketing mail, as the platform has it, and has not opted out since."""
        raise NotImplementedError

    def said_no(self) -> set[str]:
        """Who must not be mailed, whatever anybody's export says."""
        raise NotImplementedError

    def standing(self) -> dict[str, str]:
        """Address -> all that the platform keeps of a contact's consent, in its own words."""
        raise NotImplementedError

    def move(self, email: str, new: str) -> None:
        """The contact gets another address; its id stays."""
        raise NotImplementedError

    def leave(self, email: str, name: str) -> bool:
        """Somebody unsubscribes from one list, and stays subscribed to all else; False where nobody can."""
        return False

    def opt_out_without_contact(self, email: str) -> bool:
        """An address that no contact has opts out; False where nothing is kept of such an address."""
        return False

    def merge(self, kept: str, gone: str) -> None:
        """One contact is merged into another, whose id and address stay. Only where `merges`."""
        raise NotImplementedError

    def fill(self, email: str, value: str) -> None:
        """Somebody writes `other_field` of a contact."""
        raise NotImplementedError

    def _call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        answer = self._session.request(method, self.running.url + path, json=body, params=query, timeout=300)
        if answer.status_code == 404:
            return None
        assert answer.status_code < 500, answer.text
        return answer.json() if answer.content else None
