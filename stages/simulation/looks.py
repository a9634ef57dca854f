"""What people wear, and the colours of their skin and hair, from one seed each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stages.core.seeding import stream

Colour = tuple[float, float, float]

SKIN: Sequence[Colour] = (
    (240, 204, 178),
    (226, 182, 148),
    (198, 148, 112),
    (160, 112, 82),
    (116, 78, 56),
    (84, 58, 44),
)
HAIR: Sequence[Colour] = ((34, 28, 26), (58, 42, 32), (96, 66, 42), (150, 112, 66), (206, 176, 116), (150, 148, 146))
SHIRT: Sequence[Colour] = (
    (214, 214, 210), (44, 48, 58), (176, 48, 46), (42, 82, 152), (60, 128, 84), (220, 176, 60), (118, 70, 130),
    (226, 122, 60), (120, 168, 200), (128, 132, 136), (214, 138, 156), (92, 74, 60),
)  # fmt: skip
TROUSERS: Sequence[Colour] = (
    (38, 46, 74), (60, 82, 122), (40, 40, 44), (104, 104, 104), (150, 128, 96), (88, 70, 56), (70, 84, 62),
    (196, 190, 176),
)  # fmt: skip
SHOES: Sequence[Colour] = ((36, 34, 34), (206, 204, 200), (110, 74, 50), (150, 50, 48), (60, 72, 100))
SHADE = 0.12
"""By how much each channel of a piece of clothing differs from its palette's, relative."""


@dataclass(frozen=True)
class Look:
    """Someone's appearance.

    Args:
        colours: RGB 0 … 255 by what is coloured: skin, hair, shirt, stripe, front, upper_arm, forearm, hand, pelvis,
            thigh, shank, skirt, shoe.
        wears: what not everybody wears: stripes, skirt, front (a shirt under an open jacket), long_hair.
    """

    colours: dict[str, Colour]
    wears: frozenset[str]


def look(seed: int) -> Look:
    """The appearance that belongs to a seed."""
    random = stream(seed, "look")
    skin, hair = _pick(random, SKIN, 0.04), _pick(random, HAIR, 0.10)
    shirt, second = _pick(random, SHIRT), _pick(random, SHIRT)
    trousers, skirt = _pick(random, TROUSERS), _pick(random, (*TROUSERS, *SHIRT))
    long_sleeves, shorts, dress, long_hair = random.random(4) < (0.55, 0.2, 0.18, 0.4)
    pattern = random.choice(["plain", "stripes", "front"], p=[0.55, 0.25, 0.2])
    long_sleeves = long_sleeves or pattern == "front"
    colours = {
        "skin": skin, "hair": hair, "hand": skin, "shirt": shirt, "stripe": second, "front": second,
        "upper_arm": shirt, "forearm": shirt if long_sleeves else skin, "pelvis": skirt if dress else trousers,
        "thigh": skin if dress else trousers, "shank": skin if dress or shorts else trousers, "skirt": skirt,
        "shoe": _pick(random, SHOES),
    }  # fmt: skip
    worn = {"skirt": dress, "long_hair": long_hair, "stripes": pattern == "stripes", "front": pattern == "front"}
    return Look(colours, frozenset(name for name, yes in worn.items() if yes))


def _pick(random: np.random.Generator, palette: Sequence[Colour], shade: float = SHADE) -> Colour:
    """One of a palette's colours, a little different each time."""
    colour = np.multiply(palette[int(random.integers(len(palette)))], 1 + random.uniform(-shade, shade, 3))
    red, green, blue = np.clip(colour, 0, 255).tolist()
    return red, green, blue
