"""Four clips of UP-Fall from video to scores, stopped and gone on with."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import upfall
from stages.core.paths import Project, clip_file
from stages.core.schemas import POSES
from stages.core.tables import read


@pytest.mark.oracle
@pytest.mark.slow
def test_four_clips_from_video_to_scores(shared: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder, project = shared / "data" / "upfall", Project(tmp_path)
    found = upfall.run(folder, project, count=4)
    assert len(found) == len(upfall.DETECTORS) + len(upfall.SUMS)
    assert set(found["clips"]) == {3}  # one of the four trains
    assert set(found["falls"]) == {2}
    assert found["AUC"].between(0, 1).all()
    poses = sorted(project.poses(upfall.NAME).glob("*.parquet"))
    assert len(poses) == 4
    for path in poses:
        assert (read(path, POSES).frame["frame"] % upfall.EVERY == 0).all()
    lost = clip_file(project.poses(upfall.NAME), poses[0].stem)
    lost.unlink()
    kept = {path: path.stat().st_mtime_ns for path in poses[1:]}
    with caplog.at_level("INFO", logger="normotion"):
        again = upfall.run(folder, project, count=4)
    assert lost.exists()
    assert {path: path.stat().st_mtime_ns for path in poses[1:]} == kept
    assert again.equals(found)
