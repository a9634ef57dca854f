"""Contrast of two colours as WCAG 2.2 defines it, and the style's own colours."""

from __future__ import annotations

import re
from pathlib import Path

STYLE = Path(__file__).parents[2] / "stages" / "show" / "style.css.jinja"


def contrast(one: str, other: str) -> float:
    """From 1 (equal) to 21 (black on white), of `#rrggbb` or `#rgb`."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    """0 black … 1 white."""
    digits = colour.removeprefix("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    channels = (int(digits[start : start + 2], 16) / 255 for start in (0, 2, 4))
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def schemes() -> dict[str, dict[str, str]]:
    """The style's variables, `light` and `dark`."""
    blocks = re.findall(r":root \{([^}]*)\}", STYLE.read_text(encoding="utf-8"))
    return {
        name: dict(re.findall(r"--([a-z]+): (#[0-9A-Fa-f]+);", block))
        for name, block in zip(("light", "dark"), blocks, strict=True)
    }
