"""What Mailchimp can do and at which size: the facts that the core and the adapter act on.

Owns: capabilities and sizes, each with the vendor's page. Must not: act.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from connector.core.model import Kind, Op
from connector.platforms.base import Capabilities, Engagement, OpSpec, RetireSpec, TagStyle
from connector.vendors.mailchimp import MAILCHIMP

PAGE = 1000  # the most rows of any page
CLOCK_SKEW = timedelta(minutes=10)
CONCURRENCY = 9  # of 10 connections per user, which all programs share
POLL_SECONDS = 2.0
BELOW_MANAGER = frozenset({"author", "viewer"})  # levels that may not import people (help centre, see vendors/)

_DOCS = "mailchimp.com/developer/marketing"
_MEMBERS_DOC = f"{_DOCS}/api/lists/batch-subscribe-or-unsubscribe (read 2026-11-21)"
_TAGS_DOC = f"{_DOCS}/api/list-segments/batch-add-or-remove-members (read 2026-11-21)"
_BATCH_DOC = f"{_DOCS}/guides/run-async-requests-batch-endpoint (read 2026-11-21)"
_UPDATE_DOC = f"{_DOCS}/api/list-members/update-list-member (read 2026-11-21)"
_ARCHIVE_DOC = f"{_DOCS}/api/list-members/archive-list-member (read 2026-11-21)"


def _op(
    max_batch: int, source: str, *, asynchronous: bool = False, silent: bool = False, replayable: bool = True
) -> OpSpec:
    return OpSpec(
        max_batch=max_batch,
        max_bytes=None,
        addressed_by="email",
        asynchronous=asynchronous,
        atomic=False,
        silent=silent,
        replayable=replayable,
        source=source,
    )


CAPABILITIES = Capabilities(
    platform=MAILCHIMP.name,
    tag_style=TagStyle.MEMBERSHIP,
    operations={
        # A replayed CREATE harms nobody, but its answer says "exists" for those that the first one made.
        (Op.CREATE, None): _op(500, _MEMBERS_DOC, replayable=False),
        (Op.UPDATE, None): _op(500, _MEMBERS_DOC),
        (Op.ADD, Kind.TAG): _op(500, _TAGS_DOC, silent=True),
        (Op.REMOVE, Kind.TAG): _op(500, _TAGS_DOC, silent=True),
        (Op.RETIRE, None): _op(1000, _BATCH_DOC, asynchronous=True),
        (Op.UNSUBSCRIBE, None): _op(1000, _UPDATE_DOC, asynchronous=True),
        (Op.MOVE, None): replace(_op(1000, _BATCH_DOC, asynchronous=True), addressed_by="id"),
    },
    retire=RetireSpec(
        action="archive",
        reversible=True,
        # Its API wants a status for that, and shows neither the former one nor an opt-out of the time in between
        # (github.com/brandonseydel/MailChimp.Net, issue 529). What the interface does gives back the status.
        how_to_undo="in Mailchimp, All contacts, Archived, Unarchive: it gives back the former status",
        source=_ARCHIVE_DOC,
    ),
    new_contacts=MAILCHIMP.new_contacts,
    limits=(),  # no quota of requests per time, only connections
    concurrency=CONCURRENCY,
    subscribes_on_create=True,
    create_joins_lists=False,
    declares_tags=False,
    engagement=Engagement.EVENTS,
    gone_is_final=True,  # permanently deleted, or under another address: an archived member is still there
)
