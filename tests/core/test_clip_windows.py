"""Windows made in memory are those that the segment and normalize stages write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stages import normalize, segment
from stages.core.clip_windows import clip_windows
from stages.core.errors import DatasetError, SchemaError
from stages.core.loading import load_windows
from stages.core.normalization import NormalizationParams, NormalizeParams
from stages.core.paths import Project, clip_file, split_file
from stages.core.schemas import TRACKS, Rows, pose_meta
from stages.core.tables import read
from stages.core.windows import WindowSpec
from tests.core.street import FPS, make, tracks


@pytest.mark.parametrize(
    "given",
    [
        {"rate": 10.0, "length": 4},
        {"rate": 10.0, "seconds": 0.8, "stride_score": 3, "fill": 0, "normalization": {"confidence": True}},
        {"rate": None, "length": 8, "fill": 0, "keep_last": False, "normalization": {"frame_size": [856, 480]}},
        {"rate": 7.5, "length": 4, "layout": "coco17"},
    ],
)
def test_the_windows_are_those_of_the_stages(tmp_path: Path, given: dict[str, Any]) -> None:
    here = Project(tmp_path)
    make(here, {"windows": {"w": given}, "normalize": {"least_std": 1.0}})
    segment.run(here, "gate", "w")
    normalize.run(here, "gate", "w")
    wanted = load_windows(split_file(here.normalized("gate", "w"), "test"), "gate", "test")
    spec = WindowSpec.model_validate(given, strict=False)
    found = [
        clip_windows(clip, read(clip_file(here.tracks("gate"), clip), TRACKS), fps, spec, NormalizeParams(), "gate")
        for clip, fps in FPS.items()
    ]
    assert len(wanted) > 20
    assert len(found[2]) == 0
    np.testing.assert_array_equal(np.concatenate([windows.poses for windows in found]), wanted.poses)
    index = pd.concat([windows.index for windows in found], ignore_index=True)
    truth = ["label", "person_label"]
    assert index[truth].isna().all(axis=None)
    pd.testing.assert_frame_equal(index.drop(columns=truth), wanted.index.drop(columns=truth), check_dtype=False)
    assert {(windows.channels, windows.layout) for windows in found} == {(wanted.channels, wanted.layout)}


def test_poses_that_do_not_fit_the_spec_are_refused() -> None:
    spec, rows = WindowSpec(rate=10.0, length=4, layout="ntu25"), tracks("a", 1)
    with pytest.raises(DatasetError, match="no conversion from layout 'coco17'"):
        clip_windows("a", rows, 25, spec, NormalizeParams())
    spec = WindowSpec(rate=10.0, length=4, normalization=NormalizationParams(frame_size=(10, 10)))
    deep = Rows(rows.frame, np.concatenate([rows.arrays, rows.arrays[..., :1]], axis=-1), pose_meta("coco17", "xyz"))
    with pytest.raises(DatasetError, match="divides by a frame size"):
        clip_windows("a", deep, 25, spec, NormalizeParams())
    odd = Rows(rows.frame, rows.arrays, pose_meta("coco17", units="in"))
    with pytest.raises(SchemaError, match="'in'"):
        clip_windows("a", odd, 25, WindowSpec(rate=10.0, length=4), NormalizeParams())


@pytest.mark.parametrize("held", ["patches", "frames"])
def test_pictures_are_not_made_of_tracks(held: str) -> None:
    spec = WindowSpec.model_validate({"length": 4, held: {}})
    with pytest.raises(DatasetError, match="tracks alone have none"):
        clip_windows("a", tracks("a", 2), 10.0, spec, NormalizeParams())
