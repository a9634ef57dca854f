"""Colours that stay the same everywhere and that colour-blind people can tell apart.

Source: Okabe and Ito, "Color Universal Design", 2008. Lines leave out their yellow, which is too faint, and their
vermillion, which marks what people labelled abnormal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LINES = ("#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
DASHES = ("", "6 3", "2 2")
"""As SVG writes them; the second and third round through the colours are dashed and dotted."""

INK = "#1f2933"
FAINT = "#6b7785"
"""Of text and lines, and of what should stand back, on white; both have the 4.5 : 1 that WCAG 2.2 asks of words."""

ABNORMAL = "#D55E00"
"""Shade of intervals that people labelled abnormal."""

HEAT = np.array([(86, 180, 233), (240, 228, 66), (255, 77, 20)], dtype=np.float64)
"""RGB from usual over middling to unusual."""

UNSCORED = (205, 205, 205)
"""RGB of people that no score is known of."""


@dataclass(frozen=True)
class Style:
    """How a detector's lines are drawn.

    Args:
        colour: `#rrggbb`.
        dash: SVG dash pattern in line widths; empty for a solid line.
    """

    colour: str
    dash: str


def style(position: int) -> Style:
    """The style of the detector at this position of the registry."""
    return Style(LINES[position % len(LINES)], DASHES[position // len(LINES) % len(DASHES)])


def ramp(share: NDArray[np.floating[Any]] | np.floating[Any]) -> NDArray[np.float64]:
    """RGB 0–255 of each share, `(…,)` → `(…, 3)`: 0 usual … 1 unusual, beyond them as at the nearer end."""
    places = np.linspace(0, 1, len(HEAT))
    return np.stack([np.interp(share, places, HEAT[:, channel]) for channel in range(3)], axis=-1)


def heat(share: float | None) -> tuple[int, int, int]:
    """RGB of a person: `share` 0 usual … 1 unusual, None unscored."""
    if share is None or np.isnan(share):
        return UNSCORED
    red, green, blue = np.rint(ramp(np.float64(share))).astype(int)
    return int(red), int(green), int(blue)
