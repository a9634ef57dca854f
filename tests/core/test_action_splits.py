"""Splits of classes: drawn ones, written ones, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml

from stages.core.action_splits import SPLITS_FILE, action_splits, draft_splits, random_splits
from stages.core.dataset import Dataset, load_dataset
from stages.core.errors import DatasetError
from stages.core.paths import Project

CLASSES = [f"a{number:02}" for number in range(12)]


def actions(root: Path, classes: str = "abcd", *, per_class: int = 2) -> Dataset:
    folder = root / "data" / "raw" / "d"
    folder.mkdir(parents=True, exist_ok=True)
    about = {"name": "d", "source": "s", "licence": "l", "modality": "poses", "task": "actions"}
    (folder / "dataset.yaml").write_text(yaml.safe_dump(about))
    rows = [
        f"{kind}{number},{'train' if number % 2 == 0 else 'test'},poses/x.parquet,c,s,10,64,48,9,{kind}"
        for kind in classes
        for number in range(per_class)
    ]
    (folder / "clips.csv").write_text("clip,split,path,camera,scene,fps,width,height,frames,kind\n" + "\n".join(rows))
    (folder / "labels.csv").write_text("clip,start_frame,end_frame\n")
    return load_dataset(Project(root), "d")


def splits(data: Dataset, *listed: dict[str, object]) -> None:
    (data.folder / SPLITS_FILE).write_text(yaml.safe_dump({"splits": list(listed)}))


def test_random_splits_are_different_and_always_the_same() -> None:
    found = random_splits(CLASSES)
    assert found == random_splits(reversed(CLASSES))
    assert found != random_splits(CLASSES, seed=1)
    assert len({split.classes for split in found}) == 10
    assert all(3 <= len(split.classes) <= 5 and not split.meaningful for split in found)
    assert [split.name for split in found[:2]] == ["random_1", "random_2"]


def test_few_classes_have_few_splits() -> None:
    assert {split.classes for split in random_splits("ab")} == {("a",), ("b",)}
    assert all(len(split.classes) == 2 for split in random_splits("abcd"))
    with pytest.raises(DatasetError, match="1 classes cannot be split"):
        random_splits("a")


def test_a_draft_is_read_back(tmp_path: Path) -> None:
    data = actions(tmp_path)
    named = {"both": ("a", "b"), "not there": ("a", "x"), "all": ("a", "b", "c", "d")}
    (data.folder / SPLITS_FILE).write_text(draft_splits("abcd", named))
    found = action_splits(data)
    assert [split.name for split in found if split.meaningful] == ["both"]
    assert len(found) == 7  # six pairs of four


@pytest.mark.parametrize(
    ("listed", "complaint"),
    [
        ([{"name": "x", "classes": ["a", "bb"]}], "x: no clip shows 'bb'; did you mean 'b'"),
        ([{"name": "x", "classes": ["a", "b", "c", "d"]}], "it takes all 4 classes"),
        ([{"name": "x", "classes": ["a"]}, {"name": "x", "classes": ["b"]}], "x: there are two of that name"),
        ([{"name": "x", "classes": []}], "splits.0.classes"),
        ([{"name": "x/y", "classes": ["a"]}], "splits.0.name"),
        ([{"name": "x", "clases": ["a"]}], "clases: unknown parameter"),
        ([], "splits.yaml.splits"),
    ],
)
def test_splits_that_cannot_be_judged_are_refused(
    listed: list[dict[str, object]], complaint: str, tmp_path: Path
) -> None:
    data = actions(tmp_path)
    splits(data, *listed)
    with pytest.raises(DatasetError, match=complaint):
        action_splits(data)


def test_a_class_with_one_clip_is_refused(tmp_path: Path) -> None:
    data = actions(tmp_path, per_class=1)
    splits(data, {"name": "x", "classes": ["a", "b"]})
    with pytest.raises(DatasetError, match="x: there is no test clip of 'a' to judge by"):
        action_splits(data)


def test_no_file_and_no_yaml(tmp_path: Path) -> None:
    data = actions(tmp_path)
    with pytest.raises(DatasetError, match="needs splits of its classes"):
        action_splits(data)
    (data.folder / SPLITS_FILE).write_text("splits: [")
    with pytest.raises(DatasetError, match="not valid YAML"):
        action_splits(data)


@pytest.mark.parametrize(
    ("column", "value", "complaint"), [("kind", "", "'a0' has no kind"), ("abnormal", "1", "splits.yaml does")]
)
def test_what_a_dataset_of_actions_must_not_say(column: str, value: str, complaint: str, tmp_path: Path) -> None:
    data = actions(tmp_path)
    table = pd.read_csv(data.folder / "clips.csv", dtype=str)
    table[column] = [value, *(["a"] * (len(table) - 1) if column == "kind" else [""] * (len(table) - 1))]
    table.to_csv(data.folder / "clips.csv", index=False)
    with pytest.raises(DatasetError, match=complaint):
        load_dataset(Project(tmp_path), "d")


def test_a_dataset_of_actions_has_no_intervals(tmp_path: Path) -> None:
    data = actions(tmp_path)
    (data.folder / "labels.csv").write_text("clip,start_frame,end_frame\na0,0,8\n")
    with pytest.raises(DatasetError, match=r"labels.csv call something abnormal; .* splits.yaml does"):
        load_dataset(Project(tmp_path), "d")
