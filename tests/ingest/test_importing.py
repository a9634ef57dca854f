"""`normotion import`: what the user says, what the file says, and what is refused."""

from __future__ import annotations

import logging
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from stages.core.dataset import Dataset, Description, load_dataset
from stages.core.errors import DatasetError
from stages.core.paths import Project
from stages.core.schemas import POSES
from stages.core.tables import read
from stages.ingest import importing
from stages.ingest.formats.tracked_person import SUFFIX
from stages.ingest.recipes.registry import RECIPES
from stages.ingest.source import Clip


def pose(x: float = 20.0) -> dict[str, Any]:
    return {"keypoints": [value for joint in range(17) for value in (x, 10.0 + joint, 0.5)], "scores": 1.5}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "params.yaml").write_text("datasets: [demo]\n")
    return Project(tmp_path)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Two clips, 01_0014 of 5 frames and 02_0003 of 4, with people in the first three."""
    folder = tmp_path / "source"
    folder.mkdir()
    for name in ("01_0014", "02_0003"):
        table = {"1": {f"{frame:04d}": pose(20 + frame) for frame in range(3)}}
        (folder / f"{name}{SUFFIX}").write_bytes(orjson.dumps(table))
    (folder / "labels.csv").write_text("clip,frames,start_frame,end_frame\n01_0014,5,1,2\n02_0003,4,,\n")
    return folder


def masks(path: Path, clip: str, values: list[int]) -> None:
    with zipfile.ZipFile(path, "w") as archive, archive.open(f"{clip}.npy", "w") as stream:
        np.lib.format.write_array(stream, np.array(values))


def take(project: Project, source: Path, **options: Any) -> Dataset:
    given = {"fps": "24", "size": "64x48", "test": ("02_*",), "labels": "labels.csv"} | options
    importing.run(project, "tracked_person", str(source), dataset="gate", **given)
    return load_dataset(project, "gate")


def test_a_data_set(project: Project, source: Path, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("normotion").propagate = True
    with caplog.at_level(logging.INFO):
        data = take(project, source, licence="CC0")
    assert data.description == Description(name="gate", source="source", licence="CC0", modality="poses")
    assert data.clips["clip"].tolist() == ["01_0014", "02_0003"]
    assert data.clips["split"].tolist() == ["train", "test"]
    assert data.clips["camera"].tolist() == ["01", "02"]
    assert data.clips["frames"].tolist() == [5, 4]
    assert data.clip("01_0014")[["fps", "width", "height"]].tolist() == [24, 64, 48]
    assert data.frame_labels("01_0014").tolist() == [0, 1, 1, 0, 0]
    assert data.frame_labels("02_0003").tolist() == [0, 0, 0, 0]
    rows = read(data.file("01_0014"), POSES)
    assert rows.frame["track"].tolist() == [1, 1, 1]
    assert rows.meta["backend"] == "import"
    assert "2 clips (1 test, 1 train), 9 frames, 6 poses, 1 abnormal intervals" in caplog.text
    assert "datasets: [demo, gate]" in caplog.text  # the line for params.yaml


def test_the_same_source_gives_the_same_bytes(project: Project, source: Path) -> None:
    folder = project.raw("gate")
    take(project, source)
    first = {path.name: path.read_bytes() for path in folder.rglob("*.*")}
    take(project, source, replace=True)
    assert {path.name: path.read_bytes() for path in folder.rglob("*.*")} == first


def test_a_sheet_of_clips_says_it_all(project: Project, source: Path) -> None:
    (source / "clips.csv").write_text(
        "clip,split,fps,width,height,frames,camera,scene,kind,abnormal\n"
        "01_0014,validation,10,640,480,7,north,yard,walking,\n02_0003,test,,,,,,,,1\n"
    )
    data = take(project, source, clips="clips.csv", labels=None, test=())
    first, second = (data.clip(name) for name in ("01_0014", "02_0003"))
    assert first[["split", "fps", "width", "frames", "camera", "scene", "kind"]].tolist() == [
        "validation", 10, 640, 7, "north", "yard", "walking",
    ]  # fmt: skip
    assert second[["split", "fps", "frames", "abnormal"]].tolist() == ["test", 24, 3, 1]
    assert np.isnan(data.frame_labels("02_0003")).all()  # abnormal, nobody says when


def test_masks_of_clips(project: Project, source: Path, tmp_path: Path) -> None:
    masks(tmp_path / "masks.npz", "02_0003", [1, 1, 0, 0, 1])
    data = take(project, source, labels=None, masks=str(tmp_path / "masks.npz"), mask_abnormal="0")
    assert data.frame_labels("02_0003").tolist() == [0, 0, 1, 1, 0]
    assert data.frame_labels("01_0014").tolist() == [0, 0, 0]  # for training: no mask needed, ends with its poses


def test_cameras_in_names(project: Project, source: Path) -> None:
    data = take(project, source, camera=r"(?P<scene>\d+)_(?P<camera>\d\d)")
    assert data.clips["camera"].tolist() == ["00", "00"]
    assert data.clips["scene"].tolist() == ["01", "02"]
    assert take(project, source, camera=r"_(\d+)", replace=True).clips["camera"].tolist() == ["0014", "0003"]


def test_frames_that_count_from_1(project: Project, source: Path) -> None:
    table = {"1": {"0001": pose(), "0005": pose()}}
    (source / f"01_0014{SUFFIX}").write_bytes(orjson.dumps(table))
    (source / f"02_0003{SUFFIX}").write_bytes(orjson.dumps({"1": {"0001": pose()}}))
    data = take(project, source, first_frame="1")
    assert read(data.file("01_0014"), POSES).frame["frame"].tolist() == [0, 4]
    with pytest.raises(DatasetError, match="frame 1 is before --first-frame 2"):
        take(project, source, first_frame="2", replace=True)


def test_what_is_assumed_is_said(project: Project, source: Path, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("normotion").propagate = True
    (source / f"01_0014{SUFFIX}").rename(source / f"walk{SUFFIX}")
    data = take(project, source, labels=None, size="10x10")
    assert data.clip("walk")["camera"] == "gate"
    for message in (
        "2 clips: nothing says how long they are; taken to end with the last frame somebody is in",
        "1 clips: nothing says who filmed them; taken to be of one camera, 'gate'",
        "2 clips: most joints lie outside the frame of 10×10 px: is its size right?",
        "no labels were given: every clip counts as normal",
    ):
        assert message in caplog.text


def test_repairs_are_said(project: Project, source: Path, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("normotion").propagate = True
    table = {"1": {"0001": pose(1), "1": pose(2)}}  # twice in a frame
    (source / f"01_0014{SUFFIX}").write_bytes(orjson.dumps(table))
    with caplog.at_level(logging.INFO):
        take(project, source)
    assert "of the people read: 1 twice in a frame, left out" in caplog.text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fps": None}, "clip '01_0014': its fps is not in the file"),
        ({"size": None}, "clip '01_0014': its size is not in the file"),
        ({"test": ()}, "nothing says whether clip '01_0014' is for training or for testing"),
        ({"test": ("03_*",)}, "--test '03_.' matches no clip"),
        ({"fps": "-1"}, "--fps must be a positive number, got '-1'"),
        ({"fps": "fast"}, "--fps must be a positive number"),
        ({"size": "640"}, "--size must be WIDTHxHEIGHT, got '640'"),
        ({"size": "0x480"}, "--size must be WIDTHxHEIGHT"),
        ({"layout": "coco18"}, "unknown joint layout 'coco18'"),
        ({"layout": "openpose18"}, "keypoints must be 54 numbers, found 51"),
        ({"first_frame": "one"}, "it must be a whole number"),
        ({"camera": "("}, "is no regular expression"),
        ({"camera": "cam"}, "--camera 'cam' finds nothing in clip '01_0014'"),
        ({"labels": "label.csv"}, "there is no 'label.csv'"),
        ({"mask_abnormal": "1"}, "--mask-abnormal is given, but no masks"),
        ({"masks": "nowhere", "mask_abnormal": "1"}, "there are no masks 'nowhere', neither in the source nor on disk"),
        ({"masks": "."}, "which value means abnormal in the masks is not said"),
        ({"option": ("hr=true",)}, "format tracked_person has no options of its own"),
        ({"clips": "labels.csv"}, "unknown column 'start_frame'"),
    ],
)
def test_refused(project: Project, source: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        take(project, source, **options)
    assert not project.raw("gate").exists()
    assert list(project.raw("gate").parent.glob("*")) == []


@pytest.mark.parametrize(
    ("sheet", "message"),
    [
        ("clip,frames,start_frame,end_frame\n01_0014,5,4,5\n", "whose last frame is 4"),
        ("clip,frames,start_frame,end_frame\n01_0014,2,,\n", "1 poses lie outside its 2 frames"),
        ("clip,start_frame,end_frame\n01_0015,1,2\n", "--labels names 1 clips that are not there, first '01_0015'"),
        ("clip,frames,start_frame,end_frame\n01_0014,0,,\n", "clip '01_0014' has no frames"),
        ("clip,start_frame,end_frame\n", "the sheet names no clip"),
    ],
)
def test_labels_that_do_not_fit(project: Project, source: Path, sheet: str, message: str) -> None:
    (source / "labels.csv").write_text(sheet)
    with pytest.raises(DatasetError, match=message):
        take(project, source)
    assert not project.raw("gate").exists()


@pytest.mark.parametrize(
    ("sheet", "message"),
    [
        (
            "clip,split\n01_0014,trian\n02_0003,test\n",
            "clip '01_0014': there is no split 'trian'; did you mean 'train'",
        ),
        ("clip,fps\n01_0014,0\n", "clip '01_0014': fps in --clips must be a positive number, got '0'"),
        ("clip,fps\n01_0014,1e9\n", "clip '01_0014': fps in --clips must be a positive number"),
        ("clip,frames\n01_0014,5.7\n", "frames must be a whole number, found '5.7'"),
        ("clip,abnormal\n01_0014,0.5\n", "abnormal must be a whole number, found '0.5'"),
        ("clip,width\n01_0014,640\n", "clip '01_0014': --clips gives width or height alone"),
        ("clip,frames\n01_0014,6\n", "clip '01_0014' has several lengths: 6 says --clips, 5 says --labels"),
        ("clip,kind\nwalk,x\n", "--clips names 1 clips that are not there"),
    ],
)
def test_sheets_of_clips_that_do_not_fit(project: Project, source: Path, sheet: str, message: str) -> None:
    (source / "clips.csv").write_text(sheet)
    with pytest.raises(DatasetError, match=message):
        take(project, source, clips="clips.csv")


def test_a_test_clip_without_mask(project: Project, source: Path, tmp_path: Path) -> None:
    masks(tmp_path / "masks.npz", "01_0014", [0] * 5)
    with pytest.raises(DatasetError, match="test clip '02_0003' has no mask"):
        take(project, source, labels=None, masks=str(tmp_path / "masks.npz"), mask_abnormal="1")


def test_what_the_file_says_is_not_contradicted(project: Project, tmp_path: Path) -> None:
    table = {"images": [{"id": 1, "file_name": "a/0.jpg", "width": 64, "height": 48}], "annotations": []}
    (tmp_path / "coco.json").write_bytes(orjson.dumps(table))
    given: dict[str, Any] = {"dataset": "gate", "fps": "24", "test": ("none",)}
    with pytest.raises(DatasetError, match="size is said to be 640×480, the file has 64×48"):
        importing.run(project, "coco", str(tmp_path / "coco.json"), size="640x480", **given)
    importing.run(project, "coco", str(tmp_path / "coco.json"), **given)  # nobody in one frame, size from the file
    data = load_dataset(project, "gate")
    assert data.clip("a")[["width", "height", "frames"]].tolist() == [64, 48, 1]
    assert data.clip("a")["split"] == "train"  # `none` is for testing


def test_a_clip_with_a_mask_and_intervals(project: Project, source: Path, tmp_path: Path) -> None:
    masks(tmp_path / "masks.npz", "01_0014", [0] * 5)
    with pytest.raises(DatasetError, match="clip '01_0014' has both a mask and intervals in --labels"):
        take(project, source, masks=str(tmp_path / "masks.npz"), mask_abnormal="1")


def test_a_test_clip_that_labels_do_not_name(project: Project, source: Path, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("normotion").propagate = True
    (source / "labels.csv").write_text("clip,start_frame,end_frame\n01_0014,1,2\n")
    take(project, source)
    assert "1 clips: --labels does not name them; taken to be normal" in caplog.text


def test_a_split_and_a_pattern_that_agree(project: Project, source: Path) -> None:
    (source / "clips.csv").write_text("clip,split\n01_0014,validation\n02_0003,test\n")
    assert take(project, source, clips="clips.csv").clips["split"].tolist() == ["validation", "test"]


def test_a_normal_clip_with_an_abnormal_interval(project: Project, source: Path) -> None:
    (source / "clips.csv").write_text("clip,abnormal\n01_0014,0\n")
    with pytest.raises(DatasetError, match="'01_0014', which clips.csv calls normal"):
        take(project, source, clips="clips.csv")


def test_the_first_frame_of_formats(project: Project, tmp_path: Path) -> None:
    images = [{"id": number, "file_name": f"a/{number}.jpg", "width": 64, "height": 48} for number in (1, 2, 3)]
    (tmp_path / "coco.json").write_bytes(orjson.dumps({"images": images, "annotations": []}))
    given: dict[str, Any] = {"dataset": "gate", "fps": "24", "test": ("none",), "first_frame": "1"}
    importing.run(project, "coco", str(tmp_path / "coco.json"), **given)
    assert load_dataset(project, "gate").clip("a")["frames"] == 3  # images 1 to 3 are frames 0 to 2
    (tmp_path / "b.json").write_bytes(orjson.dumps({"data": [{"frame_index": 3, "skeleton": []}]}))
    with pytest.raises(DatasetError, match="--first-frame does not go with it"):  # Kinetics counts from 1 anyhow
        importing.run(project, "kinetics", str(tmp_path / "b.json"), size="64x48", replace=True, **given)


def test_two_files_of_one_clip(project: Project, source: Path) -> None:
    (source / "again").mkdir()
    (source / "again" / f"01_0014{SUFFIX}").write_bytes(orjson.dumps({"1": {"0000": pose()}}))
    with pytest.raises(DatasetError, match="two clips are called '01_0014'") as error:
        take(project, source)
    assert error.value.where == f"01_0014{SUFFIX} and again/01_0014{SUFFIX}"
    assert not project.raw("gate").exists()


def test_a_broken_file_in_the_middle_leaves_nothing(project: Project, source: Path) -> None:
    (source / f"02_0003{SUFFIX}").write_bytes(b'{"1": {"0000"')
    with pytest.raises(DatasetError, match="cut short") as error:
        take(project, source)
    assert f"02_0003{SUFFIX}" in error.value.where
    assert list(project.raw("gate").parent.glob("*")) == []


def test_no_name_and_no_such_format(project: Project, source: Path) -> None:
    with pytest.raises(DatasetError, match="the data set to make has no name"):
        importing.run(project, "tracked_person", str(source))
    with pytest.raises(DatasetError, match="no format or recipe 'shanghai_tech'; did you mean 'shanghaitech'?"):
        importing.run(project, "shanghai_tech", str(source), dataset="gate")
    for name in ("..", "../gate", "a/b", ".gate", "/gate"):
        with pytest.raises(DatasetError, match="a data set cannot be called"):
            importing.run(project, "tracked_person", str(source), dataset=name, fps=1, size="1x1", test=("*",))


TOLD: list[dict[str, object]] = []


def recipe(source: Path, **options: object) -> tuple[Description, Any]:
    """Stands in for a data set's own."""
    TOLD.append(options)
    about = Description(name="A yard", source=source.name, licence="CC0", modality="video")
    return about, iter([Clip("walk", "train", "1", "yard", 25, 64, 48, 9, video=source)])


def test_a_recipe(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RECIPES, "yard", "yard:recipe")
    monkeypatch.setitem(sys.modules, "yard", sys.modules[__name__])
    (tmp_path / "walk.mp4").write_bytes(b"film")
    importing.run(project, "yard", str(tmp_path / "walk.mp4"), dataset="gate", option=("hr=true", "n=3", "what=a=b"))
    assert TOLD == [{"hr": "true", "n": "3", "what": "a=b"}]  # `recipes.base.chosen` reads them
    assert load_dataset(project, "gate").description.name == "A yard"
    with pytest.raises(DatasetError, match="--fps does not go with it: recipe yard knows its data set by itself"):
        importing.run(project, "yard", str(tmp_path / "walk.mp4"), dataset="b", fps="3")
    with pytest.raises(DatasetError, match="--option 'hr' is no KEY=VALUE"):
        importing.run(project, "yard", str(tmp_path / "walk.mp4"), dataset="b", option=("hr",))
    with pytest.raises(DatasetError, match="an --option is given twice"):
        importing.run(project, "yard", str(tmp_path / "walk.mp4"), dataset="b", option=("hr=true", "hr=false"))


@pytest.mark.oracle
def test_the_cctv_zip(project: Project, shared: Path) -> None:
    source = shared / "data" / "cctv_poses.zip"
    given: dict[str, Any] = {"fps": "30", "size": "1920x1080", "labels": "labels.csv", "camera": r"C\d+_A\d+"}
    importing.run(project, "tracked_person", str(source), dataset="cctv", test=("C021_A20*",), **given)
    data = load_dataset(project, "cctv")
    assert len(data.clips) == len(data.labels) == 32
    assert set(data.clips["camera"]) == {"C021_A17", "C021_A18", "C021_A20"}
    share = np.mean([data.frame_labels(clip).mean() for clip in data.clips["clip"]])
    assert share == pytest.approx(0.43, abs=0.01)
