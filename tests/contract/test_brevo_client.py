"""Brevo's own client works against the rehearsal, and reads there what the connector pushed. It is the witness of the
shapes, since no OpenAPI document of Brevo is at hand. It is no dependency of the tests: without it they are skipped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from connector.rehearsal.core.process import Running
from tests.path.test_brevo import World, world

httpx = pytest.importorskip("httpx", reason="pip install brevo-python")
brevo = pytest.importorskip("brevo", reason="pip install brevo-python")

__all__ = ["world"]
ANN, BEA, CID = (f"{name}@example.com" for name in ("ann", "bea", "cid"))


class Witness:
    def __init__(self, url: str) -> None:
        self.http = httpx.Client()
        self.client = brevo.Brevo(
            api_key="xkeysib-rehearsal", base_url=f"{url}/v3", max_retries=0, httpx_client=self.http
        )
        self.contacts = self.client.contacts

    def people(self) -> dict[str, Any]:
        """Address -> contact."""
        return {one.email: one for one in self._pages(lambda **page: self.contacts.get_contacts(limit=1000, **page))}

    def members(self) -> dict[str, set[str]]:
        """List -> addresses."""
        names = {one.id: one.name for one in self.contacts.get_lists(limit=50, offset=0).lists}
        return {name: self.member_of(key) for key, name in names.items()}

    def member_of(self, key: int) -> set[str]:
        read = self.contacts.get_contacts_from_list
        return {one.email for one in self._pages(lambda **page: read(key, limit=500, **page))}

    @staticmethod
    def _pages(read: Callable[..., Any]) -> Iterator[Any]:
        offset = 0
        while rows := read(offset=offset).contacts:
            yield from rows
            offset += len(rows)


@pytest.fixture
def witness(rehearsal: Running) -> Iterator[Witness]:
    rehearsal.settings(limits=False)
    made = Witness(rehearsal.url)
    yield made
    made.http.close()


def test_the_client_imports_waits_and_pages(witness: Witness) -> None:
    witness.contacts.create_attribute("normal", "SEGMENT_TAGS", type="text")
    key = witness.contacts.create_list(name="Made", folder_id=1).id
    people = [f"p{n}@example.com" for n in range(1100)]
    rows = [{"email": email, "attributes": {"FIRSTNAME": "P", "SEGMENT_TAGS": ";vip;"}} for email in people]
    job = witness.contacts.import_contacts(json_body=rows, list_ids=[key], update_existing_contacts=True).process_id
    for _ in range(20):
        found = witness.client.process.get_process(job)
        if found.status == "completed":
            break
        time.sleep(0.05)
    assert (found.status, found.name, found.info.import_.invalid_emails) == ("completed", "IMPORTUSER", None)
    assert witness.client.process.get_processes(limit=10, offset=0).processes[0].id == job
    held = witness.people()
    assert {
        (held[email].email_blacklisted, held[email].attributes.model_extra["SEGMENT_TAGS"]) for email in people
    } == {(False, ";vip;")}
    assert witness.members()["Made"] == set(people)


def test_the_client_writes_one_contact_and_its_lists(witness: Witness) -> None:
    key = witness.contacts.create_contact(email=ANN, attributes={"FIRSTNAME": "Ann"}).id
    other = witness.contacts.create_contact(email=BEA).id
    made = witness.contacts.create_list(name="Made", folder_id=witness.contacts.get_folders().folders[0].id).id
    added = witness.contacts.add_contact_to_list(made, request={"ids": [key, other, 999]})
    assert (added.contacts.success, added.contacts.failure) == ([key, other], [999])
    removed = witness.contacts.remove_contact_from_list(made, request={"ids": [key]})
    assert removed.contacts.success == [key]
    witness.contacts.update_contact(str(other), email_blacklisted=True)
    info = witness.contacts.get_contact_info(BEA, identifier_type="email_id")
    assert (info.email_blacklisted, info.list_ids) == (True, [made])
    found = witness.contacts.get_contacts(ids=[key, other]).contacts
    assert {one.id for one in found} == {key, other}
    witness.contacts.delete_contact(str(key))
    assert witness.client.account.get_account().company_name == "Rehearsal Shop"


def test_the_client_reads_errors(witness: Witness) -> None:
    with pytest.raises(brevo.NotFoundError) as missing:
        witness.contacts.get_contact_info(CID)
    assert missing.value.body["code"] == "document_not_found"
    witness.contacts.create_contact(email=ANN)
    with pytest.raises(brevo.BadRequestError) as taken:
        witness.contacts.create_contact(email=ANN)
    assert taken.value.body["code"] == "duplicate_parameter"


def test_the_client_reads_what_the_connector_pushed(world: World) -> None:
    world.write({"ann": ANN, "bea": BEA, "cid": CID}, plans={"cid": "free"})
    assert world.push()[1].exit_code == 0
    seen = Witness(world.running.url)
    assert seen.members()["Readers"] == {ANN, BEA}
    held = seen.people()
    assert set(held) == {ANN, BEA} and not any(one.email_blacklisted for one in held.values())
    assert {one.attributes.model_extra["FIRSTNAME"] for one in held.values()} == {"Ann", "Bea"}
    assert {one.attributes.model_extra["SEGMENT_TAGS"] for one in held.values()} == {";reader;"}
    seen.http.close()
