"""Cutting windows: hand-computed tracks, and the published rule against a reference computation."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.core.cutting import cut, frame_entries, resample, window_labels
from stages.core.windows import WindowSpec


def spec(**kwargs: object) -> WindowSpec:
    """A window spec of 4 samples at 10 per second unless told otherwise."""
    return WindowSpec(**{"length": 4, "rate": 10.0, **kwargs})  # type: ignore[arg-type]


def people(*tracks: tuple[int, list[int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tracks whose one joint stands at x = frame, y = id, confidence 1."""
    track = np.array([person for person, frames in tracks for _ in frames], dtype=np.int64)
    frame = np.array([frame for _, frames in tracks for frame in frames], dtype=np.int64)
    keypoints = np.stack([frame, track, np.ones_like(frame)], axis=1)[:, None].astype(np.float32)
    return track, frame, keypoints


def starts(frames: list[int], window: WindowSpec, fps: float = 10, stride: int = 1) -> list[int]:
    entries = resample(*people((0, frames)), window, fps)
    first, _ = cut(entries, window, stride)
    return [int(entries.sample[row]) for row in first]


def test_every_sample_is_an_entry_where_the_rates_agree() -> None:
    entries = resample(*people((3, [5, 6, 7]), (1, [0, 1])), spec(), fps=10)
    assert entries.track.tolist() == [1, 1, 3, 3, 3]  # sorted by track, then time
    assert entries.sample.tolist() == [0, 1, 5, 6, 7]
    assert not entries.filled.any()
    assert entries.keypoints[:, 0, 0].tolist() == [0, 1, 5, 6, 7]


def test_thirty_frames_a_second_become_ten_samples() -> None:
    entries = resample(*people((0, list(range(10)))), spec(), fps=30)
    assert entries.sample.tolist() == [0, 1, 2, 3]
    assert entries.keypoints[:, 0, 0].tolist() == [0, 3, 6, 9]  # x = frame: every third


def test_twenty_five_frames_a_second_are_interpolated() -> None:
    entries = resample(*people((0, list(range(6)))), spec(), fps=25)
    assert entries.keypoints[:, 0, 0].tolist() == [0, 2.5, 5]  # halfway between frames 2 and 3


def test_a_slow_video_is_interpolated_up() -> None:
    entries = resample(*people((0, [0, 1, 2])), spec(), fps=5)
    assert entries.keypoints[:, 0, 0].tolist() == [0, 0.5, 1, 1.5, 2]
    assert not entries.filled.any()


def test_a_sample_next_to_a_lost_frame_is_still_seen() -> None:
    # At 30 frames/s frame 3 stands for 2, 3 and 4: with 3 lost it is interpolated between 2 and 4.
    entries = resample(*people((0, [0, 1, 2, 4, 5, 6])), spec(fill=0), fps=30)
    assert entries.keypoints[:, 0, 0].tolist() == [0, 3, 6]
    assert not entries.filled.any()


def test_short_gaps_are_filled_and_marked_long_ones_are_not() -> None:
    entries = resample(*people((0, [0, 3, 10])), spec(fill=2), fps=10)
    assert entries.sample.tolist() == [0, 1, 2, 3, 10]  # two lost samples are filled, six are not
    assert entries.filled.tolist() == [False, True, True, False, False]


def test_tracks_never_lend_each_other_entries() -> None:
    # Person 0 ends where person 1 begins: no sample between them may be filled.
    entries = resample(*people((0, [0, 1]), (1, [3, 4])), spec(fill=5), fps=10)
    assert entries.sample.tolist() == [0, 1, 3, 4]
    assert entries.keypoints[:, 0, 1].tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("frames", "kwargs", "expected"),
    [
        (list(range(6)), {}, [0, 1, 2]),  # 6 entries hold 3 windows of 4
        (list(range(6)), {"keep_last": False}, [0, 1]),  # published: ceil((6 - 4) / 1) = 2
        (list(range(4)), {"keep_last": False}, []),  # published: n must exceed L
        (list(range(4)), {}, [0]),
        (list(range(3)), {}, []),
        ([], {}, []),
        ([0, 1, 4, 5], {"fill": 0}, [0]),  # two of four lie past time 4: accepted, as published
        ([0, 4, 5, 6], {"fill": 0}, []),  # three lie past it: refused
        ([0, 1, 4, 5], {"fill": 2, "max_missing": 2}, [0, 1, 2]),  # 2 and 3 filled: each window holds both
        ([0, 1, 4, 5], {"fill": 2, "max_missing": 1}, []),  # … which is one too many here
    ],
)  # fmt: skip
def test_windows_by_hand(frames: list[int], kwargs: dict[str, object], expected: list[int]) -> None:
    assert starts(frames, spec(**kwargs)) == expected


def test_stride_counts_entries() -> None:
    assert starts(list(range(10)), spec(), stride=3) == [0, 3, 6]


def test_no_window_spans_two_people() -> None:
    window = spec(length=3)
    entries = resample(*people((0, [0, 1, 2]), (1, [3, 4, 5])), window, fps=10)
    first, missing = cut(entries, window, 1)
    assert first.tolist() == [0, 3]
    assert missing.tolist() == [0, 0]


def test_labels_of_windows() -> None:
    truth = np.array([0, 0, 1, 0, np.nan, 0], dtype=np.float32)
    labels = window_labels(truth, np.array([0.0, 1.0, 3.0, 5.0]), np.array([2.0, 3.0, 5.0, 6.0]))
    assert labels.tolist() == [0, 1, pd.NA, 0]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sets(st.integers(0, 40), max_size=25), min_size=1, max_size=4),
    st.integers(1, 6),
    st.integers(1, 4),
    st.booleans(),
)
def test_the_vectorized_rule_equals_the_plain_one(
    tracks: list[set[int]], length: int, stride: int, keep_last: bool
) -> None:
    window = spec(length=length, rate=None, fill=0, keep_last=keep_last)
    entries = resample(*people(*[(i, sorted(frames)) for i, frames in enumerate(tracks)]), window, fps=10)
    first, _ = cut(entries, window, stride)
    found = [(int(entries.track[row]), int(entries.sample[row])) for row in first]
    assert found == [
        (person, frames[start])
        for person, frames in enumerate(sorted(track) for track in tracks)
        for start in range(0, len(frames) - length + (1 if keep_last else 0), stride)
        if sum(frame < frames[start] + length for frame in frames[start : start + length]) >= length - 2
    ]


@pytest.mark.oracle
@pytest.mark.parametrize(("length", "stride"), [(24, 6), (24, 1), (16, 6), (16, 1), (12, 8), (12, 1)])
def test_published_windows(shared: Path, length: int, stride: int) -> None:
    oracle = np.load(shared / "oracles" / "preproc_oracle.npz")
    clip = json.loads((shared / "oracles" / "preproc_oracle_clip.json").read_text())
    rows = [
        (int(person), int(frame), np.reshape(entry["keypoints"], (17, 3)))
        for person, frames in clip.items()
        for frame, entry in frames.items()
    ]
    track, frame, keypoints = (np.array(column) for column in zip(*rows, strict=True))
    window = WindowSpec(length=length, rate=None, fill=0, keep_last=False, layout="coco17")
    entries = resample(track, frame, keypoints.astype(np.float32), window, fps=24)
    first, _ = cut(entries, window, stride)
    meta, data = oracle[f"seg_L{length}_S{stride}_meta"], oracle[f"seg_L{length}_S{stride}_data"]
    mine = np.stack([entries.track[first], entries.sample[first]], axis=1)
    order = np.lexsort(meta[:, [3, 2]].T)
    assert mine.tolist() == meta[order][:, 2:].tolist()
    values = entries.keypoints[first[:, None] + np.arange(length)]
    np.testing.assert_allclose(values, data[order], rtol=1e-6)


@pytest.mark.parametrize(("frames", "fps", "numbers"), [(4, 10, [0, 1, 2, 3]), (7, 30, [0, 3, 6]), (6, 25, [0, 2, 5])])
def test_whole_frames_at_sample_times(frames: int, fps: float, numbers: list[int]) -> None:
    entries = frame_entries(frames, WindowSpec(rate=10.0, length=4), fps)
    assert entries.keypoints.flatten().tolist() == numbers
    assert entries.sample.tolist() == list(range(len(numbers)))


def test_a_clip_without_frames_has_no_samples() -> None:
    assert len(frame_entries(0, WindowSpec(rate=None, length=4), 25.0).sample) == 0
