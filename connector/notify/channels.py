"""Sending a message to the addresses of `notify: to`, through apprise.

Owns: reading the secrets late, the time it may take, and telling what could not be sent without showing the address.
Must not: raise, decide what is sent.
"""

from __future__ import annotations

import logging
import threading
import time
import warnings
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from connector.config.sections.notify import VARIABLE
from connector.notify.message import Message

if TYPE_CHECKING:
    import apprise

PATIENCE = 10.0  # seconds for all addresses together
NEEDED = "alerts need apprise: pip install 'segment-connector[notify]'"


def send(
    to: Sequence[str], messages: Sequence[Message], environ: Mapping[str, str], patience: float = PATIENCE
) -> tuple[bool, list[str]]:
    """Whether somebody got all of them, and what went wrong, in words without an address. Returns in time, whatever the
    servers do; an address that has not answered by then counts as one that did not take it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import apprise
    except ImportError:
        return False, [NEEDED]
    _be_quiet()
    known, said = _Channels(), []
    for number, written in enumerate(to, 1):
        name = f"address {number} of `notify: to`"
        address, missing = expanded(written, environ)
        if missing:
            said.append(f"{name}: the environment variable {missing} is not set")
        elif not _add(apprise.Apprise(), address, known.found, name):
            said.append(f"{name}: apprise does not know it, or it is incomplete")
    threads = [
        threading.Thread(target=known.deliver, args=(name, to_one, messages), name="notify", daemon=True)
        for name, to_one in known.found.items()
    ]
    for thread in threads:
        thread.start()
    until = time.monotonic() + patience
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    with known.lock:
        said += [f"{name}: it was not taken" for name in known.found if name not in known.taken]
        return bool(known.taken), said


class _Channels:
    """Addresses by their name in messages, and who took everything."""

    def __init__(self) -> None:
        self.found: dict[str, apprise.Apprise] = {}
        self.taken: set[str] = set()
        self.lock = threading.Lock()

    def deliver(self, name: str, to_one: apprise.Apprise, messages: Sequence[Message]) -> None:
        try:
            taken = all(_notify(to_one, message) for message in messages)
        except Exception:  # noqa: BLE001 - a plugin of apprise; nothing of it may reach the run, and its text names keys
            taken = False
        if taken:
            with self.lock:
                self.taken.add(name)


def _add(to_one: apprise.Apprise, address: str, found: dict[str, apprise.Apprise], name: str) -> bool:
    try:
        with warnings.catch_warnings():  # its plugins are loaded now, and some of them use what Python will drop
            warnings.simplefilter("ignore")
            added = bool(to_one.add(address))
    except Exception:  # noqa: BLE001 - as above
        return False
    if added:
        found[name] = to_one
    return added


def _notify(to_one: apprise.Apprise, message: Message) -> bool:
    import apprise

    kind = apprise.NotifyType.FAILURE if message.bad else apprise.NotifyType.SUCCESS
    return bool(to_one.notify(title=message.title, body=message.text, notify_type=kind))


def expanded(written: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """The address with the values of its ${NAME}s, and the first of them that is not set."""
    missing = next((name for name in VARIABLE.findall(written) if not environ.get(name, "").strip()), "")
    return VARIABLE.sub(lambda found: environ.get(found[1], "").strip(), written), missing


def values(to: Sequence[str], environ: Mapping[str, str]) -> Collection[str]:
    """Everything that must not stand in a message."""
    names = {name for written in to for name in VARIABLE.findall(written)}
    return {environ[name].strip() for name in names if environ.get(name, "").strip()}


def _be_quiet() -> None:
    """apprise logs addresses with their keys."""
    for name in ("apprise", "urllib3", "requests"):
        logger = logging.getLogger(name)
        logger.propagate = False
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())
