"""Tracking a whole clip: POSES rows in any order, frames with nobody in them, and what is counted."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages.core.errors import DatasetError
from stages.core.schemas import Rows, pose_meta
from stages.core.seeding import stream
from stages.pose import tracks
from stages.pose.poseflow import Tracker, TrackParams
from stages.pose.tracks import SOURCES, Crowds, Tracked, demand, fingerprint, given, track

BODY = stream(0, "body").uniform([0, 0], [30, 80], size=(17, 2))
"""A person 30 px wide and 80 px tall, the corner of their box at the origin."""


def poses(*people: tuple[int, float, float], ids: Sequence[int | None] = ()) -> Rows:
    """POSES of people given as frame, left edge of the box and score, and the ids that came with them."""
    frame, x, score = (np.array(values) for values in zip(*people, strict=True)) if people else np.empty((3, 0))
    boxes = {"x": x, "y": 100.0, "w": 30.0, "h": 80.0}
    keypoints = np.ones((len(x), 17, 3))
    keypoints[..., :2] = BODY + np.stack([x, np.full(len(x), 100.0)], axis=1)[:, None]
    table = pd.DataFrame({"clip": "walk", "frame": frame.astype(np.int32), **boxes, "score": score})
    table["track"] = pd.array(ids or [None] * len(x), dtype="Int32")
    return Rows(table, keypoints.astype(np.float32), pose_meta("coco17"))


def follow(people: Rows, frames: int, params: TrackParams | None = None) -> Tracked:
    chosen = TrackParams(strong=0.35) if params is None else params
    return track(Tracker(chosen, fps=10, size=(640, 480)), Crowds.of(people, frames))


def test_rows_come_in_the_order_of_frames() -> None:
    found = follow(poses((2, 104, 0.9), (0, 100, 0.9), (1, 302, 0.9), (1, 102, 0.9)), 3)
    assert found.frames.tolist() == [0, 1, 1, 2]
    assert found.rows.tolist() == [1, 2, 3, 0]
    assert found.ids.tolist() == [1, 2, 1, 1]


def test_the_order_of_rows_does_not_matter() -> None:
    people = [(frame, 60.0 * person + 3 * frame, 0.9) for frame in range(20) for person in range(5)]
    order = stream(2, "order").permutation(len(people))

    def company(found: Tracked) -> set[frozenset[int]]:
        """Rows of the unshuffled table that share an id."""
        return {frozenset(found.rows[found.ids == number].tolist()) for number in found.ids}

    shuffled = follow(poses(*(people[row] for row in order)), 20)
    unshuffled = Tracked(order[shuffled.rows], shuffled.frames, shuffled.ids)
    assert company(unshuffled) == company(follow(poses(*people), 20))
    assert len(company(unshuffled)) == 5


def test_weak_people_are_counted_and_those_left_out_have_no_row() -> None:
    found = follow(poses((0, 100, 0.9), (0, 400, 0.2), (1, 101, 0.2), (1, 400, 0.2), (2, 102, 0.9)), 3)
    assert (found.continued, found.dropped, found.copied) == (1, 2, 0)
    assert found.rows.tolist() == [0, 2, 4]
    assert found.ids.tolist() == [1, 1, 1]


def test_a_clip_with_nobody() -> None:
    found = follow(poses(), 10)
    assert len(found.rows) == len(found.frames) == len(found.ids) == 0
    assert (found.continued, found.dropped, found.copied) == (0, 0, 0)
    assert len(follow(poses(), 10, TrackParams.published()).rows) == 0


def test_nobody_is_invented_unless_asked_for() -> None:
    people = poses((1, 100, 0.9), (1, 300, 0.9), (3, 102, 0.9))
    found = follow(people, 5)
    assert found.frames.tolist() == [1, 1, 3]
    assert found.rows.tolist() == [0, 1, 2]


def test_published_copies_people_into_empty_frames() -> None:
    # Frame 0 has nobody before it; frame 2 takes both people of frame 1, frame 4 the one of frame 3.
    people = poses((1, 100, 0.9), (1, 300, 0.9), (3, 102, 0.9))
    found = follow(people, 5, TrackParams.published())
    assert found.frames.tolist() == [1, 1, 2, 2, 3, 4]
    assert found.rows.tolist() == [0, 1, 0, 1, 2, 2]
    assert found.ids.tolist() == [1, 2, 1, 2, 1, 1]
    assert found.copied == 3


def test_a_copy_counts_as_the_previous_frame() -> None:
    # 18 of 30 px further on: enough for somebody of the previous frame, whose overlaps count twice, not for others.
    params = TrackParams.published().model_copy(update={"match": 0.9})
    people = poses((0, 100, 0.9), (2, 118, 0.9))
    assert follow(people, 3, params).ids.tolist() == [1, 1, 1]
    assert follow(people, 3, params.model_copy(update={"copy_empty": False})).ids.tolist() == [1, 2]


def test_looks_at_every_third_frame_are_frames_of_a_slower_clip() -> None:
    # 8 px from look to look: with the frames in between taken for empty, the previous frame would hold nobody.
    people = [(3 * look, 100.0 + 8 * look, 0.9) for look in range(5)]
    params = TrackParams(strong=0.35, match=0.9, bridge=0)
    crowds = Crowds.of(poses(*people), 13, every=3)
    found = track(Tracker(params, fps=10 / 3, size=(640, 480)), crowds)
    assert found.frames.tolist() == [0, 3, 6, 9, 12]
    assert found.ids.tolist() == [1] * 5
    assert len(set(follow(poses(*people), 13, params).ids)) == 5


def test_copies_go_into_frames_that_were_looked_at() -> None:
    crowds = Crowds.of(poses((0, 100, 0.9), (9, 100, 0.9)), 14, every=3)
    found = track(Tracker(TrackParams.published(), fps=10 / 3, size=(640, 480)), crowds)
    assert found.frames.tolist() == [0, 3, 6, 9, 12]
    assert found.copied == 3


def test_joints_that_were_not_seen_say_nothing() -> None:
    # Two people at a distance, of both of whom ten joints are missing: written as (0, 0), these would coincide.
    people = poses((0, 100, 0.9), (1, 400, 0.9))
    people.arrays[:, :10] = 0
    assert follow(people, 2).ids.tolist() == [1, 2]
    assert follow(people, 2, TrackParams.published()).ids.tolist() == [1, 2]
    # What was seen both times leads on: 5 px a frame, though other joints are missing each time.
    walk = poses(*((frame, 100 + 5 * frame, 0.9) for frame in range(12)))
    walk.arrays[np.arange(12) % 2 == 0, :5] = 0
    walk.arrays[np.arange(12) % 2 == 1, 12:] = 0
    tracker = Tracker(TrackParams(strong=0), fps=10, size=(640, 480))
    assert set(track(tracker, Crowds.of(walk, 12)).ids) == {1}
    assert tracker._seen is not None
    assert tracker._seen["velocity"][0] == pytest.approx([5 * (1 - np.exp(-11 / 3)), 0], abs=1e-6)


def test_people_without_a_single_joint_go_by_their_boxes() -> None:
    people = poses((0, 100, 0.9), (1, 102, 0.9))
    people.arrays[:] = 0
    assert follow(people, 2).ids.tolist() == [1, 1]
    assert follow(people, 2, TrackParams.published()).ids.tolist() == [1, 2]  # whose box is that of the joints


def test_an_id_stands_once_in_a_frame() -> None:
    draw = stream(4, "crowd")
    people = [(frame, float(x), float(s)) for frame in range(30) for x, s in draw.uniform(0, [400, 1], size=(8, 2))]
    for params in (TrackParams(strong=0.35), TrackParams.published()):
        found = follow(poses(*people), 30, params)
        assert len(found.ids) > 100
        assert len(set(zip(found.frames.tolist(), found.ids.tolist(), strict=True))) == len(found.ids)


def test_ids_that_came_with_the_poses() -> None:
    people = ((2, 100.0, 0.9), (0, 300.0, 0.1), (0, 100.0, 0.9))
    found = given(poses(*people, ids=[7, 0, 7]), "here")
    assert found is not None
    assert found.rows.tolist() == [1, 2, 0]
    assert found.frames.tolist() == [0, 0, 2]
    assert found.ids.tolist() == [0, 7, 7]
    assert (found.continued, found.dropped, found.copied) == (0, 0, 0)
    assert given(poses(*people), "here") is None
    assert given(poses(), "here") is None


def test_ids_of_some_are_no_ids() -> None:
    people = poses((0, 100, 0.9), (5, 100, 0.9), (6, 100, 0.9), ids=[1, None, None])
    with pytest.raises(DatasetError, match="2 of 3 poses have no id, the others do") as caught:
        given(people, "here.parquet")
    assert caught.value.where == "here.parquet, clip 'walk', frame 5, row 1"
    assert "track.given: renew" in caught.value.fix


def test_nobody_stands_twice_in_a_frame() -> None:
    people = poses((0, 100, 0.9), (4, 300, 0.9), (4, 100, 0.9), ids=[3, 3, 3])
    with pytest.raises(DatasetError, match="person 3 stands twice in a frame") as caught:
        given(people, "here.parquet")
    assert caught.value.where == "here.parquet, clip 'walk', frame 4, row 2"


@pytest.mark.parametrize(
    ("frame", "every", "what"),
    [
        (9, 1, "in frame 9, the last frame of 'walk' is 8"),
        (-1, 1, "in frame -1, and the first frame is 0"),
        (4, 3, "in frame 4, and the metadata say every 3 frames"),
    ],
)
def test_frames_that_cannot_be_are_refused(frame: int, every: int, what: str) -> None:
    with pytest.raises(DatasetError, match=what) as caught:
        demand(poses((0, 100, 0.9), (frame, 100, 0.9)), clip="walk", frames=9, every=every, where="here.parquet")
    assert caught.value.where.endswith(f"clip 'walk', frame {frame}, row 1")
    demand(poses((0, 100, 0.9), (3, 100, 0.9)), clip="walk", frames=9, every=3, where="here.parquet")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(value: float) -> None:
    people = poses((0, 100, 0.9), (3, 100, 0.9))
    people.arrays[1, 4, 0] = value
    with pytest.raises(DatasetError, match="in frame 3 has NaN or infinite values"):
        demand(people, clip="walk", frames=9, every=1, where="here.parquet")
    boxes = poses((0, 100, 0.9), (2, 100, 0.9))
    with pytest.raises(DatasetError, match="in frame 2 has NaN or infinite values"):
        demand(replace(boxes, frame=boxes.frame.assign(w=[30.0, value])), clip="walk", frames=9, every=1, where="here")


def test_fingerprint_follows_parameters_and_code(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert fingerprint(TrackParams()) == fingerprint(TrackParams())
    assert fingerprint(TrackParams()) != fingerprint(TrackParams(match=0.5))
    for name in SOURCES:
        (tmp_path / f"{name}.py").write_text((Path(tracks.__file__).parent / f"{name}.py").read_text())
    monkeypatch.setattr(tracks, "__file__", str(tmp_path / "tracks.py"))
    before = fingerprint(TrackParams())
    (tmp_path / "overlap.py").write_text("edited")
    assert fingerprint(TrackParams()) != before


def test_sources_name_every_module_that_is_imported() -> None:
    folder, seen, todo = Path(tracks.__file__).parent, set[str](), {"tracks"}
    while todo:
        seen.add(name := todo.pop())
        for node in ast.walk(ast.parse((folder / f"{name}.py").read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("stages.pose."):
                todo |= {str(node.module).rpartition(".")[2]} - seen
    assert seen == set(SOURCES)
