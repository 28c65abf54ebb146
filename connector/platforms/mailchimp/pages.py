"""Mailchimp's pages. They are cut by offset, so that a set which changes while it is read moves under the reader.

Owns: paging, and that nobody is passed over. Must not: know what rows mean, keep state.

- Members are read in the order of `last_changed`, each page from the second in which the one before ended: one that is
  changed meanwhile has a later time, and is ahead. Offsets are used inside one second only, bounded on both sides: who
  leaves it makes it smaller, which `total_items` tells.
- Whatever else is paged: when `total_items` has become smaller, rows have moved up by at most as many, and are read
  again.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connector.core.errors import ContractError
from connector.core.events import Listener, Progress
from connector.platforms.http.client import Http
from connector.platforms.mailchimp import wire
from connector.platforms.mailchimp.facts import PAGE

OVERLAP = 50  # rows that are read twice, in case that somebody changed and the total did not tell
SECOND = timedelta(seconds=1)
Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Pages:
    """Of one destination."""

    http: Http
    name: str
    listener: Listener

    def by_offset(
        self,
        path: str,
        key: str,
        query: Mapping[str, Any],
        *,
        size: int = PAGE,
        offset: int = 0,
        overlap: int = 0,
        before: int | None = None,
    ) -> Generator[Rows, None, int]:
        """All rows from `offset` on; some twice. `before` is the total that the rows before were read with. Returns how
        many there are."""
        while True:
            page, total = self._page(path, key, {**query, "count": size, "offset": offset})
            if page:
                yield page
            seen, moved = offset + len(page), max(0, (before or 0) - (total or 0)) if total is not None else 0
            before = total
            self.listener(Progress(self.name, f"reading {key}", seen, total))
            if moved:
                offset = max(0, offset - moved)
            elif not page or (seen >= total if total is not None else len(page) < size):
                return seen if total is None else total
            else:
                offset = seen - min(overlap, len(page) - 1)

    def by_change(self, path: str, query: Mapping[str, Any], since: datetime | None = None) -> Iterator[Rows]:
        """Members changed after the second `since`, the longest ago first; some twice."""
        ordered = {**query, "sort_field": "last_changed", "sort_dir": "ASC"}
        seen = 0
        while True:
            asked = ordered | ({} if since is None else {"since_last_changed": since.isoformat(timespec="seconds")})
            page, total = self._page(path, "members", {**asked, "count": PAGE, "offset": 0})
            if page:
                yield page
            seen += len(page)
            self.listener(Progress(self.name, "reading members", seen, None if total is None else max(seen, total)))
            if not page or (len(page) >= total if total is not None else len(page) < PAGE):
                return
            first, last = self._changed(page[0]), self._changed(page[-1])
            ignored = first is not None and since is not None and first < since
            if last is None or ignored:  # no times, no order: by offset after all
                yield from self.by_offset(path, "members", asked, offset=len(page) - OVERLAP, overlap=OVERLAP)
                return
            if first != last and (since is None or last - SECOND > since):
                since = last - SECOND
                continue
            inside = asked | {"before_last_changed": (last + SECOND).isoformat(timespec="seconds")}
            there = yield from self.by_offset(
                path, "members", inside, offset=len(page) - OVERLAP, overlap=OVERLAP, before=total
            )
            if total is not None and there >= total:  # nobody is of a later second
                return
            since = last if since is None or last > since else last + SECOND

    def _page(self, path: str, key: str, query: Mapping[str, Any]) -> tuple[Rows, int | None]:
        body = self.http.send("GET", path, query=query).body
        rows, total = wire.rows(body, key, self.name), body.get("total_items")
        return rows, total if isinstance(total, int) else None

    def _changed(self, row: Mapping[str, Any]) -> datetime | None:
        """The second of its last change. Raises ContractError for what is no time."""
        written = row.get("last_changed")
        if not written:
            return None
        try:
            return datetime.fromisoformat(str(written)).replace(microsecond=0)
        except ValueError:
            text = f"{self.name}: a time in the answer is not in ISO 8601 format."
            raise ContractError(text, destination=self.name, code="shape") from None
