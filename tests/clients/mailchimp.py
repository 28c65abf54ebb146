"""Mailchimp's client for Node.

Owns: what it saw and wrote, compared with what the rehearsal holds. Must not: know another platform.
"""

from __future__ import annotations

from tests.clients import people
from tests.clients.desk import Client, Desk
from tests.path import platforms

BATCH = {f"b{number}@example.com" for number in range(480)}
TAGGED = {f"b{number}@example.com" for number in range(3, 450)}
SUBSCRIBED = len(set(people.READERS) - set(people.LEFT))  # a tag's count leaves out those who opted out
DAY = "2026-11-20T10:00:00+00:00"


def run(desk: Desk) -> None:
    running, same = desk.running, desk.report.same
    people.fill_mailchimp(running)
    did = {"email": people.PEOPLE[0], "to": "Readers"}
    running.engage(
        mailchimp=[did | {"did": "send", "at": DAY}, did | {"did": "click", "at": DAY.replace("T10", "T11")}]
    )
    before = platforms.mailchimp_statuses(running.url)
    seen = desk.node("mailchimp.cjs")
    tags, after = platforms.mailchimp(running.url), platforms.mailchimp_statuses(running.url)

    same("ping", lambda: seen["ping"], "Everything's Chimpy!")
    same(f"pages through all {len(before)} members, with their status", lambda: seen["members"], before)
    same("pages through those who opted out", lambda: set(seen["left"]), set(people.LEFT))
    same("sets a member", lambda: seen["set"], ["subscribed", "Set"])
    same("the member is there", lambda: people.mailchimp_member(running, "new@example.com")["full_name"], "Set")
    same("adds 480 members in one batch", lambda: seen["batch"], [480, 0])
    same("they are there", lambda: (BATCH - {"b5@example.com"}) <= after.keys())
    same("makes a tag, gives and takes it", lambda: seen["tag"], [450, 3])
    same("pages through the tag", lambda: set(seen["tagged"]), TAGGED)
    moved = (TAGGED - {"b5@example.com"}) | {"moved@example.com"}
    same("the tag holds the same people, also after one changed the address", lambda: tags["Made"], moved)
    same("counts of tags", lambda: seen["tags"], {"Readers": SUBSCRIBED, "Made": len(TAGGED)})
    same("waits for a batch of operations", lambda: seen["operations"], ["finished", 2, 0])
    same("its operations were done", lambda: tags["By batch"], {"b0@example.com", "b1@example.com"})
    same("contact_id survives a change of the address, id does not", lambda: seen["moved"], _moved())
    same("somebody who is not there is 404", lambda: seen.refused("missing")[0], 404)
    same("campaigns and their reports", lambda: [len(seen["campaigns"]), seen["reports"]], [1, [1]])
    same("a key without a data centre is 401", lambda: seen.refused("key")[0], 401)
    same(
        "a search of members takes % and _ as they are",
        lambda: seen["search"],
        [people.PEOPLE[:1], ["a_b@example.com"]],
    )
    same("reads what a member did", lambda: seen["activity"], ["click", "sent"])
    seen.absent(desk.report, "automations", "automations")


def _moved() -> list[object]:
    return ["moved@example.com", True, False]


CLIENTS = (Client("mailchimp", "npm", "@mailchimp/mailchimp_marketing", "3.0.80", run),)
