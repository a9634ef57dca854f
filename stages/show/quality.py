"""The page about poses and tracks: one self-contained HTML file without scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.core.skeleton import Layout
from stages.show.palette import heat
from stages.show.skeleton_chart import chart, ink
from stages.show.timeline import Truth

TEMPLATE = "quality.html.jinja"

STRIPS = 80
"""Clips whose people are drawn over time; the figures of all others stand in the table."""
ROWS = 1000
"""Clips in the page's table; all of them are in clips.csv beside it."""
CAMERAS = 10
"""Cameras with a column of joints each."""
POINTS = 300
"""Points of a strip: a fifth of a second of a minute's clip, a minute of five hours."""


@dataclass(frozen=True)
class Strip:
    """People over time in one clip, as few points as are drawn.

    Args:
        truth: its labels.
        most: `(points,)` the most people tracked at a time.
        ends: `(points,)` where each point's time ends, in thousandths of the clip.
        nobody: `(start, width)` of the stretches without anybody, likewise.
    """

    truth: Truth
    most: NDArray[np.int64]
    ends: NDArray[np.float64]
    nobody: tuple[tuple[float, float], ...]

    def path(self, crowd: int) -> str:
        """SVG path in a box of 1000 × 100 with `crowd` people at its top."""
        down = 100 - np.minimum(self.most, crowd) / max(crowd, 1) * 100
        steps = "".join(f"V{y:.4g}H{right:.4g}" for y, right in zip(down, self.ends, strict=True))
        return f"M0,100{steps}V100Z"


@dataclass(frozen=True)
class Bar:
    """A bar of a histogram.

    Args:
        label: what is counted.
        count: how often.
        width: percent of the longest.
    """

    label: str
    count: int
    width: float


@dataclass(frozen=True)
class Histogram:
    """A histogram with its sentence.

    Args:
        title: what it is of.
        note: how to read it.
        bars: from small to large.
    """

    title: str
    note: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Page:
    """All that stands on the page.

    Args:
        dataset: its name.
        about: what dataset.yaml says it shows.
        whole: figures of all clips (`stages.pose.quality.figures`).
        cameras: the same by camera.
        clips: the same by clip.
        advice: what stands out: objects with text, means, places and grave.
        strips: people over time.
        crowd: the number of people at the top of every strip.
        histograms: of people, tracks and heights.
        skeleton: layout of the joints; None where clips differ.
        joints: figures by joint of all clips.
        camera_joints: the same by camera.
        every: frames from one looked at to the next, where they are not all looked at.
    """

    dataset: str
    about: str
    whole: Mapping[str, Any]
    cameras: Mapping[str, Mapping[str, Any]]
    clips: Mapping[str, Mapping[str, Any]]
    advice: Sequence[Any]
    strips: Sequence[Strip]
    crowd: int
    histograms: Sequence[Histogram]
    skeleton: Layout | None
    joints: Mapping[str, Mapping[str, float | None]]
    camera_joints: Mapping[str, Mapping[str, Mapping[str, float | None]]]
    every: Sequence[int]


def strip(truth: Truth, people: NDArray[np.int64]) -> Strip:
    """What is drawn of the people of one clip.

    Args:
        truth: its labels.
        people: `(frames,)` tracked people in each frame looked at.
    """
    starts = np.unique(np.linspace(0, len(people), min(POINTS, len(people)), endpoint=False).astype(int))
    ends = np.append(starts[1:], len(people)) / len(people) * 1000
    bounds = np.flatnonzero(np.diff(people == 0, prepend=False, append=False)).reshape(-1, 2) / len(people) * 1000
    nobody = tuple((float(start), float(end - start)) for start, end in bounds if end - start >= 1000 / POINTS / 2)
    return Strip(truth, np.maximum.reduceat(people, starts), ends, nobody)


def histogram(title: str, note: str, counts: NDArray[np.int64], edges: Sequence[float], unit: str) -> Histogram:
    """Bars of values that were counted one by one.

    Args:
        title: what it is of.
        note: how to read it.
        counts: `(n,)` how often each whole number 0 … n - 1 was seen.
        edges: where a bar begins and the one before ends; the last one is open.
        unit: of the values.
    """
    values = np.arange(len(counts))
    sums = [int(counts[(values >= low) & (values < high)].sum()) for low, high in _pairs(edges)]
    return Histogram(title, note, _bars(sums, [_range(low, high, 1, unit) for low, high in _pairs(edges)]))


def lengths(title: str, note: str, values: NDArray[np.float64], edges: Sequence[float], unit: str) -> Histogram:
    """Bars of values as they are, e.g. seconds; else as `histogram`."""
    sums = [int(((values >= low) & (values < high)).sum()) for low, high in _pairs(edges)]
    return Histogram(title, note, _bars(sums, [_range(low, high, 0, unit) for low, high in _pairs(edges)]))


def render(page: Page) -> str:
    """The page as HTML; needs no network, no scripts and no other file."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(percent=percent, figure=figure, tint=tint, duration=duration, plain=plain)
    drawing = Markup(_skeleton(page)) if page.skeleton else ""  # noqa: S704 made here, of escaped names
    cameras = list(page.cameras)[:CAMERAS] if len(page.cameras) > 1 else []
    return environment.get_template(TEMPLATE).render(page=page, drawing=drawing, joint_cameras=cameras, rows=ROWS)


def percent(value: float | None) -> str:
    """Whole percents, 0 and 100 for nothing and all alone, or a dash for None."""
    if value is None:
        return "–"
    if 0 < value < 0.005:
        return "<1 %"
    return ">99 %" if 0.995 <= value < 1 else f"{value:.0%}".replace("%", " %")


def figure(value: float | None, unit: str = "") -> str:
    """A number for a table: three digits that count, or a dash for None."""
    return "–" if value is None else f"{value:.3g}{unit}" if abs(value) < 1000 else f"{value:.0f}{unit}"


def duration(seconds: float | None) -> str:
    """Seconds, minutes or hours, whichever a person would say."""
    if seconds is None:
        return "–"
    scale, unit = (1, "s") if seconds < 120 else (60, "min") if seconds < 7200 else (3600, "h")
    return f"{seconds / scale:.3g} {unit}"


def plain(name: str) -> str:
    """A joint's name in words."""
    return name.replace("_", " ")


def tint(unsure: float | None) -> str:
    """Style of a cell or bar: blue where a joint is sure in everybody, red where in nobody."""
    colour = _colour(unsure)
    return f"background:{colour};color:{ink(colour)}"


def _colour(unsure: float | None) -> str:
    return "#{:02x}{:02x}{:02x}".format(*heat(unsure))


def _skeleton(page: Page) -> str:
    shares = [page.joints[name]["unsure"] for name in page.skeleton.joints] if page.skeleton else []
    notes = [f"unsure in {percent(value)} of people" for value in shares]
    return chart(page.skeleton, [_colour(value) for value in shares], notes) if page.skeleton else ""


def _pairs(edges: Sequence[float]) -> list[tuple[float, float]]:
    return list(zip(edges, [*edges[1:], float("inf")], strict=True))


def _range(low: float, high: float, step: int, unit: str) -> str:
    """What a bar holds; of whole numbers (`step` 1) the last one is named, else where the next bar begins."""
    if np.isinf(high):
        return f"{low:g}{unit} or more"
    last = high - step
    return f"{low:g}{unit}" if step and last == low else f"{low:g} to {last:g}{unit}"


def _bars(sums: Sequence[int], labels: Sequence[str]) -> tuple[Bar, ...]:
    """Bars up to the last one that counts anything."""
    most = max([*sums, 1])
    bars = [Bar(label, count, 100 * count / most) for label, count in zip(labels, sums, strict=True)]
    return tuple(bars[: max((place for place, bar in enumerate(bars) if bar.count), default=0) + 1])
