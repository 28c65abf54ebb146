"""Guards: when a plan must not be pushed without a word from a person.

Owns: what each looks at, its arithmetic and its message. (An export that is too old never gets this far: sources
refuses it.) Must not: change a plan, count anything itself, or know who overrides a guard.
"""

from __future__ import annotations

from collections.abc import Mapping

from connector.config.sections.models import Guards
from connector.core.counts import by_count, count_of
from connector.core.plan import Export, GuardHit

# what --allow can override
NAMES = (
    "adds", "removes", "moves", "empty", "updates", "emptied_fields", "shrunken", "consent", "subscribes", "stale",
    "tier", "stages", "retires",
)  # fmt: skip

# These judge the export, not a destination: once a run is recorded, the next one would not see what is wrong.
WHOLE = ("shrunken", "consent")

# target text -> (members in the ledger, members afterwards, adds, removes)
Counts = Mapping[str, tuple[int, int, int, int]]


def check(destination: str, of: Mapping[str, Guards], counts: Counts) -> list[GuardHit]:
    """The guards of one destination that refuse; one hit per target and guard. `of` are each target's limits."""
    hits: list[GuardHit] = []
    for target, (held, desired, adds, removes) in counts.items():
        guards = of[target]
        if guards.empty and held and not desired and removes:
            hits.append(
                _hit(
                    "empty",
                    destination,
                    target,
                    f"would lose {by_count(held, 'its only member', f'all of its {held:,} members')}",
                )
            )
        elif _over(removes, held, guards.removes_percent, guards.removes, guards.floor):
            hits.append(_hit("removes", destination, target, f"would lose {removes:,} of {count_of(held, 'member')}"))
        if _over(adds, held, guards.adds_percent if held else None, guards.adds, guards.floor):
            hits.append(_hit("adds", destination, target, f"would gain {adds:,} on top of {count_of(held, 'member')}"))
    return hits


def moved(destination: str, guards: Guards, moves: int, known: int) -> list[GuardHit]:
    """Many people with a new address under an old id at once: more likely the ids have been reassigned."""
    if not _over(moves, known, guards.removes_percent, guards.removes, guards.floor):
        return []
    return [_hit("moves", destination, "", f"{moves:,} of {count_of(known, 'contact')} would change email address")]


def tier(destination: str, guards: Guards, known: int, creates: int) -> list[GuardHit]:
    """New contacts would cost more than the account's price covers. `known` are the contacts that we know of there,
    so the account may hold more."""
    if guards.tier is None or not creates or known + creates <= guards.tier:
        return []
    text = (
        f"{count_of(creates, 'new contact')} on top of at least {known:,} {by_count(creates, 'exceeds', 'exceed')} the"
        f" account limit of {guards.tier:,}"
    )
    return [_hit("tier", destination, "", text)]


def updated(destination: str, guards: Guards, people: int, written: int) -> list[GuardHit]:
    """Values of many people would change at once: more likely two columns were swapped."""
    if not _over(people, written, guards.updates_percent, guards.updates, guards.floor):
        return []
    text = f"fields of {people:,} of {count_of(written, 'contact')} would get other values than were written before"
    return [_hit("updates", destination, "", text)]


def emptied(destination: str, guards: Guards, field: str, lost: int, values: int) -> list[GuardHit]:
    """A field would lose many of its values: more likely the export's column came out blank."""
    if not _over(lost, values, guards.emptied_fields, None, guards.floor):
        return []
    return [
        _hit(
            "emptied_fields",
            destination,
            f"field “{field}”",
            f"would be cleared for {lost:,} of {count_of(values, 'contact')}",
        )
    ]


def subscribed(destination: str, guards: Guards, creates: int) -> list[GuardHit]:
    """Many contacts would be made who may be mailed at once."""
    if guards.subscribes is None or creates <= guards.subscribes:
        return []
    return [
        _hit("subscribes", destination, "", f"{count_of(creates, 'contact')} would be created as subscribed or pending")
    ]


def consent(destination: str, guards: Guards, export: Export, before: Export) -> list[GuardHit]:
    """The share of people with consent is another one than at the last run: more likely its column is read wrongly."""
    limit = guards.consent_percent
    if limit is None or not export.contacts or not before.contacts or None in (export.consenting, before.consenting):
        return []
    now, then = (100 * (one.consenting or 0) / one.contacts for one in (export, before))
    changed = abs(now - then)
    if changed <= limit or changed * export.contacts <= 100 * guards.floor:
        return []
    text = f"{now:.0f}% of the people in the export have consent, and {then:.0f}% had it at the last run"
    return [_hit("consent", destination, "", text)]


def shrunken(destination: str, guards: Guards, contacts: int, before: int) -> list[GuardHit]:
    """The export holds far fewer people than at the last run: more likely broken than true."""
    if not before or guards.shrunken_percent is None:
        return []
    lost = before - contacts
    if lost <= guards.floor or lost * 100 <= before * guards.shrunken_percent:
        return []
    text = f"the export has {count_of(contacts, 'contact')}, {lost:,} fewer than at the last run ({before:,})"
    return [_hit("shrunken", destination, "", text)]


def staged(destination: str, guards: Guards, moves: int, known: int) -> list[GuardHit]:
    """Many people enter or leave a stage of the lifecycle at once: the first run, missed runs, another policy, or a
    broken export."""
    if not _over(moves, known, guards.stages_percent, guards.stages, guards.floor):
        return []
    return [
        _hit(
            "stages",
            destination,
            "",
            f"{moves:,} of {count_of(known, 'contact')} would change their stage of the lifecycle",
        )
    ]


def retired(destination: str, guards: Guards, retires: int, known: int) -> list[GuardHit]:
    """Many people would be archived, suppressed or unsubscribed at once."""
    if not _over(retires, known, guards.retires_percent, guards.retires, guards.floor):
        return []
    return [
        _hit(
            "retires",
            destination,
            "",
            f"{retires:,} of {count_of(known, 'contact')} would be archived, suppressed or unsubscribed",
        )
    ]


def _over(changes: int, held: int, percent: float | None, absolute: int | None, floor: int) -> bool:
    if absolute is not None and changes > absolute:
        return True
    return percent is not None and changes > floor and changes * 100 > held * percent


def again(name: str) -> str:
    """How a person overrides it, at the end of its message."""
    return f" If expected, rerun with --allow {name} --reason “…”."


def _hit(name: str, destination: str, target: str, what: str) -> GuardHit:
    where = f"{destination} {target}".strip()
    message = f"{where} {what}.{again(name)}" if target else f"{destination}: {what}.{again(name)}"
    return GuardHit(name, destination, target, message)
