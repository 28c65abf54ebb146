"""A report for a terminal: what `sync report --format text` prints.

Owns: its tables. Must not: compute a number; it takes the document as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connector.core.counts import count_of
from connector.report.page.words import (
    FIGURES,
    MEASURES,
    amount,
    day,
    figure,
    known,
    maybe,
    number,
    percent,
    points,
    share_words,
    stage,
)
from connector.report.table import table
from connector.report.values import noted


def text(found: Mapping[str, Any]) -> str:
    lines = [f"Report of {found['file']}, as of {_day(found, found['as_of'])} {found['timezone']}", ""]
    for part in (_sizes, _flows, _pairs, _profiles, _grid, _lifecycle, _measured, _destinations, _quality):
        lines += part(found)
    return "\n".join([*lines, *noted(found["notes"])]).rstrip()


def _day(found: Mapping[str, Any], at: str) -> str:
    return day(at, found["timezone"])


def _sizes(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"{count_of(found['contacts'], 'contact')}, {number(found['consenting'])} of them with consent"
    yield ""
    rows = [
        (one["name"], number(one["members"]), percent(one["share"]), number(one["consenting"]), _state(one))
        for one in found["segments"]
    ]
    yield table(("segment", "members", "share", "consent", ""), rows, right=(1, 2, 3))
    yield f"in no segment  {number(found['overlap']['in_no_segment'])}"
    yield ""


def _state(one: Mapping[str, Any]) -> str:
    words = [word for word in ("paused", "frozen") if one[word]]
    return ", ".join([*words, *([f"review was due {one['review_by']}"] if one["review_overdue"] else [])])


def _flows(found: Mapping[str, Any]) -> Iterator[str]:
    history = found["history"]
    if not history["segments"]:
        yield "Entries and exits: not recorded yet; the next push or sync snapshot begins the history"
        yield ""
        return
    yield f"Entries and exits (known from {_day(found, history['known_from'])} on)"
    rows = [
        (one["name"], _day(found, one["last"]["at"]), *(maybe(one["last"][way]) for way in ("entered", "left")),
         *(maybe(one["now"] and one["now"][way]) for way in ("entered", "left")),
         *(number(one["since"][way]) for way in ("entered", "left")))
        for one in found["flows"]["segments"]
    ]  # fmt: skip
    since = _day(found, found["flows"]["since"])[:10]
    header = ("segment", "last run", "in", "out", "since: in", "out", f"since {since}: in", "out")
    yield table(header, rows, right=(2, 3, 4, 5, 6, 7))
    yield ""


def _pairs(found: Mapping[str, Any]) -> Iterator[str]:
    overlap = found["overlap"]
    rows = [
        (*pair["segments"], number(pair["both"]), percent(pair["share_of_smaller"]), "!" if pair["marked"] else "")
        for pair in sorted(overlap["pairs"], key=lambda pair: -pair["share_of_smaller"])
        if pair["both"]
    ]
    if rows:
        yield f"Overlap (! over {percent(overlap['threshold'])} of the smaller)"
        yield table(("segment", "and", "in both", "of the smaller", ""), rows, right=(2, 3))
        yield ""
    mixed = [one for one in overlap["combinations"] if len(one["segments"]) > 1]
    if mixed:
        yield "In exactly these segments"
        rows = [(number(one["contacts"]), " + ".join(one["segments"])) for one in mixed]
        yield table(("contacts", "segments"), rows, right=(0,))
        yield ""


def _profiles(found: Mapping[str, Any]) -> Iterator[str]:
    for key, title in MEASURES.items():
        rows = [
            (one["name"], _quartiles(one[key]["members"]), amount(one[key]["others"]["median"]))
            for one in found["profiles"]["segments"]
            if key in one
        ]
        if rows:
            yield f"{title}: median of members (half are between), and of everybody else"
            yield table(("segment", "members", "others"), rows, right=(1, 2))
            yield ""
    places = [
        (one["name"], ", ".join(f"{place['country']} {share_words(place)}" for place in one["countries"]))
        for one in found["profiles"]["segments"]
        if one["countries"]
    ]
    if places:
        yield "Countries: share of members, and of everybody else"
        yield table(("segment", "most of them"), places)
        yield ""


def _quartiles(one: Mapping[str, Any]) -> str:
    if one["median"] is None:
        return "not known"
    return f"{amount(one['median'])} ({amount(one['low'])} to {amount(one['high'])})"


def _grid(found: Mapping[str, Any]) -> Iterator[str]:
    cells = {(cell["recency"], cell["frequency"]): cell for cell in found["rfm"]["cells"]}
    if cells:
        yield "Recency (rows, 5: lately) against frequency (columns, 5: often), contacts"
        rows = [
            (recency, *(number(cells[recency, often]["contacts"]) if (recency, often) in cells else "0"
                        for often in range(1, 6)))
            for recency in range(5, 0, -1)
        ]  # fmt: skip
        yield table(("", "1", "2", "3", "4", "5"), [[str(cell) for cell in row] for row in rows], right=(1, 2, 3, 4, 5))
        yield ""


def _lifecycle(found: Mapping[str, Any]) -> Iterator[str]:
    for side in found["lifecycle"]:
        yield f"Lifecycle, {side['name']}"
        rows = [
            ("active", number(side["active"])),
            *((stage(name), number(count)) for name, count in side["stages"].items()),
        ]
        yield table(("stage", "contacts"), rows, right=(1,))
        back = [
            (stage(rate["stage"]), rate["part"] or "", number(rate["entered"]), number(rate["returned"]))
            for rate in side["returns"]
        ]
        if back:
            yield table(("stage", "part", "entered", "returned"), back, right=(2, 3))
        tests = [
            (stage(test["stage"]), test["part"], points(test["difference"]), *map(points, test["interval_95"]))
            for test in side["tests"]
        ]
        if tests:
            yield table(("test", "part", "to holdout", "95 % from", "to"), tests, right=(2, 3, 4))
        yield ""


def _measured(found: Mapping[str, Any]) -> Iterator[str]:
    told = found["performance"]
    for part, when in (("figures", "in the period"), ("lifetime", "over their whole time")):
        for name, title in FIGURES.items():
            rows = [
                (one["segment"], *(known(one[part][name][who], name) for who in ("members", "others")))
                for one in told["segments"]
                if name in one[part] and one[part][name]["members"]["value"] is not None
            ]
            if rows:
                yield f"{title} {when}: members (95 % interval), and everybody else"
                yield table(("segment", "members", "others"), rows, right=(1, 2))
                yield ""
    yield from _campaigns(told)
    for one in told["alike"]:
        rates = " and ".join(figure(rate, "_rate") for rate in one["rates"])
        yield f"Behave alike: {' and '.join(one['segments'])} reach their goal as often, within the interval: {rates}"
        yield ""
    if told["alike_why"] and not told["why"]:
        yield f"Whether segments behave alike was not looked at: {told['alike_why']}."
        yield ""
    for one in found["experiments"]:
        yield f"Experiment {one['experiment']}: {one['why'] or ('decided' if one['decided'] else 'not decided')}"
        parts = [
            (part["part"], number(part["people"]), number(part["reached"]),
             "" if part["rate"] is None else figure(part["rate"], "_rate"))
            for part in one["parts"]
        ]  # fmt: skip
        yield table(("part", "people", "reached", "rate"), parts, right=(1, 2, 3))
        yield ""
    if told["why"]:
        yield f"Performance: {told['why']}"
        yield ""


def _campaigns(told: Mapping[str, Any]) -> Iterator[str]:
    for one in told["segments"]:
        for each in one["reported"]:
            if each["campaigns"]:
                yield (
                    f"Campaigns to {one['segment']} as {each['destination']} reports them: {len(each['campaigns'])}; "
                    f"opens are unreliable; it tells {each['note']}."
                )
                sides = (each["ours"]["read_back"], each["ours"]["mail_source"])
                mails = ["" if side["mails"] is None else number(side["mails"]) for side in (each, *sides)]
                rows = [("mails", *mails)]
                for name in each["rates"]:
                    told_by = (each["rates"], *sides)
                    rows.append((name, *("" if side[name] is None else figure(side[name], name) for side in told_by)))
                yield table(("", "reported", "read back", "mail source"), rows, right=(1, 2, 3))
                yield ""
    for one in told["unread"]:
        yield f"Campaigns of {one['destination']}: {one['why']}"
        yield ""


def _destinations(found: Mapping[str, Any]) -> Iterator[str]:
    for side in found["destinations"]:
        yield f"{side['name']}: {count_of(side['contacts'], 'contact')}, as last read"
        rows = [
            (target["kind"], target["name"], number(target["members"]), f"+{number(target['would_add'])}",
             f"-{number(target['would_remove'])}", _sent(target))
            for target in side["targets"]
        ]  # fmt: skip
        header = ("", "target", "members", "would add", "remove", "segment")
        yield table(header, rows, right=(2, 3, 4))
        if side["blocked"]:
            blocked = [(number(one["contacts"]), one["text"]) for one in side["blocked"]]
            yield table(("blocked", "because"), blocked, right=(0,))
        yield ""


def _sent(target: Mapping[str, Any]) -> str:
    return "a stage" if target["stage"] else target["segment"] or "no segment any more"


def _quality(found: Mapping[str, Any]) -> Iterator[str]:
    quality = found["quality"]
    read = ", ".join(f"{number(count)} {source}" for source, count in quality["rows"].items())
    yield f"Exports: rows read: {read}"
    for one in quality["quarantine"]:
        yield f"  {count_of(one['rows'], 'row')} of {one['source']} left out: {one['reason']}"
    for one in quality["findings"]:
        yield f"  {one['text']}"
    yield ""
