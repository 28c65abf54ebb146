"""Which class speaks to which platform.

Owns: the one line per platform. Must not: import an adapter before it is wanted (each brings its libraries along).
"""

from __future__ import annotations

from importlib import import_module

from connector.config.sections.models import Destination
from connector.core.events import Listener
from connector.platforms.base import Adapter
from connector.platforms.http.limits import Clock

ADAPTERS = {
    "mailchimp": "connector.platforms.mailchimp.adapter:Mailchimp",
    "klaviyo": "connector.platforms.klaviyo.adapter:Klaviyo",
    "hubspot": "connector.platforms.hubspot.adapter:HubSpot",
    "brevo": "connector.platforms.brevo.adapter:Brevo",
}


def create(destination: Destination, secret: str, clock: Clock, listener: Listener) -> Adapter:
    """The adapter of a destination. Sends nothing. Raises Auth when the secret cannot be one of this platform."""
    module, name = ADAPTERS[destination.platform].split(":")
    adapter: Adapter = getattr(import_module(module), name)(destination, secret, clock=clock, listener=listener)
    return adapter
