"""Brevo's facts: caps, limits and what each operation can do.

Owns: numbers and Capabilities. Must not: hold behaviour.

Facts: developers.brevo.com, reference, guides and changelog, read 2026-11-28; the vendor's client brevo-python 5.1.0.
"""

from __future__ import annotations

from dataclasses import replace

from connector.core.model import Kind, Op
from connector.platforms.base import Capabilities, OpSpec, TagStyle, Window
from connector.vendors.brevo import BREVO

ADDRESS, TAG_ATTRIBUTE = "https://api.brevo.com/v3", BREVO.tag_property
WORKING_LIST = "Segment connector"  # an import needs a list; those that shall join none go into this one
IMPORT_CAP = 10_000  # ours: the vendor states bytes only; a row is 100 to 400 of them
MAX_BODY = 8_000_000  # of 10 MB, "a safe limit of around 8 MB" (reference “Import contacts”)
MAX_TEXT = 10_000  # characters of a text attribute; not documented by the vendor, known from users
PAGE, MEMBER_PAGE, LIST_PAGE, PROCESS_PAGE = 1000, 500, 50, 50
OVERLAP = 50  # rows read twice: a contact that is deleted while we read makes the others move up
IDS = 20  # contacts that GET /contacts finds by id at once
MEMBERS_CAP = 150  # reference “Add existing contacts to a list”
CONCURRENCY = 5  # not stated by the vendor; 10 requests a second are
POLL_FIRST, POLL_MOST = 0.5, 60.0  # seconds before a process is asked about; doubled each time, for 100 an hour

HOUR = 3600.0
# Guide “Rate limits”, general tier: everything under /contacts together, and each other endpoint.
CONTACTS = (Window(10, 1.0), Window(36_000, HOUR))
OTHERS = (Window(100, HOUR),)
# We keep below, and one by one instead of in bursts: the instants at which requests arrive are not those at which they
# leave. Eight a second may be a quarter of a second late and are still no more than ten in any second.
WINDOWS = {
    "": (Window(1, 0.125), Window(35_000, HOUR)),
    **dict.fromkeys(("account", "process", "processes", "campaigns"), (Window(95, HOUR),)),
}

_REFERENCE = "https://developers.brevo.com/reference/"
_IMPORT = OpSpec(
    max_batch=IMPORT_CAP,
    max_bytes=MAX_BODY,
    addressed_by="email",
    asynchronous=True,
    atomic=False,
    silent=False,
    replayable=True,
    source=_REFERENCE + "import-contacts (2026-11-28)",
)
_MEMBERS = OpSpec(
    max_batch=MEMBERS_CAP,
    max_bytes=None,
    addressed_by="id",
    asynchronous=False,
    atomic=False,
    silent=False,
    replayable=True,
    source=_REFERENCE + "add-contact-to-list (2026-11-28)",
)
CAPABILITIES = Capabilities(
    platform=BREVO.name,
    tag_style=TagStyle.PROPERTY,
    operations={
        (Op.CREATE, None): _IMPORT,
        (Op.UPDATE, None): replace(_IMPORT, addressed_by="id"),
        (Op.UNSUBSCRIBE, None): replace(_MEMBERS, max_batch=1, source=_REFERENCE + "update-contact (2026-11-28)"),
        (Op.ADD, Kind.LIST): _MEMBERS,
        (Op.REMOVE, Kind.LIST): replace(_MEMBERS, source=_REFERENCE + "remove-contact-from-list (2026-11-28)"),
    },
    retire=None,
    new_contacts=BREVO.new_contacts,
    limits=CONTACTS,
    concurrency=CONCURRENCY,
    subscribes_on_create=True,
    create_joins_lists=True,
    declares_tags=True,
    engagement=None,
    gone_is_final=True,  # a deleted contact is gone, or another address has its id; nothing is kept to restore
)
