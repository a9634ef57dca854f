"""Who is who from frame to frame: scenes small enough to follow by eye, and the published rule and its reference."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from stages.core.params import parse
from stages.core.seeding import stream
from stages.pose import poseflow
from stages.pose.overlap import NOWHERE
from stages.pose.poseflow import NOBODY, Matcher, Tracker, TrackParams, pairs, regions

Floats = NDArray[np.float64]
SIZE = (640, 480)
BODY = stream(0, "body").uniform([-15, -40], [15, 40], size=(17, 2))
"""A person 30 px wide and 80 px tall around the origin."""


@dataclass
class Scene:
    """A tracker at 10 frames/s that is shown people by the places of their middles."""

    params: TrackParams = field(default_factory=lambda: TrackParams(strong=0.35))
    fps: float = 10.0
    tracker: Tracker = field(init=False)

    def __post_init__(self) -> None:
        self.tracker = Tracker(self.params, fps=self.fps, size=SIZE)

    def see(self, frame: int, *people: tuple[float, float], scores: Sequence[float] | None = None) -> list[int]:
        places = np.array(people, dtype=np.float64).reshape(-1, 2)
        boxes = places[:, [0, 0, 1, 1]] + np.array([-15, 15, -40, 40])
        certainty = np.full(len(places), 0.9) if scores is None else np.array(scores)
        found = self.tracker.step(frame, boxes, places[:, None] + BODY, certainty)
        return [int(number) for number in found]


def test_defaults_are_valid_and_mistakes_named() -> None:
    assert parse({}, "track", TrackParams)[1] == TrackParams()
    problems, section = parse({"bridges": 1, "match": -1, "boxes": "body"}, "track", TrackParams)
    assert section is None
    assert len(problems) == 3
    assert any("track.bridges: unknown parameter; did you mean 'bridge'?" in problem for problem in problems)


def test_ids_start_at_one_and_stay() -> None:
    scene = Scene()
    assert scene.see(0, (100, 200), (300, 200)) == [1, 2]
    assert scene.see(1, (102, 200), (298, 200)) == [1, 2]
    assert scene.see(2, (104, 200), (296, 200), (500, 200)) == [1, 2, 3]


def test_order_in_a_frame_does_not_matter() -> None:
    scene = Scene()
    assert scene.see(0, (100, 200), (300, 200)) == [1, 2]
    assert scene.see(1, (298, 200), (102, 200)) == [2, 1]


def test_people_who_cross_keep_their_ids() -> None:
    # From frame 4 to 5 they change places, 235 and 245: where they were swaps them, where they are going does not.
    scene = Scene()
    crossing = [(195 + 10 * frame, 285 - 10 * frame) for frame in range(11)]
    found = [scene.see(frame, (right, 200), (left, 200)) for frame, (right, left) in enumerate(crossing)]
    assert found == [[1, 2]] * 11
    still = Scene(TrackParams(strong=0.35, bridge=0, link=20))
    swapped = [still.see(frame, (right, 200), (left, 200)) for frame, (right, left) in enumerate(crossing)]
    assert swapped == [[1, 2]] * 5 + [[2, 1]] * 6


def test_a_missed_frame_keeps_the_id() -> None:
    scene = Scene()
    assert scene.see(0, (100, 200)) == [1]
    assert scene.see(2, (104, 200)) == [1]


def test_who_is_lost_is_looked_for_where_they_were_going() -> None:
    # 12 px a frame, unseen for 9 frames: 120 px further on, four times the person's width.
    scene = Scene()
    for frame in range(12):
        assert scene.see(frame, (100 + 12 * frame, 200)) == [1]
    assert scene.see(21, (100 + 12 * 21, 200)) == [1]
    still = Scene(TrackParams(strong=0.35, bridge=0, link=20))
    for frame in range(12):
        still.see(frame, (100 + 12 * frame, 200))
    assert still.see(21, (100 + 12 * 21, 200)) == [2]


def test_who_is_lost_for_longer_than_the_bridge_is_forgotten() -> None:
    scene = Scene(TrackParams(strong=0.35, bridge=1.0))
    scene.see(0, (100, 200))
    assert scene.see(10, (100, 200)) == [1]  # 1.0 s at 10 frames/s
    assert scene.see(21, (100, 200)) == [2]


def test_between_bridge_and_link_people_are_looked_for_where_they_were() -> None:
    def find(gap: int, speed: int) -> list[int]:
        scene = Scene(TrackParams(strong=0.35, bridge=0.5, link=20))
        for frame in range(12):
            scene.see(frame, (100 + speed * frame, 200))
        return scene.see(11 + gap, (100 + speed * (11 + gap), 200))

    assert find(gap=5, speed=12) == [1]  # within 0.5 s
    assert find(gap=6, speed=12) == [2]
    assert find(gap=6, speed=0) == find(gap=20, speed=0) == [1]
    assert find(gap=21, speed=0) == [2]


def test_the_bridge_is_seconds_whatever_the_frame_rate() -> None:
    scene = Scene(TrackParams(strong=0.35, bridge=1.0), fps=30.0)
    scene.see(0, (100, 200))
    assert scene.see(30, (100, 200)) == [1]
    assert scene.see(61, (100, 200)) == [2]


def test_beyond_the_link_there_is_a_new_id() -> None:
    scene = Scene(TrackParams.published())
    scene.see(0, (100, 200))
    assert scene.see(100, (100, 200)) == [1]
    assert scene.see(201, (100, 200)) == [2]


def test_ids_are_never_used_twice() -> None:
    scene = Scene(TrackParams(strong=0.35, bridge=0.1))
    assert [scene.see(10 * visit, (100, 200)) for visit in range(4)] == [[1], [2], [3], [4]]


def test_a_leap_is_a_new_person() -> None:
    scene = Scene()
    scene.see(0, (100, 200))
    assert scene.see(1, (160, 200)) == [2]


def test_weak_people_continue_but_never_start() -> None:
    scene = Scene()
    assert scene.see(0, (100, 200), (300, 200), scores=[0.9, 0.2]) == [1, NOBODY]
    assert scene.see(1, (102, 200), (302, 200), scores=[0.2, 0.2]) == [1, NOBODY]
    assert scene.see(2, (104, 200), (304, 200), scores=[0.9, 0.9]) == [1, 2]


def test_strong_people_choose_first() -> None:
    # The weak one fits better, and still the strong one takes the track.
    scene = Scene()
    scene.see(0, (100, 200))
    assert scene.see(1, (100, 200), (106, 200), scores=[0.2, 0.9]) == [NOBODY, 1]


def test_a_weak_stretch_lasts_as_long_as_the_strong_one_before() -> None:
    # Three strong frames allow three weak ones; the fourth is nobody, until a strong one comes back.
    scene = Scene()
    scores = [0.9] * 3 + [0.2] * 5 + [0.9]
    found = [scene.see(frame, (100, 200), scores=[score]) for frame, score in enumerate(scores)]
    assert found == [[1]] * 6 + [[NOBODY]] * 2 + [[1]]


def test_a_weak_stretch_never_outlasts_the_bridge() -> None:
    scene = Scene(TrackParams(strong=0.35, bridge=0.5))
    found = [scene.see(frame, (100, 200), scores=[0.9 if frame < 20 else 0.2]) for frame in range(28)]
    assert found == [[1]] * 25 + [[NOBODY]] * 3


def test_the_backend_says_who_is_strong_where_params_do_not() -> None:
    assert Tracker(TrackParams(), fps=10, size=SIZE, strong=0.35).strong == 0.35
    assert Tracker(TrackParams(strong=0.5), fps=10, size=SIZE, strong=0.35).strong == 0.5
    assert Tracker(TrackParams(), fps=10, size=SIZE).strong == 0


def test_motion_is_averaged_over_the_memory() -> None:
    # Standing, then 10 px further on: after one frame of a memory of 0.3 s the motion is 10 × (1 − exp(−1/3)) = 2.83.
    scene = Scene(TrackParams(strong=0.35, memory=0.3))
    scene.see(0, (100, 200))
    scene.see(1, (110, 200))
    assert scene.tracker._seen is not None
    assert scene.tracker._seen["velocity"][0] == pytest.approx([2.8347, 0], abs=1e-4)


def test_the_detectors_boxes_or_those_around_the_joints() -> None:
    # Joints that jump to a neighbour: by the boxes it is still the same person.
    def follow(params: TrackParams) -> int:
        tracker = Tracker(params, fps=10, size=SIZE)
        box = np.array([[85.0, 115.0, 160.0, 240.0]])
        tracker.step(0, box, np.array([[100.0, 200.0]]) + BODY[None], np.ones(1))
        return int(tracker.step(1, box, np.array([[190.0, 200.0]]) + BODY[None], np.ones(1))[0])

    assert follow(TrackParams()) == 1
    assert follow(TrackParams(boxes="joints")) == 2


def test_small_people_are_told_apart_at_their_own_scale() -> None:
    # 40 px apart, overlapping in neither boxes nor squares of a fifth of 80 px; squares of ± 30 px do overlap.
    near = Scene(TrackParams(strong=0, match=0.4))
    near.see(0, (100, 200))
    assert near.see(1, (140, 200)) == [2]
    fixed = Scene(TrackParams(strong=0, match=0.4, mag=30))
    fixed.see(0, (100, 200))
    assert fixed.see(1, (140, 200)) == [1]


def test_empty_frames_and_first_frames_without_people() -> None:
    scene = Scene()
    assert scene.see(0) == []
    assert scene.see(1, (100, 200)) == [1]
    assert scene.see(2) == []
    assert scene.see(3, (100, 200)) == [1]


def test_the_matcher_is_a_cue_for_people_of_the_previous_frame_alone() -> None:
    # Two frames; every image point moved 60 px to the right, and so did the person, out of reach of boxes and joints.
    asked: list[tuple[int, int]] = []

    def matcher(earlier: int, later: int) -> Floats:
        asked.append((earlier, later))
        x, y = (grid.ravel() for grid in np.meshgrid(np.arange(60.0, 140, 4), np.arange(150.0, 250, 4)))
        return np.stack([x, y, x + 60, y], axis=1)

    tracker = Tracker(TrackParams.published(), fps=10, size=SIZE, matcher=matcher)
    box = np.zeros((1, 4))
    assert tracker.step(0, box, np.array([[100.0, 200.0]]) + BODY[None], np.ones(1)).tolist() == [1]
    assert asked == []  # nobody to compare with
    assert tracker.step(1, box, np.array([[160.0, 200.0]]) + BODY[None], np.ones(1)).tolist() == [1]
    assert asked == [(0, 1)]
    assert tracker.step(3, box, np.array([[220.0, 200.0]]) + BODY[None], np.ones(1)).tolist() == [2]
    assert asked == [(0, 1)]  # images are not matched across a gap


def test_image_points_start_where_people_were_seen_not_where_they_were_going() -> None:
    # 10 px a frame to the right, with a point every 5 px of the box: moved on, it would lose its first two columns.
    body = np.array([[85.0 + x, 165.0 + y] for x in range(0, 30, 5) for y in range(0, 80, 10)])
    step = np.array([10.0, 0.0])

    def matcher(_: int, later: int) -> Floats:
        return np.concatenate([body + (later - 1) * step, body + later * step], axis=1)

    def last(matcher: Matcher | None) -> Floats:
        tracker = Tracker(TrackParams(memory=0.01), fps=10, size=SIZE, matcher=matcher)
        for frame in range(4):
            place = np.array([100.0, 200.0]) + frame * step
            box = place[None, [0, 0, 1, 1]] + np.array([-15, 15, -40, 40])
            if frame < 3:
                tracker.step(frame, box, place + BODY[None], np.ones(1))
        people = tracker._appear(3, box, place + BODY[None])
        assert tracker._seen is not None
        return tracker._score(3, tracker._seen, people)

    scores = [last(None), last(matcher)]
    assert scores[0][0, 0] == pytest.approx(4, abs=0.01)  # found where it was going
    assert scores[1][0, 0] == pytest.approx(6, abs=0.01)  # and all of its points went along


def test_pairs_maximise_the_total_and_must_exceed_the_least() -> None:
    # Greedy would take 0.9 and be left with 0.1; together 0.8 + 0.7 are more.
    rows, columns = pairs(np.array([[0.9, 0.8], [0.7, 0.1]]), 0.2)
    assert list(zip(rows.tolist(), columns.tolist(), strict=True)) == [(0, 1), (1, 0)]
    assert len(pairs(np.array([[0.2]]), 0.2)[0]) == 0  # not less, but not more either


def test_a_person_is_a_box_and_a_square_per_joint() -> None:
    # The box is 30 × 80 px: squares of ± 0.2 × 80 = 16 px, or ± 30 px; the second joint was not seen.
    box, joints = np.array([[85.0, 115.0, 160.0, 240.0]]), np.array([[[100.0, 200.0], [np.nan, np.nan], [90.0, 180.0]]])
    found = regions(TrackParams(), SIZE, box, joints)
    assert found[0].tolist() == [[85, 115, 160, 240], [84, 116, 184, 216], [NOWHERE] * 4, [74, 106, 164, 196]]
    published = regions(TrackParams.published(), SIZE, box, joints)
    assert published[0].tolist() == [[89, 101, 178, 202], [70, 130, 170, 230], [NOWHERE] * 4, [60, 120, 150, 210]]
    assert regions(TrackParams(), SIZE, box[:0], joints[:0]).shape == (0, 4, 4)


def test_ids_do_not_change_from_run_to_run() -> None:
    walks = stream(1, "walks").normal(0, 3, size=(40, 6, 2)).cumsum(axis=0) + np.linspace([100, 200], [500, 300], 6)

    def follow() -> list[list[int]]:
        scene = Scene()
        return [scene.see(frame, *(tuple(place) for place in places)) for frame, places in enumerate(walks)]

    assert follow() == follow()


@pytest.mark.oracle
def test_published_rule_equals_the_reference(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reference = json.loads((shared / "oracles" / "poseflow_oracle.json").read_text())
    points = np.load(shared / "oracles" / "poseflow_oracle_cors.npz")
    scores: list[Floats] = []

    def spy(score: Floats, least: float) -> Any:
        scores.append(score.copy())
        return pairs(score, least)

    monkeypatch.setattr(poseflow, "pairs", spy)
    height, width = reference["img_size_hw"]
    tracker = Tracker(
        TrackParams.published(), fps=10, size=(width, height), matcher=lambda earlier, _: points[str(earlier)][:, :4]
    )
    for frame, people in enumerate(reference["frames"]):
        if not people:
            tracker.hold(frame)
            continue
        keypoints = np.array([person["keypoints"] for person in people]).reshape(-1, 17, 3)[..., :2]
        found = tracker.step(frame, np.zeros((len(people), 4)), keypoints, np.ones(len(people)))
        assert found.tolist() == reference["pids"][frame]
    expected = [step["cost"] for step in reference["costs"] if step is not None]
    assert len(scores) == len(expected)
    for score, cost in zip(scores, expected, strict=True):
        assert score == pytest.approx(np.array(cost), abs=1e-9)
