"""Lists of a Brevo account: found, made, and who joins and leaves them.

Owns: the outcomes of ADD and REMOVE, and the list that an import goes into. Must not: write a contact's values.

Both endpoints answer who succeeded and who failed, and refuse the whole request when nobody would change (“already in
list and/or does not exist”). A failure does not say which of the two it was, so then the contacts are read.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from connector.core.counts import count_of
from connector.core.errors import Unanswered
from connector.core.model import Outcome
from connector.platforms.base import LEFT_LIST, Done, RecordOutcome, before_sending
from connector.platforms.brevo import errors, proof, wire
from connector.platforms.brevo.client import Client
from connector.platforms.brevo.facts import WORKING_LIST

Verdict = tuple[Outcome, str, str]
APPLIED, UNCHANGED = (Outcome.APPLIED, "", ""), (Outcome.UNCHANGED, "", "")
GONE = (Outcome.REJECTED, *proof.GONE)
LEFT = (Outcome.SKIPPED, LEFT_LIST, "unsubscribed from this list")
OPTED_OUT = (Outcome.SKIPPED, "opted_out", "blocklisted at Brevo")
FAILED = (Outcome.FAILED, "not_changed", "Brevo did not change the membership")


class Lists:
    """The lists of one account."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._working: int | None = None

    def found(self) -> Mapping[str, str]:
        """Name -> id of every list; which one imports work with is remembered."""
        held = self._client.lists()
        with self._lock:
            self._working = int(held[WORKING_LIST]) if WORKING_LIST in held else None
        return held

    def ensure(self, names: Sequence[str]) -> Mapping[str, str]:
        """Name -> id. Names need not be unique at Brevo, so a creation without an answer is looked for before it is
        tried again."""
        if not names:
            return {}
        held = self._client.lists()
        for name in dict.fromkeys(names):
            if name not in held:
                held[name] = self._make(name)
        return held

    def _make(self, name: str) -> str:
        body = {"name": name, "folderId": self._client.folder()}
        for _ in range(2):
            try:
                return self._made(body)
            except Unanswered:
                found = self._client.lists().get(name)
                if found is not None:
                    return found
        return self._made(body)

    def _made(self, body: object) -> str:
        reply = self._client.write("POST", "/contacts/lists", body, replayable=False)
        return str(wire.read(wire.Made, reply, self._client.name).id)

    def must_exist(self, list_ids: Sequence[str]) -> None:
        """Raises Gone for a list that was deleted."""
        for list_id in list_ids:
            self._client.get(wire.Made, _path(list_id))

    @contextmanager
    def of_import(self, join: Sequence[str]) -> Iterator[dict[str, Any]]:
        """The part of an import's body that names lists: those to join, else the working list, which the first import
        makes by itself. The block sends it."""
        if join:
            yield {"listIds": [int(each) for each in join]}
            return
        with self._lock:
            if self._working is None:
                found = self._client.lists().get(WORKING_LIST)
                self._working = int(found) if found else None
            if self._working is None:
                yield {"newList": {"listName": WORKING_LIST, "folderId": self._client.folder()}}
                return
        yield {"listIds": [self._working]}

    # ------------------------------------------------------------ members

    def add(self, list_id: str, keys: Sequence[str]) -> Done:
        """Contacts are read first: those who left the list or opted out are not put back."""
        with before_sending():
            held = self._held(keys)
        verdicts = {key: _before_adding(held.get(key), int(list_id)) for key in keys}
        todo = [key for key, verdict in verdicts.items() if verdict is None]
        if todo:
            done = self._change(list_id, "add", todo)
            rest = [key for key in todo if key not in done]
            after = self._held(rest) if rest else {}
            verdicts |= dict.fromkeys(done, APPLIED)
            verdicts |= {key: _before_adding(after.get(key), int(list_id)) or FAILED for key in rest}
        return _done(keys, verdicts)

    def remove(self, list_id: str, keys: Sequence[str]) -> Done:
        done = self._change(list_id, "remove", keys)
        rest = [key for key in keys if key not in done]
        after = self._held(rest) if rest else {}
        left = {key: _after_removing(after.get(key), int(list_id)) for key in rest}
        return _done(keys, dict.fromkeys(done, APPLIED) | left)

    def _held(self, keys: Sequence[str]) -> dict[str, wire.Contact]:
        return {str(one.id): one for some in self._client.by_ids(list(dict.fromkeys(keys))) for one in some}

    def _change(self, list_id: str, verb: str, keys: Sequence[str]) -> set[str]:
        """Those who were added or removed by this request."""
        ids = [int(key) for key in dict.fromkeys(keys)]
        try:
            reply = self._client.write("POST", f"{_path(list_id)}/contacts/{verb}", {"ids": ids})
        except errors.Declined:
            return set()
        found = wire.read(wire.Changed, reply, self._client.name).contacts
        done = {str(key) for key in found.success or ()}
        if strangers := done - set(keys):
            raise errors.shape(
                self._client.name, f"{count_of(len(strangers), 'member that was', 'members that were')} not asked for"
            )
        return done


def _path(list_id: str) -> str:
    return f"/contacts/lists/{quote(list_id, safe='')}"


def _before_adding(contact: wire.Contact | None, list_id: int) -> Verdict | None:
    """What is known of somebody without a request; None: add them."""
    if contact is None:
        return GONE
    if list_id in contact.listIds:
        return UNCHANGED
    if list_id in (contact.listUnsubscribed or ()):
        return LEFT
    return None if contact.emailBlacklisted is False else OPTED_OUT


def _after_removing(contact: wire.Contact | None, list_id: int) -> Verdict:
    return FAILED if contact is not None and list_id in contact.listIds else UNCHANGED


def _done(keys: Sequence[str], verdicts: Mapping[str, Verdict | None]) -> Done:
    unknown = (Outcome.UNKNOWN, "", "")
    return Done(tuple(RecordOutcome(index, *(verdicts.get(key) or unknown)) for index, key in enumerate(keys)))
