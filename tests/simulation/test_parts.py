"""Parts: every kind in one interval, with walking before it where it is done on foot."""

from __future__ import annotations

import numpy as np
import pytest

from stages.core.seeding import stream
from stages.simulation.cameras import project
from stages.simulation.parts import PARTS, far_way, seen_spot, way_to
from stages.simulation.performance import Performance
from stages.simulation.routes import is_free
from stages.simulation.world import ABNORMAL_KINDS, NORMAL_KINDS
from tests.simulation.movers import CAMERA, FPS, PLAZA, of, plan


def played(kind: str, seed: int) -> tuple[Performance, ...]:
    """A part, drawn by a seed."""
    return PARTS[kind](plan((kind,)), stream(seed, kind))


def test_there_is_a_part_for_every_abnormal_kind() -> None:
    assert set(PARTS) == set(ABNORMAL_KINDS)


@pytest.mark.parametrize("kind", ABNORMAL_KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_a_kind_is_done_in_one_go_and_otherwise_nothing_but_normal_things(kind: str, seed: int) -> None:
    group = played(kind, seed)
    assert len(group) == (2 if kind == "fight" else 1)
    for who in group:
        rows = np.flatnonzero(who.kinds == kind)
        assert len(rows) >= 0.8 * FPS
        assert len(rows) == rows[-1] - rows[0] + 1
        assert set(who.kinds) <= {kind, *NORMAL_KINDS}
        assert who.start + len(who) <= 200


@pytest.mark.parametrize("kind", ["fall", "fight", "jump", "crawl", "throw", "loiter"])
def test_what_is_done_on_foot_begins_with_walking_up(kind: str) -> None:
    for seed in range(4):
        for who in played(kind, seed):
            assert who.kinds[0] in NORMAL_KINDS
            assert np.flatnonzero(who.kinds == kind)[0] > 0.5 * FPS


@pytest.mark.parametrize("kind", ABNORMAL_KINDS)
def test_a_kind_begins_at_any_time_and_before_the_clip_too(kind: str) -> None:
    begun = []
    for seed in range(40):
        who = played(kind, seed)[0]
        rows = np.flatnonzero(who.kinds == kind)
        begun.append(who.start + rows[0])
        assert who.start + rows[-1] >= 0.4 * FPS
    assert min(begun) < 10
    assert max(begun) > 110
    assert 20 < np.mean(begun) < 110


def test_fighters_fight_together_within_reach_of_each_other() -> None:
    for seed in range(4):
        one, other = played("fight", seed)
        np.testing.assert_array_equal(np.flatnonzero(one.kinds == "fight"), np.flatnonzero(other.kinds == "fight"))
        rows = one.kinds == "fight"
        (first, headed), (second, facing) = one.so_far(), other.so_far()
        rows[: int(np.flatnonzero(rows)[0]) + 10] = False
        both = min(len(first), len(second))  # they go their own ways afterwards
        rows[both:] = False
        apart = np.linalg.norm(of(first, "pelvis")[:both] - of(second, "pelvis")[:both], axis=1)[rows[:both]]
        assert 0.3 < np.median(apart) < 1.3
        during = np.flatnonzero(rows)
        assert np.cos(headed[during] - facing[during]).max() < -0.8


def test_some_run_slowly_and_some_fast_but_none_as_slowly_as_people_walk() -> None:
    paces = []
    for seed in range(30):
        (who,) = played("run", seed)
        rows = np.flatnonzero(who.kinds == "run")
        gone = np.linalg.norm(np.diff(who.way[rows], axis=0), axis=1).sum()
        paces.append(gone / (len(rows) - 1) * FPS)
    assert min(paces) < 2.3
    assert max(paces) > 3.0
    assert min(paces) > 1.2


def test_gliders_are_as_fast_as_walkers_and_cyclists_as_runners() -> None:
    for kind, slowest, fastest in (("glide", 1.05, 3.05), ("cycle", 1.75, 5.55)):
        paces = []
        for seed in range(20):
            (who,) = played(kind, seed)
            paces.append(np.linalg.norm(np.diff(who.way, axis=0), axis=1).mean() * FPS)
        assert slowest < min(paces) < 0.6 * (slowest + fastest)
        assert max(paces) < fastest * 1.05


def test_a_loiterer_stays_about_one_place_to_the_end_or_nearly() -> None:
    for seed in range(5):
        (who,) = played("loiter", seed)
        rows = np.flatnonzero(who.kinds == "loiter")
        assert len(rows) > 80
        assert np.ptp(who.way[rows], axis=0).max() < 4.6


def test_spots_are_near_what_the_camera_sees() -> None:
    target = np.array(CAMERA.target[:2])
    near = [np.linalg.norm(seen_spot(plan(), stream(seed, "spot")) - target) for seed in range(100)]
    assert np.mean(near) < 4.5


def test_ways_to_a_spot_end_there_and_are_free() -> None:
    for seed in range(10):
        draw = stream(seed, "way")
        spot = seen_spot(plan(), draw)
        line = way_to(plan(), draw, spot, 3.0)
        np.testing.assert_allclose(line[-1], spot, atol=1e-9)
        assert is_free(line, PLAZA)


def test_far_ways_cross_the_place() -> None:
    for seed in range(5):
        line = far_way(plan(), stream(seed, "far"))
        assert np.linalg.norm(line[-1] - line[0]) > 8.0


def test_what_happens_happens_in_view() -> None:
    here = plan(("fall",))
    for seed in range(40):
        (x, y), _ = project(here.camera, np.array([*seen_spot(here, stream(seed, "spot")), 0.9]))
        assert 30 <= x <= here.camera.width - 30
        assert 30 <= y <= here.camera.height - 30
