"""Ground truth finer than a label per frame: kinds and regions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages.core.dataset import Dataset, load_dataset
from stages.core.errors import DatasetError
from stages.core.paths import Project
from stages.core.schemas import REGIONS, Rows
from stages.core.tables import write
from stages.core.truth import REGIONS_FILE, frame_kinds, kinds, regions

CLIPS = """clip,split,path,camera,scene,fps,width,height,frames
a,test,a.mp4,1,gate,10,64,48,6
b,test,b.mp4,1,gate,10,64,48,4
"""
LABELS = "clip,start_frame,end_frame,kind,track,x,y,w,h\na,1,2,jump,,10,20,5,6\na,2,4,fall,3,0,0,2,2\n"


def gate(tmp_path: Path, labels: str = LABELS) -> Dataset:
    folder = tmp_path / "data" / "raw" / "gate"
    folder.mkdir(parents=True)
    (folder / "clips.csv").write_text(CLIPS)
    (folder / "labels.csv").write_text(labels)
    (folder / "dataset.yaml").write_text("name: a gate\nsource: made here\nlicence: CC0\n")
    return load_dataset(Project(tmp_path), "gate")


def put(data: Dataset, *rows: tuple[str, int, int, float, float, float, float]) -> None:
    table = pd.DataFrame(rows, columns=["clip", "track", "frame", "x1", "y1", "x2", "y2"]).assign(kind="fall")
    table = table.astype(dict.fromkeys(("x1", "y1", "x2", "y2"), np.float32))
    write(data.folder / REGIONS_FILE, REGIONS, Rows(table))


def test_kinds_may_overlap(tmp_path: Path) -> None:
    data = gate(tmp_path)
    assert kinds(data) == ["fall", "jump"]
    assert frame_kinds(data, "a", "jump").tolist() == [False, True, True, False, False, False]
    assert frame_kinds(data, "a", "fall").tolist() == [False, False, True, True, True, False]
    assert not frame_kinds(data, "b", "fall").any()


def test_the_boxes_of_labels_hold_for_their_whole_interval(tmp_path: Path) -> None:
    found = regions(gate(tmp_path))
    assert found is not None
    # The first interval names no track: it gets one of its own beyond those that are named, 3 + 1.
    assert found[["track", "frame"]].to_numpy().tolist() == [[4, 1], [4, 2], [3, 2], [3, 3], [3, 4]]
    assert found.iloc[0][["x1", "y1", "x2", "y2"]].tolist() == [10, 20, 15, 26]
    assert found["kind"].tolist() == ["jump", "jump", "fall", "fall", "fall"]


def test_without_boxes_there_are_no_regions(tmp_path: Path) -> None:
    assert regions(gate(tmp_path, "clip,start_frame,end_frame\na,1,2\n")) is None


def test_boxes_for_some_intervals_alone_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="1 of 2 intervals have no box"):
        regions(gate(tmp_path, "clip,start_frame,end_frame,x,y,w,h\na,1,2,1,1,2,2\na,4,4,,,,\n"))


def test_a_file_of_regions_comes_first(tmp_path: Path) -> None:
    data = gate(tmp_path)
    put(data, ("b", 0, 1, 0, 0, 4, 4))
    found = regions(data)
    assert found is not None
    assert found["clip"].tolist() == ["b"]


@pytest.mark.parametrize(
    ("row", "what"),
    [
        (("c", 0, 1, 0, 0, 4, 4), "name a clip that clips.csv does not"),
        (("b", 0, 4, 0, 0, 4, 4), "lie outside their clip"),
        (("b", 0, 1, 4, 0, 4, 4), "are empty boxes"),
    ],
)
def test_regions_that_cannot_be_are_refused(
    tmp_path: Path, row: tuple[str, int, int, float, float, float, float], what: str
) -> None:
    data = gate(tmp_path)
    put(data, row)
    with pytest.raises(DatasetError, match=what):
        regions(data)


def test_a_region_twice_in_a_frame_is_refused(tmp_path: Path) -> None:
    data = gate(tmp_path)
    put(data, ("b", 0, 1, 0, 0, 4, 4), ("b", 0, 1, 1, 1, 4, 4))
    with pytest.raises(DatasetError, match="twice the same track"):
        regions(data)
