"""What recipes share: options, checklists, labels as their owners store them."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from stages.core.errors import DatasetError
from stages.ingest.recipes import registry
from stages.ingest.recipes.base import (
    Checklist,
    Options,
    chosen,
    demanded,
    described,
    duration,
    ends,
    files,
    is_array,
    lines,
    masked,
    read_array,
    read_matlab,
    shown,
)
from stages.ingest.source import Interval
from tests.ingest.recipes.miniature import array, plain, video


def test_options_from_a_command_line() -> None:
    assert chosen(Options, {"partial": "true"}).partial is True
    assert chosen(Options, {}).partial is False
    assert described(Options) == {"partial": "take what there is of an incomplete download: true or false"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"partail": True}, "option.partail: unknown parameter; did you mean 'partial'?"),
        ({"partial": "maybe"}, "option.partial: Input should be a valid boolean"),
        ({"partial": "[1"}, r"option partial=\[1 cannot be read"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, object], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        chosen(Options, options)


def test_every_recipe_can_be_found_and_says_its_options() -> None:
    for name, target in registry.RECIPES.items():
        module = pytest.importorskip(target.partition(":")[0])
        assert callable(getattr(module, target.partition(":")[2])), name
        assert all(module.OPTIONS.values()), name
        # Three sets of actions have no page of their own any more.
        assert getattr(module, "ADDRESS", "http").startswith("http"), name


def test_missing_labels_are_never_let_through(tmp_path: Path) -> None:
    wanted = Checklist(tmp_path, "https://x", partial=True)
    wanted.labels(f"{number:02}.npy" for number in range(12))
    with pytest.raises(DatasetError) as error:
        wanted.settle()
    assert "12 label files are missing: 00.npy, 01.npy" in str(error.value)
    assert "09.npy and 2 more" in str(error.value)
    assert "publishes the data set at https://x" in str(error.value)


def test_an_incomplete_download_is_refused_or_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for partial in (False, True):
        wanted = Checklist(tmp_path, "https://x", partial=partial)
        wanted.clips("test clips", {"b", "a"})
        wanted.count("training clips", 3, 330)
        wanted.count("masks", 2, 2)
        assert wanted.fits("c", 20, 20)
        assert not wanted.fits("d", 20, 21)
        if not partial:
            with pytest.raises(DatasetError) as error:
                wanted.settle()
            assert "2 test clips missing: a, b" in str(error.value)
            assert "3 training clips, the complete data set has 330" in str(error.value)
            assert "1 clips do not fit their labels: d has 20 frames, its labels 21" in str(error.value)
            assert "masks" not in str(error.value)
    with caplog.at_level(logging.WARNING, "normotion"):
        wanted.settle()
    assert len(caplog.records) == 3


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="there is no such folder"):
        Checklist(tmp_path / "nowhere", "https://x", partial=False)
    with pytest.raises(DatasetError, match="masks missing: a or b"):
        demanded(tmp_path, "a", "b", what="masks", address="https://x")


def test_what_is_listed(tmp_path: Path) -> None:
    for name in ("b.npy", "a.npy", "._a.npy", "c.txt"):
        (tmp_path / name).write_text("x")
    assert list(files(tmp_path, "*.npy")) == ["a", "b"]  # sorted, without what macOS adds
    assert shown(["a", "b"]) == "a, b"


def test_masks_of_both_polarities(tmp_path: Path) -> None:
    array(tmp_path / "a_tracks.txt", [1.0, 0.0, 0.0, 1.0])  # a NumPy file whatever it is called
    assert is_array(tmp_path / "a_tracks.txt")
    assert masked(tmp_path / "a_tracks.txt", abnormal=0) == (4, (Interval(1, 2),))
    assert masked(tmp_path / "a_tracks.txt") == (4, (Interval(0, 0), Interval(3, 3)))


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY\x01", b"1,0,450\n"])
def test_broken_arrays(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(DatasetError, match="not a NumPy array"):
        read_array(tmp_path / "a.npy")


def test_masks_that_are_none(tmp_path: Path) -> None:
    array(tmp_path / "a.npy", [0, 1, 2])
    with pytest.raises(DatasetError, match="must hold 0 or 1") as error:
        masked(tmp_path / "a.npy")
    assert error.value.where.endswith("a.npy")
    np.save(tmp_path / "b.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(DatasetError, match="not a NumPy array"):
        read_array(tmp_path / "b.npy")


def test_matlab_files(tmp_path: Path) -> None:
    scipy.io.savemat(tmp_path / "a.mat", {"gt": np.array([[1, 2]])})
    assert read_matlab(tmp_path / "a.mat", "gt").tolist() == [[1, 2]]
    with pytest.raises(DatasetError, match="no variable 'x'"):
        read_matlab(tmp_path / "a.mat", "x")
    (tmp_path / "b.mat").write_bytes((tmp_path / "a.mat").read_bytes()[:150])
    for name in ("b.mat", "none.mat"):
        with pytest.raises(DatasetError, match="not a MATLAB file"):
            read_matlab(tmp_path / name, "gt")


def test_lines(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfx\r\n\r\n y \r\n")
    assert lines(tmp_path / "a.txt") == ["x", "y"]
    (tmp_path / "b.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DatasetError, match="not a text file"):
        lines(tmp_path / "b.txt")


def test_lengths_of_videos(tmp_path: Path) -> None:
    video(tmp_path / "a.mp4", plain(20))
    assert duration(tmp_path / "a.mp4", 20) == duration(tmp_path / "a.mp4", 25) == 20
    assert ends(tmp_path / "a.mp4", []) == (20, 20)
    assert ends(tmp_path / "a.mp4", [Interval(3, 19)]) == (20, 20)
    assert ends(tmp_path / "a.mp4", [Interval(3, 20)]) == (20, 21)  # one frame past the end


def test_a_zip_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "data.zip").write_bytes(b"PK")
    with pytest.raises(DatasetError, match="a recipe reads a folder, this is a file"):
        Checklist(tmp_path / "data.zip", "https://example.org", partial=False)
