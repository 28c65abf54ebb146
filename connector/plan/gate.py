"""The one gate of consent: who may be touched on a platform, and if not, the reason.

Owns: the rule and its reason codes. The diff asks it for every person (`reason`), and every plan passes it once more,
whatever asked for its changes (`enforce`). Removals are never held back for an opt-out.
Must not: know a platform. The order of the reasons is the order of their weight: what the platform says about
the person wins over the export, always.
"""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from connector.core.model import BLOCKED, NO_OF_PERSON, NewContacts, Op, Status, quoted
from connector.core.schemas import BLOCKED_SCHEMA, CHANGE_SCHEMA
from connector.core.sql import scratch
from connector.plan import unite
from connector.plan.part import Part
from connector.platforms.base import LEFT_LIST, TagStyle
from connector.state.base import Ledger
from connector.vendors import title

UNCLEAR = "consent_unclear"
# Of people who were archived or suppressed, and stay so.
NOT_LIFTED, NOT_OURS, ELSEWHERE = "not_lifted", "not_ours", "opted_out_elsewhere"
ASKING = (Op.CREATE, Op.UPDATE, Op.MOVE, Op.ADD, Op.ADOPT)  # what an opt-out forbids
# Somebody who gets another address in the same plan is known by the old one.
_JUDGED = f"""
    create temp table judged as
    with known as (
        select email, email as address from changes union
        select email, old_email from changes where op = '{Op.MOVE}'
    ), gone as (
        select distinct l.kind, l.target, k.email from left_lists l join known k on k.address = l.email
    )
    select c.*, coalesce(r.status, if(g.email is null, null, '{LEFT_LIST}')) as refused, r.status_at,
           row_number() over () as place
    from changes c left join refusing r on r.email = coalesce(c.old_email, c.email) and list_contains($asking, c.op)
    left join gone g on g.email = c.email and g.kind = c.kind and g.target = c.target
        and c.op in ('{Op.ADD}', '{Op.ADOPT}')
"""
_KEPT = f"""
    with tagged as (select distinct email from judged where kind = 'tag' and op = '{Op.REMOVE}')
    select * exclude (refused, status_at, place) replace (if(refused is null, fields, null) as fields) from judged
    where refused is null or (op = '{Op.UPDATE}' and $carried and email in (from tagged)) order by place
"""
_HELD_BACK = """
    select destination, op, kind, target, email, refused as reason, status_at as since from judged
    where refused is not null and kind is not null order by place
"""

# Plain words for each reason code, for plans and reports; {} is the platform.
REASONS = {
    "unsubscribed": "unsubscribed in {}",
    "bounced": "bounced in {}",
    "complained": "complained about spam in {}",
    "suppressed": "suppressed in {}",
    "archived": "archived in {}",
    "archived_later": "archived in {}, which takes nothing from them meanwhile; removed when they are back",
    "forgotten": "erased in {} for good",
    LEFT_LIST: "unsubscribed from this list in {}",
    "no_consent": "no consent in the export",
    UNCLEAR: "consent in the export is not understood or contradicts itself",
    "no_proof": "no dated proof of consent, which a new subscribed contact needs",
    "gone": "was in {} before and is deleted, erased or under another address there; not created again",
    "not_held": "not in {}, and new_contacts is skip",
    "rejected": "refused by {} before; parked until the person's row changes",
    "needs_person": "failed again and again in {}, and needs a person: see `sync rejects`",
    NOT_LIFTED: "{} does not show who opted out meanwhile: only its own interface takes them back",
    NOT_OURS: "its present state in {} is not of our doing",
    ELSEWHERE: "the person has opted out in {} under another address",
    "forgotten_here": "forgotten here by `sync forget`, though the export names them",
    "hold": "came or went too recently; the segment's hold keeps them as they are",
}


def words(code: str, platform: str) -> str:
    """A reason code as people read it; `platform` as in Capabilities."""
    return REASONS.get(code, code).format(title(platform) or "the platform")


HELD = f"(status is not null and status <> '{Status.ABSENT}')"


# An archived member comes back with all their tags, and no removal reaches them before: it waits, and they stay ours.
REMOVED_LATER = f"case when status = '{Status.ARCHIVED}' then 'archived_later' end"


def reason(policy: NewContacts, *, gone_is_final: bool) -> str:
    """SQL over status, held_before, consent, unclear, consent_at: null when the contact may be added, else the code why
    not.

    `gone_is_final`: on this platform, a contact that was held and is absent was erased, or has another address."""
    said_no = quoted(BLOCKED)
    gone = f"when status = '{Status.ABSENT}' and held_before = 1 then 'gone'" if gone_is_final else ""
    new = {
        NewContacts.SKIP: f"when not {HELD} then 'not_held'",
        NewContacts.SUBSCRIBED: f"when not {HELD} and consent_at is null then 'no_proof'",
    }.get(policy, "")
    return f"""case when status in ({said_no}) then status when not consent and unclear then '{UNCLEAR}'
        when not consent then 'no_consent' {gone} {new} end"""


# Contacts that we archived or suppressed, and whose person opted out under another address, present or former, by
# their own or somebody else's doing.
_ELSEWHERE = f"""
    with address as (
        select email, person, status from contacts where person is not null
        union all
        select c.email, f.person, c.status from former f join contacts c using (email) where c.person is null
    )
    select distinct email from ours join contacts c using (email) join address a on a.person = c.person
    where a.email <> c.email and a.status in ({quoted(NO_OF_PERSON)}) and a.email not in (select email from ours)
"""


def elsewhere(ledger: Ledger) -> pa.Array:
    """Addresses that stay archived or suppressed, though by our doing: the person has opted out under another one."""
    if not ledger.ours.num_rows:
        return pa.array([], pa.string())
    with scratch() as connection:
        for name in ("contacts", "former", "ours"):
            connection.register(name, getattr(ledger, name))
        return connection.sql(_ELSEWHERE).to_arrow_table()["email"].combine_chunks()


def liftable(ledger: Ledger) -> pa.Table:
    """OURS without those: the contacts that a RESTORE may take back."""
    return ledger.ours.filter(pc.invert(pc.is_in(ledger.ours["email"], value_set=elsewhere(ledger))))


def _lifted(part: Part) -> pa.Table:
    """The changes without a RESTORE of what somebody else has done: only our own suppression is lifted."""
    lifts = pc.equal(part.changes["op"], str(Op.RESTORE))
    if not pc.any(lifts).as_py():
        return part.changes
    ours = pc.is_in(part.changes["email"], value_set=liftable(part.ledger)["email"].combine_chunks())
    return part.changes.filter(pc.or_(pc.invert(lifts), ours))


def enforce(part: Part) -> Part:
    """The part without what a blocked status forbids: nobody who opted out is created, moved, added or adopted, and
    no field of theirs is written; nobody joins a list that they unsubscribed from; only what is provably our own
    doing is lifted, and not of a person who opted out under another address. An update that carries the removal of a
    tag stays, for that alone. What would have made somebody a member is listed as blocked."""
    contacts, left, changes = unite.statuses(part.ledger).contacts, part.ledger.left, _lifted(part)
    part = replace(part, changes=changes)
    refusing = contacts.filter(pc.is_in(contacts["status"], value_set=pa.array(sorted(map(str, BLOCKED)))))
    concerned = pc.coalesce(changes["old_email"], changes["email"])
    about = pc.is_in(concerned, value_set=refusing["email"].combine_chunks())
    asking = pc.is_in(changes["op"], value_set=pa.array([str(op) for op in ASKING]))
    if not left.num_rows and not pc.any(pc.and_(about, asking)).as_py():
        return part
    with scratch() as connection:
        connection.register("changes", changes)
        connection.register("refusing", refusing.select(["email", "status", "status_at"]))
        connection.register("left_lists", left)
        connection.execute(_JUDGED, {"asking": [str(op) for op in ASKING]})
        carried = part.capabilities.tag_style is TagStyle.PROPERTY
        kept = connection.sql(_KEPT, params={"carried": carried}).to_arrow_table().cast(CHANGE_SCHEMA)
        held_back = connection.sql(_HELD_BACK).to_arrow_table().cast(BLOCKED_SCHEMA)
    return replace(part, changes=kept, blocked=pa.concat_tables([part.blocked, held_back]))
