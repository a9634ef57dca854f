"""Figures of poses and tracks, against what can be counted by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stages.core.schemas import Rows, pose_meta
from stages.pose.quality import CROWD, SMALL, TALLEST, Measured, figures, joint_figures, measure, quantile, share, total

Seen = tuple[int, int | None, float, float, float]
"""Frame, track, x of the box's centre, its height, confidence of every joint."""

CLIP = {"fps": 10.0, "width": 640, "height": 480, "frames": 20}


def table(people: Sequence[Seen], *, skeleton: str = "coco17", joints: int = 17, **meta: str) -> Rows:
    """A table of POSES or TRACKS; boxes are a third as wide as tall and have their centre at y = 240."""
    frames, ids, centres, heights, confidences = zip(*people, strict=True) if people else ([], [], [], [], [])
    tall = np.array(heights, dtype=np.float32)
    frame = pd.DataFrame(
        {
            "clip": "c", "frame": np.array(frames, dtype=np.int32), "x": np.array(centres, np.float32) - tall / 6,
            "y": 240 - tall / 2, "w": tall / 3, "h": tall, "score": 1.0, "track": pd.array(ids, dtype="Int32"),
        }
    )  # fmt: skip
    values = np.zeros((len(people), joints, 3), dtype=np.float32)
    values[..., 2] = np.array(confidences, dtype=np.float32)[:, None]
    return Rows(frame, values, {**pose_meta(skeleton), **meta})


def measured(
    people: Sequence[Seen], *, abnormal: Sequence[int] = (), poses: Sequence[Seen] | None = None, **clip: Any
) -> Measured:
    """A clip of 20 frames at 10/s in which people are tracked as told; `poses` in its own if they differ."""
    truth = np.zeros(int(clip.get("frames", 20)), dtype=np.float32)
    truth[list(abnormal)] = 1
    found = people if poses is None else poses
    return measure({**CLIP, **clip}, truth, [table(found)], [table(people)])


def walk(track: int, first: int, last: int, x: float = 100.0, height: float = 90.0) -> list[Seen]:
    return [(frame, track, x, height, 0.5) for frame in range(first, last + 1)]


def told(people: Sequence[Seen], **changes: Any) -> dict[str, Any]:
    return figures(measured(people, **changes).tally)


def test_coverage_counts_frames_and_not_people() -> None:
    # frames 0 to 9 with two people, 10 to 14 with one that is in no track, 15 to 19 with nobody
    people = walk(1, 0, 9) + walk(2, 0, 9, x=300)
    found = told(people, poses=people + walk(3, 10, 14), abnormal=[8, 9, 10, 11, 12])
    assert found["frames_with_people"] == 15 / 20
    assert found["frames_with_tracks"] == 10 / 20
    assert found["abnormal_frames"] == 5
    assert found["abnormal_frames_with_tracks"] == 2 / 5
    assert found["longest_without_tracks_seconds"] == 1.0  # frames 10 to 19
    assert (found["poses"], found["poses_per_frame"], found["poses_in_tracks"]) == (25, 1.25, 0.8)


def test_what_is_not_known_to_be_abnormal_does_not_count() -> None:
    truth = np.full(20, np.nan, dtype=np.float32)
    tally = measure(CLIP, truth, [table(walk(1, 0, 19))], [table(walk(1, 0, 19))]).tally
    assert (tally.abnormal, figures(tally)["abnormal_frames_with_tracks"]) == (0, None)


def test_lost_frames_lie_inside_tracks() -> None:
    # track 1: frames 2, 3, 6, 7, 8, 12 miss 4, 5 and 9, 10, 11; track 2 has none missing
    people = [(frame, 1, 100.0, 90.0, 0.5) for frame in (2, 3, 6, 7, 8, 12)] + walk(2, 0, 4, x=300)
    found = told(people)
    assert (found["gaps"], found["lost_frames"]) == (2, 5)
    assert found["lost_frames_of_tracks"] == round(5 / 16, 4)  # 6 + 5 rows, 5 missing
    assert found["longest_without_tracks_seconds"] == 0.7  # frames 13 to 19


def test_length_of_a_track_is_the_time_from_its_first_to_its_last_frame() -> None:
    found = measured(walk(1, 0, 9) + walk(2, 3, 3, x=200) + walk(3, 5, 19, x=300)).tally
    np.testing.assert_allclose(np.sort(found.lengths), [0.1, 1.0, 1.5])
    shown = figures(found)
    assert (shown["tracks"], shown["track_median_seconds"]) == (3, 1.0)
    assert shown["tracks_short"] == round(1 / 3, 4)  # 1.0 s is not short


@pytest.mark.parametrize(
    ("second", "fragments"),
    [
        (walk(2, 5, 9, x=150), 1),  # half a second later, 50 px beside, 90 px tall
        (walk(2, 14, 19, x=100), 1),  # 1.0 s after frame 4
        (walk(2, 15, 19, x=100), 0),  # 1.1 s
        (walk(2, 5, 9, x=189), 1),  # 89 px away
        (walk(2, 5, 9, x=191), 0),  # 91 px, more than a body
        (walk(2, 5, 9, x=100, height=130), 1),  # 1.44 times as tall
        (walk(2, 5, 9, x=100, height=140), 0),  # 1.56 times
        (walk(2, 4, 9, x=100), 0),  # both are there in frame 4
        (walk(2, 5, 9, x=100, height=0), 0),  # no box, no telling
    ],
)
def test_a_fragment_goes_on_where_another_track_ended(second: list[Seen], fragments: int) -> None:
    assert told(walk(1, 0, 4) + second)["fragments"] == fragments


def test_an_end_goes_on_once_and_a_start_has_one_past() -> None:
    # one ends, two begin: the nearer is its fragment
    assert told(walk(1, 0, 4) + walk(2, 5, 9, x=110) + walk(3, 5, 9, x=120))["fragments"] == 1
    # two end, one begins
    assert told(walk(1, 0, 4) + walk(2, 0, 4, x=120) + walk(3, 5, 9, x=110))["fragments"] == 1
    # a chain of three has two joints
    found = told(walk(1, 0, 4) + walk(2, 5, 9) + walk(3, 10, 14))
    assert (found["fragments"], found["tracks_fragments"]) == (2, round(2 / 3, 4))


def test_heights_are_those_of_boxes_and_outside_is_where_the_centre_lies() -> None:
    people = [
        (0, 1, 10.0, 40.0, 0.5), (0, 2, 630.0, 59.4, 0.5), (0, 3, 300.0, 100.0, 0.5), (0, 4, -1.0, 200.0, 0.5),
        (0, 5, 641.0, 5000.0, 0.5), (0, 6, 300.0, 0.0, 0.5),
    ]  # fmt: skip
    tally = measured(people).tally
    assert tally.heights.sum() == 5  # the sixth has no box
    assert tally.heights[TALLEST] == 1
    found = figures(tally)
    assert (found["height_p10_px"], found["height_median_px"], found["height_p90_px"]) == (40, 100, TALLEST)
    assert SMALL == 60
    assert found["people_small"] == 2 / 5
    assert found["people_outside"] == round(2 / 6, 4)


def test_joints_are_unsure_below_the_limit() -> None:
    rows = table(walk(1, 0, 3))
    rows.arrays[:, 9, 2] = [0.1, 0.2, 0.29, 0.4]
    found = joint_figures(measure(CLIP, np.zeros(20, np.float32), [rows], [rows]).tally)
    assert list(found)[9] == "left_wrist"
    assert found["left_wrist"] == {"confidence": 0.2475, "unsure": 0.75}
    assert found["nose"] == {"confidence": 0.5, "unsure": 0.0}


def test_confidence_is_the_last_channel_also_of_xyz() -> None:
    rows = table(walk(1, 0, 3), skeleton="ntu25", joints=25)
    solid = np.concatenate([rows.arrays, np.full((4, 25, 1), 0.9, np.float32)], axis=-1)
    rows = Rows(rows.frame, solid, pose_meta("ntu25", "xyz", "m"))
    found = joint_figures(measure(CLIP, np.zeros(20, np.float32), [rows], [rows]).tally)
    assert len(found) == 25
    assert found["head"] == {"confidence": 0.9, "unsure": 0.0}


def test_a_clip_in_pieces_is_the_same_clip() -> None:
    people = walk(1, 0, 9) + walk(2, 2, 15, x=300, height=50)
    people.sort(key=lambda seen: seen[0])
    whole = measured(people)
    pieces = [table(people[:7]), table(people[7:8]), table(people[8:])]
    again = measure(CLIP, np.zeros(20, np.float32), pieces, pieces[::-1])
    assert figures(again.tally) == figures(whole.tally)
    assert joint_figures(again.tally) == joint_figures(whole.tally)
    np.testing.assert_array_equal(again.people, whole.people)


def test_of_every_third_frame_no_other_is_missed() -> None:
    people = [(frame, 1, 100.0, 90.0, 0.5) for frame in (0, 3, 9, 12, 15)]  # one looked at is lost: 6; and 18 is empty
    told = measure(CLIP, np.zeros(20, np.float32), [table(people, every="3")], [table(people, every="3")])
    found = figures(told.tally)
    assert told.every == 3
    assert (found["frames"], found["frames_with_people"]) == (7, round(5 / 7, 4))
    assert (found["lost_frames"], found["lost_frames_of_tracks"]) == (1, round(1 / 6, 4))
    assert found["longest_without_tracks_seconds"] == 0.3
    assert told.tally.lengths[0] == pytest.approx(1.8)  # 0 to 15, and the time up to 18
    np.testing.assert_array_equal(told.people, [1, 1, 0, 1, 1, 1, 0])


def test_imported_poses_of_every_second_frame_are_recognized() -> None:
    even = [(frame, 1, 100.0, 90.0, 0.5) for frame in range(0, 20, 2)]
    assert measured(even).every == 2
    assert measured(even).tally.lost == 0
    assert measured(even[:5]).every == 1  # five frames may be so by chance
    assert measured([*even, (11, 1, 100.0, 90.0, 0.5)]).every == 1


def test_nobody_at_all() -> None:
    found = told([], abnormal=[3])
    assert (found["frames_with_people"], found["abnormal_frames_with_tracks"], found["tracks"]) == (0.0, 0.0, 0)
    unknown = ("track_median_seconds", "tracks_short", "lost_frames_of_tracks", "height_median_px", "people_outside")
    assert [found[name] for name in unknown] == [None] * 5
    assert joint_figures(measured([]).tally)["nose"] == {"confidence": None, "unsure": None}


def test_clips_add_up() -> None:
    one = measured(walk(1, 0, 9), abnormal=[0, 1]).tally
    two = measured(walk(1, 0, 4, height=50) + walk(2, 5, 9, height=50), frames=40, abnormal=[20]).tally
    both = figures(total([one, two]))
    assert (both["clips"], both["frames"], both["seconds"], both["tracks"]) == (2, 60, 6.0, 3)
    assert both["frames_with_tracks"] == round(20 / 60, 4)
    assert both["abnormal_frames_with_tracks"] == round(2 / 3, 4)
    assert both["longest_without_tracks_seconds"] == 3.0  # frames 10 to 39 of the second
    assert (both["fragments"], both["people_small"]) == (1, 0.5)
    assert figures(total([one])) == figures(one)
    assert len(total([one, two]).crowd) == CROWD + 1


def test_joints_add_up_where_layouts_agree() -> None:
    one, two = measured(walk(1, 0, 9)).tally, measured(walk(1, 0, 4)).tally
    assert joint_figures(total([one, two]))["nose"] == {"confidence": 0.5, "unsure": 0.0}
    rows = table(walk(1, 0, 3), skeleton="openpose18", joints=18)
    other = measure(CLIP, np.zeros(20, np.float32), [rows], [rows]).tally
    assert joint_figures(total([one, other])) == {}


def test_quantiles_and_shares() -> None:
    counts = np.bincount([3, 3, 5, 9])
    assert [quantile(counts, at) for at in (0.1, 0.5, 0.75, 0.9, 1.0)] == [3, 3, 5, 9, 9]
    assert quantile(np.zeros(4, np.int64), 0.5) is None
    assert (share(1, 3), share(0, 0), share(0, 2)) == (0.3333, None, 0.0)
