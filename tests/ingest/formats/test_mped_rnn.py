"""Trajectories of MPED-RNN: a CSV per person, in a folder per clip."""

from __future__ import annotations

from pathlib import Path

import pytest

from stages.core.errors import DatasetError
from stages.ingest.files import open_files
from stages.ingest.formats.base import Given, Recording
from stages.ingest.formats.mped_rnn import parse, read


def line(frame: float, x: float = 5.0, missing: int = 0) -> str:
    """A frame, then joint j at x, 10 + j; the last `missing` ones at 0, 0."""
    joints = [(x, 10.0 + joint) if joint < 17 - missing else (0.0, 0.0) for joint in range(17)]
    return ",".join([str(frame), *(f"{value}" for place in joints for value in place)])


def clips(folder: Path, **files: str) -> list[Recording]:
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return list(read(open_files(folder), Given()))


def test_a_folder_is_a_clip_and_a_file_a_person(tmp_path: Path) -> None:
    first, second = clips(
        tmp_path,
        **{
            "01__01_0014__0001": f"{line(3)}\n{line(4)}\n",
            "01__01_0014__0002": line(3, 7),
            "01__01_0015__0001": line(0),
        },
    )
    assert (first.name, second.name) == ("01_0014", "01_0015")
    assert first.people.frame.tolist() == [3, 3, 4]
    assert first.people.track.tolist() == [1, 2, 1]
    assert first.people.keypoints[1, 2].tolist() == [7, 12, 1]
    assert first.people.score.tolist() == [1, 1, 1]
    assert first.meta["source_sha256"] != second.meta["source_sha256"]


def test_joints_at_the_origin_are_missing(tmp_path: Path) -> None:
    (found,) = clips(tmp_path, a__1=line(0, missing=5))
    assert found.people.keypoints[0, :, 2].tolist() == [1] * 12 + [0] * 5
    assert found.people.box.tolist() == [[5, 10, 0, 11]]
    assert found.people.score.tolist() == [1]


def test_rows_without_any_joint_are_left_out_and_counted(tmp_path: Path) -> None:
    (found,) = clips(tmp_path, a__1=f"{line(0, missing=17)}\n{line(1)}")
    assert found.people.frame.tolist() == [1]
    assert found.people.repairs == {"without a joint seen, left out": 1}


def test_a_frame_twice_keeps_the_first_and_is_counted(tmp_path: Path) -> None:
    # The published files hold such rows.
    (found,) = clips(tmp_path, a__1=f"{line(1, 5)}\n{line(1, 6)}\n{line(2)}")
    assert found.people.keypoints[:, 0, 0].tolist() == [5, 5]
    assert found.people.repairs == {"twice in a frame, left out": 1}


def test_files_that_lie_in_the_source_itself(tmp_path: Path) -> None:
    (found,) = clips(tmp_path / "walk", **{"00001": line(0)})
    assert found.name == "walk"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a readable CSV"),
        (line(0) + ",5", "a row must be 35 numbers, found 36"),  # a column over
        (line(0).rsplit(",", 2)[0], "a row must be 35 numbers, found 33"),
        (line(0).replace("5.0", "nan", 1), "a row with null, NaN or infinite values"),
        (line(0).replace("5.0", "x", 1), "a row must hold numbers alone"),
        ("frame" + line(0)[1:], "a row must hold numbers alone"),  # a header
        (line(0.5), "a frame must be a whole number"),
        (line(-2), "a frame -2 is below 0"),
        (f"{line(0)}\n{line(1)},9", "not a readable CSV"),
    ],
)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message) as error:
        parse(text.encode(), "a/1.csv")
    assert "a/1.csv" in error.value.where


def test_bytes_that_are_no_text() -> None:
    with pytest.raises(DatasetError, match="not a readable CSV"):
        parse(b"\xff\xfe\x00,1", "a/1.csv")


def test_a_person_must_be_a_number(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="a person's file name must be a whole number, found 'labels'"):
        clips(tmp_path, a__labels=line(0))
