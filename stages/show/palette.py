"""Colours that stay the same everywhere and that colour-blind people can tell apart.

Source: Okabe and Ito, "Color Universal Design", 2008. Lines leave out their yellow, which is too faint, and their
vermillion, which marks what people labelled abnormal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LINES = ("#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
DASHES = ("", "6 3", "2 2")
"""As SVG writes them; the second and third round through the colours are dashed and dotted."""

INK = "#1f2933"
FAINT = "#8d99a6"
"""Of text and lines, and of what should stand back, on white."""

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


def heat(share: float | None) -> tuple[int, int, int]:
    """RGB of a person: `share` 0 usual … 1 unusual, None unscored."""
    if share is None or np.isnan(share):
        return UNSCORED
    place = float(np.clip(share, 0, 1)) * (len(HEAT) - 1)
    low = min(int(place), len(HEAT) - 2)
    red, green, blue = np.rint(HEAT[low] + (place - low) * (HEAT[low + 1] - HEAT[low])).astype(int)
    return int(red), int(green), int(blue)
