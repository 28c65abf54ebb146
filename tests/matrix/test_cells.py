"""Every way to a platform against everything that may happen meanwhile: what the platforms and the state hold then."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from connector.vendors import VENDORS
from tests.matrix.entries import CLEANUPS, ENTRIES, HOLDING, LESS, OTHERS, SILENT
from tests.matrix.events import EVENTS, FORMER, OWN, Event, Promise
from tests.matrix.story import Story, acting, forgetting, story, told
from tests.matrix.world import EXTRA, PLATFORMS, READERS, Moment

CELLS = pytest.mark.parametrize("entry", ENTRIES)


def happening(*promises: Promise) -> pytest.MarkDecorator:
    chosen = [event for event in EVENTS.values() if event.promise in promises]
    return pytest.mark.parametrize("event", chosen, ids=lambda event: event.name)


def asked(entry: str, found: Story) -> list[tuple[str, Moment]]:
    """Each platform at the end, when everybody has what was asked for; the push after an undo does the run again."""
    moment = found.after[0 if entry == "undo" else -1]
    return [(platform, moment[platform]) for platform in found.platforms]


@CELLS
@happening(Promise.OPTED_OUT, Promise.ERASED, Promise.FORGOTTEN)
def test_gains_nothing(entry: str, event: Event) -> None:
    """No membership, no field, no contact; nor is an opt-out replaced by another status, or claimed as ours. Who had
    which address before, nobody knows once the state is lost."""
    if entry == "adopt" and event.name.startswith(FORMER):
        return
    found = told(entry, event)
    for platform in found.platforms:
        before = found.before[platform]
        for after in (moment[platform] for moment in found.after):
            assert gained(before, after, event) == set(), platform
            for held, had in ((after.names, before.names), (after.standing, before.standing)):
                assert mine(held, event) == mine(had, event), platform


@CELLS
@happening(Promise.ERASED, Promise.FORGOTTEN)
def test_appears_in_no_file(entry: str, event: Event) -> None:
    found = told(entry, event)
    assert not event.addresses & (found.written if event.promise is Promise.FORGOTTEN else found.listed)


@CELLS
def test_a_plan_that_names_somebody_forgotten_is_made_again(entry: str) -> None:
    found = forgetting(entry)
    assert found.refused == (entry in HOLDING)
    assert not found.refused or found.after[0] == found.before


@CELLS
@happening(Promise.MEMBER)
def test_nothing_that_people_said_is_overwritten(entry: str, event: Event) -> None:
    """They stay subscribed, in what they joined, and keep what they wrote; there is one contact."""
    found = told(entry, event)
    for platform in found.platforms:
        before = found.before[platform]
        for after in (moment[platform] for moment in found.after):
            assert mine(after.names, event).keys() == mine(before.names, event).keys(), platform
            assert mine(after.others, event) == mine(before.others, event), platform
            if not let_go(entry, event, found, platform):
                assert mine(after.standing, event) == mine(before.standing, event), platform


def let_go(entry: str, event: Event, found: Story, platform: str) -> bool:
    """Those inactive at the plan, and not told by the platform to have signed up again."""
    same = mine(found.planned[platform].standing, event) == mine(found.before[platform].standing, event)
    told = event.name == "signed_up_again" and not same and VENDORS[platform].retire is not None
    return entry in CLEANUPS and event.name in ("signed_up_again", "left_one_list") and not told


@CELLS
@happening(Promise.MEMBER)
def test_is_a_member_like_any_other(entry: str, event: Event) -> None:
    """Who signed up gets what was asked for; under another address perhaps, and never as a second contact."""
    found = told(entry, event)
    if event.name == "re_addressed" or (entry == "undo" and event.is_new):
        return
    for platform, after in asked(entry, found):
        if not let_go(entry, event, found, platform):
            assert all(event.email in who for target, who in after.members.items() if EXTRA in target), platform
            assert entry == "undo" or after.names[event.email].startswith("Renamed"), platform
            assert after.others[event.email] == OWN, platform


@CELLS
def test_who_left_one_list_stays_out_of_it(entry: str) -> None:
    found, email, where = story(entry), EVENTS["left_one_list"].email, f"list {READERS}"
    left = [platform for platform in found.platforms if email not in found.before[platform].members.get(where, {email})]
    assert left or found.platforms != PLATFORMS, "no platform has lists that can be left"
    for platform in left:
        assert all(email not in after[platform].members[where] for after in found.after), platform


@CELLS
def test_everybody_else_gets_what_was_asked_for_and_it_settles(entry: str) -> None:
    """One push more than that is needed where an erased contact is tried by `new_contacts`, and refused for good."""
    found = story(entry)
    erased = EVENTS["erased"].addresses if entry in LESS else frozenset()
    assert [row for row in found.left if row["email"] not in erased] == []
    for platform in found.platforms:
        gone = {SILENT} if entry in CLEANUPS and platform in acting(entry) else set()
        after = found.after[1 if entry in LESS else 0][platform]
        for target in (name for name in after.members if EXTRA in name):
            assert set(OTHERS.values()) - gone <= after.members[target], (platform, target)


@pytest.mark.parametrize("entry", sorted(CLEANUPS))
def test_a_cleanup_reaches_who_stayed_inactive_and_nobody_else(entry: str) -> None:
    found = story(entry)
    for platform in found.platforms:
        before, after = found.before[platform].standing, found.after[0][platform].standing
        changed = {email for email in before if after.get(email) != before[email]}
        allowed = {event.email for event in EVENTS.values() if let_go(entry, event, found, platform)}
        allowed.add(EVENTS["forgotten"].email)  # which happens in a story of its own
        assert (SILENT in changed) == (platform in acting(entry)), platform
        assert changed - allowed <= {SILENT}, platform
    assert SILENT in found.listed


def test_adopting_changes_nothing_on_a_platform() -> None:
    found = story("adopt")
    for platform in found.platforms:
        before, after = found.before[platform], found.after[0][platform]
        assert (after.members, after.names, after.others, after.standing) == (
            before.members,
            before.names,
            before.others,
            before.standing,
        )
        assert after.ours and all(set(OTHERS.values()) <= who for who in after.ours.values())


def mine(held: Mapping[str, str], event: Event) -> dict[str, str]:
    return {address: held[address] for address in event.addresses if address in held}


def gained(before: Moment, after: Moment, event: Event) -> set[str]:
    """Targets that somebody came into, on the platform or in the ledger. That a contact is gone is not told by a
    platform: what the ledger claims of it is settled when it is written to."""
    held = after.names.keys()
    claims = {target: who & held for target, who in after.ours.items()}
    return {
        target
        for had, has in ((before.members, after.members), (before.ours, claims))
        for target, who in has.items()
        if event.addresses & who - had.get(target, frozenset())
    }
