"""The account behind a key is the one that the state belongs to, or nothing is read or sent.

Owns: the comparison, for every command; what happens when the key may not tell. Must not: know a platform, read
contacts, write to a platform.

A ledger of one account says nothing about another: its ids are not there, and those it calls ours are not.
"""

from __future__ import annotations

from connector.core.errors import MissingScope, OtherAccount
from connector.core.events import Listener, Notice, silent
from connector.core.scrub import scrub
from connector.platforms.base import Adapter
from connector.state.accounts import Known
from connector.state.base import Store


def verify(store: Store, destination: str, adapter: Adapter, tell: Listener = silent) -> None:
    """Compare, and keep the account at the first time; then the adapter is told the targets that are ours there. One
    request per adapter.

    Raises OtherAccount, MissingScope when the key may not tell and the state knows its account, and what the request
    raises."""
    _compare(store, destination, adapter, tell)
    adapter.recall(store.seen_lists(destination) | store.target_ids(destination))


def _compare(store: Store, destination: str, adapter: Adapter, tell: Listener) -> None:
    known = store.accounts.known().get(destination)
    try:
        told = adapter.identity()
    except MissingScope as error:
        if known is None:
            tell(Notice(destination, f"the key may not name its account, so it cannot be compared next time. {error}"))
            return
        raise MissingScope(
            f"{error} The state {store.place} belongs to {_shown(known)}, and whether the key opens that account is "
            "unknown: nothing was read or sent.",
            destination=destination,
            code=error.code,
        ) from None
    found = Known(told.id, "".join(sign for sign in scrub(told.name) if sign.isprintable()))
    bound = store.accounts.bind(destination, found) if known is None else known
    if bound.id != found.id:
        way_in = "key and the `audience`" if "/" in found.id else "key"
        raise OtherAccount(
            f"{destination}: the key opens {_shown(found)}, but the state {store.place} belongs "
            f"to {_shown(bound)}. Nothing was read or sent. Either put the {way_in} of that account back, "
            "or begin a state for this one and give it to every command: "
            f"--state .connector/{found.id.replace('/', '-')}.db",
            destination=destination,
            code="other_account",
        )
    if bound.name != found.name:
        store.accounts.bind(destination, found)


def _shown(account: Known) -> str:
    return f"{account.name} ({account.id})" if account.name else account.id
