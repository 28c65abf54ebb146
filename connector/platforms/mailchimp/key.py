"""What a Mailchimp key says: the data center of its account, and how it is sent.

Owns: the address of the API, the header of the key. Must not: send, keep the key.
"""

from __future__ import annotations

import base64
import re

from connector.config.sections.models import Destination
from connector.core.errors import Auth

_BARE_KEY = re.compile(r"[0-9a-fA-F]{32}")  # what stands before the hyphen


def address(destination: Destination, key: str) -> str:
    """Where the API is. A base_url is the server's address, with or without the /3.0 of the path."""
    if _BARE_KEY.fullmatch(key) and not destination.settings.get("data_center"):
        text = (
            f"{destination.name}: {destination.secret} holds 32 hexadecimal digits, and the end of the Mailchimp API "
            "key is missing: a hyphen and a data center, like …-us21. Copy all of it from Account, Extras, API keys."
        )
        raise Auth(text, destination=destination.name, code="no_data_center")
    if destination.base_url:
        return destination.base_url.rstrip("/").removesuffix("/3.0") + "/3.0"
    center = destination.settings.get("data_center") or key.rpartition("-")[2]
    if not re.fullmatch(r"[a-z]{2,8}\d{1,4}", center):
        text = (
            f"{destination.name}: {destination.secret} holds no Mailchimp API key: it must end in a hyphen and a data "
            "center, like …-us21. Copy it again from Account, Extras, API keys."
        )
        raise Auth(text, destination=destination.name, code="no_data_center")
    return f"https://{center}.api.mailchimp.com/3.0"


def authorization(key: str) -> str:
    """API keys end in a data center and go by Basic, with any user name; OAuth tokens have none and go as bearer."""
    if "-" in key:
        return "Basic " + base64.b64encode(f"connector:{key}".encode()).decode()
    return "Bearer " + re.sub(r"[^\x21-\x7e]", "", key)
