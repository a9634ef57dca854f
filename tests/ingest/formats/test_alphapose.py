"""AlphaPose results as clips, and out again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from stages.core.errors import DatasetError
from stages.ingest.files import open_files
from stages.ingest.formats.alphapose import file_name, read, write
from stages.ingest.formats.base import Given, Recording
from stages.ingest.people import tables


def person(image: str, x: float = 10.5, **fields: Any) -> dict[str, Any]:
    keypoints = [value for joint in range(17) for value in (x, 2.5 + joint, 0.25)]
    return {"image_id": image, "category_id": 1, "keypoints": keypoints, "score": 2.5} | fields


def clips(folder: Path, name: str, *people: dict[str, Any]) -> list[Recording]:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(orjson.dumps(people))
    return list(read(open_files(folder), Given()))


def test_a_video_is_a_clip_called_after_its_file(tmp_path: Path) -> None:
    (found,) = clips(tmp_path, "walk.json", person("0.jpg", idx=1), person("2.jpg", idx=1))
    assert found.name == "walk"
    assert found.people.frame.tolist() == [0, 2]
    assert found.people.track.tolist() == [1, 1]
    assert found.people.box.tolist() == [[10.5, 2.5, 0, 16]] * 2  # none given: the extent of the joints
    assert found.meta["layout"] == "coco17"


@pytest.mark.parametrize("name", ["walk/alphapose-results.json", "out/walk/alphapose-results-forvis-tracked.json"])
def test_alphaposes_own_file_name_says_nothing_its_folder_does(tmp_path: Path, name: str) -> None:
    (found,) = clips(tmp_path, name, person("0.jpg"))
    assert found.name == "walk"


def test_a_single_file_of_that_name(tmp_path: Path) -> None:
    clips(tmp_path, "walk/alphapose-results.json", person("0.jpg"))
    (found,) = read(open_files(tmp_path / "walk" / "alphapose-results.json"), Given())
    assert found.name == "walk"


def test_images_in_folders_are_clips(tmp_path: Path) -> None:
    first, second = clips(tmp_path, "all.json", person("cam/b/7.jpg", 1), person("cam/a/3.jpg", 2))
    assert (first.name, second.name) == ("cam_a", "cam_b")
    assert first.people.frame.tolist() == [3]
    assert second.people.keypoints[0, 0, 0] == 1


def test_an_id_twice_in_a_frame_keeps_the_better(tmp_path: Path) -> None:
    (found,) = clips(tmp_path, "a.json", person("0.jpg", 1, idx=4), person("0.jpg", 2, idx=4, score=3.0))
    assert found.people.keypoints[:, 0, 0].tolist() == [2]
    assert found.people.repairs == {"twice in a frame, left out": 1}


def test_what_is_no_person_is_counted(tmp_path: Path) -> None:
    (found,) = clips(tmp_path, "a.json", person("0.jpg"), person("0.jpg", category_id=3))
    assert found.people.repairs == {"entries of no people, left out": 1}


def test_negative_frames(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="frame -4 is negative"):
        clips(tmp_path, "a.json", person("0.jpg", image_id=-4))


def test_nobody(tmp_path: Path) -> None:
    (found,) = clips(tmp_path, "a.json")
    assert len(found.people) == 0


def test_out_again_the_same(tmp_path: Path) -> None:
    people = [
        person("0.jpg", 54.21041488647461, score=2.472965717315674, box=[1.5, 2.0, 3.0, 4.0], idx=1),
        person("0.jpg", 2.0, score=3.25, box=[1.0, 2.0, 3.0, 4.0], idx=2),
    ]
    (found,) = clips(tmp_path, "walk.json", *people)
    (rows,) = tables("walk", found.people, found.meta)
    assert orjson.loads(write(rows, "walk.parquet")) == people
    assert file_name("walk") == "walk.json"


def test_without_ids_there_is_no_idx(tmp_path: Path) -> None:
    (found,) = clips(tmp_path, "walk.json", person("5.jpg", idx=[0.0]))
    (rows,) = tables("walk", found.people, found.meta)
    (entry,) = orjson.loads(write(rows, "walk.parquet"))
    assert "idx" not in entry
    assert entry["image_id"] == "5.jpg"


def test_other_joints_cannot_be_written(tmp_path: Path) -> None:
    (found,) = clips(tmp_path, "walk.json", person("5.jpg"))
    (rows,) = tables("walk", found.people, {**found.meta, "coordinates": "xyz"})
    with pytest.raises(DatasetError, match="the table holds coco17 as xyz"):
        write(rows, "walk.parquet")


def test_what_is_left_out_of_several_clips_is_told_once(tmp_path: Path) -> None:
    first, second = clips(tmp_path, "a.json", person("a/0.jpg"), person("b/0.jpg"), person("b/0.jpg", category_id=3))
    assert first.people.repairs == {"entries of no people, left out": 1}
    assert second.people.repairs == {}
