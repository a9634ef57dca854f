"""Whole clips: the planned people and kinds, marked by the place, the same from the same seed."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from stages.simulation.cameras import project
from stages.simulation.direction import perform
from stages.simulation.routes import inside
from stages.simulation.world import ABNORMAL_KINDS, BODY, Actor, Place
from tests.simulation.movers import FPS, PLAZA, assert_a_body, of, plan

TRACK = replace(PLAZA, name="track", normal=("run",))


def kinds_of(actors: tuple[Actor, ...]) -> set[str]:
    """Everything anybody does."""
    return {str(kind) for actor in actors for kind in actor.kinds}


@pytest.mark.parametrize("kind", ABNORMAL_KINDS)
def test_every_kind_is_performed_where_it_is_abnormal(kind: str) -> None:
    actors = perform(plan((kind,), people=2, seed=7))
    assert len(actors) == (4 if kind == "fight" else 3)
    doing = [actor for actor in actors if (actor.kinds == kind).any()]
    assert len(doing) == (2 if kind == "fight" else 1)
    for actor in doing:
        np.testing.assert_array_equal(actor.abnormal, actor.kinds == kind)
        assert (np.diff(actor.abnormal.astype(int)) == 1).sum() + int(actor.abnormal[0]) == 1
    for actor in actors:
        assert_a_body(actor)
        assert actor.joints.shape == (len(actor), len(BODY), 3)
        assert actor.joints.dtype == np.float32
        assert len(actor.kinds) == len(actor.abnormal) == len(actor)
        assert 0 <= actor.start <= actor.start + len(actor) <= 200
        for prop in actor.props:
            assert prop.place.shape == (len(actor), 3)
            assert prop.heading.shape == (len(actor),)
            assert prop.place.dtype == np.float32


def test_what_a_planned_kind_is_marked_as_depends_on_the_place() -> None:
    for place, abnormal in ((PLAZA, True), (TRACK, False)):
        (actor,) = perform(plan(("run",), place=place))
        running = actor.kinds == "run"
        assert running.any()
        assert (actor.abnormal[running] == abnormal).all()
        assert not actor.abnormal[~running].any()


@pytest.mark.parametrize("kind", ["run", "cycle", "glide", "throw"])
def test_what_is_normal_here_is_done_in_normal_clips_and_nowhere_else(kind: str) -> None:
    there: Place = replace(PLAZA, normal=(kind,))
    clips = [perform(plan(people=5, seed=seed, place=there)) for seed in range(5)]
    assert sum(kind in kinds_of(actors) for actors in clips) >= 2
    assert not any(actor.abnormal.any() for actors in clips for actor in actors)
    assert kinds_of(perform(plan(people=5, seed=0))) <= {"walk", "stand"}


def test_the_same_seed_gives_the_same_bytes_and_another_one_other_people() -> None:
    first, again, other = (perform(plan(("fall",), people=3, seed=seed)) for seed in (3, 3, 4))
    for one, two in zip(first, again, strict=True):
        assert one.joints.tobytes() == two.joints.tobytes()
        assert (one.track, one.start, one.look, one.build) == (two.track, two.start, two.look, two.build)
        np.testing.assert_array_equal(one.kinds, two.kinds)
        for prop, same in zip(one.props, two.props, strict=True):
            assert prop.place.tobytes() == same.place.tobytes()
    assert {actor.look for actor in first} != {actor.look for actor in other}


def test_tracks_are_distinct_and_say_nothing_of_who_is_abnormal() -> None:
    tracks = []
    for seed in range(12):
        actors = perform(plan(("jump",), people=3, seed=seed))
        assert [actor.track for actor in actors] == [0, 1, 2, 3]
        tracks += [actor.track for actor in actors if actor.abnormal.any()]
    assert len(set(tracks)) >= 3


def test_people_keep_apart_from_others_if_it_can_be_had() -> None:
    close = frames = 0
    for seed in range(6):
        actors = perform(plan(people=6, seed=seed))
        for index, one in enumerate(actors):
            for other in actors[index + 1 :]:
                first = max(one.start, other.start)
                last = min(one.start + len(one), other.start + len(other))
                if first >= last:
                    continue
                gaps = (
                    of(one.joints, "pelvis")[first - one.start : last - one.start]
                    - of(other.joints, "pelvis")[first - other.start : last - other.start]
                )
                close += int((np.linalg.norm(gaps, axis=1) < 0.4).sum())
                frames += len(gaps)
    assert close < 0.002 * frames


@pytest.mark.parametrize("kind", ABNORMAL_KINDS)
def test_what_was_played_before_the_clip_is_cut_off_with_its_things(kind: str) -> None:
    clips = [perform(plan((kind,), seed=seed)) for seed in range(20)]
    assert any(actor.kinds[0] == kind for actors in clips for actor in actors)  # at it when the clip begins
    for actor in (actor for actors in clips for actor in actors):
        assert actor.start >= 0
        assert len(actor.joints) == len(actor.kinds) == len(actor.abnormal) <= 200 - actor.start
        assert all(len(prop.place) == len(prop.heading) == len(actor) for prop in actor.props)


def test_nobody_goes_or_falls_through_things() -> None:
    for kind, seed in itertools.product(("fall", "run", "cycle"), range(5)):
        for actor in perform(plan((kind,), people=4, seed=seed)):
            for box in PLAZA.boxes:
                joints = actor.joints.astype(np.float64)
                within = inside(joints[..., :2], box, -0.05) & (joints[..., 2] < box.size[2] - 0.05)
                assert not within.any(), (kind, seed, actor.track)


@pytest.mark.parametrize("kind", ABNORMAL_KINDS)
def test_a_planned_kind_is_in_the_picture_for_a_second(kind: str) -> None:
    for seed in range(4):
        clip = plan((kind,), people=1, seed=seed)
        for actor in perform(clip):
            if actor.abnormal.any():
                pixels, _ = project(clip.camera, of(actor.joints, "pelvis")[actor.abnormal])
                framed = (pixels >= 0) & (pixels <= (clip.camera.width, clip.camera.height))
                assert framed.all(axis=1).sum() >= 1.0 * FPS


def test_several_kinds_may_happen_in_one_clip() -> None:
    actors = perform(plan(("fall", "run", "fight"), people=1, seed=2))
    assert len(actors) == 5
    assert {"fall", "run", "fight"} <= kinds_of(actors)


def test_nobody_is_nobody() -> None:
    assert perform(plan()) == ()


@pytest.mark.parametrize("kind", ABNORMAL_KINDS)
def test_short_clips_in_small_places_are_performed_too(kind: str) -> None:
    closet = replace(PLAZA, extent=(-2.5, 0.0, 2.5, 5.0), boxes=())
    actors = perform(replace(plan((kind,), people=1, seed=1, place=closet, frames=75), fps=15.0))
    assert kind in kinds_of(actors)
    assert all(np.isfinite(actor.joints).all() for actor in actors)


def test_a_kind_there_is_no_part_for_is_refused() -> None:
    with pytest.raises(KeyError, match="swim"):
        perform(plan(("swim",)))
