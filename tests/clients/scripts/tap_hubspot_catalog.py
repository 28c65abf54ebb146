"""A catalog of those streams of tap-hubspot that the rehearsal has, by the tap's own code.

Owns: which ones. Its whole discovery asks for deals, tickets and custom objects first, and ends at the first that is
missing. Must not: import anything of this repository; it runs in the environment of the tap.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import tap_hubspot  # type: ignore[import-not-found]

WANTED = ("contacts", "contact_lists", "list_memberships")

tap_hubspot.CONFIG.update(json.loads(Path("config.json").read_text()))
streams = []
for stream in tap_hubspot.STREAMS:
    if stream.tap_stream_id in WANTED:
        schema, metadata = tap_hubspot.load_discovered_schema(stream)
        named = {"stream": stream.tap_stream_id, "tap_stream_id": stream.tap_stream_id}
        streams.append(named | {"schema": schema, "metadata": metadata})
json.dump({"streams": streams}, sys.stdout)
