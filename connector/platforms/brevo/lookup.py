"""Who of some addresses is held.

Owns: the choice between asking for each and reading everybody. Must not: write.

Brevo finds one contact by address, or reads pages of 1,000. Both cost a request of the same allowance, so that way is
taken that needs fewer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import islice

import pyarrow as pa

from connector.platforms.brevo import wire
from connector.platforms.brevo.client import Client
from connector.platforms.brevo.facts import OVERLAP, PAGE


def lookup(client: Client, emails: Sequence[str], there: int, tag_attribute: str) -> Iterator[pa.Table]:
    """Those of `emails` that are held, as CONTACT_SCHEMA; where everybody is read, others too. `there`: at least about
    so many contacts are held."""
    missing = dict.fromkeys(emails)
    if len(missing) > 1 and math.ceil(there / (PAGE - OVERLAP)) <= len(missing):
        first = client.page()
        yield _table(first, missing, tag_attribute)
        left = math.ceil((first.count - len(first.contacts)) / (PAGE - OVERLAP))
        if left <= len(missing):
            for page in islice(client.pages(first), 1, None):
                if not missing:
                    return
                yield _table(page, missing, tag_attribute)
            return
    if missing:
        yield wire.contacts(client.by_emails(list(missing)), tag_attribute)


def _table(page: wire.Contacts, missing: dict[str, None], tag_attribute: str) -> pa.Table:
    """A page; those that it names are taken out of `missing`."""
    for one in page.contacts:
        missing.pop(one.address, None)
    return wire.contacts(page.contacts, tag_attribute)
