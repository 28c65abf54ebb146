"""Klaviyo's client for Node.

Owns: what it saw and wrote, compared with what the rehearsal holds. Must not: know another platform.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.clients import people
from tests.clients.desk import Client, Desk

MADE = {f"i{number}@example.com" for number in range(230)}
EVENTS = 450  # more than two pages


def run(desk: Desk) -> None:
    running, same = desk.running, desk.report.same
    people.fill_klaviyo(running)
    now = datetime.now(UTC).replace(microsecond=0)
    moments = [now - timedelta(hours=hour) for hour in range(1, EVENTS + 1)]
    running.engage(
        klaviyo=[{"email": people.PEOPLE[0], "did": "click", "at": moment.isoformat()} for moment in moments]
    )
    since = int(moments[299].timestamp())
    seen = desk.node("klaviyo.cjs", SINCE=str(since))
    held = people.klaviyo_profiles(running)
    members = people.klaviyo_members(running, "Made")

    same("reads the account, with its country", lambda: seen["account"][1], "Germany")
    same(f"pages through all {people.COUNT} profiles", lambda: sorted(seen["profiles"]), sorted(people.PEOPLE))
    same("reads the lists", lambda: seen["lists"], ["Readers"])
    same("pages through the members of a list", lambda: set(seen["members"]), set(people.READERS))
    same("sorts by address, both ways", lambda: seen["sorted"], _sorted())
    same("waits for an import of 230 profiles into a list", lambda: seen["imported"], ["complete", 230, 0])
    same("takes somebody out of a list and adds them", lambda: seen["removed"], 1)
    same("the list holds them", lambda: members, MADE - {"i0@example.com", "i5@example.com"} | {"i4@example.com"})
    same("they are profiles, with their names", lambda: held["i7@example.com"]["attributes"]["first_name"], "Imported")
    same("subscribes two, one through a list that asks for a confirmation", lambda: seen["subscribed"], [202, 202])
    same("waits for a suppression", lambda: seen["suppressed"], "complete")
    same("lifts a suppression", lambda: seen["unsuppressed"], 202)
    same("reads consent and suppressions", lambda: seen["consents"], _consents())
    same(f"pages through {EVENTS} events", lambda: seen["events"], EVENTS)
    same("filters events by timestamp", lambda: [len(seen["since"]), min(seen["since"])], [300, since])
    same("creates an event, and the same one only once", lambda: seen["event"], [[9.5], ["i6@example.com"]])
    same("reads the metrics", lambda: "Clicked Email" in seen["metrics"])
    same("merges two profiles", lambda: seen["merged"])
    same("one of the two is left", lambda: ["i4@example.com" in held, "i5@example.com" in held], [True, False])
    same("waits when it is throttled", lambda: seen["waited"], 200)
    same("a field that does not exist is refused", lambda: seen.refused("field")[0], 400)
    same("a list that is not there is 404", lambda: seen.refused("missing")[0], 404)
    same("segments are an empty collection", lambda: seen["segments"], 0)
    same("asks for the tags of lists, of which there are none", lambda: seen["tags"], [])
    seen.absent(desk.report, "included", "`include` of what a list triggers")
    seen.absent(desk.report, "coupons", "coupons")


def _sorted() -> list[list[str]]:
    return [sorted(people.PEOPLE)[:5], sorted(people.PEOPLE)[: -5 - 1 : -1]]


def _consents() -> dict[str, list[object]]:
    return {
        "i1@example.com": ["SUBSCRIBED", True],
        "i2@example.com": ["NEVER_SUBSCRIBED", False],
        "i3@example.com": ["NEVER_SUBSCRIBED", True],
        "i8@example.com": ["NEVER_SUBSCRIBED", True],
    }


CLIENTS = (Client("klaviyo", "npm", "klaviyo-api", "23.0.0", run),)
