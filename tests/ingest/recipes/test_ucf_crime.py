"""UCF-Crime in small."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stages.core.errors import DatasetError
from stages.ingest.recipes.ucf_crime import clips
from tests.ingest.recipes.miniature import FRAMES, TRUTH, imported, plain, text, ucf_crime, video

TRUTHS = "Temporal_Anomaly_Annotation_for_Testing_Videos.txt"


def test_a_miniature(tmp_path: Path) -> None:
    data = imported(tmp_path, clips, ucf_crime(tmp_path / "ucf", plain()), partial=True)
    assert data.clips[["clip", "split", "frames", "kind", "abnormal"]].fillna("").to_numpy().tolist() == [
        ["Abuse028_x264", "test", FRAMES, "Abuse", 1],
        ["Normal_Videos001_x264", "train", FRAMES, "", 0],
        ["Normal_Videos_003_x264", "test", FRAMES, "", 0],
    ]
    assert data.frame_labels("Abuse028_x264").tolist() == TRUTH  # 6–8 and 9–10 counted from 1 are 5–9
    assert set(data.labels["kind"]) == {"Abuse"}
    assert not data.frame_labels("Normal_Videos_003_x264").any()


def test_abnormal_training_videos_on_demand(tmp_path: Path) -> None:
    data = imported(tmp_path, clips, ucf_crime(tmp_path / "ucf", plain()), partial=True, abnormal_training=True)
    assert data.split("train")["clip"].tolist() == ["Abuse001_x264", "Normal_Videos001_x264"]
    assert np.isnan(data.frame_labels("Abuse001_x264")).all()  # something happens, nobody says when


@pytest.mark.parametrize("partial", [False, True])
def test_a_missing_truth(tmp_path: Path, partial: bool) -> None:
    source = ucf_crime(tmp_path / "ucf", plain())
    text(source / TRUTHS, "Abuse028_x264.mp4  Abuse  6  8  9  10\n")
    with pytest.raises(DatasetError, match=f"1 label files are missing: Normal_Videos_003_x264 in {TRUTHS}"):
        imported(tmp_path, clips, source, partial=partial)
    (source / TRUTHS).unlink()
    with pytest.raises(DatasetError, match=f"{TRUTHS} or Temporal_Anomaly_Annotation.txt is missing"):
        imported(tmp_path, clips, source, partial=partial)


def test_an_incomplete_download(tmp_path: Path) -> None:
    source = ucf_crime(tmp_path / "ucf", plain())
    (source / "Testing_Normal_Videos_Anomaly/Normal_Videos_003_x264.mp4").unlink()
    with pytest.raises(DatasetError) as error:
        imported(tmp_path, clips, source)
    assert "1 test videos missing: Normal_Videos_003_x264" in str(error.value)
    assert "2 training videos in the list, the complete data set has 1610" in str(error.value)
    assert imported(tmp_path, clips, source, partial=True).split("test")["clip"].tolist() == ["Abuse028_x264"]


def test_truth_past_the_end(tmp_path: Path) -> None:
    source = ucf_crime(tmp_path / "ucf", plain())
    video(source / "Anomaly-Videos-Part-1/Abuse/Abuse028_x264.mp4", plain(9))
    with pytest.raises(DatasetError, match="Abuse028_x264 has 9 frames, its labels 10"):
        imported(tmp_path, clips, source)
    left = imported(tmp_path, clips, source, partial=True)
    assert left.split("test")["clip"].tolist() == ["Normal_Videos_003_x264"]  # never without labels that fit


@pytest.mark.parametrize(
    "line",
    [
        "Abuse028_x264.mp4 Abuse 6 8 9",
        "Abuse028_x264.mp4 Abuse 8 6 -1 -1",
        "Abuse028_x264.mp4 Abuse 0 6 -1 -1",
        "Abuse028_x264.mp4 Abuse -1 -1 -1 -1",
        "Abuse028_x264.mp4 Normal 3 6 -1 -1",
        "Abuse028_x264.mp4 Abuse six",
        "Abuse028_x264.mp4",
    ],
)
def test_annotations_that_are_none(tmp_path: Path, line: str) -> None:
    source = ucf_crime(tmp_path / "ucf", plain())
    text(source / TRUTHS, line + "\n")
    with pytest.raises(DatasetError, match="is no annotation"):
        imported(tmp_path, clips, source, partial=True)


@pytest.mark.parametrize(("content", "message"), [("", "the list is empty"), ("x.mp4\n", "is not <class>/<video>")])
def test_lists_that_are_none(tmp_path: Path, content: str, message: str) -> None:
    source = ucf_crime(tmp_path / "ucf", plain())
    text(source / "Anomaly_Detection_splits/Anomaly_Test.txt", content)
    with pytest.raises(DatasetError, match=message):
        imported(tmp_path, clips, source, partial=True)
