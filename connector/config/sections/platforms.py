"""The words of the file that name a platform: `platform:` and `preset:`.

Owns: Platform, Preset, and which words they may be. Must not: name a platform (connector/vendors knows them).
"""

from __future__ import annotations

from typing import Annotated, Any

from connector.config.language.values import shown
from connector.config.sections.codes import BadValue
from connector.config.sections.fields import before
from connector.core.problem import one_of
from connector.vendors import VENDORS, Unusable, Vendor

NO_PRESET = "none"
PRODUCTS = (
    "activecampaign",
    "google_contacts",
    "pipedrive",
    "salesforce",
    "shopify",
    "stripe",
    "woocommerce",
    "zoho",
)  # have a preset and are no platform


def vendor(word: Any) -> Vendor:
    """The facts of a written platform. Raises BadValue that lists the installed ones, or says why it cannot be used."""
    found = _found(word)
    if found is None:
        hint = one_of(word, VENDORS).replace(" Valid:", " Installed:")
        raise BadValue("unknown-value", f"There is no such platform.{hint}")
    return found


def offered(word: Any) -> Vendor | None:
    """The facts, or None: what is wrong with the word is told where it stands."""
    try:
        return _found(word)
    except BadValue:
        return None


def presets() -> list[str]:
    """Every word of `preset:`."""
    return [*(name for name, each in VENDORS.items() if each.preset), *PRODUCTS, NO_PRESET]


def _found(word: Any) -> Vendor | None:
    try:
        return VENDORS.get(word) if isinstance(word, str) else None
    except Unusable as why:
        raise BadValue("not-installed", str(why)) from None


def _platform(value: Any) -> str:
    return vendor(value).name


def _preset(value: Any) -> Any:
    if value in (NO_PRESET, *PRODUCTS):
        return value
    found = _found(value)
    if found is None or not found.preset:
        words = presets()
        if isinstance(value, str):
            raise BadValue("unknown-value", f"{shown(value)} is none of the words allowed here.{one_of(value, words)}")
        raise BadValue("unknown-value", f"One of these words is needed here: {', '.join(words)}.")
    return value


Platform = Annotated[str, before(_platform)]
Preset = Annotated[str, before(_preset)]
