"""The others: they come at the stated rates, and do nothing that is not normal."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from stages.core.seeding import stream
from stages.simulation.passers import PARTIES, party
from stages.simulation.performance import Performance
from stages.simulation.routes import inside
from stages.simulation.world import NORMAL_KINDS, Box
from tests.simulation.movers import BOXES, PLAZA, of, plan

PARTIES_SEEN = [party(plan(), stream(seed, "party"), most=4) for seed in range(60)]
EVERYBODY = [who for group in PARTIES_SEEN for who in group]


def test_rates_add_up_and_parties_are_as_large_as_they_may_be() -> None:
    assert sum(PARTIES.values()) == pytest.approx(1.0)
    sizes = Counter(len(group) for group in PARTIES_SEEN)
    assert set(sizes) <= {1, 2, 3, 4}
    assert 0.5 < sizes[1] / len(PARTIES_SEEN) < 0.9
    assert all(len(party(plan(), stream(seed, "party"), most=1)) == 1 for seed in range(30))


def test_nobody_does_anything_but_walk_and_stand() -> None:
    assert {str(kind) for who in EVERYBODY for kind in who.kinds} == set(NORMAL_KINDS)


def test_everybody_stays_in_the_place_and_out_of_its_boxes() -> None:
    x0, y0, x1, y1 = PLAZA.extent
    for who in EVERYBODY:
        assert (who.way > (x0 - 0.35, y0 - 0.35)).all()
        assert (who.way < (x1 + 0.35, y1 + 0.35)).all()
        assert not any(inside(who.way, box).any() for box in BOXES)


def test_people_are_there_from_the_start_or_come_in_later() -> None:
    starts = np.array([who.start for who in EVERYBODY])
    assert 0.4 < (starts == 0).mean() < 0.95
    assert (starts > 20).any()
    assert all(len(who) >= 2 for who in EVERYBODY)


def test_walkers_are_slow_and_brisk_and_some_stop() -> None:
    paces, stops = [], 0
    for who in EVERYBODY:
        walking = who.kinds[1:] == "walk"
        if walking.sum() > 20:
            paces.append(20.0 * np.linalg.norm(np.diff(who.way, axis=0), axis=1)[walking].mean())
        stops += len(set(who.kinds)) == 2
    assert min(paces) < 0.95
    assert max(paces) > 1.55
    assert stops > 8


def apart(one: Performance, other: Performance) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """How far two who begin together are from each other, m per frame."""
    rows = min(len(one), len(other))
    return np.asarray(np.linalg.norm(one.way[:rows] - other.way[:rows], axis=1))


def test_two_who_walk_together_stay_together() -> None:
    pairs = [group for group in PARTIES_SEEN if len(group) == 2 and set(group[0].kinds) == {"walk"}]
    assert pairs
    for one, other in pairs:
        assert np.median(apart(one, other)) < 1.1
        assert apart(one, other).min() > 0.35


def test_people_in_a_group_face_its_middle() -> None:
    groups = [group for group in PARTIES_SEEN if len(group) > 1 and group[0].kinds[0] == "stand"]
    assert groups
    for group in groups:
        middle = np.mean([who.way[0] for who in group], axis=0)
        for who in group:
            _, heading = who.so_far()
            towards = middle - who.way[0]
            assert np.cos(heading[0] - np.arctan2(towards[1], towards[0])) > 0.9


def test_where_there_is_a_bench_somebody_sits_on_it() -> None:
    bench = Box((4.0, 4.0), (1.8, 0.5, 0.5), "bench")
    place = replace(PLAZA, boxes=(*BOXES, bench))
    seated = []
    for seed in range(80):
        for who in party(plan(place=place), stream(seed, "bench"), most=1):
            near = inside(who.way, bench, 0.15)
            if near.any():
                joints, _ = who.so_far()
                seated.append(of(joints, "pelvis")[near, 2].min())
    assert seated
    assert min(seated) < 0.62
