"""UBI-Fights in small."""

from __future__ import annotations

from pathlib import Path

import pytest

from stages.core.errors import DatasetError
from stages.ingest.recipes.ubi_fights import clips
from tests.ingest.recipes.miniature import TRUTH, imported, plain, text, ubi_fights


def test_a_miniature(tmp_path: Path) -> None:
    data = imported(tmp_path, clips, ubi_fights(tmp_path / "ubi", plain()), partial=True)
    assert data.clips[["clip", "split"]].to_numpy().tolist() == [
        ["F_0_1_0_0_0", "test"],
        ["N_0_0_0_1_0", "test"],
        ["N_1_0_0_0_0", "train"],
    ]
    assert data.frame_labels("F_0_1_0_0_0").tolist() == TRUTH
    assert data.labels["kind"].tolist() == ["fight"]
    assert not data.frame_labels("N_0_0_0_1_0").any()


def test_fights_to_learn_from_on_demand(tmp_path: Path) -> None:
    data = imported(tmp_path, clips, ubi_fights(tmp_path / "ubi", plain()), partial=True, abnormal_training=True)
    assert data.split("train")["clip"].tolist() == ["F_1_0_0_0_0", "N_1_0_0_0_0"]
    assert data.frame_labels("F_1_0_0_0_0").tolist() == TRUTH


@pytest.mark.parametrize("partial", [False, True])
def test_a_missing_annotation(tmp_path: Path, partial: bool) -> None:
    source = ubi_fights(tmp_path / "ubi", plain())
    (source / "annotation/F_0_1_0_0_0.csv").unlink()
    with pytest.raises(DatasetError, match="1 label files are missing: annotation/F_0_1_0_0_0.csv"):
        imported(tmp_path, clips, source, partial=partial)


def test_an_incomplete_download(tmp_path: Path) -> None:
    source = ubi_fights(tmp_path / "ubi", plain())
    (source / "videos/normal/N_0_0_0_1_0.mp4").unlink()
    with pytest.raises(DatasetError) as error:
        imported(tmp_path, clips, source)
    assert "1 test videos missing: N_0_0_0_1_0" in str(error.value)
    assert "2 videos with a fight, the complete data set has 216" in str(error.value)
    (source / "test_videos.csv").unlink()
    with pytest.raises(DatasetError, match="list of test videos missing: test_videos.csv"):
        imported(tmp_path, clips, source, partial=True)


def test_annotations_that_do_not_fit(tmp_path: Path) -> None:
    source = ubi_fights(tmp_path / "ubi", plain())
    text(source / "annotation/F_0_1_0_0_0.csv", "0\n" * 21)
    with pytest.raises(DatasetError, match="F_0_1_0_0_0 has 20 frames, its labels 21"):
        imported(tmp_path, clips, source)
    text(source / "annotation/F_0_1_0_0_0.csv", "0\n2\n")
    with pytest.raises(DatasetError, match="line 2 is '2', neither 0 nor 1"):
        imported(tmp_path, clips, source)
