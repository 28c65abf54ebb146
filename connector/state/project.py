"""Which project a state belongs to: the `project` of the segments.yaml that pushed with it first, or what tells of it.

Owns: the settings `project` and `file`. Must not: know what is in the file.
"""

from __future__ import annotations

from collections.abc import Collection

from connector.core.errors import StateError
from connector.state.drivers.driver import Driver

_NAME, _FILE = "project", "file"
_HELD = """SELECT DISTINCT destination, name FROM target t
    WHERE EXISTS (SELECT 1 FROM membership m WHERE m.target_id = t.id) ORDER BY name"""
OWN = (
    "Give this file a state of its own with --state. If it is the right one all the same, write `project: NAME` "
    "in this file."
)


class Project:
    """Part of a store. Bound by the first push; needs no lease, since only the first one binds."""

    def __init__(self, db: Driver, place: str) -> None:
        self._db = db
        self._place = place

    def known(self) -> str | None:
        return self._setting(_NAME)

    def file(self) -> str | None:
        """The name of the file that pushed first, where it names no project."""
        return self._setting(_FILE)

    def held(self, destinations: Collection[str]) -> list[str]:
        """The names of the targets that the ledger has members in at these destinations."""
        return list(dict.fromkeys(str(name) for one, name in self._db.rows(_HELD) if one in destinations))

    def _setting(self, name: str) -> str | None:
        found = self._db.rows("SELECT value FROM setting WHERE name = ?", [name])
        return str(found[0][0]) if found else None

    def pushed_to(self) -> list[str]:
        """The destinations that a push of ours has changed."""
        return [name for (name,) in self._db.rows("SELECT name FROM destination WHERE revision > 0 ORDER BY name")]

    def bind(self, project: str | None, file: str) -> None:
        """Raises StateError where the state is another project's."""
        with self._db.transaction():
            self.require(project, file)
            name, value = (_FILE, file) if project is None else (_NAME, project)
            self._db.run("INSERT INTO setting(name, value) VALUES (?, ?) ON CONFLICT(name) DO NOTHING", [name, value])

    def require(self, project: str | None, file: str) -> None:
        """Raises StateError where the state is another project's. `file` is the name of the file; where a shared state
        knows no project, and the file names none, it tells projects apart."""
        known, pushed = self.known(), self.file()
        if known is None and project is None and pushed not in (None, file) and "://" in self._place:
            raise StateError(
                f"{pushed} pushed with the state {self._place}, and this is {file}: "
                f"it seems to be another file's. {OWN}"
            )
        if known is None or known == project:
            return
        says = f"{file} says project: {project}" if project else f"{file} names no project"
        raise StateError(
            f"The state {self._place} belongs to the project “{known}”, and {says}. Nothing was read or sent. Give "
            "this file a state of its own with --state (another schema, bucket path or file), or correct `project:`."
        )
