"""Values of contacts: bodies for one contact and for an import.

Owns: CREATE and UPDATE, the tag attribute, looking at fields before they are sent. Must not: read a process.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from connector.core.counts import count_of
from connector.core.errors import BadRecords, Gone, Refused, TooLarge
from connector.core.model import Outcome
from connector.platforms.base import Done, RecordOutcome, before_sending
from connector.platforms.brevo import errors, proof, wire
from connector.platforms.brevo.client import Client
from connector.platforms.brevo.facts import MAX_BODY, MAX_TEXT
from connector.platforms.brevo.lists import Lists

Record = Mapping[str, Any]


class Writing:
    """Writes contacts of one account. Answers outcomes, or the id of a process."""

    def __init__(self, client: Client, lists: Lists, tag_attribute: str) -> None:
        self._client = client
        self._lists = lists
        self._tag = tag_attribute
        self._lock = threading.Lock()
        self._known: Mapping[str, wire.Attribute] | None = None

    # ------------------------------------------------------------ attributes

    def attributes(self) -> Mapping[str, wire.Attribute]:
        """Every attribute by name, read once."""
        with self._lock:
            if self._known is None:
                self._known = self._client.attributes()
            return self._known

    def ensure_attribute(self) -> None:
        """The attribute of the tags, made when there is none. Raises Refused when it is no text."""
        if self._tag not in self.attributes():
            with self._lock:
                self._known = self._client.attributes()
                if self._tag not in self._known:
                    self._make_attribute()
                    self._known = self._client.attributes()
        if self.attributes()[self._tag].type != "text":
            text = f"{self._client.name}: attribute {self._tag} of Brevo is not a text. Choose another tag_property."
            raise Refused(text, destination=self._client.name, code="tag_property")

    def _make_attribute(self) -> None:
        path = f"/contacts/attributes/normal/{quote(self._tag, safe='')}"
        try:
            self._client.write("POST", path, {"type": "text"})
        except errors.Declined:  # made meanwhile, or by a try whose answer was lost
            if self._tag not in self._client.attributes():
                raise

    def _look(self, records: Sequence[Record]) -> None:
        """What Brevo would silently ignore is refused here. Raises Refused, or BadRecords for texts that are too
        long."""
        if any(record["tags_add"] or record["tags_remove"] for record in records):
            self.ensure_attribute()
        names = dict.fromkeys(name for record in records for name in wire.fields(record))
        known = self.attributes() if names else {}
        problems = [problem for name in names if (problem := wire.field_problem(name, known, self._tag))]
        if problems:
            raise Refused(f"{self._client.name}: {problems[0]}", destination=self._client.name, code="attribute")

    def _kind(self, name: str) -> str:
        return "text" if name == self._tag else self.attributes()[name].type or "text"

    # ------------------------------------------------------------ creating

    def create(self, records: Sequence[Record], join: Sequence[str]) -> Done | str:
        """A contact that came to be at Brevo meanwhile gets the same values; a blocklisting stays."""
        with before_sending():
            self._look(records)
        rows = [wire.fields(record) | self._tags(record, ()) for record in records]
        self._check_lengths(rows)
        if len(records) == 1:
            return self._create_one(records[0], rows[0], join)
        emails = [str(record["email"]) for record in records]
        told = [{name: text for name, text in self._plain(row).items() if text} for row in rows]
        return self._import(emails, told, join, empties=False)

    def _create_one(self, record: Record, row: Mapping[str, Any], join: Sequence[str]) -> Done:
        values = {name: value for name, value in self._typed(row).items() if value != ""}
        body = {"email": record["email"], "attributes": values, "updateEnabled": True}
        if join:
            body["listIds"] = [int(each) for each in join]
        try:
            reply = self._client.write("POST", "/contacts", body)
        except errors.Declined as error:
            self._lists.must_exist(join)
            return _rejected(error.code)
        key = str(wire.read(wire.Made, reply, self._client.name).id) if reply.status == 201 else None
        return Done((RecordOutcome(0, Outcome.APPLIED, remote_id=key),))

    # ------------------------------------------------------------ updating

    def update(self, records: Sequence[Record]) -> Done | str:
        with before_sending():
            self._look(records)
            held = proof.certain(self._client, records)
        if len(records) == 1:
            return self._update_one(records[0], held)
        rows = [wire.fields(each) | self._tags(each, self._held_tags(held[each["remote_id"]])) for each in records]
        self._check_lengths(rows)
        told = [self._plain(row) for row in rows]
        empties = any("" in row.values() for row in told)
        if empties:
            names = dict.fromkeys(name for row in told for name in row)
            present = [held[each["remote_id"]].attributes for each in records]
            told = [
                {name: row.get(name, wire.plain(now.get(name), self._kind(name))) for name in names}
                for row, now in zip(told, present, strict=True)
            ]
        return self._import([str(each["email"]) for each in records], told, (), empties=empties)

    def _update_one(self, record: Record, held: Mapping[str, wire.Contact]) -> Done:
        key = str(record["remote_id"])
        row = wire.fields(record) | self._tags(record, self._held_tags(held[key]))
        if not row:
            return Done((RecordOutcome(0, Outcome.UNCHANGED),))
        self._check_lengths([row])
        try:
            self.put(key, {"attributes": self._typed(row)})
        except errors.Declined as error:
            return _rejected(error.code)
        except Gone:
            return _rejected(*proof.GONE)
        return Done((RecordOutcome(0, Outcome.APPLIED),))

    def put(self, key: str, body: Mapping[str, Any]) -> None:
        """Change the contact of this id; raises Gone when there is none."""
        self._client.write("PUT", f"/contacts/{quote(key, safe='')}", body)

    # ------------------------------------------------------------ values

    def _held_tags(self, contact: wire.Contact) -> list[str]:
        return wire.tags(contact, self._tag)

    def _tags(self, record: Record, present: Sequence[str]) -> dict[str, str]:
        """The whole text of the tags as it shall be; nothing when it stays."""
        add, remove = record["tags_add"] or [], record["tags_remove"] or []
        if not add and not remove:
            return {}
        return {self._tag: wire.tag_text([*(tag for tag in present if tag not in remove), *add])}

    def _plain(self, row: Mapping[str, Any]) -> dict[str, str]:
        return {name: wire.plain(value, self._kind(name)) for name, value in row.items()}

    def _typed(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {name: wire.typed(value, self._kind(name)) for name, value in row.items()}

    def _check_lengths(self, rows: Sequence[Mapping[str, Any]]) -> None:
        long = {
            index: ("too_long", f"over {MAX_TEXT} characters")
            for index, row in enumerate(rows)
            if any(isinstance(value, str) and len(value) > MAX_TEXT for value in row.values())
        }
        if long:
            who = count_of(len(long), "contact has", "contacts have")
            text = f"{self._client.name}: {who} values over {MAX_TEXT} characters."
            raise BadRecords(text, long, destination=self._client.name, code="too_long")

    # ------------------------------------------------------------ importing

    def _import(
        self, emails: Sequence[str], rows: Sequence[Mapping[str, str]], join: Sequence[str], *, empties: bool
    ) -> str:
        """The id of the process. `empties`: an empty value clears."""
        told = [{"email": email, "attributes": row} for email, row in zip(emails, rows, strict=True)]
        if len(json.dumps(told)) > MAX_BODY:
            text = f"{self._client.name}: the import is over Brevo's {MAX_BODY // 1_000_000} MB."
            raise TooLarge(text, destination=self._client.name, code="too_large")
        flags = {"updateExistingContacts": True, "emptyContactsAttributes": empties, "disableNotification": True}
        with self._lists.of_import(join) as lists:
            try:
                reply = self._client.write("POST", "/contacts/import", {"jsonBody": told} | flags | lists, False)
            except errors.Declined as error:
                self._lists.must_exist(join)
                text = f"{self._client.name}: Brevo refused an import ({error.code})."
                raise BadRecords(text, {}, destination=self._client.name, code=error.code) from None
        return str(wire.read(wire.Started, reply, self._client.name).processId)


def _rejected(code: str, detail: str = "refused by Brevo") -> Done:
    return Done((RecordOutcome(0, Outcome.REJECTED, code, detail),))
