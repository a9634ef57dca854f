"""The picture of the kinds: framed where somebody is, in the colour of what is abnormal there."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import simulated_sheet
from benchmarks.simulated_sheet import GAP, HIGH, PANELS, WIDE, Panel, _rgb, _window, draw, sheet
from stages.show.palette import ABNORMAL, LINES
from stages.simulation.world import ABNORMAL_KINDS


def test_every_abnormal_kind_is_shown() -> None:
    assert set(ABNORMAL_KINDS) <= {panel.kind for panel in PANELS}


@pytest.mark.parametrize(("place", "seed", "colour"), [("hall", 0, ABNORMAL), ("track", 1, LINES[0])])
def test_running_is_orange_in_the_hall_and_blue_on_the_track(
    place: str, seed: int, colour: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulated_sheet, "OTHERS", 0)
    image, mask = draw(Panel("run", place, seed=seed))
    assert tuple(image[1, 1]) == _rgb(colour)  # the label's corner
    assert image.shape == mask.shape == (HIGH, WIDE, 3)
    assert set(np.unique(mask)) <= {0, 110, 255}
    assert 0.01 < (mask > 0).mean() < 0.5


def test_the_sheet_is_a_grid_of_panels_and_the_first_mask(monkeypatch: pytest.MonkeyPatch) -> None:
    shades = {"run": 10, "fall": 20, "walk": 30, "jump": 40}
    monkeypatch.setattr(
        simulated_sheet,
        "draw",
        lambda panel: tuple(np.full((HIGH, WIDE, 3), level, np.uint8) for level in (shades[panel.kind], 200)),
    )
    image = sheet(tuple(Panel(kind, "hall") for kind in shades))
    assert image.shape == (2 * HIGH + GAP, 4 * WIDE + 3 * GAP, 3)
    columns = [number * (WIDE + GAP) for number in range(4)]
    assert image[0, columns, 0].tolist() == [10, 20, 30, 40]
    assert image[-1, columns, 0].tolist() == [200, 255, 255, 255]  # the mask, and blanks
    assert (image[:, WIDE : WIDE + GAP] == 255).all()


def test_a_clip_that_does_not_show_the_kind_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulated_sheet, "FRAMES", 10)  # too short for anybody to come to it
    monkeypatch.setattr(simulated_sheet, "OTHERS", 0)
    with pytest.raises(ValueError, match=r"nobody is seen to walk \(hall, seed 0\)"):
        draw(Panel("walk", "hall"))


def test_cut_outs_stay_within_the_frame_and_keep_their_proportions() -> None:
    for region in ((0, 0, 20, 60), (300, 180, 320, 240), (100, 50, 250, 200), (5, 5, 315, 235)):
        left, top, right, bottom = _window(region, 320, 240)
        assert 0 <= left < right <= 320
        assert 0 <= top < bottom <= 240
        assert (right - left) / (bottom - top) == pytest.approx(WIDE / HIGH, rel=0.02)
