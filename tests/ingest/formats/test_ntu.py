"""NTU RGB+D skeletons: the text, line by line."""

from __future__ import annotations

from pathlib import Path

import pytest

from stages.core.errors import DatasetError
from stages.ingest.files import open_files
from stages.ingest.formats.base import Given
from stages.ingest.formats.ntu import parse, read

NAME = "S017C003P020R002A060"


def joint(number: int, state: int = 2, pixels: str = "") -> str:
    """A line: x 0.1 j, y -0.2, z 3 m; depth 1, 2; colour 100 + j, 50 px; orientation; state."""
    colour = pixels or f"{100 + number} 50"
    return f"{number / 10} -0.2 3 1 2 {colour} 0 0 0 1 {state}"


def body(name: int, **change: str | int) -> list[str]:
    return [f"{name} 0 1 1 1 1 0 0.02 0.05 2", "25", *(joint(number, **change) for number in range(25))]  # type: ignore[arg-type]


def text(*frames: list[list[str]]) -> bytes:
    lines = [str(len(frames))]
    for bodies in frames:
        lines += [str(len(bodies)), *(line for one in bodies for line in one)]
    return ("\r\n".join(lines) + "\r\n").encode()


def test_what_is_read() -> None:
    first, second = 72057594037931101, 72057594037931102  # ids as the Kinect gives them
    found, frames = parse(text([body(second)], [], [body(first), body(second)]), "a")
    assert frames == 3
    assert found.frame.tolist() == [0, 2, 2]
    assert found.track.tolist() == [0, 1, 0]  # numbered as they appear
    assert found.keypoints.shape == (3, 25, 4)
    assert found.keypoints[0, 3].tolist() == pytest.approx([0.3, -0.2, 3, 1])
    assert found.box.tolist() == [[100, 50, 24, 0]] * 3
    assert found.score.tolist() == [1, 1, 1]


def test_inferred_joints_are_half_sure() -> None:
    found, _ = parse(text([body(1, state=1)]), "a")
    assert found.score.tolist() == [0.5]


def test_joints_outside_the_image() -> None:
    found, _ = parse(text([body(1, pixels="NaN NaN")]), "a")
    assert found.box.tolist() == [[0, 0, 0, 0]]
    assert found.keypoints[0, 24, 0] == pytest.approx(2.4)


def test_bodies_that_are_not_tracked_at_all() -> None:
    found, _ = parse(text([[f"{1} 0", "25", *["0 0 0 0 0 0 0 0 0 0 0 0"] * 25]]), "a")
    assert found.repairs == {"without a joint seen, left out": 1}


GOOD = text([body(1)], [body(1)])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"\n\n", "the file is empty"),
        (b"\xff\xfe", "not a text of numbers"),
        (GOOD[:-400], "cut short"),
        (GOOD[: len(GOOD) // 2], "cut short"),
        (b"3" + GOOD[1:], "cut short"),  # more frames announced than are there
        (b"1" + GOOD[1:], "28 lines too long"),  # fewer
        (GOOD.replace(b"\r\n25\r\n", b"\r\n20\r\n", 1), "20 joints where 25 are declared"),
        (GOOD.replace(b"0.3 -0.2 3 ", b"0.3 -0.2 ", 1), "a joint must have 12 numbers"),
        (GOOD.replace(b"0.3 ", b"nan ", 1), "a joint's place is NaN or infinite"),
        (GOOD.replace(b"0.3 ", b"x ", 1), "a joint must have 12 numbers"),
        (b"many" + GOOD[1:], "a count is expected, found 'many'"),
        (b"-1" + GOOD[1:], "a count is expected, found '-1'"),
    ],
)
def test_refused(content: bytes, message: str) -> None:
    with pytest.raises(DatasetError, match=message) as error:
        parse(content, "walk.skeleton")
    assert "walk.skeleton" in error.value.where


def test_clips(tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.skeleton").write_bytes(GOOD)
    (found,) = read(open_files(tmp_path), Given())
    assert (found.name, found.camera, found.scene, found.kind) == (NAME, "C003", "S017", "A060")
    assert (found.fps, found.size, found.frames) == (30, (1920, 1080), 2)
    assert (found.meta["layout"], found.meta["coordinates"], found.meta["units"]) == ("ntu25", "xyz", "m")


def test_another_layout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="NTU RGB.D holds ntu25 joints, not coco17"):
        next(read(open_files(tmp_path), Given(layout="coco17")))
