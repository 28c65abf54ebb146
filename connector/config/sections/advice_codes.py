"""Every code of the checker's advice, each with one line for the reference.

Owns: AdviceCode (checked by mypy at each use), ADVICE, WARNINGS, TOLD. Codes are stable: `silence: [code]`
stands in people's files.
Must not: decide when advice is given (connector/segments/advice*.py do), or word it for one case.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

AdviceCode = Literal[
    "all-protected",
    "always",
    "ambiguous-date",
    "ambiguous-number",
    "behaves-alike",
    "consent-lets-in",
    "empty-column",
    "empty-segment",
    "everyone",
    "join-finds-nobody",
    "join-finds-some",
    "missing-let-in",
    "mixed-separators",
    "nearly-same",
    "never",
    "no-consent",
    "no-description",
    "no-goal",
    "no-owner",
    "no-people",
    "no-ramp",
    "no-rows",
    "no-sends",
    "no-times",
    "no-timezone",
    "not-read-yet",
    "one-day",
    "one-stage",
    "opens-named",
    "opens-only",
    "overlap",
    "own-mails",
    "part-of-value",
    "quick-stage",
    "repeated-id",
    "review-by-passed",
    "same-rule",
    "secret-not-set",
    "short-history",
    "stale-export",
    "tied-cut",
    "tiny",
    "too-many-segments",
    "two-currencies",
    "unreachable",
    "unseen-value",
    "unstable",
    "unused-column",
    "unused-source",
    "unused-trait",
]

ADVICE: Mapping[AdviceCode, str] = {
    "all-protected": "Everybody is protected by the lifecycle's `protect`, so nobody ever enters a stage. Narrow it.",
    "always": "A rule, or a part of one, that holds for everybody whatever the data says. Delete it, or correct it.",
    "ambiguous-date": "Dates that can be read as day/month and as month/day. Say which: `format` under `columns`.",
    "ambiguous-number": "Numbers whose sign can be decimal or thousands. Say which: `decimal` under `columns`.",
    "behaves-alike": "Two segments reach their goal equally often, within the interval. Send both the same.",
    "consent-lets-in": "People consent by the rule and have a word like “opted out”. Let the rule name consent.",
    "empty-column": "A rule or field uses a column in which nobody has a value. Correct the name, or fill the export.",
    "empty-segment": "Nobody is in the segment today. Look at its rule with `sync members` and `sync why`.",
    "everyone": "More than 95 % of the contacts are in the segment, so it tells nobody apart.",
    "join-finds-nobody": "No event of a source belongs to a contact. Correct `join` or the export; a push stops.",
    "join-finds-some": "More than half of a source's events belong to no contact. Correct `join`, or the export.",
    "missing-let-in": "A negated test lets in people without a value. Add `exists: true` if they should stay out.",
    "mixed-separators": "Lists of one column are written with different signs. Say which: `separator` under `columns`.",
    "nearly-same": "More than 70 % of two segments are the same people. Send one of them, or separate the rules.",
    "never": "A rule, or a part of one, that nobody can fulfil: its conditions exclude each other.",
    "no-consent": "The export has a column about consent, and no `consent:` asks it: everybody counts as consenting.",
    "no-description": "The segment has no `description`, so nobody knows later who was meant.",
    "no-goal": "The segment has no `goal`, so nobody can tell later whether it is worth keeping.",
    "no-owner": "The segment has no `owner`, so nobody is asked when it looks wrong.",
    "no-people": "No row of the contacts has a usable address, as after a failed export. Export again.",
    "no-ramp": "The lifecycle has no `ramp`: all who are inactive on the first day enter at once. Limit them.",
    "no-rows": "A file or table has no row, as after a failed export. Export again; a push goes on, and says so.",
    "no-sends": "`sends: 0` holds for everybody. Delete it, or write how many mails somebody must have got.",
    "no-times": "No event of a file has a readable time in `at`, as after a failed export. Correct it or export again.",
    "no-timezone": "Without `timezone` days begin in UTC. Write the zone in which your customers' days begin.",
    "not-read-yet": "A rule asks what a platform says, and nothing was read from it yet. `sync plan` reads it.",
    "one-day": "A duration of the lifecycle is a day or less: over before anybody has read a mail. Make it longer.",
    "one-stage": "The only stage has an action: people are archived without a win-back stage. Put one before.",
    "opens-named": "Opens are a signal of the lifecycle. Proxies open everything, so inactive people look active.",
    "opens-only": "Opens are the only signal. Mail programs open everything by themselves; add clicks or orders.",
    "overlap": "More than 10 % of the smaller of two segments are in the other too, and may get both messages.",
    "own-mails": "A signal of the lifecycle is about our own mails, so all who are mailed look active. Take another.",
    "part-of-value": "A word of a rule is also one of several in a cell, as in `vip, press`. Declare `type: list`.",
    "quick-stage": "A stage is shorter than the time between two mails, so some get none in it. Make it longer.",
    "repeated-id": "The number of an order is on several rows, and each counts as an event. Write `id:` there.",
    "review-by-passed": "The day in `review_by` is over. Review the segment and set the next day, or delete it.",
    "same-rule": "Two segments have the same rule. Keep one and send it to both targets.",
    "secret-not-set": "The variable of a `${NAME}` is not set. Set it before doctor, plan or push.",
    "short-history": "A signal reaches back less far than `inactive` asks for: nobody is inactive before. Export more.",
    "stale-export": "The newest file of a source is older than a week and no `max_age` stops the run. Export again.",
    "tied-cut": "The cut of `top` or `bottom` falls among people with the same value: addresses decide who is in.",
    "tiny": "Fewer than 10 people, and under 1 % of the contacts: too few to act on or to learn from.",
    "too-many-segments": "More than 6 segments are sent to one destination. Merge those that nobody acts on.",
    "two-currencies": "Amounts of one column are in several currencies, and are compared and added as they are.",
    "unreachable": "Everybody who matches is taken by an earlier segment of the priority group.",
    "unseen-value": "A value in a rule is not found in the data. Often it is spelled otherwise there.",
    "unstable": "More than 25 % of the members are exchanged per week. Widen the windows of the rule, or set `hold`.",
    "unused-column": "A column is declared and nothing uses it. Delete the entry.",
    "unused-source": "A source is declared and no rule or trait reads it. Delete it, or use it.",
    "unused-trait": "A trait is computed and nothing uses it. Delete it, or use it.",
}

# Said wherever a segment or a plan is shown, whatever `silence:` says.
WARNINGS: tuple[AdviceCode, ...] = ("join-finds-nobody", "no-people", "no-rows", "no-times")

# No risk to anybody: what makes a file easy to keep. One line of `sync check`, at its end.
HOUSEKEEPING: tuple[AdviceCode, ...] = (
    *("no-owner", "no-goal", "no-description"),
    *("unused-column", "unused-source", "unused-trait"),
)

# What comes first among advice: who is mailed, who is in a segment, then how the data is read. The rest follows.
WEIGHTY: tuple[AdviceCode, ...] = (
    *WARNINGS,
    *("consent-lets-in", "no-consent"),
    *("join-finds-some", "repeated-id", "ambiguous-date", "ambiguous-number", "mixed-separators"),
    *("all-protected", "one-stage", "no-ramp", "opens-only", "own-mails", "short-history", "one-day"),
    *(
        "never",
        "always",
        "empty-segment",
        "everyone",
        "empty-column",
        "unseen-value",
        "part-of-value",
        "missing-let-in",
    ),
    *("stale-export", "not-read-yet", "unreachable"),
)


def weight(code: str) -> int:
    """The place of a code among all: the weightiest is 0."""
    order = [*WEIGHTY, *(each for each in ADVICE if each not in (*WEIGHTY, *HOUSEKEEPING)), *HOUSEKEEPING]
    return order.index(code) if code in order else len(order)


# Findings of loading about one column that are advice as well.
TOLD: tuple[AdviceCode, ...] = (
    "ambiguous-date",
    "ambiguous-number",
    "mixed-separators",
    "repeated-id",
    "two-currencies",
)
