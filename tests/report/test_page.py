"""The page of a report: the same numbers as its JSON and text, nothing from elsewhere, nothing that a name could do."""

from __future__ import annotations

import copy
import json
import re
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from connector.report.page.html import html
from connector.report.page.text import text
from tests.report.conftest import HOSTILE, Made


class Page(HTMLParser):
    """Tables by their caption, the value of every number, and every attribute."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.attributes: list[tuple[str, str, str]] = []
        self.tags: Counter[str] = Counter()
        self.words = ""
        self._rows: list[list[str]] = []
        self._caption = ""
        self._inside: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, given: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in given]
        if tag == "table":
            self._rows, self._caption = [], ""
        if tag == "tr":
            self._rows.append([])
        if tag in ("td", "th"):
            self._rows[-1].append("")
        if tag == "data" and "table" in self._inside:
            self._rows[-1][-1] = dict(given)["value"] or ""
        if tag not in ("meta", "link", "br", "img", "input"):
            self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._inside and self._inside.pop() != tag:
            pass
        if tag == "table":
            self.tables[self._caption] = self._rows

    def handle_data(self, data: str) -> None:
        if "style" in self._inside:
            return
        self.words += data
        if "caption" in self._inside:
            self._caption += data
        elif {"td", "th"} & set(self._inside) and "data" not in self._inside:
            self._rows[-1][-1] += data.strip()


def numbers(value: Any) -> Iterator[str]:
    """Every number of a document that a page has to show."""
    if isinstance(value, dict):
        for one in value.values():
            yield from numbers(one)
    elif isinstance(value, list):
        for one in value:
            yield from numbers(one)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)


def test_the_page_shows_the_numbers_of_the_document(made: Made) -> None:
    found, page = made.found, Page(made.html)
    sizes = page.tables["Sizes and shares"][1:]
    assert [row[:4] for row in sizes] == [
        [one["title"], str(one["members"]), str(one["share"]), str(one["consenting"])] for one in found["segments"]
    ]
    assert sizes[2][-1] == "review overdue"
    marked = [pair for pair in found["overlap"]["pairs"] if pair["marked"]]
    assert sorted(row[2:] for row in page.tables["Pairs over 10.0%"][1:]) == sorted(
        [str(pair["both"]), str(pair["share_of_smaller"])] for pair in marked
    )
    cells = {(cell["recency"], cell["frequency"]): cell for cell in found["rfm"]["cells"]}
    grid = page.tables["Recency (rows) against frequency (columns)"][1:]
    assert len(grid) == 5 and sum(cell["contacts"] for cell in cells.values()) == found["rfm"]["contacts"]
    for side in found["destinations"]:
        held = page.tables[f"What {side['name']} holds of ours"][1:]
        assert [row[3:] for row in held] == [
            [str(target[key]) for key in ("members", "would_add", "would_remove")] for target in side["targets"]
        ]
        blocked = page.tables.get(f"Blocked contacts at {side['name']}", [])[1:]
        assert [row[:2] for row in blocked] == [[one["text"], str(one["contacts"])] for one in side["blocked"]]


def test_every_number_of_the_document_is_on_the_page_with_its_value(made: Made) -> None:
    """Of the sections that a page shows in full; a missing one would be a value that only programs see."""
    values = {value for tag, name, value in Page(made.html).attributes if tag == "data" and name == "value"}
    for part in ("segments", "profiles", "rfm", "quality"):
        shown = made.found[part]
        if part == "rfm":  # the axes are headings
            shown = [{key: cell[key] for key in ("contacts", "mean_spend")} for cell in shown["cells"]]
        if part == "profiles":  # of everybody else the median
            shown = [
                {**one, **{key: {**one[key]["members"], "others": one[key]["others"]["median"]}
                           for key in ("spend", "orders", "days_since_last", "days_known")}}
                for one in shown["segments"]
            ]  # fmt: skip
        if part == "quality":
            shown = {**shown, "findings": []}  # as sentences
        assert set(numbers(shown)) - values == set(), part


def test_the_text_has_the_same_sizes(made: Made) -> None:
    for one in made.found["segments"]:
        line = next(line for line in made.text.splitlines() if line.startswith(f"{one['name']} "))
        assert line.split()[1:4] == [f"{one['members']:,}", f"{one['share']:.1%}", f"{one['consenting']:,}"]
    for side in made.found["destinations"]:
        for target in side["targets"]:
            words = [re.escape(target["kind"]), re.escape(target["name"]), f"{target['members']:,}"]
            assert re.search(r"^" + r"\s+".join(words) + r"\s", made.text, re.MULTILINE)


def test_nothing_comes_from_elsewhere_and_nothing_runs(made: Made) -> None:
    page = Page(made.html)
    assert not page.tags.keys() & {"script", "iframe", "object", "embed", "img", "form", "base", "video", "audio"}
    for tag, name, value in page.attributes:
        assert not name.startswith("on"), (tag, name)
        assert name not in ("src", "srcset", "action", "formaction", "xlink:href"), (tag, name)
        if name == "href":
            assert value.startswith("#") or (tag == "link" and value == "data:,"), value
    outside = made.html.replace(HOSTILE, "")
    assert not re.search(r"url\(|@import|https?:", re.sub(r"&lt;.*?&#34;", "", outside))


def test_a_hostile_title_is_text(made: Made) -> None:
    """In the page and in a chart; a template does not take it for one of its own."""
    page = Page(made.html)
    assert page.tables["Sizes and shares"][3][0] == HOSTILE
    assert "<img" not in made.html and "49" not in page.tables["Sizes and shares"][3][0]
    assert HOSTILE in page.words


def test_every_chart_has_a_name_and_a_table(made: Made) -> None:
    """For those who cannot see it."""
    charts = re.findall(r"<figure>.*?</figure>", made.html, re.DOTALL)
    assert len(charts) >= 7
    assert all('role="img"' in chart and 'aria-label="' in chart and "<figcaption>" in chart for chart in charts)
    ids = re.findall(r'\sid="([^"]+)"', made.html)
    assert len(ids) == len(set(ids))
    assert all(scope in ("col", "row") for tag, name, scope in Page(made.html).attributes if name == "scope")


def test_stages_with_entries_and_a_holdout(made: Made) -> None:
    """As `sync lifecycle` counts them: the funnel, and the interval as it is."""
    found = copy.deepcopy(made.found)
    test = {"stage": "win_back", "part": "gift", "entered": 900, "returned": 90, "holdout_entered": 100,
            "holdout_returned": 4, "difference": 0.06, "interval_95": [0.004, 0.097]}  # fmt: skip
    rate = {"stage": "win_back", "part": "gift", "entered": 900, "returned": 90}
    gone = {"stage": "retired", "part": None, "entered": 31, "returned": 0}
    found["lifecycle"][0] |= {"tests": [test], "returns": [rate, gone]}
    written, page, name = text(found), Page(html(found)), found["lifecycle"][0]["name"]
    row = page.tables[f"Who came back, against the holdout, at {name}"][1]
    assert row == ["win_back", "gift", "90", "900", "4", "100", "0.06", "0.004", "0.097", "better"]
    back = page.tables[f"Entries and returns at {name}"][1:]
    assert back == [["win_back", "gift", "900", "90"], ["archived or suppressed", "", "31", "0"]]
    assert page.tags["figure"] == Page(made.html).tags["figure"] + 2
    assert re.search(r"win_back +gift +\+6\.0% +\+0\.4% +\+9\.7%", written)


def test_there_is_no_address_in_it(made: Made) -> None:
    for form in (made.html, made.text, json.dumps(made.found)):
        assert not re.search(r"[\w.+-]+@[\w-]+\.[\w.]+", form.replace(HOSTILE, ""))


def test_who_entered_and_left(made: Made) -> None:
    """At the push, since then, and since a date; the snapshot before had nothing to compare with."""
    points = {one["name"]: one["points"] for one in made.found["history"]["segments"]}
    for one in made.found["flows"]["segments"]:
        (first, last), at_last = points[one["name"]], one["last"]
        assert (first["entered"], at_last["entered"] - at_last["left"]) == (None, last["size"] - first["size"])
        assert one["now"] == {"entered": 0, "left": 0}
        assert [one["since"][way] for way in ("entered", "left")] == [at_last[way] for way in ("entered", "left")]
        assert one["since"]["from"] == first["at"]
    flow, row = made.found["flows"]["segments"][0], Page(made.html).tables["Who entered and left"][1]
    assert row[2:6] == [str(flow["last"]["entered"]), str(flow["last"]["left"]), "0", "0"]
    assert row[7:] == [str(flow["since"]["entered"]), str(flow["since"]["left"])]


def test_performance_is_as_measured(made: Made) -> None:
    """With its interval, beside everybody else; what cannot be told says why."""
    told, tables = made.found["performance"], Page(made.html).tables
    titles = {one["name"]: one["title"] for one in made.found["segments"]}
    for caption, part, name in (
        ("Click rate", "figures", "click_rate"),
        ("Revenue, over their whole time", "lifetime", "revenue"),
    ):
        rows = [(titles[one["segment"]], one[part][name]) for one in told["segments"]]
        expected = [
            [title, *(str(figure["members"][key]) for key in ("value", "low", "high", "number")),
             str(figure["others"]["value"])]
            for title, figure in rows
            if figure["members"]["value"] is not None
        ]  # fmt: skip
        assert expected and [row[:6] for row in tables[caption][1:]] == [
            [cell if cell != "None" else "not known" for cell in row] for row in expected
        ]
    assert told["why"] is None and any("bounce_rate" in one["figures"] for one in told["reasons"])
    rate = next(one["figures"]["click_rate"]["members"] for one in told["segments"])
    assert f"{rate['value']:.2%} ({rate['low']:.2%} to {rate['high']:.2%})" in made.text


def test_an_experiment_with_its_interval(made: Made) -> None:
    found = copy.deepcopy(made.found)
    compared = {"part": "b", "difference": 0.03, "low": -0.01, "high": 0.07, "lift": 0.2, "lift_low": -0.05,
                "lift_high": 0.5, "p": 0.1, "decided": False}  # fmt: skip
    found["experiments"] = [
        {"experiment": "subject_line", "from": found["as_of"], "to": found["as_of"], "over": False, "why": "",
         "method": "sequential", "goal": "orders", "effect": 0.2, "decided": False, "needed": 2567, "missing": 66,
         "days": 1, "detectable": 0.21, "split_p": 0.5, "split_sound": True, "changed_part": 3, "compared": [compared],
         "parts": [{"part": "a", "people": 2502, "reached": 355, "rate": 0.1419},
                   {"part": "b", "people": 2501, "reached": 338, "rate": 0.1351}]}
    ]  # fmt: skip
    page = Page(html(found))
    first, second = page.tables["Parts of subject_line"][1:]
    assert first == ["a", "2502", "355", "0.1419", "", "", "", "", "compared with"]
    assert second == ["b", "2501", "338", "0.1351", "0.03", "-0.01", "0.07", "0.2", "not decided"]
    assert "Not decided." in page.words and "2,567" in page.words
    assert "Experiment subject_line: not decided" in text(found)


def test_every_part_of_the_document_is_explained(made: Made) -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "json.md").read_text(encoding="utf-8")
    (section,) = re.findall(r"^## connector.report/1\n(.*?)(?=^## )", page, re.MULTILINE | re.DOTALL)
    cells = " ".join(re.findall(r"^\| (`.*?`) \|", section, re.MULTILINE))
    assert set(re.findall(r"`(\w+)`", cells)) == {*made.found, "people"} - {"schema"}
    for part in ("segments", "flows", "overlap", "quality"):
        rows = made.found[part] if part == "segments" else [made.found[part]]
        assert all(f"`{key}`" in section for row in rows for key in row), part


def test_two_segments_of_the_same_title_are_told_apart(made: Made) -> None:
    titles = {one["name"]: one["title"] for one in made.found["segments"]}
    assert (titles["at_risk"], titles["inactive"]) == ("At risk (at_risk)", "At risk (inactive)")
