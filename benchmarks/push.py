"""10,000 new contacts to each rehearsal platform, 20 ms a request: the connector beside the script of script.py.

Owns: the figures of `make bench` about pushing. Must not: judge them.
"""

from __future__ import annotations

import functools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import data, script
from connector.rehearsal.core.process import Running, start

ROWS = 10_000
RUNS = 3
WHO = ("script", "connector")
DESTINATIONS = {
    "mailchimp": "{platform: mailchimp, api_key: '${KEY}', audience: Newsletter, new_contacts: subscribed, base_url: "
    "'URL/3.0', fields: {FNAME: first_name, LNAME: last_name}}",
    "klaviyo": "{platform: klaviyo, api_key: '${KEY}', new_contacts: transactional, base_url: 'URL', "
    "fields: {first_name: first_name, last_name: last_name}}",
    "hubspot": "{platform: hubspot, access_token: '${KEY}', new_contacts: transactional, base_url: 'URL', "
    "fields: {firstname: first_name, lastname: last_name}}",
}
KEYS = {"mailchimp": "rehearsal-us1", "klaviyo": "pk_rehearsal", "hubspot": "pat-rehearsal"}


def main() -> None:
    """Per platform: requests (writing ones in brackets) and seconds of a first and a second push. Of the first pushes
    the median of three, taken in turn: the first of all also waits for the disk."""
    with tempfile.TemporaryDirectory() as folder:
        export = data.contacts(Path(folder) / "contacts.csv", ROWS)
        _say(f"{'platform':<10} {'who':<10} {'first: requests':>17} {'s':>6}   {'second: requests':>17} {'s':>6}")
        for platform in DESTINATIONS:
            _compare(platform, Path(folder), export)


def _compare(platform: str, folder: Path, export: Path) -> None:
    firsts: dict[str, list[float]] = {who: [] for who in WHO}
    for number in range(1, RUNS + 1):
        for who in WHO:
            with start(":memory:", "--latency-ms", "20", "--no-samples") as running:
                file = _segments(folder / f"{platform}-{who}-{number}.yaml", platform, running.url)
                work = functools.partial(_script, platform, running, export)
                if who == "connector":
                    work = functools.partial(_push, platform, file)
                first, seconds = _measured(work, running, platform)
                firsts[who].append(seconds)
                if number < RUNS:
                    continue
                second, again = _measured(work, running, platform)
                median = statistics.median(firsts[who])
                _say(f"{platform:<10} {who:<10} {first:>17} {median:>6.2f}   {second:>17} {again:>6.2f}")
    ratio = statistics.median(firsts["connector"]) / statistics.median(firsts["script"])
    _say(f"{'':<10} time of the first push, connector / script: {ratio:.2f}")


def _measured(work: Callable[[], None], running: Running, platform: str) -> tuple[str, float]:
    """Its requests (writing ones in brackets) and seconds."""
    before, started = running.state()["counts"][platform], time.perf_counter()
    work()
    seconds, after = time.perf_counter() - started, running.state()["counts"][platform]
    writes = after["writes"] - before["writes"]
    return f"{writes + after['reads'] - before['reads']:,} ({writes:,})", seconds


def _script(platform: str, running: Running, export: Path) -> None:
    call = f"script.{platform}({running.url!r}, script.people(script.Path({str(export)!r})))"
    code = f"from benchmarks import script; {call}"
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)


def _push(platform: str, file: Path) -> None:
    sync = Path(sys.executable).parent / "sync"
    subprocess.run(
        [sync, "push", "--yes", "--file", file, "--as-of", "2026-11-20", "--state", file.with_suffix(".db")],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"KEY": KEYS[platform]},
    )


def _segments(path: Path, platform: str, url: str) -> Path:
    kind = "tag" if platform == "mailchimp" else "list"
    path.write_text(
        "version: 1\nsources:\n  contacts: {file: contacts.csv, email: Email}\n"
        "consent: {when: {email: {exists: true}}, proof: {at: created_at}}\n"
        f"destinations:\n  {platform}: {DESTINATIONS[platform].replace('URL', url)}\n"
        f"segments:\n  everyone:\n    when: {{email: {{exists: true}}}}\n"
        f"    send_to: {{{platform}: {{{kind}: {script.NAME}}}}}\n",
        encoding="utf-8",
    )
    return path


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
