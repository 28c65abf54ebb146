"""Whether a key has a right, found out without changing anything.

Owns: how the answer to a probe is read. Must not: know an endpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from connector.core.errors import ContractError, MissingScope, Refused, Unanswered

Probe = Callable[[], object]  # sends one request that does nothing, whatever the key may do


def lacking(probes: Mapping[str, Probe], rights: Collection[str]) -> dict[str, str]:
    """Those of `rights` whose probe is answered by “may not” -> the platform's words. A refusal for any other reason
    says that the right was there. Trouble of the connection is raised."""
    found: dict[str, str] = {}
    for right in rights:
        probe = probes.get(right)
        try:
            if probe is not None:
                probe()
        except MissingScope as error:
            found[right] = str(error)
        except (Refused, ContractError, Unanswered):  # not about the right: 400, 404, 409, 500, an unusual answer
            continue
    return found
