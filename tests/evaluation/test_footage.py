"""Seeds joined, and footage that is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from stages.core.errors import DatasetError, ScoreError
from stages.evaluation.footage import footage
from stages.evaluation.landing import NOBODY
from tests.evaluation.footages import filmed, scored

TWO = filmed({"a": "gate", "b": "yard"}, fps=2)


def test_seeds_are_joined_by_their_mean_and_the_worst_names_the_person() -> None:
    first, second = scored({"a": [1, 4]}, seed=0, track=7), scored({"a": [3, 2]}, seed=5, track=9)
    found = footage(pd.concat([second, first]), TWO)
    assert found.score.tolist() == [2, 3]
    # Seed 5 is more alarmed at frame 0, seed 0 at frame 1.
    assert found.track.tolist() == [9, 7]


def test_of_equal_seeds_the_first_names_the_person() -> None:
    frames = pd.concat([scored({"a": [1]}, seed=1, track=9), scored({"a": [1]}, seed=0, track=7)])
    assert footage(frames, TWO).track.tolist() == [7]


def test_clips_are_sorted_and_those_without_frames_left_out() -> None:
    clips = pd.concat([filmed({"c": "hall"}, fps=0), TWO])
    found = footage(scored({"b": [1, 2], "a": [3]}, {"a": [None], "b": [1, 0]}, track=None), clips)
    assert found.clips["clip"].tolist() == ["a", "b"]
    assert found.camera.tolist() == ["gate", "yard"]
    assert (found.clip.tolist(), found.frame.tolist()) == ([0, 1, 1], [0, 0, 1])
    assert found.score.tolist() == [3, 1, 2]
    assert found.track.tolist() == [NOBODY] * 3
    assert np.isnan(found.label[0])
    assert found.label[1:].tolist() == [1, 0]


def test_hours_are_those_of_the_chosen_frames() -> None:
    found = footage(scored({"a": [0] * 7200, "b": [0] * 3600}), TWO)
    assert found.hours(np.ones(10800, dtype=bool)).tolist() == [1, 0.5]
    assert found.hours(found.frame < 1800).tolist() == [0.25, 0.25]


def test_no_frames_are_no_footage() -> None:
    found = footage(scored({"a": [1]}).iloc[:0], TWO)
    assert (len(found.clips), len(found.score)) == (0, 0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_score_that_is_no_number_is_refused(bad: float) -> None:
    with pytest.raises(ScoreError, match="1 scores are NaN or infinite") as caught:
        footage(scored({"a": [1, bad]}), TWO)
    assert caught.value.where == "clip 'a', frame 1"


def test_an_unknown_clip_is_refused() -> None:
    with pytest.raises(ScoreError, match="clips that the table of clips lacks: \\['c'\\]"):
        footage(scored({"c": [1]}), TWO)


@pytest.mark.parametrize("fps", [0.0, -1.0, np.nan])
def test_a_rate_that_is_not_above_zero_is_refused(fps: float) -> None:
    with pytest.raises(DatasetError, match="frames per second") as caught:
        footage(scored({"a": [1]}), filmed({"a": "gate"}, fps=fps))
    assert caught.value.where == "clip 'a'"


def test_missing_frames_are_refused() -> None:
    with pytest.raises(ScoreError, match="no score for the frames after frame 0") as caught:
        footage(scored({"a": [1, 2], "b": [1, 2, 3]}).drop(index=3), TWO)
    assert caught.value.where == "clip 'b'"


def test_seeds_that_differ_in_their_frames_are_refused() -> None:
    one = scored({"a": [1, 2]})
    for other in (scored({"a": [1]}, seed=1), scored({"b": [1, 2]}, seed=1), one):
        with pytest.raises(ScoreError, match="not of the same frames, each once"):
            footage(pd.concat([one, other]), TWO)
