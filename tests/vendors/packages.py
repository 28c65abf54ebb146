"""Platforms that come as packages of their own, as pip would leave them: a folder for sys.path with modules and
metadata, and the program `sync` with that folder.

Owns: writing such packages, running the program with them. Must not: touch this process's sys.path.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from connector.vendors import GROUP

FACTS = """
from connector.core.model import Kind, NewContacts
from connector.vendors import Known, Rehearsal, Vendor

POSTBOX = Vendor(
    name="postbox",
    title="Postbox",
    adapter="postbox.adapter:Postbox",
    secret="token",
    variable="POSTBOX_TOKEN",
    auth_header="X-Postbox-Token",
    sample_key="postbox-rehearsal-0123",
    kinds=frozenset({Kind.LIST}),
    new_contacts=frozenset({NewContacts.SKIP}),
    erase="People > the person > Erase.",
    settings={"region": "eu"},
    tag_separator="",
    preset={"e-mail": Known("email"), "joined": Known("joined_on", "date")},
    rehearsal=REHEARSAL,
)
"""
REHEARSED = 'Rehearsal("postbox.routes", path="/postbox", account="PB1")'
ADAPTER = """
import os
from pathlib import Path

from connector.platforms.base import Account
from connector.platforms.http.client import Http
from connector.platforms.http.limits import Limiter


class Postbox:
    def __init__(self, destination, secret, *, clock, listener):
        headers = {"X-Postbox-Token": secret}
        base = destination.base_url or os.environ["POSTBOX_URL"]
        limiter = Limiter({"": ()}, clock)
        self.http = Http(destination.name, base, headers, lambda reply: None, limiter, 1, clock, listener)

    def check(self, fields):
        return Account(self.http.send("GET", "/account").body["name"], "a platform of another package")
"""
ROUTES = """
from connector.rehearsal.core.world import Overview, Response, Route

NAME, TITLE, PREFIXES = "postbox", "Postbox", ("/postbox",)


def install(world): ...
def account(world, request): return Response(body={"name": "Account " + world.settings.accounts[NAME]})
def routes(): return [Route("GET", "/postbox/account", account)]
def guard(world, request):
    return None if request.headers.get("x-postbox-token") == world.settings.keys[NAME] else error(401)
def error(status, detail=""): return Response(status, {"error": detail})
def fault(kind): return error(500, kind)
def engage(world, events): ...
def overview(world): return Overview(world.settings.accounts[NAME], {}, [])
def members(world, key, limit, offset): return None
"""
# A platform that speaks like one of ours, so that whole commands can be run against that one's rehearsal.
SISTER = """
from dataclasses import replace

from connector.platforms.klaviyo.adapter import Klaviyo
from connector.vendors import Rehearsal
from connector.vendors.klaviyo import KLAVIYO

SISTER = replace(
    KLAVIYO,
    name="sister",
    title="Sister Mail",
    adapter="sister:Sister",
    rehearsal=Rehearsal("sister.routes", path="/sister", account="S1"),
)


class Sister(Klaviyo):
    capabilities = replace(Klaviyo.capabilities, platform="sister")

    def __init__(self, destination, secret, **more):
        base = (destination.base_url or "").removesuffix("/sister") or None
        super().__init__(destination.model_copy(update={"base_url": base}), secret, **more)
"""


class Site:
    """A folder of installed packages, and `sync` in a folder of work."""

    def __init__(self, folder: Path) -> None:
        self.packages, self.work = folder / "site", folder / "work"
        self.packages.mkdir()
        self.work.mkdir()

    def install(self, package: str, modules: dict[str, str], platforms: dict[str, str]) -> None:
        """`modules`: name -> source; `platforms`: name -> where its facts are."""
        (self.packages / package).mkdir(exist_ok=True)
        for name, source in modules.items():
            (self.packages / package / f"{name}.py").write_text(source, encoding="utf-8")
        info = self.packages / f"{package}_for_sync-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}-for-sync\nVersion: 1.0\n")
        lines = "".join(f"{name} = {value}\n" for name, value in platforms.items())
        (info / "entry_points.txt").write_text(f"[{GROUP}]\n{lines}")

    def postbox(self, rehearsal: str = REHEARSED) -> None:
        """The whole of an invented platform, as one package."""
        modules = {"__init__": FACTS.replace("REHEARSAL", rehearsal, 1), "adapter": ADAPTER, "routes": ROUTES}
        self.install("postbox", modules, {"postbox": "postbox:POSTBOX"})

    def sister(self) -> None:
        routes = ROUTES.replace("postbox", "sister").replace("Postbox", "Sister Mail")
        self.install("sister", {"__init__": SISTER, "routes": routes}, {"sister": "sister:SISTER"})

    def sync(self, *words: str, **environ: str) -> tuple[int, str]:
        """(exit code, both outputs)."""
        here = str(Path(__file__).parent.parent.parent)
        paths = os.pathsep.join([here, str(self.packages)])
        done = subprocess.run(
            [sys.executable, "-c", "from connector.cli.process import run; run()", *words],
            cwd=self.work,
            env=os.environ | {"PYTHONPATH": paths, "COLUMNS": "200"} | environ,
            capture_output=True,
            text=True,
            timeout=120,
        )
        return done.returncode, done.stdout + done.stderr
