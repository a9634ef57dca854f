"""UBnormal in small, and its lists, masks and annotations in full."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from stages.core.errors import DatasetError
from stages.ingest.recipes.ubnormal import clips
from tests.ingest.recipes.miniature import FRAMES, TRUTH, array, imported, text, tracked, ubnormal


def test_all_splits(tmp_path: Path) -> None:
    data = imported(tmp_path, clips, ubnormal(tmp_path / "ub"), partial=True)
    assert data.clips[["clip", "split", "camera", "kind"]].fillna("").to_numpy().tolist() == [
        ["abnormal_scene_5_scenario_1_smoke", "test", "5", "smoke"],
        ["abnormal_scene_5_scenario_2", "validation", "5", ""],
        ["normal_scene_1_scenario1_9", "train", "1", ""],
        ["normal_scene_2_scenario_3_fog", "train", "2", "fog"],
        ["normal_scene_4_scenario_4", "validation", "4", ""],
        ["normal_scene_9_scenario_6_2", "test", "9", ""],
    ]
    assert data.frame_labels("abnormal_scene_5_scenario_1_smoke").tolist() == TRUTH  # the file says 1 for normal
    assert not data.frame_labels("normal_scene_9_scenario_6_2").any()
    # Annotated are 0–3 and 12–21, inclusive, of a clip whose last pose is in frame 19.
    assert data.frame_labels("abnormal_scene_5_scenario_2").tolist() == [1] * 4 + [0] * 8 + [1] * 10


def test_abnormal_training_clips_on_demand(tmp_path: Path) -> None:
    data = imported(tmp_path, clips, ubnormal(tmp_path / "ub"), partial=True, **{"abnormal-training": "true"})
    assert len(data.split("train")) == 3
    assert np.flatnonzero(data.frame_labels("abnormal_scene_1_scenario_3")).tolist() == [5, 6, 7, 8, 9]


def test_some_scenes_in_which_running_is_normal(tmp_path: Path) -> None:
    moved = tmp_path / "moved.csv"
    moved.write_text("clip,split\nabnormal_scene_5_scenario_1_smoke, train\n")
    told = {"scenes": "[2, 5, 9]", "moved": str(moved)}
    data = imported(tmp_path, clips, ubnormal(tmp_path / "ub"), partial=True, **told)
    assert data.clips[["clip", "split"]].to_numpy().tolist() == [
        ["abnormal_scene_5_scenario_1_smoke", "train"],
        ["abnormal_scene_5_scenario_2", "validation"],
        ["normal_scene_2_scenario_3_fog", "train"],
        ["normal_scene_9_scenario_6_2", "test"],
    ]
    assert not data.frame_labels("abnormal_scene_5_scenario_1_smoke").any()
    assert data.frame_labels("abnormal_scene_5_scenario_2").any()


@pytest.mark.parametrize("row", ["nobody,train", "normal_scene_1_scenario1_9,trian", "normal_scene_1_scenario1_9"])
def test_a_list_of_moves_that_is_wrong(tmp_path: Path, row: str) -> None:
    moved = tmp_path / "moved.csv"
    moved.write_text(f"clip,split\n{row}\n")
    with pytest.raises(DatasetError, match="names no clip and split"):
        imported(tmp_path, clips, ubnormal(tmp_path / "ub"), partial=True, moved=str(moved))


def test_a_list_of_moves_needs_its_head(tmp_path: Path) -> None:
    moved = tmp_path / "moved.csv"
    moved.write_text("normal_scene_1_scenario1_9,test\n")
    with pytest.raises(DatasetError, match="names no clip and split"):
        imported(tmp_path, clips, ubnormal(tmp_path / "ub"), partial=True, moved=str(moved))


@pytest.mark.parametrize(
    ("lost", "message"),
    [
        ("gt/normal_scene_9_scenario_6_2_tracks.txt", r"normal_scene_9_scenario_6_2_tracks.txt \(an array\)"),
        ("Scene5/abnormal_scene_5_scenario_2_tracks.txt", "missing: abnormal_scene_5_scenario_2_tracks.txt"),
    ],
)
def test_a_missing_mask(tmp_path: Path, lost: str, message: str) -> None:
    source = ubnormal(tmp_path / "ub")
    (source / lost).unlink()
    with pytest.raises(DatasetError, match=message):
        imported(tmp_path, clips, source, partial=True)


def test_an_annotation_in_place_of_a_mask_is_no_mask(tmp_path: Path) -> None:
    source = ubnormal(tmp_path / "ub")
    text(source / "gt/abnormal_scene_5_scenario_1_smoke_tracks.txt", "1,5,9\n")
    with pytest.raises(DatasetError, match="abnormal_scene_5_scenario_1_smoke_tracks.txt"):
        imported(tmp_path, clips, source, partial=True)


def test_an_incomplete_download(tmp_path: Path) -> None:
    with pytest.raises(DatasetError) as error:
        imported(tmp_path, clips, ubnormal(tmp_path / "ub"))
    assert "2 train clips, the complete data set has 186" in str(error.value)
    assert "2 validation clips, the complete data set has 64" in str(error.value)
    assert "2 test clips, the complete data set has 211" in str(error.value)


@pytest.mark.parametrize("line", ["1,5", "1,9,5", "1,a,5", "1,-1,5", "1,0.5,5", "1,inf,5"])
def test_bad_annotations(tmp_path: Path, line: str) -> None:
    source = ubnormal(tmp_path / "ub")
    text(source / "Scene5/abnormal_scene_5_scenario_2_tracks.txt", f"1,0,3\n{line}\n")
    with pytest.raises(DatasetError, match="line 2 is .* not id,first,last"):
        imported(tmp_path, clips, source, partial=True)


def test_masks_and_names_that_do_not_fit(tmp_path: Path) -> None:
    source = ubnormal(tmp_path / "ub")
    array(source / "gt/normal_scene_9_scenario_6_2_tracks.txt", np.ones(FRAMES - 3))
    with pytest.raises(DatasetError, match="6 poses lie outside its 17 frames"):
        imported(tmp_path, clips, source, partial=True)
    tracked(source / "pose/train/normal_street_1_alphapose_tracked_person.json")
    with pytest.raises(DatasetError, match="'normal_street_1' is not the name of a clip of UBnormal"):
        imported(tmp_path, clips, source, partial=True)


@pytest.mark.oracle
def test_labels_in_full(tmp_path: Path, shared: Path) -> None:
    labels, source = shared / "data" / "labels", tmp_path / "ub"
    for part, folder in (("training", "train"), ("validation", "validation"), ("test", "test")):
        for kind in ("normal", "abnormal"):
            for name in (labels / f"ubn_{kind}_{part}.txt").read_text().split():
                place = "abnormal_train" if (kind, folder) == ("abnormal", "train") else folder
                tracked(source / f"pose/{place}/{name}_alphapose_tracked_person.json", 1)
    for name, rows in json.loads((labels / "ubnormal_trainval_tracks.json").read_text()).items():
        if not name.endswith(".txt"):
            text(source / f"annotations/{name}_tracks.txt", "\n".join(rows) + "\n")
    masks = np.load(labels / "ubnormal_test_masks_normal1.npz")
    for name in masks.files:
        array(source / f"gt/{name}_tracks.txt", masks[name])
    data = imported(tmp_path, clips, source, abnormal_training=True)  # complete: nothing is missing
    assert data.clips["split"].value_counts().to_dict() == {"train": 268, "test": 211, "validation": 64}
    test = [data.frame_labels(name) for name in data.split("test")["clip"]]
    assert sum(map(len, test)) == 92_640
    assert round(100 * sum(int(truth.sum()) for truth in test) / 92_640, 1) == 53.6
    abnormal = data.clips["clip"].str.startswith("abnormal")
    assert all(data.frame_labels(name).any() == bad for name, bad in zip(data.clips["clip"], abnormal, strict=True))
