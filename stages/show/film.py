"""A clip at a glance: some of its frames, and below them the scores of every detector over time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.show.overlay import Image
from stages.show.palette import ABNORMAL, FAINT, INK, ramp
from stages.show.timeline import DPI, Curve, Truth, drawing, name_kinds, plot, shade

WIDTH, GAP, ROW, MARGIN, MARKS = 11.0, 0.08, 0.72, 0.2, 0.48
"""In inches: the picture's width, the space around frames, the height of a detector's timeline, the space beside the
timelines, and that above them for the frames' numbers and the kinds."""


@dataclass(frozen=True)
class Film:
    """What a film strip shows.

    Args:
        clip: the clip and its labelled intervals.
        frames: which frames are shown, ascending.
        images: those frames `(H, W, 3)` RGB, all of one size, people drawn on them.
        curves: scores, one per detector from top to bottom.
        note: what the colours of the skeletons mean, one line.
    """

    clip: Truth
    frames: tuple[int, ...]
    images: tuple[Image, ...]
    curves: tuple[Curve, ...]
    note: str


def choose_frames(clip: Truth, count: int, people: NDArray[np.int64]) -> tuple[int, ...]:
    """Frames to show: evenly over the labelled stretch and a quarter of it on both sides, or over the whole clip.

    Each gives way by up to a quarter of their distance to the nearest frame in which more people are drawn.

    Args:
        clip: the clip and its labelled intervals.
        count: how many; fewer where the clip is shorter.
        people: `(frames,)` how many people are drawn in each frame.
    """
    first, last = 0, clip.frames - 1
    if clip.intervals:
        start, end = clip.intervals[0].start, max(found.end for found in clip.intervals)
        margin = round((end - start) / 4)
        first, last = max(first, start - margin), min(last, end + margin)
    reach = (last - first) // max(count - 1, 1) // 4
    chosen = set()
    for place in np.rint(np.linspace(first, last, count)).astype(int):
        near = np.arange(max(first, place - reach), min(last, place + reach) + 1)
        chosen.add(int(near[np.lexsort((np.abs(near - place), -people[near]))[0]]))
    return tuple(sorted(chosen))


def columns(count: int) -> int:
    """Frames beside one another: up to four in one row, more in two rows."""
    return count if count <= 4 else -(-count // 2)


def frame_width(count: int) -> int:
    """Width in px at which `count` frames should be drawn, so that the picture does not scale them again."""
    return round(_panel_width(count) * DPI)


def draw_film(path: Path, film: Film) -> None:
    """Write the picture as a PNG."""
    across = columns(len(film.frames))
    wide = _panel_width(len(film.frames))
    tall = wide * film.images[0].shape[0] / film.images[0].shape[1]
    above = (tall + GAP) * -(-len(film.frames) // across) + GAP
    height = above + MARKS + ROW * len(film.curves) + 0.6
    with drawing(path, WIDTH, height) as figure:
        page = _Page(figure, height)
        for place, (frame, image) in enumerate(zip(film.frames, film.images, strict=True)):
            left, top = GAP + place % across * (wide + GAP), GAP + place // across * (tall + GAP)
            _draw_frame(page.axes(left, top, wide, tall), film.clip, place + 1, frame, image)
        for place, curve in enumerate(film.curves):
            axes = page.axes(MARGIN, above + MARKS + place * ROW, WIDTH - 2 * MARGIN, ROW - 0.1)
            _draw_row(axes, film, curve, first=place == 0, last=place == len(film.curves) - 1)
        _draw_key(page, height - 0.18, film)


@dataclass(frozen=True)
class _Page:
    """Places things in inches from the top left, as one reads."""

    figure: Any
    height: float

    def axes(self, left: float, top: float, width: float, height: float) -> Any:
        bottom = 1 - (top + height) / self.height
        return self.figure.add_axes((left / WIDTH, bottom, width / WIDTH, height / self.height))

    def text(self, left: float, top: float, text: str, **look: Any) -> None:
        self.figure.text(left / WIDTH, 1 - top / self.height, text, fontsize=8.5, va="center", **look)


def _panel_width(count: int) -> float:
    across = columns(count)
    return (WIDTH - GAP * (across + 1)) / across


def _draw_frame(axes: Any, clip: Truth, number: int, frame: int, image: Image) -> None:
    """A frame with its number and time in the corner, framed and named where it is labelled."""
    kind = clip.kind(frame)
    axes.imshow(image, aspect="auto", interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(visible=kind is not None, color=ABNORMAL, linewidth=3)
    badge = {"boxstyle": "round,pad=0.3", "facecolor": "white", "edgecolor": "none", "alpha": 0.9}
    time = f"{number}   {frame / clip.fps:.1f} s"
    axes.text(0.025, 0.96, time, transform=axes.transAxes, va="top", fontsize=9, fontweight="bold", bbox=badge)
    if kind:
        label = badge | {"facecolor": ABNORMAL}
        axes.text(
            0.975, 0.96, kind, transform=axes.transAxes, va="top", ha="right", fontsize=9, color="white", bbox=label
        )


def _draw_row(axes: Any, film: Film, curve: Curve, *, first: bool, last: bool) -> None:
    """A detector's timeline; the first carries the frames' numbers and kinds, the last the seconds."""
    shade(axes, film.clip)
    for number, frame in enumerate(film.frames, start=1):
        seconds = (frame + 0.5) / film.clip.fps
        axes.axvline(seconds, color=INK, linewidth=0.8, linestyle=(0, (1, 2)))
        if first:
            axes.text(seconds, 1.33, str(number), transform=axes.get_xaxis_transform(), ha="center", fontweight="bold")
    if first:
        name_kinds(axes, film.clip)
    plot(axes, film.clip, curve)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.tick_params(labelbottom=last, length=3 if last else 0)
    name = axes.text(0.004, 0.9, curve.name, transform=axes.transAxes, va="top", fontweight="bold", color=INK)
    axes.annotate(f"  {curve.note}", (1, 1), xycoords=name, va="top", color=INK, fontsize=8.5)


def _draw_key(page: _Page, top: float, film: Film) -> None:
    """What colours and lines mean, along the bottom."""
    scale = page.axes(MARGIN + 0.5, top - 0.06, 0.9, 0.12)
    scale.imshow(ramp(np.linspace(0, 1, 64))[None] / 255, aspect="auto")
    scale.set_axis_off()
    page.text(MARGIN, top, "usual")
    page.text(MARGIN + 1.5, top, f"unusual: {film.note}")
    page.text(
        WIDTH - MARGIN, top, "seconds · thin raw, thick smoothed · shaded: labelled abnormal", ha="right", color=FAINT
    )
