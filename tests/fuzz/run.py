"""Many damages, one after the other."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from connector.demo.folder import TEXT
from tests.fuzz import exports, segments
from tests.fuzz.desk import ROOT, Tally, check, small

EXAMPLE = ROOT / "tests" / "config" / "example.yaml"  # every word of the language; its exports do not exist


def files(seeds: Iterable[int]) -> Tally:
    """A damaged segments.yaml for every seed: of the sample, and of a file with every word of the language."""
    tally = Tally()
    texts = [TEXT, EXAMPLE.read_text(encoding="utf-8")]
    with tempfile.TemporaryDirectory() as place:
        folder = small(Path(place) / "desk")
        for seed in seeds:
            what, certain, content = segments.damaged(texts[seed % 2], seed)
            (folder / "segments.yaml").write_bytes(content)
            tally.add(seed, what, certain, *check(folder))
    return tally


def sources(seeds: Iterable[int]) -> Tally:
    """A damaged export for every seed."""
    tally = Tally()
    with tempfile.TemporaryDirectory() as place:
        whole, folder = small(Path(place) / "whole"), Path(place) / "desk"
        for seed in seeds:
            shutil.copytree(whole, folder)
            what, certain = exports.damage(folder, seed)
            tally.add(seed, what, certain, *check(folder))
            shutil.rmtree(folder)
    return tally
