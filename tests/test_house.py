"""The house rules: who may import what, one library in one home, modules of a size one can read."""

from __future__ import annotations

import ast
import re
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from connector.vendors import GROUP, OWN

PACKAGE = Path(__file__).parent.parent / "connector"
FILES = sorted(PACKAGE.rglob("*.py"))

# Low to high. A room may import rooms of lower layers, itself, and the siblings named below.
LAYERS = [
    {"core"},
    {"vendors"},
    {"config", "sources", "state", "platforms", "demo"},
    {"segments", "plan", "reconcile", "push", "lifecycle", "measure"},
    {"report", "notify"},
    {"rehearse", "app"},
    {"cli"},
]
# Arrows within a layer; there is no way back.
SIBLINGS = {
    ("sources", "config"),
    ("platforms", "config"),
    ("reconcile", "plan"),
    ("reconcile", "measure"),
    ("push", "reconcile"),
    ("lifecycle", "plan"),
    ("app", "rehearse"),
}
HOMES = {
    "ibis": {"sources", "segments", "plan"},
    "duckdb": {"core", "sources", "segments", "plan", "reconcile", "push", "lifecycle", "measure"},
    "sqlite3": {"state", "sources", "rehearsal"},
    "adbc_driver_sqlite": {"state"},
    "psycopg": {"state"},
    "fsspec": {"core", "state", "sources"},
    "requests": {"platforms", "sources"},
    "tenacity": {"platforms"},
    "yaml": {"config"},
    "pydantic": {"config", "platforms"},
    "typer": {"cli"},
    "rich": {"cli", "report"},
    "jinja2": {"report", "rehearsal"},
    "altair": {"report"},
    "vl_convert": {"report"},
    "starlette": {"rehearsal"},
    "uvicorn": {"rehearsal"},
    "apprise": {"notify"},
    "prometheus_client": {"notify"},
    "numpy": {"segments"},
    "scipy": {"segments"},
    "sklearn": {"segments"},
}


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def level(name: str) -> int:
    return next(number for number, rooms in enumerate(LAYERS) if name in rooms)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_rooms_import_only_lower_layers(path: Path) -> None:
    here = room(path)
    for name in imports(path):
        parts = name.split(".")
        if parts[0] != "connector" or len(parts) < 2 or here == "__init__" or parts[1] == "__version__":
            continue
        there = parts[1]
        if here == "rehearsal":
            assert there in {"rehearsal", "vendors"}, f"{path.name} imports {name}"
        elif there == "rehearsal":
            assert here in {"rehearse", "rehearsal"}, f"{path.name} imports {name}"
        elif there != here and (here, there) not in SIBLINGS:
            assert level(there) < level(here), f"{path.name} ({here}) imports {name}"


def modules() -> dict[str, Path]:
    """Dotted name -> file, of every module and package."""
    names = {".".join(("connector", *path.relative_to(PACKAGE).with_suffix("").parts)): path for path in FILES}
    return {name.removesuffix(".__init__"): path for name, path in names.items()}


def test_no_import_goes_in_a_circle() -> None:
    """Not inside a room either, and not for types alone: each part is to be understood by itself."""
    known = modules()
    left = {name: (imports(path) & known.keys()) - {name} for name, path in known.items()}
    while free := {name for name, needed in left.items() if not needed & left.keys()}:
        left = {name: needed for name, needed in left.items() if name not in free}
    circles = {name: sorted(needed & left.keys()) for name, needed in left.items()}
    assert not circles, circles


def test_a_family_of_prefixed_files_is_a_folder() -> None:
    for folder in {path.parent for path in FILES}:
        names = [path.stem.split("_")[0] for path in folder.glob("*_*.py") if not path.stem.startswith("_")]
        families = {name for name in names if names.count(name) > 2}
        assert not families, f"{folder.relative_to(PACKAGE)}: {families}"


def test_every_package_says_what_it_owns() -> None:
    for path in FILES:
        if path.name == "__init__.py" and path.parent != PACKAGE:
            doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
            assert "Owns:" in doc and "Must not:" in doc, path.relative_to(PACKAGE)


def test_a_platform_is_named_only_where_it_lives() -> None:
    """In its facts, its adapter and its rehearsal; everything else derives from the facts. The sample is data."""
    shipped = [path for path in PACKAGE.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    texts = {path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8") for path in shipped}
    del texts["demo/segments.yaml"]
    for vendor in OWN.values():
        homes = (f"vendors/{vendor.name}.py", f"platforms/{vendor.name}/", f"rehearsal/{vendor.name}/")
        named = re.compile(f"{vendor.name}|{vendor.title}", re.IGNORECASE)
        found = {name for name, text in texts.items() if named.search(text) and not name.startswith(homes)}
        assert not found, f"{vendor.title} is named in {sorted(found)}"


def test_our_platforms_are_registered_like_those_of_others() -> None:
    """A listing of the entry points of the group shows them all, with the same facts that the folder holds."""
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    registered = {name: EntryPoint(name, value, GROUP).load() for name, value in project["entry-points"][GROUP].items()}
    assert registered == OWN
    assert all(name == vendor.name for name, vendor in OWN.items())


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_one_library_has_one_home(path: Path) -> None:
    for name in {name.split(".")[0] for name in imports(path)} & HOMES.keys():
        assert room(path) in HOMES[name], f"{path.name} imports {name}, whose home is {HOMES[name]}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_say_what_they_own_and_stay_readable(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    if text.strip() and path.name != "__init__.py":
        doc = ast.get_docstring(ast.parse(text)) or ""
        assert ("Owns:" in doc and "Must not:" in doc) or path.name in {"errors.py", "__main__.py"}


def test_everything_that_is_printed_goes_through_the_terminal() -> None:
    """Progress bars would cover anything printed elsewhere. Exceptions without bars: --version and `sync rehearsal`."""
    printing = re.compile(r"typer\.(echo|secho|confirm|prompt)\(|click\.echo\(|\bprint\(|sys\.std(out|err)\.write")
    found = {str(path.relative_to(PACKAGE)) for path in FILES if printing.search(path.read_text(encoding="utf-8"))}
    assert {name for name in found if not name.startswith("rehearsal/")} == {
        "cli/terminal.py", "cli/main.py", "rehearse.py",
    }  # fmt: skip
