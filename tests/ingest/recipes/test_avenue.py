"""Avenue in small, and the frames that HR-Avenue drops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.io

from stages.core.errors import DatasetError
from stages.evaluation.metrics import frame_metrics
from stages.ingest.recipes.avenue import RUNS, clips, drops, length
from stages.ingest.source import Interval
from tests.ingest.recipes.miniature import FRAMES, TRUTH, avenue, imported, plain


def test_a_miniature(tmp_path: Path) -> None:
    data = imported(tmp_path, clips, avenue(tmp_path / "avenue", plain()), partial=True)
    assert data.clips[["clip", "split", "frames", "fps", "width"]].to_numpy().tolist() == [
        ["test_01", "test", FRAMES, 25, 64],
        ["train_01", "train", FRAMES, 25, 64],
    ]
    assert data.frame_labels("test_01").tolist() == TRUTH  # one marked pixel makes a frame abnormal
    assert data.unknown.empty


def test_masks_may_lie_one_folder_higher(tmp_path: Path) -> None:
    source = avenue(tmp_path / "avenue", plain())
    (source / "ground_truth_demo" / "testing_label_mask").rename(source / "testing_label_mask")
    assert imported(tmp_path, clips, source, partial=True).frame_labels("test_01").tolist() == TRUTH


def test_frames_that_hr_drops_count_for_nothing(tmp_path: Path) -> None:
    source = avenue(tmp_path / "avenue", plain(740, 16, 24), "16")
    data = imported(tmp_path, clips, source, partial=True, hr=True)
    truth = data.frame_labels("test_16")
    assert np.flatnonzero(np.isnan(truth)).tolist() == list(range(728, 740))  # 728 kept, 12 dropped
    assert np.flatnonzero(truth == 1).tolist() == [5, 6, 7, 8, 9]
    found = frame_metrics(truth, np.arange(740.0), ["test_16"] * 740)
    assert (found.frames, found.unknown) == (728, 12)


def test_hr_of_other_lengths_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="HR-Avenue knows 1439 frames, the mask 20"):
        imported(tmp_path, clips, avenue(tmp_path / "avenue", plain()), partial=True, hr=True)


def test_runs_of_hr() -> None:
    # Lengths of the five videos as published, and the dropped frames of the third: 293–340.
    assert {number: length(number) for number in RUNS} == {"01": 1439, "02": 1211, "03": 923, "06": 1283, "16": 740}
    assert drops("03") == (Interval(293, 340, unknown=True),)
    assert sum(interval.end - interval.start + 1 for interval in drops("01")) == 46 + 47 + 47 + 70
    assert drops("04") == ()


@pytest.mark.parametrize("partial", [False, True])
def test_a_missing_mask(tmp_path: Path, partial: bool) -> None:
    source = avenue(tmp_path / "avenue", plain())
    (source / "ground_truth_demo/testing_label_mask/1_label.mat").unlink()
    with pytest.raises(DatasetError, match="1 label files are missing: 1_label.mat"):
        imported(tmp_path, clips, source, partial=partial)


def test_what_does_not_fit(tmp_path: Path) -> None:
    source = avenue(tmp_path / "avenue", plain())
    path = source / "ground_truth_demo/testing_label_mask/1_label.mat"
    cells = scipy.io.loadmat(path)["volLabel"]
    scipy.io.savemat(path, {"volLabel": cells[:, :-1]})
    with pytest.raises(DatasetError) as error:
        imported(tmp_path, clips, source)
    assert "test_01 has 20 frames, its labels 19" in str(error.value)
    assert "1 training videos, the complete data set has 16" in str(error.value)
    scipy.io.savemat(path, {"volLabel": np.zeros((4, 5))})
    with pytest.raises(DatasetError, match="volLabel is no list of frames"):
        imported(tmp_path, clips, source)
