"""Sheets of clips and labels, and masks, as people write them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from stages.core.errors import DatasetError
from stages.ingest.files import Files, open_files
from stages.ingest.sheets import read_clips, read_labels, read_masks
from stages.ingest.source import Interval


def source(folder: Path, **files: str) -> Files:
    (folder / "source").mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / "source" / f"{name}.csv").write_text(text)
    return open_files(folder / "source")


def test_clips(tmp_path: Path) -> None:
    files = source(tmp_path, clips="clip,split,fps,kind\nwalk,train,25,\n007,test,,fall\n")
    assert read_clips(files, "clips.csv") == {
        "walk": {"split": "train", "fps": "25"},
        "007": {"split": "test", "kind": "fall"},  # names keep their zeros, empty cells say nothing
    }


def test_labels(tmp_path: Path) -> None:
    files = source(
        tmp_path,
        labels="clip,frames,start_frame,end_frame,track,kind\nwalk,10,2,3,,\nwalk,10,7,9,4,fall\nnormal,20,,,,\n",
    )
    found = read_labels(files, "labels.csv")
    assert found.intervals == {"walk": (Interval(2, 3), Interval(7, 9, 4, "fall")), "normal": ()}
    assert found.frames == {"walk": 10, "normal": 20}


def test_a_sheet_on_disk(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("clip,start_frame,end_frame\nwalk,0,1\n")
    assert read_labels(source(tmp_path), str(tmp_path / "mine.csv")).intervals == {"walk": (Interval(0, 1),)}


def test_the_source_comes_before_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "labels.csv").write_text("clip,start_frame,end_frame\nwalk,5,6\n")
    files = source(tmp_path, labels="clip,start_frame,end_frame\nwalk,0,1\n")
    assert read_labels(files, "labels.csv").intervals == {"walk": (Interval(0, 1),)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a readable CSV"),
        ("clip,start_frame\nwalk,0\n", "column 'end_frame' is missing"),
        ("start_frame,end_frame\n0,1\n", "every row must name its clip"),
        ("clip,start_frame,end_frame\n,0,1\n", "every row must name its clip"),
        ("clip,start,end_frame\nwalk,0,1\n", "unknown column 'start'; did you mean 'start_frame'?"),
        ("clip,start_frame,end_frame\nwalk,3,2\n", "interval 3–2 is empty or half given"),
        ("clip,start_frame,end_frame\nwalk,3,\n", "interval 3–None is empty or half given"),
        ("clip,start_frame,end_frame\nwalk,-3,2\n", "start_frame -3 is below 0"),
        ("clip,start_frame,end_frame\nwalk,a,2\n", "start_frame must be a whole number, found 'a'"),
        ("clip,start_frame,end_frame,frames\nwalk,0,1,9\nwalk,3,4,8\n", "clip 'walk' has 9 frames and 8"),
    ],
)
def test_labels_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        read_labels(source(tmp_path, labels=text), "labels.csv")


def test_clips_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="clip 'walk' is listed twice"):
        read_clips(source(tmp_path, clips="clip,fps\nwalk,1\nwalk,2\n"), "clips.csv")
    with pytest.raises(DatasetError, match="there is no 'gone.csv', neither in the source nor on disk"):
        read_clips(source(tmp_path), "gone.csv")
    (tmp_path / "source" / "latin.csv").write_bytes(b"clip,kind\nwalk,caf\xe9\n")
    with pytest.raises(DatasetError, match="not a readable CSV"):
        read_clips(source(tmp_path), "latin.csv")


@pytest.mark.parametrize("abnormal", [0, 1])
def test_masks_in_a_folder(tmp_path: Path, abnormal: int) -> None:
    (tmp_path / "masks").mkdir()
    np.save(tmp_path / "masks" / "walk.npy", np.array([0, 1, 1, 0]))
    found = read_masks(source(tmp_path), str(tmp_path / "masks"), abnormal)
    expected = (Interval(1, 2),) if abnormal else (Interval(0, 0), Interval(3, 3))
    assert found.read("walk") == (4, expected)


def test_masks_in_an_npz(tmp_path: Path) -> None:
    np.savez(tmp_path / "masks.npz", walk=np.array([0, 1], dtype=np.uint8))
    assert read_masks(source(tmp_path), str(tmp_path / "masks.npz"), 1).read("walk") == (2, (Interval(1, 1),))


def test_masks_in_a_folder_of_the_source(tmp_path: Path) -> None:
    np.save(tmp_path / "walk.npy", np.array([True, False]))
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.write(tmp_path / "walk.npy", "gt/masks/walk.npy")
    assert read_masks(open_files(tmp_path / "all.zip"), "gt/masks", 1).read("walk") == (2, (Interval(0, 0),))


def test_masks_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no masks found"):
        read_masks(source(tmp_path), str(tmp_path), 1)
    np.save(tmp_path / "soft.npy", np.array([0.0, 0.5]))
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    (tmp_path / "text.npy").write_text("0 1 1")
    masks = read_masks(source(tmp_path), str(tmp_path), 1)
    for clip, message in {"soft": "a mask must hold 0 or 1", "objects": "no.* array", "text": "no.* array"}.items():
        with pytest.raises(DatasetError, match=f"(?i){message}") as error:
            masks.read(clip)
        assert f"{clip}.npy" in error.value.where


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("clip,start_frame,end_frame\nwalk,1,2,\n", "rows have more cells than the first line names"),
        ("clip;start_frame;end_frame\nwalk;1;2\n", "unknown column 'clip;start_frame;end_frame'"),
        ("clip,start_frame,end_frame\n", "the sheet names no clip"),
    ],
)
def test_sheets_that_are_read_wrongly_by_others(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        read_labels(source(tmp_path, labels=text), "labels.csv")


def test_a_sheet_of_windows(tmp_path: Path) -> None:
    files = source(tmp_path, labels="\ufeffclip,start_frame,end_frame\r\nwalk,1.0,2.0\r\nstand,,\r\n")
    assert read_labels(files, "labels.csv").intervals == {"walk": (Interval(1, 2),), "stand": ()}


def test_two_masks_of_a_clip(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "masks" / name).mkdir(parents=True)
        np.save(tmp_path / "masks" / name / "walk.npy", np.zeros(3, dtype=int))
    with pytest.raises(DatasetError, match="clip 'walk' has two masks, a/walk.npy and b/walk.npy"):
        read_masks(source(tmp_path), str(tmp_path / "masks"), abnormal=1)
