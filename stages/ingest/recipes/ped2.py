"""UCSD Ped2: one camera over a walkway, 16 normal training clips, 12 test clips of 2,010 frames.

Mahadevan, Li, Bhalodia and Vasconcelos, "Anomaly Detection in Crowded Scenes", CVPR 2010
(http://www.svcl.ucsd.edu/projects/anomaly/dataset.htm). Two layouts are read, the owner's and one that is passed on:

    Train/Train<NNN>/<NNN>.tif, Test/Test<NNN>/<NNN>.tif, Test/UCSDped2.m
    train/<NN>.mp4, test/<NN>.mp4, ped2.mat

Both name abnormal frames 1-based and inclusive: the script as lines `TestVideoFile{end+1}.gt_frame = [61:180];` in the
order of the clips, the table as one cell per clip with a column of first and last per interval. Frames are 360 × 240 at
10 frames/s, which images do not say; they are joined to videos without loss. Clips are called train_<NN> and
test_<NN>. People are 20 to 30 px tall.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from stages.core.dataset import Description
from stages.core.errors import DatasetError
from stages.ingest.recipes.base import Checklist, Options, chosen, demanded, described, ends, film, lines, read_matlab
from stages.ingest.recipes.images import images, join
from stages.ingest.source import Clip, Interval

ADDRESS = "http://www.svcl.ucsd.edu/projects/anomaly/dataset.htm"
FPS = 10.0
CAMERA = "ped2"
TRAIN, TEST = 16, 12
OPTIONS = described(Options)
_FOLDER = re.compile(r"(?:Train|Test)?(\d+)(?:\.mp4)?")
_LINE = re.compile(r"TestVideoFile\{end\+1\}\.gt_frame\s*=\s*\[(.*?)\]")
_SPAN = re.compile(r"(\d+)\s*:\s*(\d+)")


def clips(source: Path, **options: object) -> tuple[Description, Iterator[Clip]]:
    """See `Recipe`."""
    chose = chosen(Options, options)
    wanted = Checklist(source, ADDRESS, partial=chose.partial)
    truth = demanded(source, "Test/UCSDped2.m", "ped2.mat", what="frames' truth", address=ADDRESS)
    train, test = (
        _numbered(source / (split.title() if truth.suffix == ".m" else split)) for split in ("train", "test")
    )
    intervals = read_script(truth) if truth.suffix == ".m" else read_table(truth)
    wanted.count("training clips", len(train), TRAIN)
    wanted.count("test clips", len(test), TEST)
    wanted.labels(f"{truth.name}: clip {number}" for number in test if number > len(intervals))
    fitting = [
        number
        for number, path in test.items()
        if number <= len(intervals) and _inside(wanted, number, path, intervals[number - 1])
    ]
    wanted.settle()
    about = Description(name="UCSD Ped2, a walkway", source=ADDRESS, licence="research only, see its page")
    return about, _filmed(train, {number: test[number] for number in fitting}, intervals)


def _filmed(train: dict[int, Path], test: dict[int, Path], intervals: Sequence[tuple[Interval, ...]]) -> Iterator[Clip]:
    with tempfile.TemporaryDirectory(prefix="normotion-") as scratch:
        for split, paths in (("train", train), ("test", test)):
            for number, path in paths.items():
                name = f"{split}_{number:02}"
                video = join(path, Path(scratch) / f"{name}.avi", FPS) if path.is_dir() else path
                labels = intervals[number - 1] if split == "test" else ()
                yield film(name, split, video, camera=CAMERA, scene=CAMERA, labels=labels)
                if path.is_dir():
                    video.unlink()


def read_script(path: Path) -> list[tuple[Interval, ...]]:
    """Abnormal intervals of each test clip, from the owner's MATLAB script.

    Raises:
        DatasetError: it names no clip.
    """
    found = [
        tuple(_interval(int(first), int(last), path) for first, last in _SPAN.findall(match[1]))
        for line in lines(path)
        if (match := _LINE.search(line))
    ]
    if not found:
        raise DatasetError("the script names no abnormal frames", where=str(path), fix="download it again")
    return found


def read_table(path: Path) -> list[tuple[Interval, ...]]:
    """The same from `gt` of the table that is passed on.

    Raises:
        DatasetError: it holds something else.
    """
    cells = read_matlab(path, "gt").reshape(-1)
    if cells.dtype != object or any(np.ndim(cell) != 2 or len(cell) != 2 for cell in cells):
        raise DatasetError("gt is no list of intervals by clip", where=str(path), fix="download it again")
    return [tuple(_interval(int(first), int(last), path) for first, last in cell.T) for cell in cells]


def _interval(first: int, last: int, path: Path) -> Interval:
    if not 1 <= first <= last:
        raise DatasetError(f"frames {first} to {last} are no interval", where=str(path), fix="download it again")
    return Interval(first - 1, last - 1)


def _numbered(folder: Path) -> dict[int, Path]:
    """Clips of a split by number; masks of pixels (`Test001_gt`) are others."""
    found = ((path, _FOLDER.fullmatch(path.name)) for path in sorted(folder.glob("*")))
    return {int(match[1]): path for path, match in found if match}


def _inside(wanted: Checklist, number: int, path: Path, intervals: Sequence[Interval]) -> bool:
    """Whether the truth ends with the clip or before."""
    if not path.is_dir():
        return wanted.fits(f"test_{number:02}", *ends(path, intervals))
    frames = len(images(path))
    return wanted.fits(f"test_{number:02}", frames, max([frames, *(interval.end + 1 for interval in intervals)]))
