"""UBI-Fights: 1,000 web videos, 80 hours, in 216 of which people fight.

Degardin and Proença, "Human Activity Analysis: Iterative Weak/Self-Supervised Learning Frameworks for Detecting
Abnormal Events", IJCB 2020 (http://socia-lab.di.ubi.pt/EventDetection/).

    videos/fight/F_*.mp4, videos/normal/N_*.mp4
    annotation/<video>.csv    a line per frame, 1 fight, 0 none
    test_videos.csv           names of the test videos, one per line

The numbers in a name are the video's id, whether it is indoors, whether the camera stands, turns or moves, and whether
the picture is grey. Videos that are not in the list are for training: the normal ones, and with `abnormal_training`
those with a fight too. Nobody says which videos share a camera: each counts as its own.
"""

from __future__ import annotations

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
    lines,
)
from stages.ingest.source import Clip, Interval

ADDRESS = "http://socia-lab.di.ubi.pt/EventDetection/"
FIGHTS, NORMAL = 216, 784


class UBIFightsOptions(Options):
    """What the recipe may be told.

    Args:
        abnormal_training: take training videos with a fight along, labelled. A detector that is not supervised would
            learn from their frames without one too.
    """

    abnormal_training: bool = Field(default=False, description="take training videos with a fight along: true or false")


OPTIONS = described(UBIFightsOptions)


def clips(source: Path, **options: object) -> tuple[Description, Iterator[Clip]]:
    """See `Recipe`."""
    chose = chosen(UBIFightsOptions, options)
    wanted = Checklist(source, ADDRESS, partial=chose.partial)
    listed = demanded(source, "test_videos.csv", what="list of test videos", address=ADDRESS)
    test = {line.split(",")[0].strip().removesuffix(".mp4") for line in lines(listed)}
    fights, normal = (files(source / "videos" / folder, "*.mp4") for folder in ("fight", "normal"))
    wanted.count("videos with a fight", len(fights), FIGHTS)
    wanted.count("videos without", len(normal), NORMAL)
    wanted.clips("test videos", test - fights.keys() - normal.keys())
    taken = {**normal, **{name: path for name, path in fights.items() if chose.abnormal_training or name in test}}
    annotations = files(source / "annotation", "*.csv")
    wanted.labels(f"annotation/{name}.csv" for name in taken if name not in annotations)
    fitting: dict[str, tuple[int, tuple[Interval, ...]]] = {}
    for name, path in taken.items():
        if name in annotations:
            mask = read_annotation(annotations[name])
            if wanted.fits(name, duration(path, len(mask)), len(mask)):
                fitting[name] = len(mask), labelled(mask, annotations[name], kind="fight")
    wanted.settle()
    about = Description(name="UBI-Fights, fights in web videos", source=ADDRESS, licence="research only, see its page")
    return about, _filmed(fitting, taken, test)


def _filmed(
    fitting: dict[str, tuple[int, tuple[Interval, ...]]], videos: dict[str, Path], test: set[str]
) -> Iterator[Clip]:
    for name, (frames, intervals) in fitting.items():
        split = "test" if name in test else "train"
        yield film(name, split, videos[name], camera=name, scene=name, frames=frames, labels=intervals)


def read_annotation(path: Path) -> NDArray[np.int64]:
    """A mask of frames, `(frames,)`, 1 fight.

    Raises:
        DatasetError: a line is neither 0 nor 1.
    """
    values = [line.split(",")[-1].strip() for line in lines(path)]
    strange = [number for number, value in enumerate(values, start=1) if value not in {"0", "1", "0.0", "1.0"}]
    if strange:
        what = f"line {strange[0]} is {values[strange[0] - 1]!r}, neither 0 nor 1"
        raise DatasetError(what, where=str(path), fix="download it again")
    return np.array([int(float(value)) for value in values], dtype=np.int64)
