"""The documentation that comes with the package.

Owns: where its pages lie, in a wheel and in a checkout. Must not: print.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from connector.core.errors import ConfigError
from connector.core.problem import Place, Problem, did_you_mean

_PACKAGE = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Page:
    """`name` is how `sync docs` calls it: its path without the ending."""

    name: str
    title: str
    path: Path


def pages() -> list[Page]:
    """Every page, in the order of the names; none in a package that was built without them."""
    folder = next((one for one in (_PACKAGE / "manual", _PACKAGE.parent / "docs") if one.is_dir()), None)
    if folder is None:
        return []
    found = sorted(folder.rglob("*.md"))
    return [Page(path.relative_to(folder).with_suffix("").as_posix(), _title(path), path) for path in found]


def page(name: str) -> Page:
    """Raises ConfigError for a page that there is not."""
    known = {page.name: page for page in pages()}
    wanted = name.removesuffix(".md").removeprefix("docs/")
    if wanted not in known:
        message = f'No page is called "{name}".{did_you_mean(wanted, known)} `sync docs` lists them.'
        raise ConfigError([Problem(Place("docs"), "unknown-page", message)])
    return known[wanted]


def _title(path: Path) -> str:
    found = re.search(r"^# (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return found[1] if found else path.stem
