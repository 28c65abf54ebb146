"""The state machine of the lifecycle: who moves into which stage now, decided for everybody at once.

Owns: the one query that decides, as a function of (stage, entered, last sign of life, sends meanwhile, policy, as_of).
Must not: read a store or a clock, know a platform, send.

In the order of their weight: nobody moves twice at one moment or when the clock went back; whoever left (the export,
consent, the platform) or is protected is out; a sign of life brings back at once; who cannot be measured stays; and one
stage at most is entered per run, so nobody skips one because runs were missed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction

import pyarrow as pa
import pyarrow.compute as pc

from connector.config.sections.lifecycle import Amount, StageSplit
from connector.core.model import BLOCKED, Status, quoted
from connector.core.sql import scratch
from connector.lifecycle.people import Known, load
from connector.lifecycle.policy import RETIRED, RETURNED, Policy

INSTANT = pa.timestamp("us", tz="UTC")
# One row per person of one destination: what decides, and the verdict.
PEOPLE = pa.schema(
    [
        ("email", pa.string()),
        ("stage", pa.string()),  # now, null = none
        ("part", pa.string()),
        ("policy", pa.string()),  # at the entry
        ("began_at", INSTANT),
        ("entered_at", INSTANT),
        ("signal", INSTANT),  # the last signal, null = none known
        ("life", INSTANT),  # that, or a later joining or opting in
        ("taking_part", pa.bool_()),  # in the export, with consent, held by the platform, and nobody said no
        ("protected", pa.bool_()),
        ("measurable", pa.bool_()),
        ("ripe", pa.bool_()),  # in the last stage for a day, after every stage for its time, silent: may be archived
        ("news", pa.bool_()),  # a signal that nobody knew of at the entry
        ("waits", pa.bool_()),  # silent, and not entered yet because of the ramp
        ("how", pa.string()),  # the move: entered, moved, returned, protected, policy, left, over; null = none
        ("next", pa.string()),  # the stage after the move, null = none
        ("next_part", pa.string()),
        ("next_began_at", INSTANT),
    ]
)
_SAID_NO = quoted(BLOCKED)

_SQL = f"""
    with stood as (select * from entries where left_at is null),
    passed as (
        select e.email, list(distinct e.stage) as stages from entries e join stood s using (email)
        where e.began_at = s.began_at group by e.email
    ),
    undone as (select email, max(left_at) as at from entries where how = 'undone' group by email),
    moment as (select greatest(max(greatest(entered_at, coalesce(left_at, entered_at))), $last_run) as latest
               from entries),
    other as (select person, max(signal) as signal, bool_or(consent) as consent from desired group by person),
    known as (
        select coalesce(d.email, s.email) as email, s.stage, s.part, s.policy, s.began_at, s.entered_at,
               s.signal_at, coalesce(p.stages, []) as passed,
               greatest(d.signal, o.signal, k.last_click_at) as signal, greatest(d.life, k.last_click_at, u.at) as life,
               coalesce(d.consent, false) and c.status is not null and c.status not in ({_SAID_NO}, '{Status.ABSENT}')
               as taking_part, coalesce(d.protected, false) as protected,
               coalesce(e.sends, if($counted and e.email is null, 0, null)) as sends,
               d.email is null and c.person is not null and c.person in (select person from desired) as elsewhere,
               coalesce(d.email, s.email) in (select email from renamed) as renamed, o.consent as other_consent,
               c.status in ({_SAID_NO}) as refusing
        from desired d full join stood s using (email)
        left join contacts c on c.email = coalesce(d.email, s.email)
        left join engagement e on e.email = coalesce(d.email, s.email)
        left join clicks k on k.email = coalesce(d.email, s.email)
        left join passed p on p.email = s.email
        left join other o on d.email is null and s.stage = '{RETIRED}' and o.person = c.person
        left join undone u on u.email = coalesce(d.email, s.email)
    ),
    judged as (
        select *, list_position($names, stage) as number,
               coalesce(life >= since, false) as alive,
               life is not null and $measurable as measurable,
               list_position(list_transform($names, lambda name: list_contains(passed, name)), false) as missing,
               coalesce(life > began_at, false)
               or coalesce((signal_at is null or life > signal_at) and life >= began_at - ($as_of - since), false)
               as back,
               coalesce((signal_at is null or signal > signal_at)
                        and signal >= began_at - ($as_of - $alive_since), false) as news,
               coalesce($as_of < (select latest from moment), false) as earlier,
               coalesce(entered_at >= $as_of, false) or elsewhere or renamed as still
        from (select *, if(signal is null, $never_since, $alive_since) as since,
                     if(signal is null, $never_sends, $sends) as least from known)
    ),
    silent as (
        select *, not alive and measurable and not protected and taking_part
               and (least is null or sends is null or sends >= least) as silent,
               case when missing < number then missing when number is null then coalesce(missing, len($names))
                    when number < len($names) and entered_at <= list_extract($due, number + 1) then number + 1 end
               as following
        from judged
    )
    select email, stage, part, policy, began_at, entered_at, signal, life, taking_part, protected, measurable, case
        when still or earlier then null
        when stage = '{RETIRED}' then case when taking_part then 'returned' when not refusing then 'left' end
        when stage is null then case when silent then 'entered' end
        when not taking_part then 'left'
        when stage = '{RETURNED}' then
            case when protected then 'protected' when entered_at > $over then null
                 when silent then 'entered' when $over is not null then 'over' end
        when back then 'returned'
        when alive then 'policy'
        when protected then 'protected'
        when not measurable then null
        when following is not null then case when following = number + 1 then 'moved' else 'policy' end
        end as how,
        coalesce(taking_part and not protected and measurable and not alive and not back and not elsewhere
                 and not renamed and not earlier and number = len($names) and missing is null
                 and entered_at <= $as_of - interval 1 day, false) as ripe,
        coalesce(news and not earlier and not renamed and (not elsewhere or other_consent), false) as news,
        following, alive
    from silent
"""

_NEXT = f"""
    with numbered as (
        select *, case how when 'entered' then 1 when 'returned' then null else
               case when how = 'moved' or (how = 'policy' and not alive) then following end end as number
        from verdict
    ), ranked as (
        select *, row_number() over (partition by how order by life nulls first, email) as place from numbered
    ), kept as (
        select * exclude (how), case when how = 'entered' and place > $most then null else how end as how,
               coalesce(how = 'entered' and place > $most, false) as waits from ranked
    ), named as (
        select *, case when how is null then null when number is not null then list_extract($names, number)
                       when how = 'returned' and $returns then '{RETURNED}' end as next
        from kept
    )
    select n.email, n.stage, n.part, n.policy, n.began_at, n.entered_at, n.signal, n.life, n.taking_part, n.protected,
           n.measurable, n.ripe, n.news, n.waits, n.how, n.next, s.part as next_part,
           case when n.how = 'entered' then $as_of when n.next is not null then n.began_at end as next_began_at
    from named n left join split s on s.stage = n.next
         and left(md5(s.name || '|' || n.email), 16) >= s.low and left(md5(s.name || '|' || n.email), 16) < s.high
"""


def decide(known: Known, policy: Policy) -> pa.Table:
    """PEOPLE of one destination: everybody of the export and everybody who is in a stage. Entering the first stage is
    ramped: the longest silent go first."""
    returned, until = policy.section.returned, past(known, policy)
    never = policy.section.inactive.never_engaged
    values = {
        "names": list(policy.names),
        "due": list(policy.due),
        "as_of": policy.as_of,
        "alive_since": policy.alive_since,
        "never_since": policy.never_since,
        "sends": policy.section.inactive.sends,
        "never_sends": never.sends if never and never.sends is not None else policy.section.inactive.sends,
        "over": policy.returned_before,
        "measurable": reaches_back(known.desired, policy),
        "counted": known.counted,
        "last_run": known.last_run,
    }
    most = ramp(policy, known.desired.num_rows)
    with scratch() as connection:
        load(connection, known, until)
        connection.register("split", _splits(policy))
        verdict = connection.sql(_SQL, params=_used(_SQL, values)).to_arrow_table()
        connection.register("verdict", verdict)
        more = {
            "names": values["names"],
            "as_of": policy.as_of,
            "returns": returned is not None and bool(returned.tag or returned.list_ or returned.for_),
            "most": known.desired.num_rows if most is None else most,
        }
        return connection.sql(_NEXT, params=more).to_arrow_table().select(PEOPLE.names).cast(PEOPLE)


def past(known: Known, policy: Policy) -> datetime:
    """Up to when things have happened: what lies after it is no sign of life."""
    return max(policy.as_of, known.now or policy.as_of)


def reaches_back(desired: pa.Table, policy: Policy) -> bool:
    """Whether every signal's history is as long as the policy asks: else a missing value says nothing."""
    return not too_short(desired, policy)


def too_short(desired: pa.Table, policy: Policy) -> dict[str, object]:
    """Signal -> its earliest time (None: nobody has one), of those whose history is too short to measure by."""
    found = {name: pc.min(desired.column(f"signal:{name}")).as_py() for name in policy.section.signals}
    return {name: first for name, first in found.items() if first is None or first >= policy.alive_since}


def ramp(policy: Policy, contacts: int) -> int | None:
    """At most so many people per run; None without a ramp. A share rounds up, so that somebody always moves."""
    amount = policy.section.ramp.at_most if policy.section.ramp else None
    return None if amount is None else limit(amount, contacts)


def limit(amount: Amount, contacts: int) -> int:
    if amount.percent is None:
        return int(amount.count or 0)
    share = Fraction(amount.percent) * contacts / 100
    return -(-share.numerator // share.denominator)


def _splits(policy: Policy) -> pa.Table:
    """Per stage with a split its parts as ranges of the same hash that `split:` of a rule uses."""
    rows = [
        {"stage": stage.name, "name": stage.split.name, "part": part, "low": low, "high": high}
        for stage in policy.section.stages
        if stage.split
        for part, low, high in _parts(stage.split)
    ]
    columns = ("stage", "name", "part", "low", "high")
    return pa.Table.from_pylist(rows, pa.schema([(name, pa.string()) for name in columns]))


def _parts(split: StageSplit) -> list[tuple[str, str, str]]:
    found, low = [], 0
    for part, share in split.of.items():
        found.append((part, _bound(low), _bound(low + share)))
        low += share
    return found


def _bound(percent: int) -> str:
    """As segments/compile/chance.py cuts: the first hash that is not in the share; "g" is above them all."""
    return "g" if percent >= 100 else format(-(-percent * 16**16 // 100), "016x")


def _used(sql: str, known: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in known.items() if f"${name}" in sql}
