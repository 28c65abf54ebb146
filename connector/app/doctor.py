"""Doctor: what would keep a push from working, found out before it.

Owns: which rights segments.yaml needs, and what is asked of each destination. Must not: print, change anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from connector.app.options import Values
from connector.app.workspace import Workspace, adapter
from connector.core.errors import ConfigError, DestinationError, MissingScope
from connector.core.model import Kind, NewContacts
from connector.vendors import VENDORS, Use

if TYPE_CHECKING:
    from connector.config.sections.models import Config, Destination
    from connector.platforms.base import Account, Adapter
    from connector.report.doctor import Health


def examine(workspace: Workspace) -> list[Health]:
    """Every destination's key, rights, account, audience and fields; one that fails does not hide the others."""
    values = Values(workspace)
    return [_health(workspace, item, values) for item in workspace.destinations()]


def _health(workspace: Workspace, item: Destination, values: Values) -> Health:
    from connector.platforms.base import Account
    from connector.report.doctor import Health

    account, problems, notes, code = Account("", ""), list[str](), list[str](), 0
    try:
        connected = adapter(workspace, item)
        account, problems = _checked(connected, item)
        problems = [*_rights(workspace.config, item, connected), *problems]
        refused, notes = values.compare(item, account.options)
        code = DestinationError.exit_code if problems else 1 if refused else 0
        problems += refused
    except (ConfigError, DestinationError) as error:
        problems, code = [f"{error}"], error.exit_code
    return Health(item.name, item.platform, account.name, account.detail, tuple(problems), code, tuple(notes))


def _checked(connected: Adapter, item: Destination) -> tuple[Account, list[str]]:
    """A key that may not tell its account can still be asked for its rights: they are named all at once."""
    from connector.platforms.base import Account

    try:
        account = connected.check(item.fields)
    except MissingScope as error:
        if not VENDORS[item.platform].rights:
            raise
        return Account("", ""), [f"{error}"]
    return account, list(account.problems)


def _rights(config: Config, item: Destination, connected: Adapter) -> Iterator[str]:
    """A sentence for each right that segments.yaml needs and the key lacks."""
    vendor, needed = VENDORS[item.platform], uses(config, item)
    wanted = {right: [use for use in Use if use in serves & needed] for right, serves in vendor.rights.items()}
    asked = [right for right, needing in wanted.items() if needing]
    for right, said in connected.lacking(asked).items() if asked else ():
        words = ", ".join(wanted[right])
        yield f"The {vendor.secret} lacks the {vendor.right} {right}, which is needed for {words}. {said}"


def uses(config: Config, item: Destination) -> frozenset[Use]:
    """What segments.yaml asks of the destination."""
    policies = [policy for policy in config.lifecycle if policy.at(item.name)]
    sent = [send for segment in config.segments.values() for send in segment.send_to if send.destination == item.name]
    kinds = {Kind(kind) for send in sent for kind, _ in send.targets}
    kinds |= {kind for policy in policies for _, kind, _ in policy.targets()}
    return frozenset(
        {
            Use.READ,
            *([Use.CREATE] if sent and item.new_contacts is not NewContacts.SKIP else []),
            *([Use.FIELDS] if item.fields else []),
            *([Use.TAGS] if Kind.TAG in kinds else []),
            *([Use.LISTS] if Kind.LIST in kinds else []),
            *_endings(config, item),
            *([Use.SIGNALS] if _signals(config, item) else []),
        }
    )


def _endings(config: Config, item: Destination) -> Iterator[Use]:
    """How stages and cleanup end somebody's membership there."""
    words = {f"{stage.action}" for policy in config.lifecycle if policy.at(item.name) for stage in policy.stages}
    if config.cleanup:
        words |= {f"{part.action}" for part in (config.cleanup.bounced, config.cleanup.unsubscribed) if part}
    if words & {"archive", "suppress", "default"}:
        yield Use.RETIRE
    if "unsubscribe" in words:
        yield Use.UNSUBSCRIBE


def _signals(config: Config, item: Destination) -> bool:
    from connector.app.observing import asked
    from connector.config.language.platform_words import ENGAGEMENT_WORDS

    return bool(asked(config).get(item.name, frozenset()) & ENGAGEMENT_WORDS.keys())
