# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of an SVG drawing as text. Colours are classes, which the style sheet of the page has for light and dark."""

from __future__ import annotations

import typing as t

from ..units import human_ms
from .axis import Point, Scale, thinned, time_ticks
from .markup import escaped, tag, void

# In pixels.
WIDTH = 1000
LEFT, RIGHT = 70, 50
FIRST_COLUMN, LAST_COLUMN = LEFT, WIDTH - RIGHT


def number(value: float) -> str:
    """A coordinate, without a needless ``.0``."""
    return f"{value:.1f}".removesuffix(".0")


def time_scale(high_s: float, low_s: float = 0.0) -> Scale:
    return Scale(low_s, max(high_s, low_s + 0.001), FIRST_COLUMN, LAST_COLUMN)


def line(points: t.Sequence[Point], class_: str, title: str = "") -> str:
    """A line through points in pixels, at most two a pixel."""
    if len(points) < 2:
        return ""
    shown = " ".join(f"{number(x)},{number(y)}" for x, y in thinned(points))
    return tag("polyline", tooltip(title), points=shown, class_=f"line {class_}")


def steps(points: t.Sequence[Point], end_x: float) -> list[Point]:
    """The corners of a value that holds until the next one."""
    found: list[Point] = []
    for (x, y), (following, _y) in zip(points, [*points[1:], (end_x, 0.0)]):
        found += [(x, y), (following, y)]
    return found


def area(points: t.Sequence[Point], base_y: float, class_: str, title: str = "") -> str:
    """What is below a line, down to ``base_y``."""
    shown = thinned(points)
    if len(shown) < 2:
        return ""
    corners = [(shown[0][0], base_y), *shown, (shown[-1][0], base_y)]
    return tag(
        "polygon", tooltip(title), points=" ".join(f"{number(x)},{number(y)}" for x, y in corners), class_=class_
    )


def band(begin_x: float, end_x: float, top: float, bottom: float, class_: str, title: str) -> str:
    """A part of the time shaded; one that is narrower than it can be seen is widened."""
    width = max(end_x - begin_x, 1.5)
    x = min(begin_x, LAST_COLUMN - width)
    return tag(
        "rect",
        tooltip(title),
        x=number(x),
        y=number(top),
        width=number(width),
        height=number(bottom - top),
        class_=f"band {class_}",
    )


def dot(x: float, y: float, class_: str, title: str, radius: float = 4) -> str:
    return tag("circle", tooltip(title), cx=number(x), cy=number(y), r=number(radius), class_=class_)


def words(x: float, y: float, shown: str, class_: str = "", anchor: str = "start") -> str:
    return tag("text", escaped(shown), x=number(x), y=number(y), class_=class_ or None, text_anchor=anchor)


def tooltip(title: str) -> str:
    return tag("title", escaped(title)) if title else ""


def rule(x1: float, y1: float, x2: float, y2: float, class_: str) -> str:
    return void("line", x1=number(x1), y1=number(y1), x2=number(x2), y2=number(y2), class_=class_)


def value_axis(scale: Scale, marks: t.Sequence[float], tell: t.Callable[[float], str]) -> str:
    """On the left: a thin line across for each mark, and what it stands for."""
    parts = []
    for mark in marks:
        y = scale(mark)
        parts += [
            rule(FIRST_COLUMN, y, LAST_COLUMN, y, "grid"),
            words(LEFT - 8, y + 4, short(tell(mark)), "tick", "end"),
        ]
    return "".join(parts)


def time_axis(scale: Scale, y: float) -> str:
    parts = [rule(FIRST_COLUMN, y, LAST_COLUMN, y, "axis")]
    for mark in time_ticks(scale.high, low_s=scale.low):
        x = scale(mark)
        parts += [rule(x, y, x, y + 5, "axis"), words(x, y + 19, time_label(mark), "tick", "middle")]
    return "".join(parts)


def short(shown: str) -> str:
    """A round figure without its needless zero: ``200 MiB`` for ``200.0 MiB``."""
    return shown.replace(".0 ", " ")


def time_label(time_s: float) -> str:
    if time_s == 0:
        return "0"
    if time_s < 60:
        return f"{time_s:g} s"
    shown = human_ms(time_s * 1000)
    return shown.removesuffix(" 0 s").removesuffix(" 0 min")


def drawing(height: float, label: str, *parts: str) -> str:
    """The SVG in a frame that can be scrolled on narrow screens, by keys as well."""
    svg = tag(
        "svg",
        *parts,
        viewBox=f"0 0 {WIDTH} {number(height)}",
        role="img",
        aria_label=label,
        class_="chart",
    )
    return tag("div", svg, class_="scroll", tabindex=0, role="region", aria_label=label)


def legend(*entries: tuple[str, str]) -> str:
    """Class and text of each kind of line or area, below a drawing."""
    swatch = '<svg class="swatch" viewBox="0 0 26 12" aria-hidden="true">'
    items = []
    for class_, shown in entries:
        if class_.startswith("band"):
            drawn = void("rect", x=1, y=1, width=24, height=10, class_=class_)
        elif class_.startswith("dot"):
            drawn = void("circle", cx=13, cy=6, r=4, class_=class_)
        else:
            drawn = void("polyline", points="1,6 25,6", class_=f"line {class_}")
        items.append(tag("li", f"{swatch}{drawn}</svg>", escaped(shown)))
    return tag("ul", *items, class_="legend")
