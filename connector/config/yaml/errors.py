"""A syntax error of the YAML parser in the words of somebody who writes segments.yaml.

Owns: the translation of PyYAML's errors. Must not: quote the file (a line may hold a secret).
"""

from __future__ import annotations

import yaml

from connector.config.sections.codes import Code
from connector.core.problem import Place, Problem


def explain(error: yaml.YAMLError, text: str, file: str) -> Problem:
    """The parser's error with its place, and what usually causes it."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return Problem(Place(file, 1, 1), "yaml", "The file is not text that YAML can read.")
    lines = text.split("\n")
    place = _place(error, lines, file)
    line = lines[place.line - 1] if place.line <= len(lines) else ""
    code, message = _words(error, line, line[place.column - 1 : place.column])
    return Problem(place, code, message)


def _place(error: yaml.MarkedYAMLError, lines: list[str], file: str) -> Place:
    """Of something that is never closed, the place where it was opened."""
    marks = [mark for mark in (error.problem_mark, error.context_mark) if mark is not None]
    if not marks:
        return Place(file, 1, 1)
    mark = marks[0]
    rest = lines[mark.line][mark.column :] if mark.line < len(lines) else ""
    at_end = mark.line >= len(lines) - 1 and not rest.strip()
    if at_end and error.context_mark is not None:
        mark = error.context_mark
    return Place(file, max(1, min(mark.line + 1, len(lines))), mark.column + 1)


def _words(error: yaml.MarkedYAMLError, line: str, char: str) -> tuple[Code, str]:
    problem, context = error.problem or "", error.context or ""
    if char == "\t" or "tab character" in problem:
        return "tab", "A tab stands here; indent with spaces only."
    if "${" in line and "flow" in context:
        return "yaml", 'Inside {…} a secret needs quotes: "${NAME}".'
    if "quoted scalar" in context:
        return "yaml", "A quote is opened here and never closed."
    if "flow" in context:
        return "yaml", "A bracket is opened and not closed, or a comma is missing between two entries."
    if "mapping values are not allowed" in problem:
        return "yaml", "A second colon in this line; put the text in quotes, or check the indentation."
    if "cannot start any token" in problem and char:
        return "yaml", f"Text that begins with “{char}” needs quotes."
    if "could not find expected ':'" in problem:
        return "yaml", "A colon is missing after this key, or the line is indented wrongly."
    if "block" in context:
        return "yaml", "The indentation does not fit the lines above."
    return "yaml", "The YAML cannot be read here; check the indentation, quotes and colons of this line and the last."
