"""The state machine of the lifecycle: who moves into which stage now, decided for everybody at once.

Owns: PEOPLE, and running the one query (verdict.py) that decides, as a function of (stage, entered, last activity,
sends meanwhile, policy, as_of).
Must not: read a store or a clock, know a platform, send.

In the order of their weight: nobody moves twice at one moment or when the clock went back; those who left (the export,
consent, the platform) or are protected are out; activity brings back at once; those who cannot be measured stay;
and one stage at most is entered per run, so nobody skips one because runs were missed.

Every person is under one policy. Those in a stage that they entered under another one (`changed`) stay in it until the
durations of theirs have passed since that entry, and are archived only out of a last stage that they entered under it.
"""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction

import pyarrow as pa
import pyarrow.compute as pc

from connector.config.sections.lifecycle import Amount, StageSplit
from connector.core.sql import scratch
from connector.lifecycle.people import Known, load
from connector.lifecycle.policy import Policies, Policy
from connector.lifecycle.verdict import NEXT, VERDICT

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
        ("under", pa.int64()),  # the place of the person's policy among the destination's
        ("worn", pa.int64()),  # that of the policy whose stage it is; null = in none
        ("outside", pa.bool_()),  # no policy is the person's
        ("changed", pa.bool_()),  # in a stage that was entered under another policy
        ("mails", pa.int64()),  # since the last activity, as the policy counts; null = not known
        ("mark", pa.int64()),  # of the platform's count those of before that activity; null = not to be remembered
        ("uncounted", pa.bool_()),  # held back: only mails count, and how many is not known
        ("taking_part", pa.bool_()),  # in the export, with consent, held by the platform, and not opted out
        ("protected", pa.bool_()),
        ("measurable", pa.bool_()),
        ("ripe", pa.bool_()),  # in the last stage for a day, after every stage for its time, inactive: may be archived
        ("news", pa.bool_()),  # a signal that nobody knew of at the entry
        ("waits", pa.bool_()),  # inactive, and not entered yet because of the ramp
        ("how", pa.string()),  # the move: entered, moved, returned, protected, policy, left, over; null = none
        ("next", pa.string()),  # the stage after the move, null = none
        ("next_part", pa.string()),
        ("next_began_at", INSTANT),
    ]
)
_POLICIES = pa.schema(
    [
        ("place", pa.int64()),
        ("whose", pa.string()),
        ("key", pa.string()),
        ("names", pa.list_(pa.string())),
        ("due", pa.list_(INSTANT)),
        ("alive_since", INSTANT),
        ("never_since", INSTANT),
        ("sends_", pa.int64()),
        ("never_sends", pa.int64()),
        ("returned_before", INSTANT),
        ("returns", pa.bool_()),  # it has a stage for those who return
        ("returned_stage", pa.bool_()),  # and something is done in it
        ("reaches_back", pa.bool_()),
        ("most", pa.int64()),
    ]
)


def decide(known: Known, policies: Policies) -> pa.Table:
    """PEOPLE of one destination: everybody of the export and everybody who is in a stage. Entering the first stage is
    ramped: those who are inactive for longest go first."""
    values = {"as_of": policies[0].as_of, "counted": known.counted, "last_run": known.last_run}
    with scratch() as connection:
        load(connection, known, policies, past(known, policies))
        sizes = dict(connection.sql("select policy, count(*) from desired group by policy").fetchall())
        rows = [_row(known, policy, place, sizes.get(place, 0)) for place, policy in enumerate(policies)]
        connection.register("policies", pa.Table.from_pylist(rows, _POLICIES))
        connection.register("split", _splits(policies))
        connection.execute(f"create temp table verdict as {VERDICT}", values)  # bound once: `sql` would do so twice
        more = {"as_of": values["as_of"]}
        return connection.sql(NEXT, params=more).to_arrow_table().select(PEOPLE.names).cast(PEOPLE)


def _row(known: Known, policy: Policy, place: int, people: int) -> dict[str, object]:
    """One of _POLICIES; it is that of so many people."""
    returned, most = policy.section.returned, ramp(policy, people)
    return {
        "place": place,
        "whose": policy.whose,
        "key": policy.key,
        "names": list(policy.names),
        "due": list(policy.due),
        "alive_since": policy.alive_since,
        "never_since": policy.never_since,
        "sends_": policy.sends[0],
        "never_sends": policy.sends[1],
        "returned_before": policy.returned_before,
        "returns": returned is not None or not policy.whose,
        "returned_stage": returned is not None and bool(returned.tag or returned.list_ or returned.for_),
        "reaches_back": reaches_back(known.desired, policy),
        "most": people if most is None else most,
    }


def past(known: Known, policies: Policies) -> datetime:
    """Up to when things have happened: what lies after it is no activity."""
    as_of = policies[0].as_of
    return max(as_of, known.now or as_of)


def reaches_back(desired: pa.Table, policy: Policy) -> bool:
    """Whether every signal's history is as long as the policy asks: else a missing value says nothing."""
    return not too_short(desired, policy)


def too_short(desired: pa.Table, policy: Policy) -> dict[str, object]:
    """Signal -> its earliest time (None: nobody has one), of those whose history is too short to measure by."""
    found = {name: pc.min(desired.column(f"signal:{name}")).as_py() for name in policy.section.signals}
    since = policy.alive_since
    return {name: first for name, first in found.items() if first is None or (since is not None and first >= since)}


def ramp(policy: Policy, contacts: int) -> int | None:
    """At most so many people per run; None without a ramp. A share rounds up, so that somebody always moves."""
    amount = policy.section.ramp.at_most if policy.section.ramp else None
    return None if amount is None else limit(amount, contacts)


def limit(amount: Amount, contacts: int) -> int:
    if amount.percent is None:
        return int(amount.count or 0)
    share = Fraction(amount.percent) * contacts / 100
    return -(-share.numerator // share.denominator)


def _splits(policies: Policies) -> pa.Table:
    """Per stage with a split its parts as ranges of the same hash that `split:` of a rule uses."""
    rows = [
        {"policy": place, "stage": stage.name, "name": stage.split.name, "part": part, "low": low, "high": high}
        for place, policy in enumerate(policies)
        for stage in policy.section.stages
        if stage.split
        for part, low, high in _parts(stage.split)
    ]
    columns = [(name, pa.string()) for name in ("stage", "name", "part", "low", "high")]
    return pa.Table.from_pylist(rows, pa.schema([("policy", pa.int64()), *columns]))


def _parts(split: StageSplit) -> list[tuple[str, str, str]]:
    found, low = [], 0
    for part, share in split.of.items():
        found.append((part, _bound(low), _bound(low + share)))
        low += share
    return found


def _bound(percent: int) -> str:
    """As segments/compile/chance.py cuts: the first hash that is not in the share; "g" is above them all."""
    return "g" if percent >= 100 else format(-(-percent * 16**16 // 100), "016x")
