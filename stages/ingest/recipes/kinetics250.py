"""Kinetics-250: poses of web videos of ten seconds, one of 400 actions each, of which 250 suit poses.

Kay et al., "The Kinetics Human Action Video Dataset", 2017; poses by OpenPose as published with Yan et al., ST-GCN,
AAAI 2018 (https://github.com/yysijie/st-gcn, its Kinetics-skeleton); the subset is that of Markovitz et al., GEPC, CVPR
2020: the 250 classes that ST-GCN knew best on its training clips. The subset was never published as a list: name its
classes in a text file, or take all 400.

    kinetics_train/<id>.json, kinetics_val/<id>.json
    kinetics_train_label.json, kinetics_val_label.json    id → has_skeleton, label, label_index (from 0)

Clips were brought to 340 × 256 px and 30 frames/s before poses were looked for; those in which nobody was found
(`has_skeleton` false) are left out, counted. Validation clips of Kinetics are the test, as in ST-GCN and GEPC. Clips
are called v_<id>, since ids of videos may begin with a dash. Which actions are normal is an option: see `actions`.
Dancing is {18, 43, 75, 283, 348, 399} (GEPC, table 3).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import Field

from stages.core.dataset import Description
from stages.core.errors import DatasetError
from stages.core.foreign import load_json
from stages.core.progress import log
from stages.ingest.formats import kinetics
from stages.ingest.formats.base import Given
from stages.ingest.recipes.actions import ActionOptions
from stages.ingest.recipes.base import Checklist, chosen, demanded, described, files, lines
from stages.ingest.recipes.poses import PoseFiles, posed
from stages.ingest.source import Clip

ADDRESS = "https://github.com/yysijie/st-gcn (Kinetics-skeleton)"
FPS, SIZE = 30.0, (340, 256)
PARTS = {"train": "train", "test": "val"}
"""Our splits and what Kinetics calls them."""
Truth = dict[str, tuple[int, str]]
"""Number and name of the action by clip."""


class KineticsOptions(ActionOptions):
    """What the recipe may be told.

    Args:
        classes: a text file with the number of a class per line: those that are taken at all; all without it.
    """

    classes: str | None = Field(default=None, description="a text file of the classes to take, a number per line")


OPTIONS = described(KineticsOptions)
SPLITS = {
    "kinetics250": {
        "dancing": ("belly dancing", "capoeira", "country line dancing", "salsa dancing", "tango dancing", "zumba"),
        "gym": ("lunge", "pull ups", "push up", "situp", "squat"),
        "random_of_the_paper": (
            "arm wrestling", "crawling baby", "presenting weather forecast", "surfing crowd",
        ),
    }
}  # fmt: skip
"""GEPC, table 3; the rest of its list was never published."""


def clips(source: Path, **options: object) -> tuple[Description, Iterator[Clip]]:
    """See `Recipe`."""
    chose = chosen(KineticsOptions, options)
    taken = _classes(Path(chose.classes)) if chose.classes else None
    wanted = Checklist(source, ADDRESS, partial=chose.partial)
    found: dict[str, dict[str, Path]] = {}
    truth: dict[str, Truth] = {}
    for split, part in PARTS.items():
        paths = files(source / f"kinetics_{part}", "*.json")
        truth[split], without = read_truth(source, part)
        wanted.labels(f"{name} in kinetics_{part}_label.json" for name in paths.keys() - truth[split].keys() - without)
        named = {name for name, (action, _) in truth[split].items() if taken is None or action in taken}
        wanted.clips(f"{split} clips", named - paths.keys())
        found[split] = {name: path for name, path in paths.items() if name in named}
        log.info(f"Kinetics: {len(without)} {split} clips in which nobody was found are left out")
    wanted.settle()
    about = Description(
        name="Kinetics-250, poses of web videos",
        source=ADDRESS,
        licence="see its page",
        modality="poses",
        task=chose.task,
    )
    return about, _posed(found, truth, chose)


def _posed(found: dict[str, dict[str, Path]], truth: dict[str, Truth], chose: KineticsOptions) -> Iterator[Clip]:
    reader = PoseFiles(kinetics.read, Given(size=SIZE))
    left = 0
    for split, paths in found.items():
        for name, path in paths.items():
            action, kind = truth[split][name]
            if split == "train" and not chose.is_normal(action):
                left += 1
                continue
            recording = reader.recording(path)
            frames = max(recording.frames or 0, 1)
            says = chose.labels(action, kind, frames)
            facts: dict[str, Any] = {"fps": FPS, "width": SIZE[0], "height": SIZE[1], "frames": frames, **says}
            yield posed(recording, name=f"v_{name}", split=split, camera=f"v_{name}", scene="web", **facts)
    log.info(f"Kinetics: {left} training clips of abnormal actions are left out")
    reader.tell("Kinetics")


def read_truth(source: Path, part: str) -> tuple[Truth, set[str]]:
    """Actions of the clips of one part, and clips in which nobody was found.

    Raises:
        DatasetError: the file is missing or holds something else.
    """
    name = f"kinetics_{part}_label.json"
    path = demanded(source, name, name.replace("kinetics", "keintics"), what="actions of the clips", address=ADDRESS)
    table = load_json(path.read_bytes(), str(path))
    truth, without = {}, set()
    try:
        for clip, entry in table.items():
            truth[clip] = (int(entry["label_index"]), str(entry["label"]))
            if not entry["has_skeleton"]:
                without.add(clip)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        what = "clips must have has_skeleton, label and label_index"
        raise DatasetError(f"{what}: {error}", where=str(path), fix="download it again") from error
    return {clip: action for clip, action in truth.items() if clip not in without}, without


def _classes(path: Path) -> frozenset[int]:
    listed = lines(path)
    if not listed or not all(line.isdigit() for line in listed):
        raise DatasetError("the classes must be numbers, one per line", where=str(path))
    return frozenset(int(line) for line in listed)
