"""KARD, UTKinect-Action3D and MSR Action3D: actions before a Kinect, one a clip, as rows of joints in text files.

* KARD: Gaglio, Lo Re and Morana, "Human Activity Recognition Process Using 3-D Posture Data", 2015. 18 actions by 10
  people, three times each; 15 joints in pixels of a 640×480 picture (`aAA_sSS_eEE_screen.txt`). 30 frames per second.
* UTKinect-Action3D: Xia, Chen and Aggarwal, "View Invariant Human Action Recognition Using Histograms of 3D Joints",
  2012. 10 actions by 10 people, twice each; 20 joints in metres, a file per action (`aAA_sSS_eEE.txt`). Frames in which
  nobody was tracked are left out of it, so 15 frames per second is a mean, and clips may be as short as 6 frames.
* MSR Action3D: Li, Zhang and Liu, "Action Recognition Based on a Bag of 3D Points", 2010. 20 actions by 10 people, up
  to three times each; 20 joints in metres, each with a confidence (`aAA_sSS_eEE_skeleton3D.txt`). 15 frames per second.

None of them documents the order of its joints: `benchmarks.joint_order` finds it. Odd people are learned from, even
ones are the test, the usual cross-subject split of MSR Action3D. Which actions are normal is said by splits.yaml.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stages.core.dataset import Description
from stages.core.errors import DatasetError
from stages.core.progress import log
from stages.core.skeleton import KINECT15, KINECT20, MSR20, Layout
from stages.ingest.files import Files, open_files
from stages.ingest.formats.base import told
from stages.ingest.people import People, people, tables
from stages.ingest.recipes.base import Options, chosen, described, shown
from stages.ingest.source import Clip

SIZE = (640, 480)
FOCAL = 571.26
"""Of the first Kinect's depth camera in pixels of a 640-pixel picture, as in Microsoft's programs; it gives boxes."""
NAMES = re.compile(r"a(\d{2})_s(\d{2})_e(\d{2})")
PEOPLE = range(1, 11)


@dataclass(frozen=True)
class ActionSet:
    """One of the data sets.

    Args:
        title: one line for dataset.yaml.
        ending: what file names end with after action, subject and repetition.
        layout: of the joints.
        columns: numbers in a row: x, y, z, and a confidence where there are four.
        fps: frames per second.
        actions: names in the order of their numbers, from 1.
        clips: in the complete data set.
        flat: whether x and y are pixels; z is left out then.
    """

    title: str
    ending: str
    layout: Layout
    columns: int
    fps: float
    actions: tuple[str, ...]
    clips: int
    flat: bool = False


KARD = ActionSet(
    "KARD, actions before a Kinect in pixels", "_screen.txt", KINECT15, 3, 30.0,
    (
        "horizontal arm wave", "high arm wave", "two hand wave", "catch cap", "high throw", "draw x", "draw tick",
        "toss paper", "forward kick", "side kick", "take umbrella", "bend", "hand clap", "walk", "phone call", "drink",
        "sit down", "stand up",
    ),
    540,
    flat=True,
)  # fmt: skip
UTKINECT = ActionSet(
    "UTKinect-Action3D, actions before a Kinect", ".txt", KINECT20, 3, 15.0,
    (
        "walk", "sit down", "stand up", "pick up", "carry", "throw", "push", "pull", "wave hands", "clap hands",
    ),
    200,
)  # fmt: skip
MSR_ACTION3D = ActionSet(
    "MSR Action3D, actions before a Kinect", "_skeleton3D.txt", MSR20, 4, 15.0,
    (
        "high arm wave", "horizontal arm wave", "hammer", "hand catch", "forward punch", "high throw", "draw x",
        "draw tick", "draw circle", "hand clap", "two hand wave", "side boxing", "bend", "forward kick", "side kick",
        "jogging", "tennis swing", "tennis serve", "golf swing", "pick up and throw",
    ),
    567,
)  # fmt: skip


def kind(about: ActionSet, action: int) -> str:
    """How clips.csv calls an action, e.g. `a01 walk`."""
    return f"a{action:02} {about.actions[action - 1]}"


def _named(about: ActionSet, **groups: tuple[int, ...]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(kind(about, action) for action in actions) for name, actions in groups.items()}


SPLITS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "kard": _named(
        KARD, waving=(1, 2, 3), drawing_and_clapping=(6, 7, 13), throwing=(4, 5, 8), legs=(9, 10, 14),
        daily_life=(11, 15, 16), whole_body=(12, 17, 18),
    ),
    "utkinect": _named(
        UTKINECT, posture=(2, 3, 4), arms=(6, 7, 8), hands=(6, 9, 10), walking_about=(1, 4, 5),
    ),
    "msr-action3d": _named(
        MSR_ACTION3D, waving=(1, 2, 11), drawing=(7, 8, 9), striking=(3, 5, 12), legs=(14, 15, 16),
        sports=(16, 17, 18, 19), throwing=(4, 6, 20), rackets_and_clubs=(17, 18, 19),
    ),
}  # fmt: skip
"""Actions that have something in common, ours, by recipe."""

OPTIONS = described(Options)


def kard(source: Path, **options: object) -> tuple[Description, Iterator[Clip]]:
    """See `Recipe`."""
    return _clips(KARD, source, options)


def utkinect(source: Path, **options: object) -> tuple[Description, Iterator[Clip]]:
    """See `Recipe`."""
    return _clips(UTKINECT, source, options)


def msr_action3d(source: Path, **options: object) -> tuple[Description, Iterator[Clip]]:
    """See `Recipe`."""
    return _clips(MSR_ACTION3D, source, options)


def _clips(about: ActionSet, source: Path, options: Mapping[str, object]) -> tuple[Description, Iterator[Clip]]:
    chose = chosen(Options, options)
    files = open_files(source)
    found = listed(about, files)
    if len(found) != about.clips and not chose.partial:
        raise DatasetError(
            f"{len(found)} clips, the complete data set has {about.clips}: {shown(sorted(found)[:3])} …",
            where=str(source),
            fix="get the rest, or take what there is: --option partial=true",
        )
    description = Description(
        name=about.title, source=source.name, licence="not stated", modality="poses", task="actions"
    )
    return description, _posed(about, files, found)


def listed(about: ActionSet, files: Files) -> dict[str, str]:
    """Path within the source of each clip, by its name, sorted.

    Raises:
        DatasetError: there is none, a file is no clip of the data set, or a clip is there twice.
    """
    found: dict[str, str] = {}
    for path in files.demand(f"files *{about.ending}", f"*{about.ending}"):
        name = path.rpartition("/")[2][: -len(about.ending)]
        match = NAMES.fullmatch(name)
        if not match or not 1 <= int(match[1]) <= len(about.actions) or int(match[2]) not in PEOPLE:
            what = f"{name!r} names no action of {len(about.actions)} by one of {len(PEOPLE)} people"
            raise DatasetError(what, where=files.where(path), fix="take the file out")
        if name in found:
            what = f"clip {name!r} is there twice: {found[name]} and {path}"
            raise DatasetError(what, where=str(files.root), fix="take one of them out")
        found[name] = path
    return dict(sorted(found.items()))


def _posed(about: ActionSet, files: Files, found: Mapping[str, str]) -> Iterator[Clip]:
    """Clips, one at a time; says at the end what shows nobody."""
    frames, empty = 0, []
    for name, path in found.items():
        data, where = files.read(path), files.where(path)
        rows = read_rows(data, about, where)
        seen = _people(rows, about, where)
        frames += len(rows) - len(seen)
        empty += [] if len(seen) else [name]
        yield _clip(about, name, len(rows), data, seen)
    if frames:
        without = f"; clips without anybody: {shown(empty)}" if empty else ""
        log.info(f"{about.title}: {frames} frames show nobody{without}")


def _clip(about: ActionSet, name: str, frames: int, data: bytes, seen: People) -> Clip:
    action, subject, _ = (int(number) for number in NAMES.fullmatch(name).groups())  # type: ignore[union-attr]
    coordinates, units = ("xy", "px") if about.flat else ("xyz", "m")
    meta = told(data, about.layout.name, "kinect_actions", coordinates=coordinates, units=units)
    return Clip(
        name, "train" if subject % 2 else "test", f"s{subject:02}", "room", about.fps, *SIZE, frames,
        kind=kind(about, action), poses=lambda: tables(name, seen, meta),
    )  # fmt: skip


def read_rows(data: bytes, about: ActionSet, where: str) -> NDArray[np.float64]:
    """A file's numbers, `(frames, V, columns)`, in the units of the data set: see `ActionSet`.

    Raises:
        DatasetError: something else than so many numbers in each row, or a frame that is cut short.
    """
    joints = len(about.layout)
    try:
        values = np.array([line.split() for line in data.decode("ascii").splitlines() if line.strip()], np.float64)
    except (UnicodeDecodeError, ValueError) as error:
        what = f"a joint must have {about.columns} numbers: {error}"
        raise DatasetError(what, where=where, fix="download it again") from error
    if values.ndim != 2 or values.shape[1] != about.columns or len(values) % joints:
        what = (
            f"{joints} rows of {about.columns} numbers are a frame, the file holds {' × '.join(map(str, values.shape))}"
        )
        raise DatasetError(what, where=where, fix="download it again")
    return values.reshape(-1, joints, about.columns)


def _people(rows: NDArray[np.float64], about: ActionSet, where: str) -> People:
    """One person; a frame of nothing but zeros shows nobody."""
    somebody = np.flatnonzero((rows != 0).any(axis=(1, 2)))
    rows = rows[somebody]
    places = rows[..., :2] if about.flat else rows[..., :3]
    confidence = rows[..., 3:] if about.columns > 3 else np.ones((*rows.shape[:2], 1))
    pixels = None
    if not about.flat:
        with np.errstate(divide="ignore", invalid="ignore"):
            pixels = np.array([1, -1]) * FOCAL * rows[..., :2] / rows[..., 2:3] + np.array(SIZE) / 2
        pixels[~np.isfinite(pixels)] = np.nan
    track = np.zeros(len(rows), dtype=np.int64)
    keypoints = np.concatenate([places, confidence], axis=-1)
    return people(somebody.astype(np.int64), keypoints, where=where, track=track, pixels=pixels)
