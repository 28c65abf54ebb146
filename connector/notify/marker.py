"""What was told of a state that cannot be opened: it cannot remember that itself.

Owns: one small file beside segments.yaml. Must not: raise, hold an address or a key.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from connector.core import files


@dataclass(frozen=True, slots=True)
class Marker:
    """The file at `path`; where there is no place for it, nothing is remembered."""

    path: Path

    def read(self) -> str:
        """What was said; "" when nothing stands."""
        with suppress(OSError, UnicodeDecodeError):
            return self.path.read_text(encoding="utf-8").strip()
        return ""

    def keep(self, said: str) -> None:
        with suppress(OSError):
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with files.replacing(self.path) as file:
                file.write(said.encode())

    def forget(self) -> None:
        with suppress(OSError):
            self.path.unlink(missing_ok=True)
