"""Who may be archived or suppressed now, at one destination: out of the last stage, and by the `cleanup` section.

Owns: the selection, in the order in which people leave, under the ramp; which action a platform can do.
Must not: send, read a store or a platform, or choose anybody that a segment protects.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from connector.config.sections.lifecycle import Cleanup
from connector.core.model import BLOCKED, Op, Status, quoted
from connector.core.sql import scratch
from connector.lifecycle.machine import ramp
from connector.lifecycle.policy import RETIRED, Policies
from connector.plan import gate
from connector.platforms.base import Capabilities
from connector.state.base import Ledger
from connector.vendors import title

DEFAULT, UNSUBSCRIBE, REPORT, REMOVE_TAGS, RESTORE = "default", "unsubscribe", "report", "remove_tags", "restore"
SUNSET, HARD, SOFT, UNSUBSCRIBED, BACK = "sunset", "bounced", "bounced_softly", "unsubscribed", "back"
# Everybody that cleanup found at one destination.
FINDINGS = pa.schema(
    [
        ("email", pa.string()),
        ("finding", pa.string()),  # sunset, bounced, bounced_softly, unsubscribed, back (retired before, active again)
        ("action", pa.string()),  # archive, suppress, unsubscribe, remove_tags, report, restore
        ("status", pa.string()),
        ("life", pa.timestamp("us", tz="UTC")),  # the last activity, null = none known
        ("began_at", pa.timestamp("us", tz="UTC")),
        ("entered_at", pa.timestamp("us", tz="UTC")),
        ("under", pa.int64()),  # the place of their policy
        ("stage", pa.string()),  # the last one, or retired; null = none
        ("waits", pa.bool_()),  # for a later run, because of the ramp
    ]
)

STAYING = (REPORT, REMOVE_TAGS, RESTORE)
# Those that nobody unsubscribes: they opted out already, or the platform does not hold them.
_OUT = quoted([*BLOCKED, Status.ABSENT])
_KEPT = ", ".join(f"'{action}'" for action in STAYING)
_SQL = f"""
    with person as (
        select c.email, c.id, c.status, coalesce(p.protected, false) as protected, p.life,
               p.began_at, p.entered_at, p.stage, coalesce(p.under, 0) as under,
               list_extract($sunset, coalesce(p.under, 0) + 1) as sunset,
               coalesce(p.ripe, false) as ripe, x.email is not null as exported,
               p.stage = '{RETIRED}' and p.news and (x.consent or x.email is null) as back,
               x.consent_at is not null as proven, c.email in (select email from ours) as ours,
               coalesce(e.bounces, 0) as bounces,
               exists (from members m where m.contact = c.id) as tagged
        from contacts c left join people p using (email) left join engagement e using (email)
        left join exported x using (email)
    ), found as (
        select *, case when back and (status = $retired or ($unsubscribes and status = '{Status.UNSUBSCRIBED}'))
            then '{BACK}'
            when ripe and sunset is not null then '{SUNSET}'
            when status = '{Status.BOUNCED}' and $hard is not null then '{HARD}'
            when bounces >= $soft and status is not null and status not in ('{Status.ABSENT}', '{Status.BOUNCED}',
                 '{Status.ARCHIVED}', '{Status.SUPPRESSED}') then '{SOFT}'
            when status in ('{Status.UNSUBSCRIBED}', '{Status.COMPLAINED}') and tagged then '{UNSUBSCRIBED}' end
            as finding
        from person where (exported or back) and (not protected or back)
    ), wanted as (
        select *, case finding
                  when '{BACK}' then if($restores and proven and ours and status = $retired, '{RESTORE}', '{REPORT}')
                  when '{SUNSET}' then sunset when '{HARD}' then $hard when '{SOFT}' then $hard
                  else $unsubscribed end as action from found where finding is not null
    ), acting as (
        select * replace (case when action = '{UNSUBSCRIBE}' and coalesce(status, '{Status.ABSENT}') in ({_OUT})
                          then '{REPORT}' else action end as action) from wanted
    )
    select email, finding, action, status, life, began_at, entered_at, under, stage,
           action not in ({_KEPT}) and row_number() over (
               partition by under, action not in ({_KEPT})
               order by finding <> '{SUNSET}', entered_at, life nulls first, email
           ) > list_extract($most, under + 1) as waits
    from acting where not (finding = '{SUNSET}' and action = '{REPORT}' and email in (select email from told))
    order by finding, email
"""


@dataclass(frozen=True, slots=True)
class Actions:
    """What happens at one destination with each finding; None: nothing is looked for. `notes` say what cannot be."""

    sunset: tuple[str | None, ...]  # per policy
    bounced: str | None
    unsubscribed: str | None
    soft: int | None
    leads_to: str | None  # the status after archiving or suppressing
    unsubscribes: bool  # it is offered; those unsubscribed by it are only reported when they come back
    restores: bool  # the platform can take them back through its API
    notes: tuple[str, ...]


def actions(destination: str, policies: Policies, cleanup: Cleanup | None, can: Capabilities) -> Actions:
    """The written actions as far as the platform offers them. `default` is the one that it can take back."""
    notes: list[str] = []

    def able(word: str | None, what: str) -> str | None:
        if word in (None, REPORT, REMOVE_TAGS):
            return word
        if offered(word or "", can):
            return UNSUBSCRIBE if word == UNSUBSCRIBE or can.retire is None else can.retire.action
        notes.append(f"{destination}: {what}: {refusal(word or '', can)} They are left as they are.")
        return REPORT

    bounced = cleanup.bounced if cleanup else None
    unsubscribed = cleanup.unsubscribed if cleanup else None
    return Actions(
        tuple(able(policy.last.action, SUNSET) for policy in policies),
        able(bounced.action if bounced else None, HARD),
        able(unsubscribed.action if unsubscribed else None, UNSUBSCRIBED),
        bounced.soft if bounced else None,
        str(can.retire.leads_to) if can.retire else None,
        offered(UNSUBSCRIBE, can),
        (Op.RESTORE, None) in can.operations,
        tuple(dict.fromkeys(notes)),
    )


def offered(word: str, can: Capabilities) -> bool:
    """Unsubscribing is never a default: it must be written, and the platform must offer it."""
    if word == UNSUBSCRIBE:
        return (Op.UNSUBSCRIBE, None) in can.operations
    retire = can.retire
    return retire is not None and (word == retire.action or (word == DEFAULT and retire.reversible))


def refusal(word: str, can: Capabilities) -> str:
    """Why an action is not done, and what is."""
    if can.retire is None:
        return f"{title(can.platform)} has no way to archive or suppress a contact that could be taken back."
    return f"{title(can.platform)} has no “{word}” here; it offers: {can.retire.action}."


def find(
    people: pa.Table,
    exported: pa.Table,
    ledger: Ledger,
    engagement: pa.Table,
    do: Actions,
    most: Sequence[int | None],
    told: pa.Array | None = None,
) -> pa.Table:
    """FINDINGS of one destination. `people` is machine.PEOPLE, `exported` the desired table, `most` the ramp per
    policy, `told` are addresses that an earlier cleanup told of, to which nothing else is done. Those who are not in
    the export are left alone."""
    with scratch() as connection:
        connection.register("people", people)
        connection.register("exported", exported.select(["email", "consent", "consent_at"]))
        connection.register("contacts", ledger.contacts)
        connection.register("ours", gate.liftable(ledger))
        connection.register("members", ledger.memberships)
        connection.register("engagement", engagement)
        known: dict[str, object] = {
            "sunset": list(do.sunset) or [None],
            "hard": do.bounced,
            "soft": do.soft if do.bounced else None,
            "unsubscribed": do.unsubscribed or REPORT,
            "retired": do.leads_to,
            "unsubscribes": do.unsubscribes,
            "restores": do.restores,
            "most": [people.num_rows + ledger.contacts.num_rows if one is None else one for one in most or [None]],
        }
        connection.register("told", pa.table({"email": pa.array([], pa.string()) if told is None else told}))
        return connection.sql(_SQL, params=known).to_arrow_table().select(FINDINGS.names).cast(FINDINGS)


def most(policies: Policies, people: pa.Table, contacts: int) -> list[int | None]:
    """The ramp of each policy; of one alone a share is of all contacts, else of those who are under it."""
    if len(policies) == 1:
        return [ramp(policies[0], contacts)]
    inside = people.filter(pc.invert(people["outside"]))["under"]
    return [ramp(policy, pc.sum(pc.equal(inside, place)).as_py() or 0) for place, policy in enumerate(policies)]


def staying(people: pa.Table, told: pa.Array, do: Actions) -> int:
    """How many of those in the last stage that an earlier cleanup reported stay again."""
    places = [place for place, action in enumerate(do.sunset) if action == REPORT]
    stays = people["email"].filter(pc.is_in(people["under"], value_set=pa.array(places, pa.int64())))
    return pc.sum(pc.is_in(told, value_set=stays.combine_chunks())).as_py() or 0


def counts(found: pa.Table) -> Iterator[tuple[str, str, int, int]]:
    """(finding, action, how many, how many of them wait for a later run)."""
    groups = found.append_column("late", pc.cast(found["waits"], pa.int64())).group_by(["finding", "action"])
    for row in groups.aggregate([("email", "count"), ("late", "sum")]).sort_by("finding").to_pylist():
        yield row["finding"], row["action"], row["email_count"], row["late_sum"]
