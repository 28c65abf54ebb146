"""Charts as inline SVG: drawn when the page is made, without a script or a font of their own.

Owns: the extra libraries (imported late), the colours, and what an SVG must look like inside of a page. Must not: know
what is drawn.

Colours are drawn as stand-ins and replaced by the page's own (light, dark, print), so that one SVG serves all three.
"""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

from connector.core.errors import ConfigError
from connector.core.problem import Place, Problem

# Stand-in -> the page's colour (page.css).
INK, MUTED, GRID, MAIN, ALERT, SOFT, OTHER = (f"#01020{number}" for number in range(3, 10))
_COLOURS = dict(
    zip((INK, MUTED, GRID, MAIN, ALERT, SOFT, OTHER), ("ink", "muted", "grid", "main", "alert", "soft", "other"),
        strict=True)
)  # fmt: skip
FONT = "system-ui, -apple-system, Segoe UI, Roboto, sans-serif"
CONFIG: dict[str, Any] = {
    "background": "transparent",
    "font": FONT,
    "view": {"stroke": "transparent"},
    "padding": {"left": 20, "right": 28, "top": 6, "bottom": 6},
    "axis": {
        "labelColor": INK, "titleColor": MUTED, "domainColor": GRID, "tickColor": GRID, "gridColor": GRID,
        "labelFontSize": 13, "titleFontSize": 12, "titleFontWeight": "normal", "labelLimit": 190,
    },
    "bar": {"color": MAIN},
    "text": {"color": INK, "fontSize": 12},
}  # fmt: skip
_SVG = "http://www.w3.org/2000/svg"
_DROPPED = ("role", "aria-roledescription", "aria-label", "aria-hidden", "xmlns", "version")


def require() -> None:
    """Raises ConfigError when the page's libraries are not installed."""
    try:
        import altair  # noqa: F401
        import vl_convert  # noqa: F401
    except ImportError as error:
        text = (
            f"The page needs {error.name}: pip install 'segment-connector[report]'. "
            "Without it: sync report --format text."
        )
        raise ConfigError([Problem(Place("--format"), "report-missing", text)]) from None


def svg(chart: Any, label: str) -> str:
    """An altair chart as an element of a page, called `label` for those who cannot see it."""
    import vl_convert

    drawn = vl_convert.vegalite_to_svg({**chart.to_dict(), "config": CONFIG})
    ElementTree.register_namespace("", _SVG)
    root = ElementTree.fromstring(drawn)
    width, height = root.get("width", "0"), root.get("height", "0")
    for element in root.iter():
        _adopt(element)
    root.set("role", "img")
    root.set("aria-label", label)
    root.set("viewBox", root.get("viewBox") or f"0 0 {width} {height}")
    return ElementTree.tostring(root, encoding="unicode").replace(f' xmlns="{_SVG}"', "")


def _adopt(element: ElementTree.Element) -> None:
    """No role or label of its own, no id that another chart may have, and the page's colours."""
    for name in (*_DROPPED, "id", "class"):
        element.attrib.pop(name, None)
    style = [f"{name}:var(--{_COLOURS[colour]})" for name in ("fill", "stroke")
             if (colour := element.get(name, "")) in _COLOURS]  # fmt: skip
    for name in ("fill", "stroke"):
        if element.get(name, "") in _COLOURS:
            del element.attrib[name]
    if "clip-path" in element.attrib:
        del element.attrib["clip-path"]
    if style:
        element.set("style", ";".join([*filter(None, [element.get("style")]), *style]))


def spark(values: list[int | None]) -> str:
    """A line of the last values, drawn without a library: there is one per segment. Gaps stay gaps."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return ""
    low, high = min(known), max(known)
    step, height = 92 / (len(values) - 1), 20
    points = [
        None if value is None else (4 + number * step, 2 + height - (value - low) / ((high - low) or 1) * height)
        for number, value in enumerate(values)
    ]
    path, pen = "", "M"
    for point in points:
        path, pen = (path, "M") if point is None else (f"{path}{pen}{point[0]:.1f} {point[1]:.1f}", "L")
    last = next(point for point in reversed(points) if point is not None)
    return (
        '<svg class="spark" viewBox="0 0 100 24" width="100" height="24" aria-hidden="true" focusable="false">'
        f'<path d="{path}" fill="none" stroke-width="1.5" style="stroke:var(--main)"/>'
        f'<circle cx="{last[0]:.1f}" cy="{last[1]:.1f}" r="2.5" style="fill:var(--main)"/></svg>'
    )


def plain(text: str) -> str:
    """A name on an axis: one line, and nothing that Vega takes for an expression's line break."""
    return re.sub(r"\s+", " ", text)
