"""COCO's keypoints: annotations and results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from stages.core.errors import DatasetError
from stages.ingest.files import open_files
from stages.ingest.formats.base import Given, Recording
from stages.ingest.formats.coco import file_name, read, write
from stages.ingest.people import tables


def joints(third: float, x: float = 1.0) -> list[float]:
    return [value for joint in range(17) for value in (x, 2.0 + joint, third)]


def result(image: Any = 0, **fields: Any) -> dict[str, Any]:
    return {"image_id": image, "category_id": 1, "keypoints": joints(0.5), "score": 0.75} | fields


def image(number: int, name: str, width: int = 64, height: int = 48) -> dict[str, Any]:
    return {"id": number, "file_name": name, "width": width, "height": height}


def annotation(number: int, **fields: Any) -> dict[str, Any]:
    return {"image_id": number, "category_id": 1, "keypoints": joints(2), "bbox": [1, 2, 3, 4], "iscrowd": 0} | fields


def clips(folder: Path, table: object) -> list[Recording]:
    (folder / "walk.json").write_bytes(orjson.dumps(table))
    return list(read(open_files(folder), Given()))


def test_results(tmp_path: Path) -> None:
    (found,) = clips(tmp_path, [result(4), result(2, score=0.25)])
    assert found.name == "walk"
    assert found.people.frame.tolist() == [2, 4]
    assert found.people.score.tolist() == [0.25, 0.75]
    assert found.people.track.tolist() == [-1, -1]
    assert found.people.box.tolist() == [[1, 2, 0, 16]] * 2
    assert (found.frames, found.size) == (None, None)  # not in the file


def test_results_with_boxes_and_ids(tmp_path: Path) -> None:
    (found,) = clips(tmp_path, [result(0, bbox=[1, 2, 3, 4], track_id=7)])
    assert found.people.box.tolist() == [[1, 2, 3, 4]]
    assert found.people.track.tolist() == [7]


def test_results_out_again_the_same(tmp_path: Path) -> None:
    table = [result(0, bbox=[1.0, 2.0, 3.5, 4.0], track_id=7), result(3, bbox=[0.0, 0.0, 1.0, 1.0], track_id=7)]
    (found,) = clips(tmp_path, table)
    (rows,) = tables("walk", found.people, found.meta)
    assert orjson.loads(write(rows, "walk.parquet")) == table
    assert file_name("walk") == "walk.json"


def test_annotations(tmp_path: Path) -> None:
    table = {
        "images": [image(10, "a/000003.jpg"), image(11, "b/000001.jpg", 32, 24), image(12, "a/000005.jpg")],
        "annotations": [annotation(11), annotation(10, track_id=3), annotation(10, keypoints=joints(1), track_id=4)],
    }
    first, second = clips(tmp_path, table)
    assert (first.name, first.size, first.frames) == ("a", (64, 48), 6)  # to the last image
    assert (second.name, second.size, second.frames) == ("b", (32, 24), 2)
    assert first.people.frame.tolist() == [3, 3]
    assert first.people.track.tolist() == [3, 4]
    assert first.people.keypoints[:, 0, 2].tolist() == [1, 0.5]  # visible, hidden
    assert first.people.score.tolist() == [1, 1]
    assert first.people.box.tolist() == [[1, 2, 3, 4]] * 2


def test_images_without_folder_are_called_after_the_file(tmp_path: Path) -> None:
    (found,) = clips(tmp_path, {"images": [image(1, "000007.jpg")], "annotations": [annotation(1)]})
    assert found.name == "walk"
    assert found.people.frame.tolist() == [7]


def test_crowds_and_other_categories_are_counted(tmp_path: Path) -> None:
    entries = [annotation(1), annotation(1, iscrowd=1), annotation(1, category_id=2)]
    (found,) = clips(tmp_path, {"images": [image(1, "0.jpg")], "annotations": entries})
    assert len(found.people) == 1
    assert found.people.repairs == {"entries of crowds or no people, left out": 2}


def test_joints_that_are_not_labelled_are_not_seen(tmp_path: Path) -> None:
    keypoints = joints(2)
    keypoints[3:] = [0] * 48
    entry = annotation(1, keypoints=keypoints)
    del entry["bbox"]
    (found,) = clips(tmp_path, {"images": [image(1, "0.jpg")], "annotations": [entry]})
    assert found.people.box.tolist() == [[1, 2, 0, 0]]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"images": []}, "neither COCO annotations nor results"),
        ({"images": [1], "annotations": []}, "must be lists of objects"),
        ([result("first")], "image_id must be a whole number"),
        ([result(-1)], "image_id -1 is below 0"),
        ([result(keypoints=[1.0] * 54)], "keypoints must be 51 numbers, found 54"),
        ([result(score=None)], "score with null, NaN or infinite values"),
        ([result(keypoints=[None] * 51)], "keypoints with null"),
        ({"images": [image(1, "0.jpg")], "annotations": [annotation(2)]}, "annotations of images that are not listed"),
        ({"images": [image(1, "0.jpg")], "annotations": [annotation(1, keypoints=joints(3))]}, "must be 0, 1 or 2"),
        (
            {"images": [image(1, "a/0.jpg"), image(2, "a/1.jpg", 32)], "annotations": []},
            "clip 'a' mixes frame sizes: 64×48 .1 images., 32×48 .1 images.",
        ),
    ],
)
def test_refused(tmp_path: Path, table: object, message: str) -> None:
    with pytest.raises(DatasetError, match=message) as error:
        clips(tmp_path, table)
    assert "walk.json" in error.value.where


def test_folders_of_windows_are_clips(tmp_path: Path) -> None:
    images = [image(1, "a\\1.jpg"), image(2, "b\\1.jpg")]
    found = clips(tmp_path, {"images": images, "annotations": [annotation(1), annotation(2)]})
    assert [(clip.name, len(clip.people)) for clip in found] == [("a", 1), ("b", 1)]


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([image(1, "a/1.jpg"), image(1, "a/2.jpg")], "image 1 is listed twice"),
        ([image(1, "a/x_1.jpg"), image(2, "a/y_1.jpg")], "clip 'a' has frame 1 twice, in 'a/x_1.jpg' and 'a/y_1.jpg'"),
        ([{"file_name": "1.jpg"}], "an image's id must be a number or a text, found None"),
        ([{"id": [1], "file_name": "1.jpg"}], "an image's id must be a number or a text"),
        ([image(1, "1.jpg") | {"width": "wide"}], "width must be a whole number, found 'wide'"),
        ([image(1, "1.jpg") | {"height": [48]}], "height must be a whole number"),
        ([image(1, "1.jpg", width=-5)], "width -5 is below 1"),
    ],
)
def test_images_that_make_no_clip(tmp_path: Path, images: list[Any], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        clips(tmp_path, {"images": images, "annotations": []})


def test_an_annotation_of_no_image_at_all(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="annotations of images that are not listed"):
        clips(tmp_path, {"images": [image(1, "1.jpg")], "annotations": [annotation(1, image_id=[1])]})
