"""Crawling: low, on hands and knees, and getting on."""

from __future__ import annotations

import numpy as np

from stages.simulation.crawling import crawl
from tests.simulation.movers import FPS, of, performer, plain

who = performer(1, person=plain(), frames=300)
crawl(who, 5.0, rate=0.9, reach=20.0)
JOINTS, _ = who.so_far()
CRAWLING = slice(int(2.5 * FPS), int(6.5 * FPS))


def test_who_crawls_goes_down_and_comes_up() -> None:
    assert set(who.kinds) == {"crawl"}
    assert of(JOINTS, "crown")[0, 2] > 1.7
    assert of(JOINTS, "crown")[CRAWLING, 2].max() < 1.2
    assert of(JOINTS, "crown")[-1, 2] > 1.65


def test_hands_and_knees_are_on_the_ground() -> None:
    for name in ("left_knee", "right_knee", "left_hand", "right_hand"):
        assert of(JOINTS, name)[CRAWLING, 2].min() < 0.2
    assert JOINTS[..., 2].min() > -0.02


def test_crawling_gets_on_slower_than_walking() -> None:
    gone = of(JOINTS, "pelvis")[CRAWLING, 0]
    assert 0.15 < (gone[-1] - gone[0]) / 4.0 < 0.9


def test_a_hand_goes_forward_with_the_knee_of_the_other_side() -> None:
    about = of(JOINTS, "pelvis")[CRAWLING, 0]
    ahead = {name: of(JOINTS, name)[CRAWLING, 0] - about for name in ("left_hand", "left_knee", "right_knee")}
    assert np.corrcoef(ahead["left_hand"], ahead["right_knee"])[0, 1] > 0.5
    assert np.corrcoef(ahead["left_hand"], ahead["left_knee"])[0, 1] < -0.5
