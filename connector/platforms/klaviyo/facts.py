"""Klaviyo's facts: caps, limits and what each operation can do.

Owns: numbers and Capabilities. Must not: hold behaviour.

Facts: developers.klaviyo.com reference 2026-07-15 and guides, read 2026-11-21.
"""

from __future__ import annotations

from dataclasses import replace

from connector.core.errors import Refused
from connector.core.model import Kind, Op
from connector.platforms.base import Capabilities, Engagement, OpSpec, RetireSpec, TagStyle, Window
from connector.vendors.klaviyo import KLAVIYO

ADDRESS, REVISION, TAG_PROPERTY = "https://a.klaviyo.com", "2026-07-15", KLAVIYO.tag_property
CONCURRENCY = 10  # not stated by the vendor; the burst of the writing endpoints is 10 a second
IMPORT_CAP, MEMBERS_CAP, SUPPRESS_CAP = 10_000, 1000, 100
MAX_BODY, MAX_PROFILE = 5_000_000, 100_000  # bytes: guide "Bulk Import Profiles API"
PAGE, LISTS_PAGE, FILTER_CAP = 100, 10, 100
POLL_FIRST, POLL_MOST = 0.1, 5.0  # seconds before a job is asked about; doubled each time

# Requests per second and per minute of Klaviyo's tiers, and the tier of each endpoint we use. An account may be held
# lower: `tier:` caps them all.
TIERS = {"XS": (1, 15), "S": (3, 60), "M": (10, 150), "L": (75, 750), "XL": (350, 3500)}
BUCKETS = {
    "accounts": "XS",
    "lists": "L",
    "lists.create": "M",
    "profiles": "L",
    "members": "L",
    "members.add": "M",
    "members.remove": "M",
    "import": "M",
    "import.job": "M",
    "import.jobs": "M",
    "import.errors": "M",
    "suppress": "L",
    "metrics": "M",
    "events": "XL",
    "campaigns": "M",
}
REPORTS = (Window(1, 1.0), Window(2, 60.0), Window(225, 86_400.0))  # in every tier

_REFERENCE = "https://developers.klaviyo.com/en/reference/"
_IMPORT = OpSpec(
    max_batch=IMPORT_CAP,
    max_bytes=MAX_BODY,
    addressed_by="email",
    asynchronous=True,
    atomic=True,
    silent=False,
    replayable=True,
    source=_REFERENCE + "bulk_import_profiles (2026-11-21)",
)
# Of profiles that Klaviyo holds: a row of the import names its profile by id.
_HELD = replace(_IMPORT, addressed_by="id")
_REMOVE = OpSpec(
    max_batch=MEMBERS_CAP,
    max_bytes=None,
    addressed_by="id",
    asynchronous=False,
    atomic=True,
    silent=True,
    replayable=True,
    source=_REFERENCE + "remove_profiles_from_list (2026-11-21)",
)
_SUPPRESS = OpSpec(
    max_batch=SUPPRESS_CAP,
    max_bytes=None,
    addressed_by="id",  # the jobs name addresses: the present ones of these profiles
    asynchronous=False,
    atomic=True,
    silent=True,
    replayable=True,
    source=_REFERENCE + "bulk_suppress_profiles (2026-11-21)",
)
CAPABILITIES = Capabilities(
    platform=KLAVIYO.name,
    tag_style=TagStyle.PROPERTY,
    operations={
        (Op.CREATE, None): _IMPORT,
        (Op.UPDATE, None): _HELD,
        (Op.MOVE, None): _HELD,
        (Op.ADD, Kind.LIST): _HELD,
        (Op.REMOVE, Kind.LIST): _REMOVE,
        (Op.RETIRE, None): _SUPPRESS,
        # Lifts USER_SUPPRESSED alone: an unsubscribe, bounce or complaint stays.
        (Op.RESTORE, None): replace(_SUPPRESS, source=_REFERENCE + "bulk_unsuppress_profiles (2026-11-21)"),
    },
    retire=RetireSpec(
        action="suppress",
        reversible=True,
        how_to_undo="a bulk unsuppress job lifts what this one did, but no unsubscribe, bounce or complaint",
        source=_REFERENCE + "bulk_unsuppress_profiles (2026-11-21)",
    ),
    new_contacts=KLAVIYO.new_contacts,
    limits=tuple(Window(number, seconds) for number, seconds in zip(TIERS["M"], (1.0, 60.0), strict=True)),
    concurrency=CONCURRENCY,
    subscribes_on_create=False,
    create_joins_lists=True,
    declares_tags=False,
    engagement=Engagement.EVENTS,
    gone_is_final=True,  # a profile can only be removed by an erasure request (data_privacy, read 2026-11-28)
)


def windows(destination: str, tier: str) -> dict[str, tuple[Window, ...]]:
    """The windows of every endpoint, none above `tier`. Raises Refused for a tier that does not exist."""
    order = list(TIERS)
    if tier not in order:
        text = f"{destination}: `tier:` “{tier}” is not known. Valid: {', '.join(order)}."
        raise Refused(text, destination=destination, code="setting")
    held = {bucket: TIERS[min(own, tier, key=order.index)] for bucket, own in BUCKETS.items()}
    paced = {bucket: (Window(burst, 1.0), Window(steady, 60.0)) for bucket, (burst, steady) in held.items()}
    return paced | {"reports": REPORTS}
