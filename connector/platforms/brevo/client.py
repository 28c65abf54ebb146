"""The requests to one Brevo account, and its pages.

Owns: paths, paging, which bucket of the limits a request counts in. Must not: know an operation or an outcome.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import BaseModel

from connector.config.sections.models import Destination
from connector.core.errors import ContractError, Gone, Refused
from connector.core.events import Listener
from connector.platforms.brevo import campaigns, errors, jobs, wire
from connector.platforms.brevo.facts import (
    ADDRESS,
    CONCURRENCY,
    IDS,
    LIST_PAGE,
    MEMBER_PAGE,
    OVERLAP,
    PAGE,
    PROCESS_PAGE,
    WINDOWS,
)
from connector.platforms.http.client import Http
from connector.platforms.http.limits import Clock, Limiter
from connector.vendors.brevo import BREVO

_Shape = TypeVar("_Shape", bound=BaseModel)
_T = TypeVar("_T")
_R = TypeVar("_R")


class Client:
    """One account. Thread-safe."""

    def __init__(self, destination: Destination, secret: str, clock: Clock, listener: Listener) -> None:
        self.name = destination.name
        self._http = Http(
            self.name,
            destination.base_url or ADDRESS,
            {BREVO.auth_header: secret, "Accept": "application/json"},
            functools.partial(errors.trouble, self.name),
            Limiter(WINDOWS, clock),
            CONCURRENCY,
            clock,
            listener,
        )

    def get(self, shape: type[_Shape], path: str, bucket: str = "", told: str | None = None, **query: Any) -> _Shape:
        return wire.read(shape, self._http.send("GET", path, query=query, bucket=bucket, told=told), self.name)

    def write(self, method: str, path: str, body: object, replayable: bool = True) -> Any:
        """The reply."""
        return self._http.send(method, path, body=body, writes=True, replayable=replayable)

    def now(self, ask: Callable[[], object]) -> datetime:
        """What time it is there."""
        return self._http.now(ask)

    def download(self, url: str) -> bytes:
        return self._http.download(url)

    # ------------------------------------------------------------ contacts

    def page(self, offset: int = 0, **query: Any) -> wire.Contacts:
        return self.get(wire.Contacts, "/contacts", limit=PAGE, offset=offset, sort="asc", **query)

    def pages(self, first: wire.Contacts | None = None, since: datetime | None = None) -> Iterator[wire.Contacts]:
        """Everybody, or those who changed after `since`, in the order of creation; `first` is the first page, if it has
        been read. Some are told twice."""
        query = {"modifiedSince": since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")} if since else {}
        return self._moving(lambda offset: self.page(offset, **query), PAGE, first)

    def members(self, list_id: str) -> Iterator[wire.Contacts]:
        path = f"/contacts/lists/{quote(list_id, safe='')}/contacts"

        def page(offset: int) -> wire.Contacts:
            return self.get(wire.Contacts, path, limit=MEMBER_PAGE, offset=offset, sort="asc")

        return self._moving(page, MEMBER_PAGE)

    def _moving(
        self, read: Callable[[int], wire.Contacts], size: int, first: wire.Contacts | None = None
    ) -> Iterator[wire.Contacts]:
        """Pages that overlap, since one that leaves makes the rest move up; as far as the count says that more
        have left, rows are read again. The count may grow."""
        offset, page = 0, first or read(0)
        while True:
            yield page
            if not page.contacts or offset + len(page.contacts) >= page.count:
                return
            if len(page.contacts) <= OVERLAP:
                text = f"{self.name}: a page of Brevo is much smaller than asked for."
                raise ContractError(text, destination=self.name, code="paging")
            offset += min(len(page.contacts), size) - OVERLAP
            before, page = page.count, read(offset)
            while page.count < before:
                yield page
                offset = max(0, offset - (before - page.count))
                before, page = page.count, read(offset)

    def by_ids(self, keys: Sequence[str]) -> Iterator[list[wire.Contact]]:
        """Those of `keys` that are held, 20 a request, several at once."""
        portions = [list(keys[at : at + IDS]) for at in range(0, len(keys), IDS)]

        def ask(portion: Sequence[str]) -> list[wire.Contact]:
            return self.get(wire.Contacts, "/contacts", ids=portion, limit=IDS).contacts

        return self._parallel(ask, portions)

    def by_emails(self, emails: Sequence[str]) -> Iterator[wire.Contact]:
        """Those of `emails` that are held, one a request, several at once."""
        return (found for found in self._parallel(self._by_email, emails) if found is not None)

    def _by_email(self, email: str) -> wire.Contact | None:
        path = f"/contacts/{quote(email, safe='')}"
        try:
            return self.get(wire.Contact, path, told="/contacts/{email}", identifierType="email_id")
        except Refused as refused:
            # 400: nothing that Brevo takes for an address, so nobody has it
            if isinstance(refused, Gone | errors.Declined):
                return None
            raise

    def _parallel(self, ask: Callable[[_T], _R], portions: Iterable[_T]) -> Iterator[_R]:
        pool = ThreadPoolExecutor(CONCURRENCY)
        try:
            yield from pool.map(ask, portions)
        finally:
            pool.shutdown(cancel_futures=True)

    # ------------------------------------------------------------ lists, attributes, processes

    def lists(self) -> dict[str, str]:
        """Name -> id of every list. Of several with one name the oldest counts."""
        held: dict[str, str] = {}
        offset = 0
        while True:
            page = self.get(wire.Lists, "/contacts/lists", limit=LIST_PAGE, offset=offset, sort="asc")
            for each in page.lists or ():
                held.setdefault(each.name, str(each.id))
            offset += LIST_PAGE
            if len(page.lists or ()) < LIST_PAGE:
                return held

    def folder(self) -> int:
        """Where new lists go: the oldest folder. Every account begins with one; else one is made."""
        page = self.get(wire.Folders, "/contacts/folders", limit=1, offset=0, sort="asc")
        if page.folders:
            return page.folders[0].id
        made = self.write("POST", "/contacts/folders", {"name": "Segment connector"}, replayable=False)
        return wire.read(wire.Made, made, self.name).id

    def attributes(self) -> Mapping[str, wire.Attribute]:
        found = self.get(wire.Attributes, "/contacts/attributes")
        return {each.name: each for each in found.attributes}

    def process(self, key: str) -> wire.Process:
        return self.get(wire.Process, f"/processes/{quote(key, safe='')}", "process")

    def open_processes(self) -> Iterator[wire.Process]:
        """Imports that are not over, newest first; pages are read for as long as there are any."""
        offset = 0
        while True:
            page = self.get(wire.Processes, "/processes", "processes", limit=PROCESS_PAGE, offset=offset, sort="desc")
            found = [each for each in page.processes or () if each.name in (jobs.IMPORT, "") and not jobs.over(each)]
            yield from found
            offset += PROCESS_PAGE
            if not found or len(page.processes or ()) < PROCESS_PAGE:
                return

    def campaigns(self, since: datetime, until: datetime) -> Iterator[campaigns.Campaign]:
        """Those that were sent meanwhile, with their statistics."""
        bounds = [at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z") for at in (since, until)]
        query = dict(zip(("startDate", "endDate"), bounds, strict=True)) | {"status": "sent", "type": "classic"}
        query |= {"statistics": "globalStats", "excludeHtmlContent": "true", "sort": "asc"}
        offset = 0
        while True:
            asked = query | {"limit": str(campaigns.PAGE), "offset": str(offset)}
            page = self.get(campaigns.Page, "/emailCampaigns", "campaigns", **asked)
            yield from page.campaigns or ()
            offset += campaigns.PAGE
            if len(page.campaigns or ()) < campaigns.PAGE:
                return

    def account(self) -> wire.Account:
        return self.get(wire.Account, "/account", "account")
