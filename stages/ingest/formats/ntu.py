"""NTU RGB+D `.skeleton` text: 25 joints of Microsoft's Kinect v2 in metres, one file per clip.

The number of frames; for each the number of bodies; for each body a line (its id and nine states), the number of
joints, and a line of twelve numbers for each joint: x, y, z (m, camera at the origin), depth x, y, colour x, y (px),
orientation (4), tracking state (0 not tracked, 1 inferred, 2 tracked). Published with Shahroudy et al., CVPR 2016,
https://github.com/shahroudy/NTURGB-D, whose reader is in Matlab; the lines are explained at
https://iluvrachel.github.io/2019/01/15/NTU-RGBD骨架数据分析/.

Files are called SsssCcccPpppRrrrAaaa (setup, camera, performer, replication, action); camera, scene (setup) and kind
(action) come from there. The colour camera has 1920×1080 px and 30 frames per second. Coordinates are kept as x, y, z;
the box is the extent of the joints that lie in the colour image (of others the file has NaN there). Confidence is the
tracking state ÷ 2. Bodies are numbered from 0 in the order of their appearance.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from stages.core.errors import DatasetError
from stages.core.skeleton import layout as joint_layout
from stages.ingest.files import Files
from stages.ingest.formats.base import Given, Recording, told
from stages.ingest.people import People, people

NAME = "ntu"
LAYOUT = "ntu25"
FPS, SIZE = 30.0, (1920, 1080)
"""Of the colour camera, as published."""
CLIP = re.compile(r"S(\d{3})C(\d{3})P\d{3}R\d{3}A(\d{3})")
VALUES = 12
"""Numbers in a joint's line."""


def read(files: Files, given: Given) -> Iterator[Recording]:
    """The clips of a source, in the order of their names.

    Raises:
        DatasetError: another layout is asked for, there is no such file, or one is broken.
    """
    if given.layout not in (None, LAYOUT):
        raise DatasetError(f"NTU RGB+D holds {LAYOUT} joints, not {given.layout}", fix="leave --layout out")
    for path in files.demand("NTU RGB+D skeletons", "*.skeleton"):
        data = files.read(path)
        found, frames = parse(data, files.where(path))
        name = path.rpartition("/")[2].removesuffix(".skeleton")
        match = CLIP.fullmatch(name)
        camera, scene, kind = (f"C{match[2]}", f"S{match[1]}", f"A{match[3]}") if match else (None, None, None)
        meta = told(data, LAYOUT, NAME, coordinates="xyz", units="m")
        yield Recording(name, path, found, meta, frames, FPS, given.size or SIZE, camera, scene, kind, numbered=True)


def parse(data: bytes, where: str) -> tuple[People, int]:
    """People of one file, and the clip's length.

    Raises:
        DatasetError: the file is empty, cut short, has lines over, or holds something else than numbers.
    """
    try:
        lines = data.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise DatasetError("not a text of numbers", where=where, fix="download it again") from error
    lines = [line for line in (line.strip() for line in lines) if line]
    if not lines:
        raise DatasetError("the file is empty", where=where, fix="NTU RGB+D lists such files as missing: take it out")
    return _bodies(lines, where)


def _bodies(lines: list[str], where: str) -> tuple[People, int]:
    """Walk through the counts; the joints' lines are parsed together."""
    joints = len(joint_layout(LAYOUT))
    frame, body, taken = [], [], []
    length, at = _count(lines, 0, where), 1
    for number in range(length):
        crowd, at = _count(lines, at, where), at + 1
        for _ in range(crowd):
            head, count = _line(lines, at, where), _count(lines, at + 1, where)
            if count != joints:
                raise DatasetError(f"{count} joints where {joints} are declared", where=f"{where}, line {at + 2}")
            frame.append(number)
            body.append(head.split()[0])
            taken.extend(lines[at + 2 : at + 2 + joints])
            at += 2 + joints
    if at != len(lines):
        what = "cut short" if at > len(lines) else f"{len(lines) - at} lines too long"
        raise DatasetError(f"the file is {what}: {length} frames are announced", where=where, fix="download it again")
    values = _numbers(taken, where).reshape(-1, joints, VALUES)
    ids = {name: number for number, name in enumerate(dict.fromkeys(body))}
    found = people(
        np.array(frame, dtype=np.int64),
        np.concatenate([values[..., :3], values[..., 11:] / 2], axis=-1),
        where=where,
        track=np.array([ids[name] for name in body], dtype=np.int64),
        pixels=values[..., 5:7],
    )
    return found, length


def _numbers(lines: list[str], where: str) -> NDArray[np.float64]:
    """`(n, 12)`; a colour or depth pixel may be NaN where the camera did not see the joint, nothing else."""
    try:
        values = np.array([line.split() for line in lines], dtype=np.float64).reshape(-1, VALUES)
    except ValueError as error:
        raise DatasetError(
            f"a joint must have {VALUES} numbers: {error}", where=where, fix="download it again"
        ) from error
    needed = values[:, [0, 1, 2, 11]]
    if not np.isfinite(needed).all():
        raise DatasetError("a joint's place is NaN or infinite", where=where, fix="take the file out")
    return values


def _line(lines: list[str], at: int, where: str) -> str:
    if at >= len(lines):
        raise DatasetError("the file is cut short", where=f"{where}, line {at + 1}", fix="download it again")
    return lines[at]


def _count(lines: list[str], at: int, where: str) -> int:
    text = _line(lines, at, where)
    if not text.isdigit():
        raise DatasetError(f"a count is expected, found {text[:40]!r}", where=f"{where}, line {at + 1}")
    return int(text)
