"""Skeleton trajectories of MPED-RNN: one CSV per person, in a folder per clip, often in one per camera.

A row is a frame's number and x, y of 17 joints in px, without a header; a joint that was not found is 0, 0. Published
with Morais et al., CVPR 2019, at https://github.com/RomeroBarata/skeleton_based_anomaly_detection; its author confirms
columns and folders (camera / clip / person.csv) in issue #10. Issue #32 tells of frames that stand twice in the
published files: of those the first is kept, and they are counted. MoCoDAD and others use the same files.

There are no confidences: a joint gets 1 where it was found and 0 where not, a person the score 1. The order is COCO's
17. The box is the extent of the joints found.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from itertools import groupby
from pathlib import PurePosixPath

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.core.errors import DatasetError
from stages.core.foreign import distinct, numbers, whole
from stages.ingest.files import Files
from stages.ingest.formats.base import Given, Recording
from stages.ingest.people import People, declared, metadata, people

NAME = "mped_rnn"
LAYOUT = "coco17"


def read(files: Files, given: Given) -> Iterator[Recording]:
    """The clips of a source: each folder that holds CSV files is one.

    Raises:
        DatasetError: there is no such file, or one is broken.
    """
    layout = declared(given.layout, LAYOUT, NAME)
    paths = sorted(files.demand("trajectories", "*.csv"), key=lambda path: (_folder(path), path))
    for folder, members in groupby(paths, key=_folder):
        parts, persons, digest = [], [], hashlib.sha256()
        for path in members:
            data = files.read(path)
            digest.update(data)
            parts.append(parse(data, files.where(path), len(layout)))
            persons.append(PurePosixPath(path).stem)
        tracks = distinct(persons, where=files.where(folder), what="a person's file name")
        found = _people(parts, tracks, files.where(folder))
        name = PurePosixPath(folder).name or files.root.stem
        yield Recording(name, f"{folder}/", found, metadata(layout.name, NAME, digest.hexdigest()))


def parse(data: bytes, where: str, joints: int = 17) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Frames `(n,)` and x, y of the joints `(n, V, 2)` of one person.

    Raises:
        DatasetError: the file is empty, is no CSV of numbers, or has another number of columns.
    """
    try:
        table = pd.read_csv(io.BytesIO(data), header=None)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise DatasetError(f"not a readable CSV: {error}", where=where, fix="download it again") from error
    values = numbers(
        table.to_numpy().tolist(), 1 + 2 * joints, where=where, what="a row", name=lambda row: f"line {row + 1}"
    )
    frame = whole(values[:, 0].tolist(), where=where, what="a frame")
    return frame, values[:, 1:].reshape(-1, joints, 2)


def _people(
    parts: list[tuple[NDArray[np.int64], NDArray[np.float64]]], tracks: NDArray[np.int64], where: str
) -> People:
    frame = np.concatenate([frames for frames, _ in parts])
    places = np.concatenate([values for _, values in parts])
    found = (places != 0).any(axis=-1, keepdims=True)
    track = np.repeat(tracks, [len(frames) for frames, _ in parts])
    return people(frame, np.concatenate([places, found], axis=-1), where=where, track=track)


def _folder(path: str) -> str:
    return str(PurePosixPath(path).parent)
