"""NTU RGB+D: 60 actions by 40 people before three Kinect v2 cameras, 25 joints in metres.

Shahroudy, Liu, Ng and Wang, "NTU RGB+D: A Large Scale Dataset for 3D Human Activity Analysis", CVPR 2016; published at
https://rose1.ntu.edu.sg/dataset/actionRecognition/, names, classes and the list of 302 clips with missing skeletons at
https://github.com/shahroudy/NTURGB-D.

    [nturgb+d_skeletons/]SsssCcccPpppRrrrAaaa.skeleton    setup, camera, performer, replication, action

Cross-subject learns from twenty performers, cross-view from cameras 2 and 3; the rest is the test. The 302 clips are
left out of both, as their owners ask. Setups 18 to 32 and actions 61 to 120 are of NTU RGB+D 120 and are left out too.
Which actions are normal is an option: see `actions`. Office work is {28, 29, 30, 33}, fighting {50, 51, 52, 53} (GEPC,
table 3).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import Field

from stages.core.dataset import Description
from stages.core.errors import DatasetError
from stages.core.progress import log
from stages.ingest.formats import ntu
from stages.ingest.recipes.actions import ActionOptions
from stages.ingest.recipes.base import Checklist, chosen, described, files
from stages.ingest.recipes.ntu_classes import ACTIONS, MISSING
from stages.ingest.recipes.poses import PoseFiles, posed, seen
from stages.ingest.source import Clip

ADDRESS = "https://rose1.ntu.edu.sg/dataset/actionRecognition/"
CLIPS = 56_880
"""With the 302 that are left out."""
SETUPS = 17
PERFORMERS = frozenset({1, 2, 4, 5, 8, 9, 13, 14, 15, 16, 17, 18, 19, 25, 27, 28, 31, 34, 35, 38})
"""Who is learnt from in cross-subject (section 3.2.1 of the paper)."""
CAMERAS = frozenset({2, 3})
"""What is learnt from in cross-view (section 3.2.2)."""
NAMES = re.compile(r"S(\d{3})C(\d{3})P(\d{3})R(\d{3})A(\d{3})")


class NTUOptions(ActionOptions):
    """What the recipe may be told.

    Args:
        protocol: which clips are learnt from.
    """

    protocol: Literal["cross-subject", "cross-view"] = Field(
        default="cross-subject", description="who is learnt from: cross-subject or cross-view"
    )


OPTIONS = described(NTUOptions)


def kind(action: int) -> str:
    """How clips.csv calls an action."""
    return f"A{action:03} {ACTIONS[action - 1]}"


SPLITS = {
    "ntu-rgbd": {
        "office": tuple(kind(action) for action in (28, 29, 30, 33)),
        "fighting": tuple(kind(action) for action in (50, 51, 52, 53)),
    }
}
"""GEPC, table 3; the rest of its list was never published."""


def clips(source: Path, **options: object) -> tuple[Description, Iterator[Clip]]:
    """See `Recipe`."""
    chose = chosen(NTUOptions, options)
    wanted = Checklist(source, ADDRESS, partial=chose.partial)
    folder = source / "nturgb+d_skeletons"
    found = files(folder if folder.is_dir() else source, "*.skeleton")
    wanted.labels(name for name in found if not NAMES.fullmatch(name))
    own = {name: path for name, path in found.items() if _of_sixty(name) and name not in MISSING}
    wanted.count("clips with skeletons", len(own), CLIPS - len(MISSING))
    wanted.settle()
    if others := len(found.keys() - own.keys()):
        log.info(f"NTU RGB+D: {others} clips are left out, of NTU RGB+D 120 or known to lack skeletons")
    about = Description(
        name="NTU RGB+D, actions before Kinect cameras",
        source=ADDRESS,
        licence="research only",
        modality="poses",
        task=chose.task,
    )
    return about, _posed(own, chose)


def _posed(paths: dict[str, Path], chose: NTUOptions) -> Iterator[Clip]:
    reader = PoseFiles(ntu.read)
    left = 0
    for name, path in paths.items():
        setup, camera, _, _, action = numbers(name)
        split = "train" if learnt(name, chose.protocol) else "test"
        if split == "train" and not chose.is_normal(action):
            left += 1
            continue
        found = reader.recording(path)
        frames = found.frames or seen(found)
        says = chose.labels(action, kind(action), frames)
        place = {"camera": f"S{setup:03}C{camera:03}", "scene": f"S{setup:03}"}
        size = {"fps": ntu.FPS, "width": ntu.SIZE[0], "height": ntu.SIZE[1]}
        yield posed(found, name=name, split=split, frames=frames, **place, **size, **says)
    log.info(f"NTU RGB+D: {left} training clips of abnormal actions are left out")
    reader.tell("NTU RGB+D")


def numbers(name: str) -> tuple[int, int, int, int, int]:
    """Setup, camera, performer, replication and action of a clip.

    Raises:
        DatasetError: its name is of another form.
    """
    if not (match := NAMES.fullmatch(name)):
        raise DatasetError(f"{name!r} is no clip's name", fix="names are SsssCcccPpppRrrrAaaa")
    setup, camera, performer, replication, action = (int(number) for number in match.groups())
    return setup, camera, performer, replication, action


def learnt(name: str, protocol: str) -> bool:
    """Whether a clip is learnt from."""
    _, camera, performer, _, _ = numbers(name)
    return performer in PERFORMERS if protocol == "cross-subject" else camera in CAMERAS


def _of_sixty(name: str) -> bool:
    if not NAMES.fullmatch(name):
        return False
    setup, _, _, _, action = numbers(name)
    return setup <= SETUPS and 1 <= action <= len(ACTIONS)
