"""An audience as Mailchimp exports it, one file for each status.

Owns: what its columns mean (mailchimp.com/help/view-export-contacts, read 2026-11-29). Must not: apply the API's rules.
"""

from __future__ import annotations

from collections.abc import Sequence

from connector.rehearsal.core.exports import Row, cell, folded, several
from connector.rehearsal.core.world import World
from connector.rehearsal.mailchimp import store, wire
from connector.rehearsal.mailchimp.lists import fields_of
from connector.rehearsal.mailchimp.rules import STATUSES, Member

_FILES = (("unsubscribed", "unsubscribed"), ("cleaned", "cleaned"), ("nonsubscribed", "transactional"),
          ("non-subscribed", "transactional"), ("archived", "archived"))  # fmt: skip


def load(world: World, rows: Sequence[Row], file: str) -> int:
    """Take the rows into the first audience; how many had an address."""
    (list_id,) = world.db.execute("SELECT id FROM mc_lists ORDER BY number").fetchone()
    fields = fields_of(world, list_id)
    named = {folded(text): tag for tag, doc in fields.items() for text in (tag, str(doc.get("name")))}
    members, tags = [], dict[str, list[str]]()
    for row in rows:
        email = cell(row, "Email Address", "Email")
        if "@" not in email:
            continue
        hash = wire.subscriber_hash(email)
        told = {named[folded(header)]: text for header, text in row.items() if folded(header) in named and text}
        at = cell(row, "LAST_CHANGED", "CONFIRM_TIME", "OPTIN_TIME").replace(" ", "T")
        changed = f"{at[:19]}+00:00" if len(at) >= 19 else wire.stamp(world.now())
        status = _status(row, file)
        opt = "" if status == "transactional" else changed
        merge = {tag: text for tag, text in told.items() if tag != "EMAIL"}
        members.append(Member(hash, email, status, merge=merge, signup=changed, opt=opt, changed=changed))
        for tag in several(cell(row, "TAGS")):
            tags.setdefault(tag, []).append(hash)
    store.save(world, list_id, members)
    for name, hashes in tags.items():
        found = world.db.execute(
            "SELECT id FROM mc_segments WHERE list_id = ? AND name = ?", (list_id, name)
        ).fetchone()
        store.tag(world, found[0] if found else store.create_tag(world, list_id, name), hashes)
    return len(members)


def _status(row: Row, file: str) -> str:
    """By a column, or by the columns and the name of the file. Without either, people are subscribed."""
    told = cell(row, "Status", "Contact Status", "Email Marketing Status").casefold()
    if told in (*STATUSES, "archived"):
        return told
    if cell(row, "UNSUB_TIME") or cell(row, "CLEAN_TIME"):
        return "unsubscribed" if cell(row, "UNSUB_TIME") else "cleaned"
    if told in ("non-subscribed", "nonsubscribed", "never subscribed"):
        return "transactional"
    return next((status for words, status in _FILES if words in file.casefold()), "subscribed")
