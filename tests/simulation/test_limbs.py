"""Bodies, clothes and things as solids: proportions, variety, and things that stand where they should."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stages.simulation.limbs import _mixture, _shape, body
from stages.simulation.looks import HAIR, SHIRT, SKIN, look
from stages.simulation.things import thing
from stages.simulation.world import POINT, Build, Shape
from tests.simulation.stills import prop, standing

EVERYTHING = frozenset({"skirt", "stripes", "front", "long_hair"})


@pytest.mark.parametrize("wears", [frozenset(), frozenset({"stripes"}), EVERYTHING])
def test_derived_points_are_weighted_means(wears: frozenset[str]) -> None:
    weights, radii, _ = _shape(wears)
    np.testing.assert_allclose(weights.sum(axis=2), 1, atol=1e-6)  # whatever is moved, the solids move along
    assert ((radii > 0.01) & (radii < 0.13)).all()


def test_the_sides_of_the_trunk_narrow_towards_the_waist() -> None:
    assert _mixture("left@0") == {"left_shoulder": 1.0, "left_hip": 0.0, "right_shoulder": 0.0, "right_hip": 0.0}
    assert _mixture("left@1")["left_hip"] == pytest.approx(0.7)
    assert sum(_mixture("right@0.3").values()) == pytest.approx(1)


def test_a_body_fills_its_height_and_stands_on_the_ground() -> None:
    solids = body(standing(0, 1.0, 2.0), slice(0, 1))
    top = (solids.centres[0, ..., 2] + solids.radii).max()
    bottom = (solids.centres[0, ..., 2] - solids.radii).min()
    assert top == pytest.approx(1.75, abs=0.06)  # hair adds to the height
    assert bottom == pytest.approx(0, abs=0.03)
    assert not solids.thing.any()


def test_girth_widens_the_trunk_but_not_the_head() -> None:
    slim = standing(0, 0.0, 0.0)
    stout = replace(slim, build=Build(1.75, 1.3))
    ratio = body(stout, slice(0, 1)).radii / body(slim, slice(0, 1)).radii
    assert np.unique(np.round(ratio.astype(np.float64), 4)).tolist() == [1.0, 1.3]
    tall = replace(slim, build=Build(1.925, 1.0))
    np.testing.assert_allclose(body(tall, slice(0, 1)).radii / body(slim, slice(0, 1)).radii, 1.1, rtol=1e-5)


def test_a_look_is_always_the_same_and_looks_vary() -> None:
    assert look(5) == look(5)
    looks = [look(seed) for seed in range(200)]
    assert len({one.colours["shirt"] for one in looks}) == 200  # no two pieces of clothing are quite alike
    shares = {what: np.mean([what in one.wears for one in looks]) for what in EVERYTHING}
    assert {what: pytest.approx(share, abs=0.12) for what, share in shares.items()} == {
        "skirt": 0.18, "stripes": 0.25, "front": 0.2, "long_hair": 0.4,
    }  # fmt: skip


def test_colours_are_of_their_palettes() -> None:
    for seed in range(30):
        colours = look(seed).colours
        for name, palette in (("skin", SKIN), ("hair", HAIR), ("shirt", SHIRT)):
            gaps = np.abs(np.subtract(palette, colours[name])) / np.array(palette)
            assert gaps.max(axis=1).min() < 0.1201
        assert all(0 <= level <= 255 for colour in colours.values() for level in colour)
        assert colours["hand"] == colours["skin"]


@pytest.mark.parametrize(("shape", "low", "high", "length"), [("bicycle", 0.0, 1.04, 1.72), ("board", 0.0, 0.13, 0.78)])
def test_what_is_ridden_stands_on_the_ground_and_points_ahead(
    shape: Shape, low: float, high: float, length: float
) -> None:
    for heading, axis in ((0.0, 0), (np.pi / 2, 1)):
        solids = thing(prop(shape, 3.0, 5.0, heading=heading), 1, slice(0, 1))
        centres, radii = solids.centres[0], solids.radii
        assert (centres[..., 2] - radii).min() == pytest.approx(low, abs=0.02)
        assert (centres[..., 2] + radii).max() == pytest.approx(high, abs=0.03)
        along = centres[..., axis]
        assert (along + radii).max() - (along - radii).min() == pytest.approx(length, abs=0.03)
        assert along.mean() == pytest.approx((3.0, 5.0)[axis], abs=0.1)
        assert solids.thing.all()


@pytest.mark.parametrize("shape", ["ball", "bag"])
def test_what_is_held_is_around_its_centre_and_gone_when_it_is_not_there(shape: Shape) -> None:
    held = prop(shape, 1.0, 2.0, 1.1, frames=2)
    held.place[1] = np.nan
    solids = thing(held, 1, slice(0, 2))
    np.testing.assert_allclose(solids.centres[0, -1].mean(axis=0), [1.0, 2.0, 1.1], atol=0.03)
    assert np.isnan(solids.centres[1]).all()


def test_hands_are_where_the_body_says() -> None:
    actor = standing(0, 0.0, 0.0, angles={"shoulder_flexion": 90.0})
    solids = body(actor, slice(0, 1))
    hand = actor.joints[0, POINT["left_hand"]]
    assert np.linalg.norm(solids.centres[0] - hand, axis=-1).min() < 1e-5
