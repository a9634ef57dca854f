"""Colours: stable per detector, and a scale from usual to unusual."""

from __future__ import annotations

import pytest

from stages.show.palette import ABNORMAL, DASHES, LINES, UNSCORED, heat, style


def test_detectors_differ_in_colour_or_dash() -> None:
    styles = [style(position) for position in range(len(LINES) * len(DASHES))]
    assert len(set(styles)) == len(styles)
    assert {found.dash for found in styles[: len(LINES)]} == {""}


def test_no_line_is_drawn_in_the_colour_of_labels() -> None:
    assert ABNORMAL not in LINES


@pytest.mark.parametrize(
    ("share", "colour"),
    [
        (0.0, (86, 180, 233)),
        (0.5, (240, 228, 66)),
        (1.0, (255, 77, 20)),
        # Halfway from blue to yellow: (86 + 240) / 2, (180 + 228) / 2, (233 + 66) / 2 rounded to even.
        (0.25, (163, 204, 150)),
        (-3.0, (86, 180, 233)),
        (7.0, (255, 77, 20)),
        (None, UNSCORED),
        (float("nan"), UNSCORED),
    ],
)
def test_heat_goes_from_blue_over_yellow_to_red(share: float | None, colour: tuple[int, int, int]) -> None:
    assert heat(share) == colour
