"""What was measured, for people: Markdown tables, and plots as SVG without any library."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from statistics import median

_COLOURS = ("#0b6e99", "#d1495b", "#2e8b57", "#c77d0a", "#6a4c93", "#8a8a8a", "#14213d")
_WIDTH, _HEIGHT = 720, 440
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 190, 50, 60

Points = Sequence[tuple[float, float]]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table: the first column is text, the others are figures."""
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(3, *(len(line[place]) for line in lines)) for place in range(len(head))]

    def written(line: Sequence[str]) -> str:
        cells = [
            text.rjust(width) if place else text.ljust(width)
            for place, (text, width) in enumerate(zip(line, widths, strict=True))
        ]
        return f"| {' | '.join(cells)} |"

    rule = "|".join(
        "-" * (width + 1) + ":" if place else "-" * (width + 2)
        for place, width in enumerate(widths)
    )
    return "\n".join([written(lines[0]), f"|{rule}|", *map(written, lines[1:])])


def spread(values: Sequence[float], digits: int = 3) -> str:
    """Return the median of values, and how far they spread."""
    if not values:
        return "-"
    middle, least, most = (
        short(value, digits) for value in (median(values), min(values), max(values))
    )
    return f"{middle} ({least} to {most})" if len(values) > 1 else middle


def short(value: float, digits: int = 3) -> str:
    """Return a number with so many significant digits."""
    if not value:
        return "0"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:,.{places}f}"


def plot(title: str, across: str, up: str, lines: Mapping[str, Points]) -> str:
    """Return a plot as SVG: both axes logarithmic, a line for each name."""
    xs = [x for points in lines.values() for x, _ in points]
    ys = [y for points in lines.values() for _, y in points]
    left, right = math.log10(min(xs)), math.log10(max(xs)) or 1.0
    low, high = math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys)))

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            _LEFT + (math.log10(x) - left) / (right - left) * (_WIDTH - _LEFT - _RIGHT),
            _HEIGHT - _BOTTOM - (math.log10(y) - low) / (high - low) * (_HEIGHT - _TOP - _BOTTOM),
        )

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        _text(_WIDTH / 2, 24, title, size=15),
        _text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 16, across),
        f'<g transform="rotate(-90 18 {_HEIGHT / 2})">{_text(18, _HEIGHT / 2, up)}</g>',
    ]
    for power in range(low, high + 1):
        x, y = place(10**left, 10.0**power)
        parts.append(_rule(x, y, _WIDTH - _RIGHT, y))
        parts.append(_text(x - 8, y + 4, f"{10.0**power:g}", anchor="end"))
    for value in sorted(set(xs)):
        x, y = place(value, 10.0**low)
        parts.append(_rule(x, y, x, _TOP))
        parts.append(_text(x, y + 18, f"{value:,.0f}"))
    for number, (name, points) in enumerate(lines.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        drawn = [place(x, y) for x, y in sorted(points)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in drawn)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in drawn]
        line = _TOP + 10 + 20 * number
        parts.append(
            f'<rect x="{_WIDTH - _RIGHT + 14}" y="{line - 9}" width="12" height="12"'
            f' fill="{colour}"/>'
        )
        parts.append(_text(_WIDTH - _RIGHT + 32, line + 2, name, anchor="start"))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _text(x: float, y: float, what: str, *, anchor: str = "middle", size: int = 12) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"'
        f' fill="#222">{escape(what)}</text>'
    )


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#ddd"/>'
