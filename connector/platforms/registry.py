"""Which class speaks to which platform.

Owns: create(). Must not: name a platform, or import an adapter before it is wanted (each brings its libraries along).
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from connector.config.sections.models import Destination
from connector.core.errors import DestinationError
from connector.core.events import Listener
from connector.platforms.base import Adapter
from connector.platforms.http.limits import Clock
from connector.vendors import OWN, VENDORS, Vendor


def create(destination: Destination, secret: str, clock: Clock, listener: Listener) -> Adapter:
    """The adapter of a destination. Sends nothing. Raises Auth when the secret cannot be one of this platform, and
    DestinationError when the adapter of another package cannot be loaded."""
    made = _class(VENDORS[destination.platform], destination.name)
    adapter: Adapter = made(destination, secret, clock=clock, listener=listener)
    return adapter


def _class(vendor: Vendor, destination: str) -> Any:
    module, _, name = vendor.adapter.partition(":")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        if vendor.name in OWN:  # a fault of ours
            raise
        what = f"the adapter of {vendor.title}, {vendor.adapter}, cannot be loaded ({error})"
        text = f"{destination}: {what}. Install its package again."
        raise DestinationError(text, destination=destination, code="adapter") from None
