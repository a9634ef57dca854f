"""The track stage on poses that bring ids along: they are kept, refused, or found anew."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from stages import track
from stages.core.errors import DatasetError
from stages.core.paths import Project
from stages.core.schemas import Rows, pose_meta
from tests.stages.gate import give_ids, make_gate, people, put, set_params, tracks


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_gate(tmp_path)


def test_ids_that_came_with_the_poses_are_kept(project: Project, said: pytest.LogCaptureFixture) -> None:
    put(project, give_ids(people("walk", 20, [2.0, -2.0], score=0.1), [40, 7] * 20))
    track.run(project, "gate")
    found = tracks(project, "walk")
    assert found.frame["track"].tolist() == [40, 7] * 20  # weak people too: nobody is dropped
    assert found.meta["tracker"] == "given"
    assert tracks(project, "meet").meta["tracker"] == "poseflow"
    assert "walk: 40 poses in 20 frames make 2 tracks, as their source gave them" in said.text
    set_params(project, given="renew", strong=0)
    track.run(project, "gate")
    found = tracks(project, "walk")
    assert found.frame["track"].tolist() == [1, 2] * 20
    assert found.meta["tracker"] == "poseflow"


def test_a_person_twice_in_a_frame_is_refused(project: Project) -> None:
    put(project, give_ids(people("walk", 20, [2.0, -2.0]), [1, 2] * 10 + [1, 1] * 10))
    with pytest.raises(DatasetError, match="person 1 stands twice in a frame") as caught:
        track.run(project, "gate")
    assert "clip 'walk', frame 10" in caught.value.where
    set_params(project, given="renew")
    track.run(project, "gate")
    assert len(np.unique(tracks(project, "walk").frame["track"])) == 2


def test_ids_of_some_are_refused(project: Project) -> None:
    put(project, give_ids(people("walk", 20, [2.0]), [1] * 15 + [None] * 5))
    with pytest.raises(DatasetError, match="5 of 20 poses have no id") as caught:
        track.run(project, "gate")
    assert "clip 'walk', frame 15" in caught.value.where


def in_space(rows: Rows, ids: Sequence[int | None]) -> Rows:
    """The same people with a third coordinate, in metres."""
    arrays = np.concatenate([rows.arrays[..., :2], rows.arrays], axis=-1)[..., :4]
    return give_ids(Rows(rows.frame, arrays, {**rows.meta, **pose_meta("coco17", "xyz", "m")}), ids)


def test_poses_in_space_keep_their_ids_and_cannot_be_given_any(project: Project) -> None:
    put(project, in_space(people("walk", 20, [2.0]), [5] * 20))
    track.run(project, "gate")
    assert tracks(project, "walk").frame["track"].tolist() == [5] * 20
    assert tracks(project, "walk").arrays.shape == (20, 17, 4)
    put(project, in_space(people("walk", 20, [2.0]), [None] * 20))
    with pytest.raises(DatasetError, match="'walk' are xyz in m without ids, and PoseFlow takes xy in px"):
        track.run(project, "gate")


def test_a_clip_in_space_that_nobody_is_seen_in_has_no_tracks(project: Project) -> None:
    walking = people("walk", 20, [2.0])
    put(project, in_space(Rows(walking.frame.head(0), walking.arrays[:0], walking.meta), []))
    track.run(project, "gate")
    assert len(tracks(project, "walk")) == 0
    assert tracks(project, "walk").arrays.shape == (0, 17, 4)
