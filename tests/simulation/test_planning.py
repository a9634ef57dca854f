"""Plans: every split, camera and kind has its share, and no clip depends on another."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from stages.simulation.places import PLACES
from stages.simulation.planning import SIZES, SimulateParams, plans
from stages.simulation.world import ABNORMAL_KINDS, Plan, kinds_in

SMALL = plans(SimulateParams())
LARGE = plans(SimulateParams(size="large"))
CAMERAS = {camera.name for place in PLACES for camera in place.cameras}


def everybody(plan: Plan) -> int:
    """How many people a plan needs; a fight takes two."""
    return plan.people + len(plan.kinds) + plan.kinds.count("fight")


def test_small_has_the_stated_splits() -> None:
    counts = Counter((plan.split, bool(plan.kinds)) for plan in SMALL)
    assert counts == {
        ("train", False): 22, ("train", True): 8, ("validation", False): 8, ("test", False): 12, ("test", True): 36,
    }  # fmt: skip


def test_large_is_ten_times_as_much_with_more_people() -> None:
    small, large = (Counter((plan.split, bool(plan.kinds)) for plan in some) for some in (SMALL, LARGE))
    assert large == {key: 10 * count for key, count in small.items()}
    assert sum(map(everybody, LARGE)) / len(LARGE) > 1.5 * sum(map(everybody, SMALL)) / len(SMALL)


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_every_camera_has_normal_clips_in_every_split(split: str) -> None:
    assert {plan.camera.name for plan in SMALL if plan.split == split and not plan.kinds} == CAMERAS


@pytest.mark.parametrize("found", [SMALL, LARGE], ids=["small", "large"])
def test_names_are_unique_sorted_and_tell_camera_and_split(found: tuple[Plan, ...]) -> None:
    names = [plan.clip for plan in found]
    assert names == sorted(set(names))
    for plan in found:
        assert re.fullmatch(rf"{plan.camera.name}_{plan.split}_\d{{3}}", plan.clip)
        assert plan.camera in plan.place.cameras


@pytest.mark.parametrize("kind", ABNORMAL_KINDS)
def test_each_kind_is_in_four_test_clips_of_two_places(kind: str) -> None:
    having = [plan for plan in SMALL if plan.split == "test" and kind in plan.kinds]
    assert len(having) >= 4
    assert len({plan.place.name for plan in having}) >= 2
    assert any(kind in plan.kinds for plan in SMALL if plan.split == "train")


def test_only_what_is_abnormal_there_is_planned_and_at_most_two_of_it() -> None:
    for plan in (*SMALL, *LARGE):
        assert len(plan.kinds) <= 2
        assert len(set(plan.kinds)) == len(plan.kinds)
        assert all(kinds_in(plan.place)[kind] for kind in plan.kinds)


def test_some_clips_hold_two_kinds() -> None:
    lengths = Counter(len(plan.kinds) for plan in SMALL if plan.split == "test")
    assert lengths == {0: 12, 1: 24, 2: 12}


def test_lengths_and_people_are_as_stated() -> None:
    for plan in SMALL:
        assert 8 * 15 <= plan.frames <= 10 * 15
        assert plan.people >= 0
    assert len({plan.frames for plan in SMALL}) > 10
    assert {everybody(plan) for plan in SMALL} == {3, 4, 5, 6}


def test_abnormal_clips_have_as_many_people_as_normal_ones() -> None:
    counts = {odd: [everybody(plan) for plan in LARGE if bool(plan.kinds) == odd] for odd in (True, False)}
    assert sum(counts[True]) / len(counts[True]) == pytest.approx(sum(counts[False]) / len(counts[False]), abs=0.3)


def test_a_clip_depends_on_its_name_and_the_seed_alone() -> None:
    small = {plan.clip: plan for plan in SMALL}
    large = {plan.clip: plan for plan in LARGE}
    assert small.keys() <= large.keys()
    assert all(large[clip].seed == plan.seed for clip, plan in small.items())
    assert all(large[clip].frames == plan.frames for clip, plan in small.items())
    assert len({plan.seed for plan in LARGE}) == len(LARGE)


def test_another_seed_is_another_benchmark_of_the_same_layout() -> None:
    other = plans(SimulateParams(seed=1))
    assert [(plan.clip, plan.kinds) for plan in other] == [(plan.clip, plan.kinds) for plan in SMALL]
    assert not {plan.seed for plan in other} & {plan.seed for plan in SMALL}


def test_frames_follow_the_frame_rate() -> None:
    fast = plans(SimulateParams(fps=20.0))
    for slow, quick in zip(SMALL, fast, strict=True):
        assert abs(quick.frames / 20 - slow.frames / 15) < 0.1
        assert quick.fps == 20.0


def test_sizes_count_every_camera() -> None:
    for counts in SIZES.values():
        assert len(counts.train) == len(PLACES)
        assert counts.people[0] <= counts.people[1]
