"""Which frames a window's score is for, and what becomes of windows that overlap or leave their clip."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.core.errors import ScoreError
from stages.evaluation.landing import NOBODY, Landed, Landing, Places, land
from tests.evaluation.windows import clips, row, table

LANDINGS: tuple[Landing, ...] = ("start", "centre", "all_mean", "all_max")


def landed(scores: pd.DataFrame, landing: Landing, frames: int = 8, shift: int = 0) -> dict[int, float]:
    """Frame → score of clip a where only one person is."""
    places = Places.of(scores, clips(a=frames))
    found = land(scores, places, landing, shift)
    return dict(zip(places.split(found.cells)[3].tolist(), found.scores.tolist(), strict=True))


@pytest.mark.parametrize(
    ("landing", "expected"),
    [
        ("start", {0: 1.0, 2: 4.0}),
        # Sample 4 // 2 = 2 of each window.
        ("centre", {2: 1.0, 4: 4.0}),
        # Frames 2 and 3 are in both windows: (1 + 4) / 2.
        ("all_mean", {0: 1.0, 1: 1.0, 2: 2.5, 3: 2.5, 4: 4.0, 5: 4.0}),
        ("all_max", {0: 1.0, 1: 1.0, 2: 4.0, 3: 4.0, 4: 4.0, 5: 4.0}),
    ],
)
def test_where_a_windows_score_lands(landing: Landing, expected: dict[int, float]) -> None:
    assert landed(table(row(1, 0), row(4, 2)), landing) == expected


@pytest.mark.parametrize(
    ("landing", "frames"),
    [("start", [3, 4, 5]), ("centre", [6, 7, 8]), ("all_mean", list(range(3, 9))), ("all_max", list(range(3, 9)))],
)
def test_a_sample_stands_for_all_frames_up_to_the_next(landing: Landing, frames: list[int]) -> None:
    # Samples at frames 3 and 6 of a clip with 30 frames/s, windows at 10 samples/s: three frames each.
    assert list(landed(table(row(1, 3, step=3.0, length=2)), landing, frames=20)) == frames


def test_samples_at_a_broken_step_leave_no_gap_and_no_overlap() -> None:
    # 25 frames/s, 10 samples/s: samples begin at 0, 2.5, 5, 7.5 and end at 10; rounded 0, 2, 5, 8, 10.
    singles = table(*[row(sample, sample * 2.5, step=2.5, length=1) for sample in range(4)])
    found = landed(singles, "start", frames=10)
    assert found == {0: 0, 1: 0, 2: 1, 3: 1, 4: 1, 5: 2, 6: 2, 7: 2, 8: 3, 9: 3}


def test_a_window_that_outlasts_its_clip_is_cut_off_at_its_end() -> None:
    # Samples at 0, 3, 6; the last stands for frames 6, 7 and 8, of which the clip has two.
    assert list(landed(table(row(1, 0, step=3.0, length=3)), "all_mean", frames=8)) == list(range(8))


@pytest.mark.parametrize("landing", LANDINGS)
def test_a_score_per_frame_lands_on_its_own_frame(landing: Landing) -> None:
    rows = table(*[row(10 + frame, 2, length=3, frame=frame) for frame in (2, 3, 4)])
    assert landed(rows, landing) == {2: 12, 3: 13, 4: 14}


def test_a_score_per_frame_stands_for_its_sample_too() -> None:
    # Sample 1 of a window from frame 0 on, at 2.5 frames per sample: frames 2, 3, 4 (2.5 rounds to 2, 5 stays).
    assert landed(table(row(7, 0, step=2.5, frame=2)), "all_mean") == {2: 7, 3: 7, 4: 7}


def test_scores_per_frame_of_overlapping_windows_are_joined() -> None:
    rows = table(row(1, 0, frame=3), row(5, 2, frame=3))
    assert landed(rows, "all_mean") == {3: 3}
    assert landed(rows, "all_max") == {3: 5}


def test_shifted_scores_land_later() -> None:
    assert landed(table(row(1, 0), row(4, 2)), "start", shift=3) == {3: 1, 5: 4}
    assert landed(table(row(1, 0), row(4, 2)), "all_mean", shift=1) == {1: 1, 2: 1, 3: 2.5, 4: 2.5, 5: 4, 6: 4}


def test_what_a_shift_moves_out_of_the_clip_is_dropped_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    # Of the second window, frames 7 to 10 remain frame 7 alone; the third begins at 9 of 8.
    scores = table(row(1, 0), row(4, 2), row(9, 4))
    with caplog.at_level(logging.INFO, "normotion"):
        assert landed(scores, "all_mean", shift=5) == {5: 1, 6: 1, 7: 2.5}
    assert "1 of 3 scores leave their clip" in caplog.text


def test_windows_of_other_persons_clips_and_seeds_are_not_joined() -> None:
    # Four windows over the same frames of the same number, each of somebody else.
    scores = table(row(1, 0), row(2, 0, track=5), row(4, 0, clip="b"), row(8, 0, seed=3))
    places = Places.of(scores, clips(b=4, a=4))
    found = land(scores, places, "all_mean")
    seed, clip, track, frame = places.split(found.cells)
    people = list(zip(seed[::4].tolist(), clip[::4].tolist(), track[::4].tolist(), strict=True))
    # By seed, clip a before b, track 0 before 5.
    assert people == [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0)]
    assert frame.tolist() == [0, 1, 2, 3] * 4
    assert found.scores[::4].tolist() == [1, 2, 4, 8]
    assert places.seeds.tolist() == [0, 3]


def test_a_whole_frame_score_has_no_track() -> None:
    places = Places.of(table(row(2, 0, track=None), row(1, 0, track=7)), clips(a=4))
    assert places.tracks.tolist() == [NOBODY, 7]


def test_cells_are_one_number_each() -> None:
    places = Places.of(table(row(1, 0, track=4), row(1, 0, seed=2)), clips(a=3, b=5))
    # 2 seeds × 2 clips × 2 tracks × (5 + 1) frames.
    assert places.shape == (2, 2, 2, 6)
    seed, clip, track, frame = places.split(np.arange(2 * 2 * 2 * 6))
    np.testing.assert_array_equal(places.cell(seed, clip, track, frame), np.arange(48))
    np.testing.assert_array_equal(places.groups(np.arange(48), "split"), np.repeat([0, 1], 24))
    np.testing.assert_array_equal(places.groups(np.arange(48), "clip"), np.repeat([0, 1, 2, 3], 12))
    assert places.groups(np.arange(48), "none") is None


def test_scores_are_found_by_their_cells() -> None:
    found = Landed(np.array([2, 5, 9]), np.array([20.0, 50.0, 90.0]))
    assert found.at(np.array([2, 9])).tolist() == [20, 90]


def test_a_score_that_is_no_number_is_refused() -> None:
    with pytest.raises(ScoreError, match="1 scores are NaN") as caught:
        landed(table(row(1, 0), row(float("nan"), 2)), "start")
    assert "window at frame 2" in caught.value.where


def test_a_score_of_an_unknown_clip_is_refused() -> None:
    with pytest.raises(ScoreError, match=r"not in the test split: \['y', 'z'\]"):
        landed(table(row(1, 0, clip="z"), row(1, 0), row(1, 0, clip="y")), "start")


@pytest.mark.parametrize("start", [8.0, -1.0])
def test_a_score_outside_its_clip_is_refused(start: float) -> None:
    with pytest.raises(ScoreError, match="1 scores lie outside their clip of 8 frames") as caught:
        landed(table(row(1, 0), row(1, start)), "all_mean")
    assert f"frame {start:g}" in caught.value.where


@pytest.mark.parametrize("landing", LANDINGS)
def test_no_scores_land_nowhere(landing: Landing) -> None:
    assert landed(table(), landing) == {}


Windows = st.lists(st.tuples(st.integers(0, 8), st.integers(1, 6), st.floats(-9, 9)), min_size=1, max_size=20)


@settings(max_examples=60, deadline=None)
@given(Windows, st.sampled_from(LANDINGS), st.integers(0, 4))
def test_landing_is_what_loops_would_give(items: list[tuple[int, int, float]], landing: Landing, shift: int) -> None:
    rows = table(*[row(score, start, length=length) for start, length, score in items])
    lands: dict[int, list[float]] = {}
    for start, length, score in items:
        own = {"start": [start], "centre": [start + length // 2]}.get(landing, list(range(start, start + length)))
        for frame in own:
            if frame + shift < 14:
                lands.setdefault(frame + shift, []).append(score)
    join = max if landing == "all_max" else np.mean
    expected = {frame: pytest.approx(join(scores), abs=1e-12) for frame, scores in sorted(lands.items())}
    assert landed(rows, landing, frames=14, shift=shift) == expected
