"""What `sync test` found: text, the JSON document "connector.test/1", and JUnit's XML for CI.

Owns: these three forms, and how the deciding conditions of a failure are told. Must not: run or judge a test.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as xml
from zoneinfo import ZoneInfo

from connector.core.counts import count_of
from connector.report.values import as_json, printable, shown, wrapped
from connector.segments.explain.deciding import Decided, deciding

if TYPE_CHECKING:
    from connector.core.problem import Problem
    from connector.segments.explain.person import InOne, Verdict
    from connector.segments.testing.run import Miss, Outcome

_SIDE = {True: "in", False: "out"}


def tests_text(outcomes: Sequence[Outcome], untested: Sequence[str], zone: ZoneInfo) -> str:
    failed = [outcome for outcome in outcomes if outcome.misses]
    lines = [line for outcome in failed for line in (*failure(outcome, zone), "")]
    count, checked = len(outcomes), sum(outcome.checked for outcome in outcomes)
    passed = f"{count - len(failed)} of {count_of(count, 'test passes', 'tests pass')}"
    lines.append(f"{passed} ({count_of(checked, 'expectation')}).{f' {len(failed)} failed.' if failed else ''}")
    if untested:
        lines.append(f"No test is about: {', '.join(untested)}.")
    return "\n".join(line for text in lines for line in wrapped(text))


def failure(outcome: Outcome, zone: ZoneInfo) -> Iterator[str]:
    """A failed test: where it stands, what was expected, and which conditions decided."""
    yield f"FAILED {printable(outcome.case.name)}  ({outcome.case.place})"
    for miss in outcome.misses:
        yield from _miss(miss, len(outcome.case.people) > 1, zone)


def _miss(miss: Miss, several: bool, zone: ZoneInfo) -> Iterator[str]:
    who = f"person {miss.person}, " if several else ""
    what = miss.expected.what
    line = miss.expected.place.line
    if not what:
        yield f"  {who}consent: expected {str(miss.expected.wanted).lower()}, line {line}"
        rule = miss.told.consent.rule
        yield from _decided(rule, zone) if rule else ["    the file has no consent section, so everybody consents"]
        if miss.told.consent.unclear:
            yield "    the given values of consent are not understood, or contradict each other"
        return
    found = _SIDE[not miss.expected.wanted]
    yield f"  {who}{what}: expected {_SIDE[miss.expected.wanted]}, is {found}  (line {line})"
    item = next(one for one in miss.told.segments if one.name == what)
    yield from _because(item, zone)


def _because(item: InOne, zone: ZoneInfo) -> Iterator[str]:
    if item.taken_by is not None:
        yield f"    its rule holds, and {item.taken_by} comes first in its priorities"
    elif item.rule is not None:
        yield from _decided(item.rule, zone)
    else:
        yield "    it has no rule: its members are a list, which tests do not read"


def _decided(rule: Verdict, zone: ZoneInfo) -> Iterator[str]:
    for one in deciding(rule):
        holds = "false" if one.wanted else "true"
        values = ", ".join(_value(what, value, zone) for what, value in one.test.values)
        place = f"line {one.test.line}: " if one.test.line else ""
        either = "; one of these is enough to change it" if one.one_of_several else ""
        told = f" ({values})" if values else ""
        yield f"    {place}{printable(one.test.text)} → {holds}{told}{either}"


def _value(what: str, value: Any, zone: ZoneInfo) -> str:
    if value is None:
        return f"{what} is missing"
    if what.startswith("in ") and isinstance(value, bool):
        return what if value else f"not {what}"
    return f"{what} is {shown(value, zone)}"


def tests_json(outcomes: Sequence[Outcome], untested: Sequence[str]) -> dict[str, Any]:
    return {
        "schema": "connector.test/1",
        "tests": len(outcomes),
        "failed": sum(1 for outcome in outcomes if outcome.misses),
        "expectations": sum(outcome.checked for outcome in outcomes),
        "untested": list(untested),
        "errors": [],
        "results": [_outcome_json(outcome) for outcome in outcomes],
    }


def errors_json(problems: Sequence[Problem]) -> dict[str, Any]:
    """The same document for files that cannot be used."""
    return tests_json((), ()) | {"errors": [problem.as_json() for problem in problems]}


def _outcome_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "name": outcome.case.name,
        "file": outcome.case.place.file,
        "line": outcome.case.place.line,
        "passed": not outcome.misses,
        "expectations": outcome.checked,
        "failures": [_miss_json(miss) for miss in outcome.misses],
    }


def _miss_json(miss: Miss) -> dict[str, Any]:
    item = next((one for one in miss.told.segments if one.name == miss.expected.what), None)
    rule = item.rule if item is not None else miss.told.consent.rule
    wanted = miss.expected.wanted
    return {
        "person": miss.person,
        "segment": miss.expected.what or None,
        "consent": None if miss.expected.what else wanted,
        "expected": _SIDE[wanted],
        "found": _SIDE[not wanted],
        "line": miss.expected.place.line,
        "taken_by": item.taken_by if item else None,
        "decided_by": [_decided_json(one) for one in deciding(rule)] if rule and not (item and item.taken_by) else [],
    }


def _decided_json(one: Decided) -> dict[str, Any]:
    values = {what: as_json(value) for what, value in one.test.values}
    told = {"condition": one.test.text, "line": one.test.line, "holds": not one.wanted}
    return {**told, "values": values, "one_of_several": one.one_of_several}


def tests_junit(outcomes: Sequence[Outcome], zone: ZoneInfo) -> str:
    """One suite; the text of a failure is that of the terminal."""
    failed = sum(1 for outcome in outcomes if outcome.misses)
    total = sum(outcome.seconds for outcome in outcomes)
    counts = {"tests": str(len(outcomes)), "failures": str(failed), "errors": "0", "time": f"{total:.3f}"}
    root = xml.Element("testsuites", counts)
    suite = xml.SubElement(root, "testsuite", {"name": "segments", **counts, "skipped": "0"})
    for outcome in outcomes:
        place = outcome.case.place
        told = {"name": _xml(outcome.case.name), "classname": _xml(place.file), "file": _xml(place.file)}
        case = xml.SubElement(suite, "testcase", {**told, "line": str(place.line), "time": f"{outcome.seconds:.3f}"})
        if outcome.misses:
            first, *rest = [line.strip() for line in failure(outcome, zone)][1:]
            bad = xml.SubElement(case, "failure", {"message": _xml(first), "type": "expectation"})
            bad.text = _xml("\n".join([first, *rest]))
    xml.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + xml.tostring(root, encoding="unicode")


def errors_junit(problems: Sequence[Problem]) -> str:
    """One case that is in error per problem."""
    counts = {"tests": str(len(problems)), "failures": "0", "errors": str(len(problems)), "time": "0"}
    root = xml.Element("testsuites", counts)
    suite = xml.SubElement(root, "testsuite", {"name": "segments", **counts, "skipped": "0"})
    for problem in problems:
        told = {"name": f"{problem.code} in line {problem.place.line}", "classname": _xml(problem.place.file)}
        case = xml.SubElement(suite, "testcase", {**told, "time": "0"})
        bad = xml.SubElement(case, "error", {"message": _xml(problem.message), "type": problem.code})
        bad.text = _xml(str(problem))
    xml.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + xml.tostring(root, encoding="unicode")


def _xml(text: str) -> str:
    """Without the control characters that no XML may hold."""
    return "".join(sign if sign in "\t\n" or (sign >= " " and sign not in "\ufffe\uffff") else "·" for sign in text)
