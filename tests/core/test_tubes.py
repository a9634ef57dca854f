"""Pictures beside windows: what is mapped, what is refused, and which windows have them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from stages.core.errors import DatasetError, SchemaError
from stages.core.normalization import NormalizationParams
from stages.core.seeding import stream
from stages.core.tubes import ROW, TubeCache, mapped, places_file, tube_cache, tubes_file
from stages.core.windows import CropParams, FrameParams, PatchParams, Windows, WindowSpec

N, T = 5, 4
SPEC: dict[str, Any] = {"seconds": 0.4, "rate": 10.0}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures of 8 × 8 px of five test windows, and of their places, of 6 × 6 px."""
    draw = stream(0, "pixels")
    np.save(tubes_file(tmp_path, "test"), draw.integers(256, size=(N, T, 3, 8, 8)).astype(np.uint8))
    np.save(places_file(tmp_path, "test"), draw.integers(256, size=(N, 3, 6, 6)).astype(np.uint8))
    return tmp_path


def cache(folder: Path) -> TubeCache:
    found = tube_cache(folder)
    assert found is not None
    return found


def row(number: int, split: str = "test") -> pd.Series[Any]:
    return pd.Series({"clip": "a", "split": split, ROW: number})


def test_a_window_has_the_pictures_of_its_row(folder: Path) -> None:
    found = cache(folder)
    assert found.picture == (3, 8, 8)
    tubes, places = np.load(tubes_file(folder, "test")), np.load(places_file(folder, "test"))
    for number in (3, 0, 4):
        np.testing.assert_array_equal(found.window(row(number)), tubes[number])
        np.testing.assert_array_equal(found.place(row(number)), places[number])


def test_each_split_has_its_own(folder: Path) -> None:
    np.save(tubes_file(folder, "train"), np.full((2, T, 3, 8, 8), 7, dtype=np.uint8))
    np.save(places_file(folder, "train"), np.full((2, 3, 6, 6), 9, dtype=np.uint8))
    found = cache(folder)
    assert (found.window(row(1, "train")) == 7).all()
    assert (found.place(row(1, "train")) == 9).all()
    np.testing.assert_array_equal(found.window(row(1)), np.load(tubes_file(folder, "test"))[1])


def test_pictures_are_views(folder: Path) -> None:
    found = cache(folder)
    assert np.shares_memory(found.window(row(2)), found.window(row(2)))
    assert np.shares_memory(found.place(row(2)), found.place(row(2)))
    assert not found.window(row(2)).flags.writeable


def test_a_folder_without_pictures(tmp_path: Path) -> None:
    (tmp_path / "train.parquet").write_bytes(b"")
    assert tube_cache(tmp_path) is None
    assert tube_cache(tmp_path / "nowhere") is None


def test_a_split_without_windows_has_no_pictures(tmp_path: Path) -> None:
    np.save(tubes_file(tmp_path, "test"), np.empty((0, T, 3, 8, 8), dtype=np.uint8))
    found = cache(tmp_path)
    assert found.picture == (3, 8, 8)
    with pytest.raises(SchemaError, match="0 pictures, and window 0 wants one"):
        found.window(row(0))


def test_fewer_pictures_than_windows_are_refused(folder: Path) -> None:
    found = cache(folder)
    with pytest.raises(SchemaError, match="5 pictures, and window 5 wants one") as caught:
        found.window(row(5))
    assert caught.value.where == str(tubes_file(folder, "test"))
    np.save(places_file(folder, "test"), np.zeros((N - 1, 3, 6, 6), dtype=np.uint8))
    with pytest.raises(SchemaError, match="4 pictures, and window 4 wants one") as caught:
        found.place(row(4))
    assert caught.value.where == str(places_file(folder, "test"))


def spoil(path: Path, how: str) -> None:
    """Make an array something else."""
    whole = path.read_bytes()
    if how == "missing":
        path.unlink()
    elif how == "archive":
        with path.open("wb") as out:
            np.savez(out, pixels=np.zeros((N, T, 3, 8, 8), dtype=np.uint8))
    elif how == "objects":
        np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    else:
        path.write_bytes({"cut off": whole[:-100], "empty": b"", "text": b"no array"}[how])


@pytest.mark.parametrize("how", ["missing", "cut off", "empty", "text", "archive", "objects"])
def test_what_cannot_be_read_is_named(folder: Path, how: str) -> None:
    found, path = cache(folder), tubes_file(folder, "test")
    spoil(path, how)
    with pytest.raises(SchemaError, match="pictures cannot be read") as caught:
        found.window(row(0))
    assert caught.value.where == str(path)
    spoil(places_file(folder, "test"), how)
    with pytest.raises(SchemaError, match="pictures cannot be read") as caught:
        found.place(row(0))
    assert caught.value.where == str(places_file(folder, "test"))
    if how != "missing":
        with pytest.raises(SchemaError, match="pictures cannot be read"):
            tube_cache(folder)


@pytest.mark.parametrize(
    "other", [np.zeros((N, T, 3, 8, 8), np.float32), np.zeros((N, 8, 8), np.uint8), np.zeros(3, np.uint8)]
)
def test_what_is_no_pictures_is_refused(tmp_path: Path, other: np.ndarray) -> None:
    path = tubes_file(tmp_path, "test")
    np.save(path, other)
    with pytest.raises(SchemaError, match="no pictures: ") as caught:
        mapped(path)
    assert caught.value.where == str(path)


PARTS: dict[str, Any] = {"patches": PatchParams(), "frames": FrameParams(), "crops": CropParams()}


@pytest.mark.parametrize("names", [("patches", "frames"), ("patches", "crops"), ("frames", "crops"), tuple(PARTS)])
def test_windows_hold_one_kind_of_picture(names: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError, match="give one of patches, frames and crops"):
        WindowSpec(**SPEC, **{name: PARTS[name] for name in names})


def test_pictures_need_footage() -> None:
    assert not WindowSpec(**SPEC).looks
    assert WindowSpec(**SPEC).cuts("frames", filmed=False)
    for name, part in PARTS.items():
        spec = WindowSpec(**SPEC, **{name: part})
        assert spec.looks
        assert spec.cuts("frames", filmed=True)
        assert not spec.cuts("frames", filmed=False)


@pytest.mark.parametrize(
    "changes",
    [
        {"stride_train": 3, "stride_score": 2},
        {"fill": 0, "max_missing": 0, "keep_last": False},
        {"crops": CropParams()},
        {"seconds": None, "length": 4},
        {"task": "frames"},
    ],
)
def test_a_model_reads_windows_of_other_strides_gaps_and_crops(changes: dict[str, Any]) -> None:
    spec, other = WindowSpec(**SPEC), WindowSpec(**{**SPEC, **changes})
    assert spec != other
    assert spec.reads_like(other)
    assert other.reads_like(spec)


@pytest.mark.parametrize(
    "changes",
    [
        {"rate": 20.0, "seconds": 0.2},  # as many samples, in half the time
        {"seconds": 0.8},
        {"layout": "coco17"},
        {"layout": None},
        {"normalization": NormalizationParams(centre=False)},
        {"patches": PatchParams()},
        {"frames": FrameParams()},
    ],
)
def test_a_model_reads_no_windows_of_another_time_or_form(changes: dict[str, Any]) -> None:
    spec, other = WindowSpec(**SPEC), WindowSpec(**{**SPEC, **changes})
    assert not spec.reads_like(other)
    assert not other.reads_like(spec)


def windows() -> Windows:
    index = pd.DataFrame({"clip": list("ab"), "split": "test", ROW: [1, 0]})
    return Windows(index, np.zeros((2, 2, T, 18), dtype=np.float32), ("x", "y"), "openpose18")


def test_windows_show_their_person_and_place_and_blind_ones_do_not(folder: Path) -> None:
    found = cache(folder)
    seeing = replace(windows(), reader=found.window, picture=found.picture, place=found.place)
    np.testing.assert_array_equal(seeing.frames(0), found.window(row(1)))
    np.testing.assert_array_equal(seeing.scene(0), found.place(row(1)))
    np.testing.assert_array_equal(seeing.take(np.array([1])).scene(0), found.place(row(0)))
    blind = seeing.blind()
    assert blind.picture == ()
    with pytest.raises(DatasetError, match="these windows carry poses only"):
        blind.frames(0)
    with pytest.raises(DatasetError, match="these windows show no place"):
        blind.scene(0)
    np.testing.assert_array_equal(blind.poses, seeing.poses)
    pd.testing.assert_frame_equal(blind.index, seeing.index)


def test_poses_have_no_place() -> None:
    with pytest.raises(DatasetError, match="these windows show no place"):
        windows().scene(0)
