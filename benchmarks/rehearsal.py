"""How quickly the rehearsal platforms themselves take 10,000 people: a push can be no quicker.

Owns: the figures of `make bench` about them. Must not: judge them.
"""

from __future__ import annotations

import time

import requests

from connector.rehearsal.core.process import Running, start

ROWS = 10_000
KLAVIYO = {
    "Authorization": "Klaviyo-API-Key pk_rehearsal",
    "revision": "2026-07-15",
    "content-type": "application/vnd.api+json",
}
HUBSPOT = {"Authorization": "Bearer pat-rehearsal"}


def main() -> None:
    """Seconds for new people and for the same ones again (Klaviyo), and for new ones in batches of 100 (HubSpot)."""
    with start(":memory:", "--no-samples", "--no-limits", "--polls", "0") as running:
        print(f"{'rehearsal':<10} {ROWS:,} people, seconds")
        for what in ("created", "updated"):
            print(f"{'klaviyo':<10} {what:<10} {_klaviyo(running):>6.2f}", flush=True)
        print(f"{'hubspot':<10} {'created':<10} {_hubspot(running):>6.2f}", flush=True)


def _klaviyo(running: Running) -> float:
    profiles = [
        {"type": "profile", "attributes": {"email": f"p{number}@example.com", "properties": {"number": number}}}
        for number in range(ROWS)
    ]
    attributes = {"profiles": {"data": profiles}}
    body = {"data": {"type": "profile-bulk-import-job", "attributes": attributes}}
    started = time.perf_counter()
    url = f"{running.url}/api/profile-bulk-import-jobs"
    requests.post(url, json=body, headers=KLAVIYO, timeout=120).raise_for_status()
    return time.perf_counter() - started


def _hubspot(running: Running) -> float:
    started = time.perf_counter()
    with requests.Session() as session:
        session.headers.update(HUBSPOT)
        for first in range(0, ROWS, 100):
            rows = [{"properties": {"email": f"p{first + number}@example.com"}} for number in range(100)]
            url = f"{running.url}/crm/v3/objects/contacts/batch/create"
            session.post(url, json={"inputs": rows}, timeout=120).raise_for_status()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
