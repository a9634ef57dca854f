"""Why a window rang, as SVG for a page: the person with what made the score, and the most similar normal window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from stages.core.skeleton import Layout

Floats = NDArray[np.float32]

WIDTH, MARGIN = 600.0, 8.0
POSES = 8
"""Samples that are drawn at most, each above its bar or, where there are more, near it."""
LONGEST = 80
"""Letters of a line that fit."""
TALLEST, LOWEST = 150.0, 90.0
"""Height of a row of skeletons at most and at least."""
STRIP, BAR, ROWS = 44.0, 19.0, 6
"""Height of the strip of frames and of a joint's bar, and how many joints have one."""
LEAST, MOST = 1.8, 6.5
"""Radius of a joint that adds nothing, and of the one that adds most."""
MARKED = 0.1
"""Share of the highest joint's from which a joint is coloured too, not only larger."""
ALARM, SOFT, INK = "var(--alarm,#D55E00)", "var(--soft,#6b7a88)", "currentColor"
"""Colours of the page's own light or dark style; on a page without them, ones that can be seen on both."""


@dataclass(frozen=True, eq=False)
class WhyFigure:
    """What is drawn.

    Args:
        places: `(T, V, ≥ 2)` of the person in body heights; y points down.
        normal: the same of the most similar normal window; None where there is none.
        shares: `(T, V)` what each sample and joint adds to the score; below 0 counts as nothing.
        frames: number of the frame at each sample, and its share of the score, 0 … 1.
        joints: names and shares of joints, highest first.
        layout: joints and bones.
        person: line above the person, e.g. `person 2, 0:02.5 to 0:03.2 (frames 75 to 96)`.
        likeness: line above the normal window, e.g. `most similar normal window: joints 0.28 body heights away`.
        origin: a second one: where it is from.
        description: the figure in words, for who cannot see it.
    """

    places: Floats
    normal: Floats | None
    shares: Floats
    frames: Sequence[tuple[int, float]]
    joints: Sequence[tuple[str, float]]
    layout: Layout
    person: str
    likeness: str
    origin: str
    description: str


def draw(figure: WhyFigure, key: str) -> str:
    """Draw it.

    Args:
        figure: what.
        key: a word that no other figure of the page has, for its ids.

    Returns:
        An SVG element that takes the colours of the page it stands in, as wide as its place.
    """
    windows = [figure.places] if figure.normal is None else [figure.places, figure.normal]
    columns, samples = min(POSES, len(figure.places)), len(figure.places)
    shown = ((np.arange(columns) + 0.5) * samples / columns).astype(np.int64)
    ground = _Ground(windows, shown)
    parts, top = [_words(MARGIN, 15, figure.person, bold=True)], 24.0
    radii = np.sqrt(np.clip(figure.shares, 0, None) / max(float(figure.shares.max()), 1e-12))
    parts.append(_row(figure.places, shown, figure.layout, ground, top, radii))
    top += ground.height + 6
    if figure.normal is not None:
        parts += [_words(MARGIN, top + 15, figure.likeness, bold=True), _words(MARGIN, top + 32, figure.origin)]
        parts.append(_row(figure.normal, shown, figure.layout, ground, top + 41, np.zeros_like(radii)))
        top += ground.height + 47
    parts.append(_strip(figure.frames, top))
    top += STRIP + 54
    parts.append(_bars(figure.joints[:ROWS], top))
    height = top + 24 + BAR * len(figure.joints[:ROWS])
    title, told = f"{key}-title", f"{key}-desc"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:.0f} {height:.0f}" role="img" '
        f'aria-labelledby="{escape(title)}" aria-describedby="{escape(told)}" font-family="sans-serif" font-size="13" '
        f'style="width:100%;min-width:24rem;max-width:44rem;height:auto;color:inherit">'
        f'<title id="{escape(title)}">{escape(figure.person)}</title>'
        f'<desc id="{escape(told)}">{escape(figure.description)}</desc>{"".join(parts)}</svg>'
    )


class _Ground:
    """One scale for all skeletons of a figure.

    Args:
        windows: `(T, V, ≥ 2)` each.
        shown: samples that are drawn, side by side.
    """

    def __init__(self, windows: Sequence[Floats], shown: NDArray[np.int64]) -> None:
        self.across = (WIDTH - 2 * MARGIN) / len(shown)
        seen = [window[shown] for window in windows]
        wide = max(float(np.abs(one[..., 0] - _middle(one)[:, None]).max()) for one in seen)
        self.top = min(float(one[..., 1].min()) for one in seen)
        tall = max(float(one[..., 1].max()) for one in seen) - self.top
        room = self.across - 2 * MOST, TALLEST - 2 * MOST
        self.scale = min(room[0] / max(2 * wide, 1e-6), room[1] / max(tall, 1e-6))
        self.height = max(LOWEST, tall * self.scale + 2 * MOST)

    def points(self, places: Floats, column: int, top: float) -> NDArray[np.float64]:
        """Where the joints `(V, ≥ 2)` of one sample are drawn, `(V, 2)`."""
        x = (places[:, 0] - _middle(places[None])[0]) * self.scale + MARGIN + (column + 0.5) * self.across
        y = (places[:, 1] - self.top) * self.scale + top + MOST
        return np.stack([x, y], axis=1).astype(np.float64)


def _middle(places: Floats) -> Floats:
    """Middle of each sample from left to right, `(T,)` of `(T, V, ≥ 2)`: people are drawn where they are, not go."""
    return np.asarray((places[..., 0].max(axis=1) + places[..., 0].min(axis=1)) / 2)


def _row(
    places: Floats, shown: NDArray[np.int64], layout: Layout, ground: _Ground, top: float, radii: NDArray[np.float32]
) -> str:
    """Skeletons side by side; `radii` `(T, V)` 0 … 1 make joints larger."""
    return "".join(
        _skeleton(ground.points(places[sample], column, top), layout, radii[sample])
        for column, sample in enumerate(shown.tolist())
    )


def _skeleton(points: NDArray[np.float64], layout: Layout, radii: NDArray[np.float32]) -> str:
    bones = "".join(
        f'<line x1="{points[one, 0]:.1f}" y1="{points[one, 1]:.1f}" x2="{points[other, 0]:.1f}" '
        f'y2="{points[other, 1]:.1f}"/>'
        for one, other in layout.bones
    )
    order = np.argsort(radii, kind="stable").tolist()  # the largest is drawn last, so nothing hides it
    joints = "".join(_joint(points[number], float(radii[number])) for number in order)
    return f'<g style="stroke:{SOFT}" stroke-width="2" stroke-linecap="round">{bones}</g><g>{joints}</g>'


def _joint(point: NDArray[np.float64], radius: float) -> str:
    fill, cover = (ALARM, 0.8) if radius**2 >= MARKED else (SOFT, 1)
    size = LEAST + (MOST - LEAST) * radius
    return (
        f'<circle cx="{point[0]:.1f}" cy="{point[1]:.1f}" r="{size:.1f}" style="fill:{fill}" fill-opacity="{cover}"/>'
    )


def _strip(frames: Sequence[tuple[int, float]], top: float) -> str:
    """A bar for each sample, its frame's number below it."""
    across, floor = (WIDTH - 2 * MARGIN) / len(frames), top + 24 + STRIP
    highest = max(max(share for _, share in frames), 1e-12)
    every = -(-len(frames) // 12)  # numbers side by side must not touch
    parts = [_words(MARGIN, top + 15, "share of the score by frame", bold=True)]
    for place, (frame, share) in enumerate(frames):
        tall, left = STRIP * share / highest, MARGIN + place * across
        parts.append(
            f'<rect x="{left + 2:.1f}" y="{floor - tall:.1f}" width="{across - 4:.1f}" height="{tall:.1f}" '
            f'style="fill:{ALARM}"><title>frame {frame}: {share:.0%}</title></rect>'
        )
        if place % every == 0:
            parts.append(_words(left + across / 2, floor + 15, str(frame), anchor="middle"))
    line = f'<line x1="{MARGIN}" y1="{floor}" x2="{WIDTH - MARGIN}" y2="{floor}" style="stroke:{SOFT}"/>'
    return "".join([*parts, line])


def _bars(joints: Sequence[tuple[str, float]], top: float) -> str:
    """The joints that add most, with their shares."""
    highest = max([share for _, share in joints] + [1e-12])
    start = 172.0
    room = WIDTH - start - MARGIN
    parts = [_words(MARGIN, top + 11, "share of the score by joint", bold=True)]
    for place, (name, share) in enumerate(joints):
        line = top + 20 + place * BAR
        wide = room * share / highest
        parts.append(_words(start - 48, line + 13, name, anchor="end"))
        parts.append(_words(start - 8, line + 13, f"{share:.0%}", anchor="end"))
        parts.append(
            f'<rect x="{start}" y="{line + 3:.1f}" width="{wide:.1f}" height="{BAR - 6:.1f}" style="fill:{ALARM}"/>'
        )
    return "".join(parts)


def _words(x: float, y: float, text: str, *, bold: bool = False, anchor: str = "start") -> str:
    weight = ' font-weight="600"' if bold else ""
    text = text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{weight} fill="{INK}">{escape(text)}</text>'
