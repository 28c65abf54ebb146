"""The waterfall: within a group, a person is in the first segment that matches and in no other.

Owns: waterfall(). Must not: change what `segment:` asks, which is the rule; this acts on what is sent and printed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc


def waterfall(members: Mapping[str, pa.ChunkedArray], groups: Sequence[Sequence[str]]) -> dict[str, pa.ChunkedArray]:
    """The boolean columns per segment, each without those who are in an earlier one of its group."""
    result = dict(members)
    for group in groups:
        taken = None
        for name in group:
            if taken is not None:
                result[name] = pc.and_not(members[name], taken)
            taken = members[name] if taken is None else pc.or_(taken, members[name])
    return result
