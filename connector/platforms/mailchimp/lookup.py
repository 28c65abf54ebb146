"""Who of a few addresses an audience holds, asked for one by one where reading everybody takes more requests.

Owns: the arithmetic, one request per address, and outcomes that a second look changes. Must not: read pages.

Why it is as safe as reading everybody: a member is found by the MD5 of its lower-case address in every status,
archived ones too (api/list-members, get-list-member-info, read 2026-11-29), and 404 is the only answer that means
“not held”; any other trouble is raised. What changes after the answer is read like any other change, by
`last_changed` from before the question on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa

from connector.core.errors import ContractError, Gone
from connector.core.model import Outcome
from connector.platforms.base import RecordOutcome
from connector.platforms.http.client import Http
from connector.platforms.mailchimp import wire
from connector.platforms.mailchimp.facts import CONCURRENCY, PAGE

STATS = ("member_count", "unsubscribe_count", "cleaned_count")


def cheaper(count: int, audience: Mapping[str, Any]) -> bool:
    """Whether so many requests are no more than reading everybody takes: the members' pages, and one of archived
    ones. The audience's own counts leave some members out, so it is larger if anything."""
    told = audience.get("stats")
    counts = [told.get(name) for name in STATS] if isinstance(told, Mapping) else []
    size = sum(number for number in counts if isinstance(number, int))
    return count <= max(1, math.ceil(size / PAGE)) + 1


def one_by_one(http: Http, path: str, emails: Sequence[str], name: str) -> Iterator[pa.Table]:
    """Those that are held, in tables of CONTACT_SCHEMA; several requests at once. `path` is the audience's."""
    query = {"fields": ",".join(wire.MEMBER_FIELDS)}

    def ask(email: str) -> list[dict[str, Any]]:
        try:
            reply = http.send(
                "GET",
                f"{path}/members/{wire.subscriber_hash(email)}",
                query=query,
                told=f"{path}/members/{{subscriber_hash}}",
            )
        except Gone:
            return []
        if not isinstance(reply.body, dict) or not reply.body.get("email_address"):
            text = f"{name}: the answer is no member. Mailchimp changed, or this is not its address."
            raise ContractError(text, destination=name, code="shape")
        return [reply.body]

    pool = ThreadPoolExecutor(CONCURRENCY)
    try:
        found = pool.map(ask, dict.fromkeys(emails))
        yield wire.contacts([row for rows in found for row in rows], name)
    finally:
        pool.shutdown(cancel_futures=True)


def unless_in(
    read: Callable[[Sequence[str]], Iterator[pa.Table]],
    outcomes: Sequence[RecordOutcome],
    emails: Sequence[str],
    code: str,
    as_: str,
    outcome: Outcome = Outcome.UNCHANGED,
) -> tuple[RecordOutcome, ...]:
    """Outcomes of this code become another for those that one reading finds: `read` is asked for them, and may tell of
    others. Reads only then."""
    doubtful = {emails[each.index].lower() for each in outcomes if each.code == code}
    if not doubtful:
        return tuple(outcomes)
    found = {email for table in read(sorted(doubtful)) for email in table["email"].to_pylist() if email in doubtful}
    return tuple(
        RecordOutcome(each.index, outcome, as_) if each.code == code and emails[each.index].lower() in found else each
        for each in outcomes
    )
