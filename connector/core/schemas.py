"""The Arrow schema of every table that crosses a room, each once.

Owns: columns, their types and meaning. Must not: hold data or behaviour.

Addresses are normalised. Times are UTC in microseconds.
"""

from __future__ import annotations

import pyarrow as pa

INSTANT = pa.timestamp("us", tz="UTC")

# ---- what a plan asks for
# One row per change. A tag that is a property of the contact has its ADD and REMOVE rows here like any other;
# they travel inside the CREATE or UPDATE row that the plan holds for the same contact.
CHANGE_SCHEMA = pa.schema(
    [
        ("destination", pa.string()),
        ("op", pa.string()),  # connector.core.model.Op value
        ("kind", pa.string()),  # target of ADD, REMOVE, ADOPT; else null
        ("target", pa.string()),
        ("email", pa.string()),
        ("fields", pa.string()),  # CREATE, UPDATE: JSON object {platform field: value}, null = none
        ("new_status", pa.string()),  # CREATE: NewContacts value
        ("consent_at", INSTANT),
        ("consent_source", pa.string()),
        ("old_email", pa.string()),  # MOVE: the address under which the platform holds the contact; else null
        ("seen", pa.string()),  # RETIRE, UNSUBSCRIBE: what was known of the contact (sparing.seen); else null
        ("row_hash", pa.string()),  # of what the export says of the person (rows.HASH); null: nobody computed it
    ]
)
# Changes held back, with the reason.
BLOCKED_SCHEMA = pa.schema(
    [
        ("destination", pa.string()),
        ("op", pa.string()),
        ("kind", pa.string()),
        ("target", pa.string()),
        ("email", pa.string()),
        ("reason", pa.string()),  # a code: unsubscribed, bounced, no_consent, not_held, rejected …
        ("since", INSTANT),  # when the person opted out, if known
    ]
)
# What a plan asks for: `stage` is entered (null = none, the way is over), once the change (op, kind, target) of the
# same contact is confirmed; without one when the run is over.
STAGE_MOVES = pa.schema(
    [
        ("destination", pa.string()),
        ("email", pa.string()),
        ("stage", pa.string()),
        ("how", pa.string()),  # entered, moved, returned, protected, policy, left, over, retired, restored
        ("part", pa.string()),
        ("policy", pa.string()),
        ("began_at", INSTANT),
        ("entered_at", INSTANT),  # as_of of the run
        ("signal_at", INSTANT),
        ("op", pa.string()),
        ("kind", pa.string()),
        ("target", pa.string()),
    ]
)
# `person`: the CRM's id of the member when it was frozen, null = unknown.
FROZEN = pa.schema([("segment", pa.string()), ("email", pa.string()), ("person", pa.string())])
# The segments of one moment. `number` is theirs in the state's history; `known`: the history has compared the segment
# before, so that entries and exits are known. `hash` and `rule` are the definition in force.
SEGMENTS_AT = pa.schema(
    [
        ("number", pa.int64()),
        ("segment", pa.string()),
        ("size", pa.int64()),
        ("known", pa.bool_()),
        ("hash", pa.string()),
        ("rule", pa.string()),
    ]
)
# People whose segments differ from what the history holds: all their segments by now, as bits (60 numbers a `chunk`).
# `old_email`: the address that the history knows them by, null: the same.
NOW_IN = pa.schema(
    [
        ("email", pa.string()),
        ("person", pa.string()),
        ("old_email", pa.string()),
        ("chunk", pa.int64()),
        ("bits", pa.int64()),
    ]
)
# Entries (`entered` 1) and exits (0) since the history's last moment.
MOVED = pa.schema([("number", pa.int64()), ("email", pa.string()), ("entered", pa.int64())])
# Mail by day (since 1970, UTC) as a platform told it, of the members of a segment by its number in the history, -1: of
# everybody. `opens` and `clicks` are people who did so that day.
MAIL_DAYS = pa.schema([(name, pa.int64()) for name in ("day", "number", "sends", "opens", "clicks", "bounces")])
# What a plan notes of contacts that it archives, suppresses or unsubscribes (push/recheck_query.py).
SEEN = pa.schema([("email", pa.string()), ("seen", pa.string())])

# ---- what a platform tells and takes
# The records of a batch. One row per contact; `position` in the table is the record's index.
BATCH_SCHEMA = pa.schema(
    [
        ("email", pa.string()),  # normalised
        ("remote_id", pa.string()),  # the platform's id, null while unknown; MOVE has it, and `email` is the new one
        ("fields", pa.string()),  # JSON object {platform field: value | null = clear}; null = none
        ("tags_add", pa.list_(pa.string())),  # only where tags are a property
        ("tags_remove", pa.list_(pa.string())),
        ("new_status", pa.string()),  # NewContacts value, only for CREATE
        ("consent_at", INSTANT),  # dated proof, only for CREATE as subscribed
        ("consent_source", pa.string()),
    ]
)
# What a platform holds, as read by `lookup` and `statuses`.
CONTACT_SCHEMA = pa.schema(
    [
        ("email", pa.string()),  # normalised to lower case
        ("remote_id", pa.string()),
        ("status", pa.string()),  # connector.core.model.Status value
        ("status_at", INSTANT),  # when it changed, if the platform says
        ("tags", pa.list_(pa.string())),  # only where tags are a property; else null
        ("left", pa.list_(pa.string())),  # ids of the lists that the person unsubscribed from; null = not told
    ]
)
# What contacts did with mail of the platform, as read by `engagement`. Rows may repeat a contact: they are put together
# by the latest time of each kind. `sends` of a row are mails that left at its last_send_at.
ENGAGEMENT_SCHEMA = pa.schema(
    [
        ("email", pa.string()),  # normalised to lower case
        ("last_open_at", INSTANT),  # without those that a privacy proxy made, where it is told
        ("last_click_at", INSTANT),
        ("last_send_at", INSTANT),
        ("sends", pa.int64()),
        ("bounces", pa.int64()),
    ]
)
# The last activity on any platform, as the state knows them; a return to subscribed counts as a click.
ACTIVITY = pa.schema(
    [
        ("destination", pa.string()),
        ("email", pa.string()),
        ("person", pa.string()),  # the CRM's id, null = unknown
        ("last_open_at", INSTANT),
        ("last_click_at", INSTANT),
    ]
)
# Who is in a target, as read by `members`. Platforms that list by id leave email null, and vice versa.
MEMBER_SCHEMA = pa.schema([("email", pa.string()), ("remote_id", pa.string())])

# ---- what the state keeps
LEDGER_CONTACTS = pa.schema(
    [
        ("id", pa.int64()),
        ("email", pa.string()),
        ("remote_id", pa.string()),
        ("status", pa.string()),  # connector.core.model.Status value, null = never observed
        ("status_at", INSTANT),
        ("tags", pa.list_(pa.string())),  # as last observed, where tags are a property; null = none or never
        ("fields", pa.string()),  # JSON object the platform confirmed, null = never sent
        ("person", pa.string()),  # the CRM's id of the person who had this address in the export, null = unknown
        ("held_before", pa.int64()),  # 1: the platform has held it, so that "absent" means gone
    ]
)
# The addresses that people had before we moved their contacts.
FORMER = pa.schema([("email", pa.string()), ("person", pa.string())])
LEDGER_MEMBERSHIPS = pa.schema([("target", pa.int64()), ("contact", pa.int64())])
LEDGER_FIELDS = pa.schema([("contact", pa.int64()), ("fields", pa.string())])  # JSON objects, several of one contact
# Which lists people unsubscribed from, under every address of theirs.
LEFT_LISTS = pa.schema([("kind", pa.string()), ("target", pa.string()), ("email", pa.string())])
# Whose archiving or suppression is provably ours (state/retired.py).
OURS = pa.schema([("email", pa.string())])
LEDGER_TARGETS = pa.schema(
    [("id", pa.int64()), ("kind", pa.string()), ("name", pa.string()), ("remote_id", pa.string())]
)
REJECTS = pa.schema(
    [
        ("destination", pa.string()),
        ("email", pa.string()),
        ("op", pa.string()),
        ("kind", pa.string()),  # null for CREATE, UPDATE, RETIRE, UNSUBSCRIBE
        ("target", pa.string()),
        ("code", pa.string()),
        ("detail", pa.string()),
        ("row_hash", pa.string()),  # of what the export said when it was refused; null: tried once more
        ("run_id", pa.string()),
        ("at", INSTANT),
    ]
)
# Changes that keep failing (state/failures.py): how often, since when, and with which code the last time.
FAILURES = pa.schema(
    [
        *((name, pa.string()) for name in ("destination", "email", "op", "kind", "target", "code", "run_id")),
        ("times", pa.int64()),
        ("first_at", INSTANT),
        ("at", INSTANT),
    ]
)
# What a run asked for and what became of it; `previous` is the ledger's `fields` before an applied UPDATE.
RUN_CHANGES = pa.schema(
    [
        ("destination", pa.string()),
        ("op", pa.string()),
        ("kind", pa.string()),
        ("target", pa.string()),
        ("email", pa.string()),
        ("fields", pa.string()),
        ("previous", pa.string()),
        ("outcome", pa.string()),  # connector.core.model.Outcome value, null = not sent
        ("code", pa.string()),
    ]
)
# Who has an address in the export.
PEOPLE = pa.schema([("email", pa.string()), ("person", pa.string())])
# The changes of a batch: `seq`, then BATCH_SCHEMA, then `seen`: what the plan knew of the contact, null unless it is to
# be archived, suppressed or unsubscribed.
RECORDS = pa.schema([("seq", pa.int64()), *BATCH_SCHEMA, ("seen", pa.string())])
# What the push loop hands back for the changes of a batch.
ANSWERS = pa.schema(
    [
        ("seq", pa.int64()),
        ("outcome", pa.string()),
        ("code", pa.string()),
        ("detail", pa.string()),
        ("remote_id", pa.string()),
        ("rest", pa.string()),  # the fields (JSON) without those that were not taken; null = all, or none of a refusal
    ]
)
# When somebody was last active, and how many mails they had got by then since their last open or click.
MARKS = pa.schema([("email", pa.string()), ("at", INSTANT), ("sends", pa.int64())])
# Everybody's way through the stages of the lifecycle: one row per stay in a stage, the present one with left_at null.
STAGE_ENTRIES = pa.schema(
    [
        ("email", pa.string()),
        ("stage", pa.string()),
        ("part", pa.string()),  # of the stage's split, null without one
        ("policy", pa.string()),  # key of the policy in force at the entry (lifecycle/policy.py)
        ("began_at", INSTANT),  # entry into the first stage of this way
        ("entered_at", INSTANT),
        ("signal_at", INSTANT),  # the last signal known at the entry, null = none
        ("left_at", INSTANT),
        (
            "how",
            pa.string(),
        ),  # it ended: moved, returned, protected, policy, left, over, retired; null = it lasts
        ("status", pa.string()),  # of the contact at the entry: connector.core.model.Status value
        ("run_id", pa.string()),
        ("told_at", INSTANT),  # by a cleanup that archives nobody here; null = not yet
    ]
)
