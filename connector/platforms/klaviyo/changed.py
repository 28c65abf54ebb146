"""What changed at Klaviyo since a moment: one reading of profiles, one of suppressions, one of each of our lists.

Owns: which readings these are, and that they go side by side. Must not: know what a profile means, keep state.

Neither a suppression nor an unsubscribe, of all or of one list, moves `updated`, hence the further readings. Filters on
suppressions cannot be combined with each other or with a second date, and those on `list_suppressions` must name one
list (changelog of revision 2023-10-15, read 2026-11-29).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa

from connector.core.errors import Auth, Gone, Refused
from connector.platforms.klaviyo.facts import CONCURRENCY

Read = Callable[[Mapping[str, Any]], Iterator[pa.Table]]
_MAIL = "subscriptions.email.marketing"


def since(read: Read, moment: str, lists: Sequence[str], exists: Callable[[str], object]) -> Iterator[pa.Table]:
    """Tables of those who changed after `moment`, some twice. `exists` raises Gone for a list that was deleted."""

    def of_list(key: str) -> list[pa.Table]:
        scope = f"{_MAIL}.list_suppressions"
        try:
            return list(read({"filter": f'greater-than({scope}.timestamp,{moment}),equals({scope}.list_id,"{key}")'}))
        except Refused as refused:
            if isinstance(refused, Auth) or not _gone(exists, key):
                raise
            return []

    def of_query(query: Mapping[str, Any]) -> list[pa.Table]:
        return list(read(query))

    pool = ThreadPoolExecutor(CONCURRENCY)
    try:
        updated = {"filter": f"greater-than(updated,{moment})", "sort": "updated"}
        suppressed = {"filter": f"greater-than({_MAIL}.suppression.timestamp,{moment})"}
        first = [pool.submit(of_query, query) for query in (updated, suppressed)]
        left = [pool.submit(of_list, key) for key in dict.fromkeys(lists)]
        for reading in (*first, *left):
            yield from reading.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _gone(exists: Callable[[str], object], key: str) -> bool:
    try:
        exists(key)
    except Gone:
        return True
    return False
