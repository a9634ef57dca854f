"""CUHK Avenue: one camera over a campus avenue, 16 normal training videos, 21 test videos with a mask of pixels each.

Lu, Shi and Jia, "Abnormal Event Detection at 150 FPS in Matlab", ICCV 2013
(http://www.cse.cuhk.edu.hk/leojia/projects/detectabnormal/dataset.html).

    training_videos/<NN>.avi, testing_videos/<NN>.avi
    [ground_truth_demo/]testing_label_mask/<N>_label.mat    `volLabel`: 1 × frames cells of height × width, 0 or 1

Frames in which any pixel is 1 are abnormal. Clips are called train_<NN> and test_<NN>. HR-Avenue (Morais et al.,
CVPR 2019) leaves out frames of five test videos in which the anomaly is no person, or nobody can be seen well enough:
they become intervals of unknown truth, so that they count in no figure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from stages.core.dataset import Description
from stages.core.errors import DatasetError
from stages.ingest.recipes.base import (
    Checklist,
    Options,
    chosen,
    demanded,
    described,
    duration,
    files,
    film,
    labelled,
    read_matlab,
)
from stages.ingest.source import Clip, Interval

ADDRESS = "http://www.cse.cuhk.edu.hk/leojia/projects/detectabnormal/dataset.html"
TRAIN, TEST = 16, 21
CAMERA = "avenue"
RUNS = {
    "01": "75k46d269k47d427k47d20k70d438k",
    "02": "272k48d403k41d447k",
    "03": "293k48d582k",
    "06": "561k64d189k193d276k",
    "16": "728k12d",
}
"""Test videos of which HR-Avenue drops frames: runs of frames kept (k) and dropped (d)."""


class AvenueOptions(Options):
    """What the recipe may be told.

    Args:
        hr: HR-Avenue: the truth of frames it drops is unknown.
    """

    hr: bool = Field(default=False, description="HR-Avenue, frames it drops count for nothing: true or false")


OPTIONS = described(AvenueOptions)


def clips(source: Path, **options: object) -> tuple[Description, Iterator[Clip]]:
    """See `Recipe`."""
    chose = chosen(AvenueOptions, options)
    wanted = Checklist(source, ADDRESS, partial=chose.partial)
    train, test = (files(source / f"{split}_videos", "*.avi") for split in ("training", "testing"))
    places = ("ground_truth_demo/testing_label_mask", "testing_label_mask")
    masks = files(demanded(source, *places, what="folder of masks", address=ADDRESS), "*_label.mat")
    wanted.count("training videos", len(train), TRAIN)
    wanted.count("test videos", len(test), TEST)
    wanted.labels(f"{_mask(number)}.mat" for number in test if _mask(number) not in masks)
    wanted.clips("test videos", masks.keys() - {_mask(number) for number in test})
    found = {number: read_mask(masks[_mask(number)]) for number in test if _mask(number) in masks}
    fitting = {
        number: (len(mask), labels(mask, masks[_mask(number)], number if chose.hr else ""))
        for number, mask in found.items()
        if wanted.fits(f"test_{number}", duration(test[number], len(mask)), len(mask))
    }
    wanted.settle()
    name = "HR-Avenue" if chose.hr else "CUHK Avenue"
    return Description(name=name, source=ADDRESS, licence="research only, see its page"), _filmed(train, test, fitting)


def _filmed(
    train: dict[str, Path], test: dict[str, Path], fitting: dict[str, tuple[int, tuple[Interval, ...]]]
) -> Iterator[Clip]:
    for number, path in train.items():
        yield film(f"train_{number}", "train", path, camera=CAMERA, scene=CAMERA)
    for number, (frames, intervals) in fitting.items():
        yield film(f"test_{number}", "test", test[number], camera=CAMERA, scene=CAMERA, frames=frames, labels=intervals)


def read_mask(path: Path) -> NDArray[np.bool_]:
    """Frames in which any pixel is marked, `(frames,)`.

    Raises:
        DatasetError: the file is broken or holds something else.
    """
    cells = read_matlab(path, "volLabel").reshape(-1)
    if cells.dtype != object:
        raise DatasetError("volLabel is no list of frames", where=str(path), fix="download it again")
    return np.array([bool(np.any(cell)) for cell in cells], dtype=np.bool_)


def labels(mask: NDArray[np.bool_], path: Path, number: str) -> tuple[Interval, ...]:
    """Abnormal stretches of a test video; with its number those too that HR-Avenue drops.

    Raises:
        DatasetError: the runs of HR-Avenue do not fit the mask.
    """
    dropped = drops(number)
    if dropped and length(number) != len(mask):
        raise DatasetError(f"HR-Avenue knows {length(number)} frames, the mask {len(mask)}", where=str(path))
    return (*labelled(mask, path), *dropped)


def drops(number: str) -> tuple[Interval, ...]:
    """Frames of a test video that HR-Avenue drops, as intervals of unknown truth."""
    found, start = [], 0
    for frames, what in _runs(number):
        if what == "d":
            found.append(Interval(start, start + frames - 1, unknown=True))
        start += frames
    return tuple(found)


def length(number: str) -> int:
    """Frames of a test video that HR-Avenue speaks of."""
    return sum(frames for frames, _ in _runs(number))


def _runs(number: str) -> list[tuple[int, str]]:
    return [(int(frames), what) for frames, what in re.findall(r"(\d+)([kd])", RUNS.get(number, ""))]


def _mask(number: str) -> str:
    """Masks are numbered without a leading zero."""
    return f"{int(number)}_label"
