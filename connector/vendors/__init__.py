"""What is known of each platform without talking to it: name, title, keys in segments.yaml, and what it offers.

Owns: one facts module per platform, and the list of them. The configuration refuses by these facts what no push could
do, and the adapters' Capabilities are derived from them, so the two cannot differ.
Must not: import anything but connector.core.model, or know how a request is made.
"""

from __future__ import annotations

from collections.abc import Mapping

from connector.vendors.base import Vendor
from connector.vendors.brevo import BREVO
from connector.vendors.hubspot import HUBSPOT
from connector.vendors.klaviyo import KLAVIYO
from connector.vendors.mailchimp import MAILCHIMP

__all__ = ["VENDORS", "Vendor"]

VENDORS: Mapping[str, Vendor] = {vendor.name: vendor for vendor in (MAILCHIMP, KLAVIYO, HUBSPOT, BREVO)}
