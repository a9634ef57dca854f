"""The normalize stage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from stages import normalize
from stages.core.normalization import NormalizationParams
from stages.core.normalization import normalize as normalized_values
from stages.core.paths import Project, entries_file, split_file
from stages.core.schemas import ENTRIES, NORMALIZED, SEGMENTS, Rows, pose_meta
from stages.core.seeding import stream
from stages.core.skeleton import OPENPOSE18
from stages.core.tables import read, write, writing


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Three windows of two entries over five entries in two clips; the last one is flat."""
    here = Project(tmp_path)
    here.params.write_text(yaml.safe_dump({"windows": {"w": {"length": 2, "layout": "coco17"}}}))
    keypoints = stream(0, "k").uniform(0, 100, size=(5, 17, 3)).astype(np.float32)
    keypoints[3:, :, 1] = 40  # all joints at one height: no person
    people = pd.DataFrame({"clip": list("aaabb"), "track": 0, "sample": [0, 1, 2, 0, 1], "filled": False})
    columns = {"track": 0, "step": 1.0, "length": 2, "missing": 0, "label": 1, "person_label": 0}
    windows = pd.DataFrame({"clip": list("aab"), "start_frame": [0.0, 1, 0], **columns, "first_row": [0, 1, 3]})
    for split in ("train", "validation", "test"):
        folder = here.segments("d", "w")
        write(entries_file(folder, split), ENTRIES, Rows(people, keypoints, pose_meta("coco17")))
        with writing(split_file(folder, split), SEGMENTS, pose_meta("coco17")) as pieces:
            pieces.append(windows[:2])
            pieces.append(windows[2:])
    return here


def test_values_are_those_of_the_windows(project: Project) -> None:
    normalize.run(project, "d", "w")
    rows = read(split_file(project.normalized("d", "w"), "train"), NORMALIZED)
    entries = read(entries_file(project.segments("d", "w"), "train"), ENTRIES).arrays
    windows = np.stack([entries[0:2], entries[1:3]])
    np.testing.assert_array_equal(rows.arrays, normalized_values(windows, NormalizationParams(), OPENPOSE18))
    assert rows.meta["channels"] == "x,y"
    assert rows.frame[["label", "person_label"]].to_numpy().tolist() == [[1, 0], [1, 0]]


def test_flat_windows_are_dropped_and_counted(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="normotion"):
        normalize.run(project, "d", "w")
    rows = read(split_file(project.normalized("d", "w"), "test"), NORMALIZED)
    assert rows.frame["clip"].tolist() == ["a", "a"]
    assert "test: 2 windows normalized, 1 dropped" in caplog.text
