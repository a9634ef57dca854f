"""The Python API: what its page shows, and what it refuses."""

from __future__ import annotations

import doctest
from pathlib import Path

import pandas as pd
import pytest

import normotion
from stages.core.errors import DatasetError, SchemaError
from stages.live import api
from stages.live.example import walker

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "python.md"


def test_the_page_shows_what_happens() -> None:
    found = doctest.testfile(str(PAGE), module_relative=False)
    assert found.attempted > 5
    assert not found.failed


def test_the_docstrings_show_what_happens() -> None:
    for module in (normotion, api):
        found = doctest.testmod(module)
        assert found.attempted >= 2
        assert not found.failed


def test_rows_may_come_in_any_order() -> None:
    tracks = walker(frames=60, fps=25.0)
    one, other = (normotion.score_tracks(each, fps=25.0) for each in (tracks, tracks.sample(frac=1, random_state=0)))
    pd.testing.assert_frame_equal(one.frames, other.frames)


def test_nobody_is_no_mistake() -> None:
    found = normotion.score_tracks(walker(frames=60, fps=25.0).head(0), fps=25.0)
    assert found.frames.empty
    assert found.events.empty


def test_a_low_threshold_rings() -> None:
    found = normotion.score_tracks(walker(frames=100, fps=25.0), fps=25.0, threshold=-1e9)
    assert len(found.events) == 1
    assert found.frames["alarm"].all()


def test_what_is_no_table_of_tracks_is_refused() -> None:
    tracks = walker(frames=20, fps=25.0)
    with pytest.raises(DatasetError, match="the table has the columns"):
        normotion.score_tracks(tracks.drop(columns="track"), fps=25.0)
    with pytest.raises(DatasetError, match="keypoints"):
        normotion.score_tracks(tracks.assign(keypoints=pd.Series([[1.0, 2.0]] * len(tracks), dtype=object)), fps=25.0)
    with pytest.raises(SchemaError, match="twice in one frame"):
        normotion.score_tracks(pd.concat([tracks, tracks]), fps=25.0)
    with pytest.raises(SchemaError, match="no frame rate"):
        normotion.score_tracks(tracks, fps=0.0)
