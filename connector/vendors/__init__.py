"""What is known of each platform without talking to it: name, title, keys in segments.yaml, and what it offers.

Owns: one facts module per platform, and VENDORS, which finds them: those of this folder, and those that other packages
register as entry points of GROUP. The rest of the connector derives from these facts, so it cannot differ from them.
Must not: import anything but connector.core, or know how a request is made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from connector.vendors.base import Known, Rehearsal, Use, Vendor

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["GROUP", "OWN", "VENDORS", "Known", "Rehearsal", "Unusable", "Use", "Vendor", "find", "title"]

GROUP = "segment_connector.platforms"  # an entry point: NAME = "package.module:FACTS", a Vendor of that name
_SHAPE = ("__init__", "base")


class Unusable(Exception):
    """A package registers this platform, and its facts cannot be used. The text names the package and the reason."""


def _of_this_folder() -> dict[str, Vendor]:
    """The connector's own, which need no metadata of an installation: the one Vendor of every module here."""
    modules = {path.stem for path in Path(__file__).parent.glob("*.py")} - {*_SHAPE}
    facts = [value for name in modules for value in vars(import_module(f"{__name__}.{name}")).values()]
    found = sorted((one for one in facts if isinstance(one, Vendor)), key=lambda one: (one.order, one.name))
    return {vendor.name: vendor for vendor in found}


OWN: Mapping[str, Vendor] = _of_this_folder()


@cache
def _registered() -> Mapping[str, tuple[EntryPoint, ...]]:
    """Name -> who registers it, but for our own. It reads the metadata of every installed package, which takes
    milliseconds: asked only when a name is none of ours, and when all platforms are listed."""
    from importlib.metadata import entry_points

    found: dict[str, tuple[EntryPoint, ...]] = {}
    for entry in entry_points(group=GROUP):
        if entry.name not in OWN and entry not in found.get(entry.name, ()):
            found[entry.name] = (*found.get(entry.name, ()), entry)
    return dict(sorted(found.items()))


@cache
def _load(name: str) -> Vendor:
    """The facts of another package. Raises Unusable."""
    entries = _registered()[name]
    packages = " and ".join(
        sorted({f"the package “{entry.dist.name}”" if entry.dist else "a package" for entry in entries})
    )
    if len(entries) > 1:
        raise Unusable(f"The platform “{name}” is registered more than once, by {packages}. Uninstall one.")
    try:
        vendor = entries[0].load()
    except Exception as error:
        raise Unusable(f"The platform “{name}” of {packages} cannot be used: {_words(error)}.") from error
    if not isinstance(vendor, Vendor) or vendor.name != name:
        raise Unusable(
            f"The platform “{name}” of {packages} cannot be used: {entries[0].value} is no Vendor of that name."
        )
    return vendor


def _words(error: Exception) -> str:
    from connector.core.scrub import scrub

    return scrub(f"{type(error).__name__}: {error}".rstrip(".: "))


class _Vendors(Mapping[str, Vendor]):
    """Name -> facts of every platform. Asking for one whose package cannot be used raises Unusable; lists leave it out,
    so that it does not disturb the others."""

    def __getitem__(self, name: str) -> Vendor:
        if name in OWN:
            return OWN[name]
        if name not in _registered():
            raise KeyError(name)
        return _load(name)

    def __iter__(self) -> Iterator[str]:
        yield from OWN
        for name in _registered():
            try:
                _load(name)
            except Unusable:
                continue
            yield name

    def __len__(self) -> int:
        return sum(1 for _ in self)


VENDORS: Mapping[str, Vendor] = _Vendors()


def find(name: str) -> Vendor | None:
    """For reports: None when the platform is not installed (any more). Old plans and runs may name such a one."""
    try:
        return VENDORS.get(name)
    except Unusable:
        return None


def title(name: str) -> str:
    """What people call the platform, as far as it is known."""
    vendor = find(name)
    return vendor.title if vendor else name
