"""The result of an ablation suite, and its figure: AUC against what was varied, as inline SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from stages.show.palette import Style, style
from stages.show.suite_result import Point, Result, read

__all__ = ["Point", "Result", "read", "svg"]

WIDTH, HEIGHT = 720, 380
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 34, 72
"""Margins of the plot, px: tick labels, air, legend, axis and how to read it."""
AIR = 22.0
"""Between the plot's edge and the first or last mark at least, px."""
LETTER = 3.6
"""Half the width of a letter of a label, px."""
SLANT = 32
"""Degrees by which labels are turned that do not fit beside one another."""
BREADTH = 9.0
"""Between two detectors' marks of one name, px."""


@dataclass(frozen=True)
class _Frame:
    """Where values lie in the picture."""

    result: Result
    low: float
    high: float

    def y(self, auc: float) -> float:
        return TOP + (self.high - auc) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM)

    def x(self, point: Point) -> float:
        """Left to right; marks of several detectors stand beside one another on an axis of names."""
        places = self._places()
        low, high = min(places.values()), max(places.values())
        share = (places[point.variant] - low) / (high - low) if high > low else 0.5
        before, after = self._inner(list(places))
        place = LEFT + before + share * (WIDTH - LEFT - RIGHT - before - after)
        if self.result.scale != "names":
            return place
        detectors = self.result.detectors
        return place + BREADTH * (detectors.index(point.detector) - (len(detectors) - 1) / 2)

    @property
    def extra(self) -> float:
        """Height that slanted labels take more, px; 0 where they fit beside one another."""
        labels = list(self._places())
        longest = 2 * LETTER * max(map(len, labels), default=0)
        if self.result.scale != "names" or longest * len(labels) <= WIDTH - LEFT - RIGHT:
            return 0.0
        return longest * math.sin(math.radians(SLANT))

    def _inner(self, labels: Sequence[str]) -> tuple[float, float]:
        """Room before the first mark and after the last, px: a slanted label must not leave the picture to the left."""
        if not self.extra:
            return (max(AIR, LETTER * max(map(len, labels))),) * 2
        reach = max(2 * LETTER * len(labels[0]) * math.cos(math.radians(SLANT)) - LEFT, 0)
        return max(AIR, reach), AIR

    def _places(self) -> dict[str, float]:
        values = {point.variant: point.value for point in self.result.points}
        if self.result.scale == "names":
            return {label: float(number) for number, label in enumerate(values)}
        numbers = {label: float(value or 0) for label, value in values.items()}
        return {label: math.log(v) for label, v in numbers.items()} if self.result.scale == "log" else numbers


def svg(result: Result, styles: Mapping[str, Style] | None = None) -> str:
    """Draw a result: per detector smoothed AUC as line and marks, its interval as a band or bars, raw AUC faint.

    Text takes the page's colour; the drawing needs no style sheet, no script and no other file.

    Args:
        result: what to draw; variants that failed are left out and named below the axis.
        styles: by detector; without it, by order of appearance.

    Returns:
        An SVG element, which may stand in a page as it is.
    """
    looks = {name: (styles or {}).get(name, style(number)) for number, name in enumerate(result.detectors)}
    frame = _Frame(result, *_ends(result))
    mark = f"suite-{result.suite}-{result.dataset}"
    title = f"{result.question} {result.dataset}: AUC against {result.axis}"
    body = [
        _grid(frame),
        _baseline(frame),
        *(_detector(frame, name, look) for name, look in looks.items()),
        _axis(frame),
        _legend(looks, HEIGHT + frame.extra - 8),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT + frame.extra:.0f}" role="img" '
        f'aria-labelledby="{mark}-title" aria-describedby="{mark}-desc" '
        f'style="width:100%;max-width:{WIDTH}px;height:auto" '
        f'font-family="system-ui,sans-serif" font-size="12" fill="currentColor">'
        f'<title id="{mark}-title">{escape(title)}</title><desc id="{mark}-desc">{escape(_words(result))}</desc>'
        f"{''.join(body)}</svg>"
    )


def _ends(result: Result) -> tuple[float, float]:
    """AUC at the bottom and the top: all that is drawn, to the next tenth, chance in sight only when it is near."""
    drawn = [value for point in result.points for value in (point.raw, point.smoothed) if value is not None]
    drawn += [end for point in result.points for end in point.smoothed_interval or ()]
    low, high = min(drawn, default=0.5), max(drawn, default=1.0)
    return max(0.0, math.floor(low * 10 - 0.1) / 10), min(1.0, math.ceil(high * 10 + 0.1) / 10)


def _detector(frame: _Frame, name: str, look: Style) -> str:
    points = [point for point in frame.result.points if point.detector == name]
    drawn = [(frame.x(point), point) for point in points if point.smoothed is not None]
    spread = _bars(frame, drawn, look) if frame.result.scale == "names" else _band(frame, drawn, look)
    joined = frame.result.scale != "names"
    raw = [(x, frame.y(point.raw)) for x, point in drawn if point.raw is not None]
    smoothed = [(x, frame.y(point.smoothed)) for x, point in drawn if point.smoothed is not None]
    lines = _line(raw, look, 1, 0.55) + _line(smoothed, look, 2.4, 1) if joined else ""
    marks = "".join(_mark(x, frame, point, look) for x, point in drawn)
    return f'<g class="line">{spread}{lines}{marks}</g>'


def _band(frame: _Frame, drawn: Sequence[tuple[float, Point]], look: Style) -> str:
    known = [(x, point.smoothed_interval) for x, point in drawn if point.smoothed_interval]
    if len(known) < 2:
        return _bars(frame, drawn, look)
    edge = [(x, frame.y(ends[0])) for x, ends in known] + [(x, frame.y(ends[1])) for x, ends in reversed(known)]
    return f'<polygon points="{_points(edge)}" fill="{look.colour}" opacity="0.16"/>'


def _bars(frame: _Frame, drawn: Sequence[tuple[float, Point]], look: Style) -> str:
    return "".join(
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{frame.y(ends[0]):.1f}" y2="{frame.y(ends[1]):.1f}" '
        f'stroke="{look.colour}" stroke-width="4" opacity="0.35"/>'
        for x, point in drawn
        if (ends := point.smoothed_interval)
    )


def _line(points: Sequence[tuple[float, float]], look: Style, width: float, opacity: float) -> str:
    dash = f' stroke-dasharray="{look.dash}"' if look.dash else ""
    return (
        f'<polyline points="{_points(points)}" fill="none" stroke="{look.colour}" stroke-width="{width:g}" '
        f'opacity="{opacity:g}"{dash}/>'
    )


def _mark(x: float, frame: _Frame, point: Point, look: Style) -> str:
    """A disc for the smoothed AUC, a ring for the raw one, and whiskers over seeds; a pointer gets the figures."""
    parts = [f"<title>{escape(_sentence(point))}</title>"]
    if point.smoothed is not None and point.smoothed_sd:
        ends = (frame.y(point.smoothed - point.smoothed_sd), frame.y(point.smoothed + point.smoothed_sd))
        parts.append(f'<path d="M{x - 4:.1f},{ends[0]:.1f}h8m-4,0V{ends[1]:.1f}m-4,0h8" stroke="{look.colour}"/>')
    if point.raw is not None:
        ring = f'r="3" fill="none" stroke="{look.colour}" opacity="0.7"'
        parts.append(f'<circle cx="{x:.1f}" cy="{frame.y(point.raw):.1f}" {ring}/>')
    if point.smoothed is not None:
        parts.append(f'<circle cx="{x:.1f}" cy="{frame.y(point.smoothed):.1f}" r="4" fill="{look.colour}"/>')
    return f"<g>{''.join(parts)}</g>"


def _grid(frame: _Frame) -> str:
    step = 0.1 if frame.high - frame.low > 0.35 else 0.05
    count = round((frame.high - frame.low) / step)
    lines = []
    for auc in (frame.low + number * step for number in range(count + 1)):
        y = frame.y(auc)
        lines.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        lines.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" stroke="none">{auc:.2f}</text>')
    name = f'<text transform="translate(14 {HEIGHT / 2 - 8:.0f}) rotate(-90)" text-anchor="middle">AUC</text>'
    return f'<g stroke="currentColor" stroke-opacity="0.18">{"".join(lines)}</g>{name}'


def _baseline(frame: _Frame) -> str:
    """A dotted line where params.yaml stands on an axis of numbers."""
    found = next((point for point in frame.result.points if point.baseline), None)
    if found is None or frame.result.scale == "names":
        return ""
    x, top, bottom = frame.x(found), TOP, HEIGHT - BOTTOM
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}" stroke="currentColor" stroke-opacity="0.6" '
        'stroke-dasharray="2 4"/>'
    )


def _axis(frame: _Frame) -> str:
    """Labels of the variants, with what failed and what is the default, and the axis' name."""
    labels, middle = [], (len(frame.result.detectors) - 1) / 2
    for label in frame.result.variants:
        mine = [point for point in frame.result.points if point.variant == label]
        offset = BREADTH * middle if frame.result.scale == "names" else 0
        x = frame.x(mine[0]) + offset
        weight = ' font-weight="bold"' if any(point.baseline for point in mine) else ""
        y = HEIGHT - BOTTOM + 18
        turned = f' text-anchor="end" transform="rotate(-{SLANT} {x:.1f} {y})"' if frame.extra else ""
        labels.append(f'<text x="{x:.1f}" y="{y}"{weight}{turned}>{escape(label)}</text>')
        if failed := [point.detector for point in mine if point.reason]:
            told = escape(", ".join(failed))
            labels.append(
                f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM - 6}" font-size="10"><title>{told}: '
                f"{escape('; '.join(dict.fromkeys(p.reason for p in mine if p.reason)))}</title>✕ {told}</text>"
            )
    x, y = (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 30 + round(frame.extra)
    name = f'<text x="{x:.1f}" y="{y}">{escape(frame.result.axis)}</text>'
    return f'<g text-anchor="middle">{"".join(labels)}{name}</g>'


def _legend(looks: Mapping[str, Style], bottom: float) -> str:
    parts, x = [], LEFT
    for name, look in looks.items():
        dash = f' stroke-dasharray="{look.dash}"' if look.dash else ""
        parts.append(
            f'<line x1="{x}" x2="{x + 20}" y1="14" y2="14" stroke="{look.colour}" stroke-width="3"{dash} class="line"/>'
            f'<text x="{x + 26}" y="18">{escape(name)}</text>'
        )
        x += 26 + 8 * len(name) + 18
    told = (
        "disc: smoothed · ring: raw · shade: interval over test clips · whiskers: deviation over seeds · bold: default"
    )
    parts.append(f'<text x="{LEFT}" y="{bottom:.0f}" font-size="10" opacity="0.75">{told}</text>')
    return "".join(parts)


def _words(result: Result) -> str:
    return " ".join(f"{_sentence(point)}." for point in result.points)


def _sentence(point: Point) -> str:
    if point.reason:
        return f"{point.detector}, {point.variant}: failed, {point.reason}"
    told = f"{point.detector}, {point.variant}: smoothed {_number(point.smoothed)}"
    if point.smoothed_sd is not None:
        told += f" ± {point.smoothed_sd:.3f} over seeds"
    if point.smoothed_interval:
        told += f" ({point.smoothed_interval[0]:.3f} to {point.smoothed_interval[1]:.3f})"
    return f"{told}, raw {_number(point.raw)}"


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
