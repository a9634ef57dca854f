"""ShanghaiTech Campus: 13 cameras, 330 normal training clips, 107 test clips with a mask of frames each.

Liu, Luo, Lian and Gao, "Future Frame Prediction for Anomaly Detection", CVPR 2018. Its owners publish videos and masks
(https://svip-lab.github.io/dataset/campus_dataset.html); poses of them, tracked by AlphaPose, were published with GEPC
(https://github.com/amirmk89/gepc) and are those that STG-NF's figures are of. Layout of the masks beside the poses:
https://deepwiki.com/orhir/STG-NF/4.1-ground-truth-data-format.

    poses   pose/train/<scene>_<clip>_alphapose_tracked_person.json, pose/test/<likewise>,
            gt/test_frame_mask/<scene>_<clip>.npy
    video   training/videos/<scene>_<clip>.avi, testing/frames/<scene>_<clip>/<number>.jpg,
            testing/test_frame_mask/<scene>_<clip>.npy

A mask holds a number per frame, 1 abnormal. The videos have 24 frames/s and 856 × 480 px, which the pose files do not
say. HR-ShanghaiTech (Morais et al., CVPR 2019) drops six test clips whose anomalies are no people: the subset `HR` of
dataset.yaml, which is reported beside the whole. Test clips of the videos are written as images; they are joined to
videos without loss.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from stages.core.dataset import Description
from stages.core.errors import DatasetError
from stages.core.progress import log
from stages.ingest.formats import tracked_person
from stages.ingest.recipes.base import Checklist, Options, chosen, described, files, film, masked, read_array
from stages.ingest.recipes.images import images, join
from stages.ingest.recipes.poses import PoseFiles, pose_files, posed, seen
from stages.ingest.source import Clip

ADDRESS = "https://svip-lab.github.io/dataset/campus_dataset.html"
FPS, WIDTH, HEIGHT = 24.0, 856, 480
TRAIN, TEST = 330, 107
NAMES = re.compile(r"(\d{2})_\d{3,4}")
"""What a clip is called: its scene, which is its camera's too, and its number."""
NOT_HUMAN = frozenset({"01_0130", "01_0135", "01_0136", "06_0144", "06_0145", "12_0152"})
"""Test clips that HR-ShanghaiTech leaves out."""


class ShanghaiTechOptions(Options):
    """What the recipe may be told.

    Args:
        hr: HR-ShanghaiTech: without the six test clips whose anomalies are no people.
        modality: `poses` or `video`, of which the layouts differ.
    """

    hr: bool = Field(default=False, description="HR-ShanghaiTech, without six test clips: true or false")
    modality: Literal["poses", "video"] = Field(default="poses", description="what to take: poses or video")


OPTIONS = described(ShanghaiTechOptions)


def clips(source: Path, **options: object) -> tuple[Description, Iterator[Clip]]:
    """See `Recipe`."""
    chose = chosen(ShanghaiTechOptions, options)
    name = "HR-ShanghaiTech" if chose.hr else "ShanghaiTech Campus"
    found, test = (_videos if chose.modality == "video" else _poses)(source, chose)
    without = sorted(NOT_HUMAN.intersection(test))
    about = Description(
        name=name,
        source=ADDRESS,
        licence="research only, see its page",
        modality=chose.modality,
        subsets={"HR": without} if without else {},
    )
    return about, found


def _poses(source: Path, chose: ShanghaiTechOptions) -> tuple[Iterator[Clip], Iterable[str]]:
    """The clips, and the names of those to test on."""
    train, test = (pose_files(source / "pose" / split) for split in ("train", "test"))
    masks = _masks(source / "gt" / "test_frame_mask", train, dict.fromkeys(test), source, chose)
    return _posed(train, {clip: test[clip] for clip in masks}, masks), masks


def _posed(train: dict[str, Path], test: dict[str, Path], masks: dict[str, Path]) -> Iterator[Clip]:
    reader = PoseFiles(tracked_person.read)
    for split, paths in (("train", train), ("test", test)):
        for name, path in paths.items():
            found = reader.recording(path)
            frames, labels = masked(masks[name]) if split == "test" else (seen(found), ())
            size: dict[str, Any] = {"fps": FPS, "width": WIDTH, "height": HEIGHT}
            yield posed(found, name=name, split=split, frames=frames, labels=labels, **_place(name), **size)
    log.info(f"ShanghaiTech: {len(train)} training clips are taken to end with their last pose, no file says when")
    reader.tell("ShanghaiTech")


def _videos(source: Path, chose: ShanghaiTechOptions) -> tuple[Iterator[Clip], Iterable[str]]:
    """The same of the layout with videos."""
    train = files(source / "training" / "videos", "*.avi")
    test = {path.name: path for path in sorted((source / "testing" / "frames").glob("[0-9]*")) if path.is_dir()}
    lengths = {name: len(images(folder)) for name, folder in test.items()}
    masks = _masks(source / "testing" / "test_frame_mask", train, lengths, source, chose)
    return _filmed(train, {name: test[name] for name in masks}, masks), masks


def _filmed(train: dict[str, Path], test: dict[str, Path], masks: dict[str, Path]) -> Iterator[Clip]:
    for name, path in train.items():
        yield film(name, "train", path, **_place(name))
    for name, folder in test.items():
        with tempfile.TemporaryDirectory(prefix="normotion-") as scratch:
            video = join(folder, Path(scratch) / f"{name}.avi", FPS)
            yield film(name, "test", video, **_place(name), labels=masked(masks[name])[1])


def _place(name: str) -> dict[str, Any]:
    """Camera and scene of a clip."""
    if not (match := NAMES.fullmatch(name)):
        raise DatasetError(
            f"{name!r} is not the name of a clip of ShanghaiTech", fix="names are <scene>_<clip>: 01_0014"
        )
    return {"camera": match[1], "scene": match[1]}


def _masks(
    folder: Path, train: Iterable[str], test: Mapping[str, int | None], source: Path, chose: ShanghaiTechOptions
) -> dict[str, Path]:
    """Masks of the test clips to take; refuses what is missing or, where lengths are known, does not fit."""
    wanted = Checklist(source, ADDRESS, partial=chose.partial)
    masks = files(folder, "*.npy")
    wanted.labels(f"{folder.name}/{name}.npy" for name in set(test) - set(masks))
    wanted.clips("test clips", set(masks) - set(test))
    wanted.count("test masks", len(masks), TEST)
    wanted.count("training clips", len(set(train)), TRAIN)
    fitting = [
        name
        for name, length in test.items()
        if name in masks and (length is None or wanted.fits(name, length, len(read_array(masks[name]))))
    ]
    wanted.settle()
    return {name: masks[name] for name in fitting if not (chose.hr and name in NOT_HUMAN)}
