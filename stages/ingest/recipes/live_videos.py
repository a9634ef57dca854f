"""Live Videos (LV): 28 recordings of real cameras, 3.9 hours, with robberies, clashes, kidnaps, fights and panic.

Leyva, Sanchez and Li, "The LV Dataset: A Realistic Surveillance Video Dataset for Abnormal Event Detection", IWBF 2017
(https://cvrleyva.wordpress.com/2017/04/08/lv-dataset/). The folders are those that the scripts of a collection name
that takes LV in (https://github.com/AlexanderMelde/SPHAR-Dataset, scripts/video_conversion):

    VIDS/<name>.<mp4 or avi>       recordings
    VIDS/GT/<name>.<mp4 or avi>    likewise long, white where something abnormal is seen
    split.csv                      yours: lines `<name>,<frames>`, how many frames a recording begins with for training

A recording is learnt from at first and tested on after that. How long the first part is stands in no file of the
download that a description of it names, so it has to be written down; 0 is a recording for testing alone. The parts are
written as videos of their own, without loss, called train_<name> and test_<name>; a mask's pixel counts from half of
full white on, since masks are coded with loss. Labels in the part for training are kept.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

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
from stages.ingest.recipes.images import cut
from stages.ingest.source import Clip
from stages.pose.video import frames, probe

ADDRESS = "https://cvrleyva.wordpress.com/2017/04/08/lv-dataset/"
VIDEOS = 28
WHITE = 128
"""Brightness from which a mask's pixel is marked."""
OPTIONS = described(Options)


def clips(source: Path, **options: object) -> tuple[Description, Iterator[Clip]]:
    """See `Recipe`."""
    chose = chosen(Options, options)
    wanted = Checklist(source, ADDRESS, partial=chose.partial)
    parts = read_split(demanded(source, "split.csv", what="lines `<name>,<frames for training>`", address=ADDRESS))
    videos, masks = (files(source / folder, "*.mp4", "*.avi") for folder in ("VIDS", "VIDS/GT"))
    wanted.count("recordings", len(videos), VIDEOS)
    wanted.clips("recordings of split.csv", parts.keys() - videos.keys())
    wanted.labels(f"{name} in split.csv" for name in videos.keys() - parts.keys())
    wanted.labels(f"VIDS/GT/{name}" for name in videos.keys() - masks.keys())
    known = [name for name in videos if name in masks and name in parts]
    fitting = [name for name in known if _fits(wanted, name, videos[name], masks[name], parts[name])]
    wanted.settle()
    about = Description(name="Live Videos, surveillance", source=ADDRESS, licence="CC BY-NC, see its page")
    return about, _filmed({name: videos[name] for name in fitting}, masks, parts)


def _fits(wanted: Checklist, name: str, video: Path, mask: Path, part: int) -> bool:
    """Whether a recording is as long as its mask, and no shorter than its part for training."""
    marked = probe(mask).frames
    return wanted.fits(name, duration(video, marked), marked) and wanted.fits(name, marked, max(marked, part))


def _filmed(videos: dict[str, Path], masks: dict[str, Path], parts: dict[str, int]) -> Iterator[Clip]:
    for name, path in videos.items():
        mask = read_mask(masks[name])
        bounds = {"train": (0, parts[name]), "test": (parts[name], len(mask))}
        for split, (start, stop) in bounds.items():
            if start == stop:
                continue
            with tempfile.TemporaryDirectory(prefix="normotion-") as scratch:
                part = cut(path, start, stop, Path(scratch) / f"{split}_{name}.avi", probe(path).fps)
                labels = labelled(mask[start:stop], masks[name])
                yield film(f"{split}_{name}", split, part, camera=name, scene=name, labels=labels)


def read_mask(path: Path) -> NDArray[np.bool_]:
    """Frames of a mask in which any pixel is marked, `(frames,)`.

    Raises:
        VideoError: it is no video that can be read.
    """
    with closing(frames(path)) as images:
        return np.array([bool((image >= WHITE).any()) for _, image in images], dtype=np.bool_)


def read_split(path: Path) -> dict[str, int]:
    """Frames for training of each recording.

    Raises:
        DatasetError: a line is of another form, or names a recording twice.
    """
    found: dict[str, int] = {}
    for line in lines(path):
        name, _, number = (word.strip() for word in line.partition(","))
        if not number.isdigit() or name in found:
            what = f"{line!r} is not <name>,<frames>, or is the second of its name"
            raise DatasetError(what, where=str(path), fix="write each recording once")
        found[name] = int(number)
    return found
