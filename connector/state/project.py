"""Which project a state belongs to: the `project` of the segments.yaml that pushed with it first.

Owns: the setting `project`. Must not: know what is in the file.
"""

from __future__ import annotations

from connector.core.errors import StateError
from connector.state.drivers.driver import Driver

_NAME = "project"


class Project:
    """Part of a store. Bound by the first push; needs no lease, since only the first one binds."""

    def __init__(self, db: Driver, place: str) -> None:
        self._db = db
        self._place = place

    def known(self) -> str | None:
        found = self._db.rows("SELECT value FROM setting WHERE name = ?", [_NAME])
        return str(found[0][0]) if found else None

    def pushed_to(self) -> list[str]:
        """The destinations that a push of ours has changed."""
        return [name for (name,) in self._db.rows("SELECT name FROM destination WHERE revision > 0 ORDER BY name")]

    def bind(self, project: str | None, file: str) -> None:
        """Raises StateError where the state is another project's."""
        with self._db.transaction():
            self.require(project, file)
            if project is not None:
                self._db.run(
                    "INSERT INTO setting(name, value) VALUES (?, ?) ON CONFLICT(name) DO NOTHING", [_NAME, project]
                )

    def require(self, project: str | None, file: str) -> None:
        """Raises StateError where the state is another project's. `file` is where `project` stands, for people."""
        known = self.known()
        if known is None or known == project:
            return
        says = f"{file} says project: {project}" if project else f"{file} names no project"
        raise StateError(
            f"The state {self._place} belongs to the project “{known}”, and {says}. Nothing was read or sent. Give "
            "this file a state of its own with --state (another schema, bucket path or file), or correct `project:`."
        )
