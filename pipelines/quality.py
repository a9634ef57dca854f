"""`normotion quality DATASET`: how good poses and tracks are, as figures and as a page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from stages.core.dataset import Dataset, load_dataset
from stages.core.paths import Project, clip_file
from stages.core.progress import bar, log
from stages.core.schemas import POSES, TRACKS
from stages.core.skeleton import LAYOUTS
from stages.core.storage import atomic_folder, write_text
from stages.core.tables import read_groups
from stages.pose.advice import Advice, advise
from stages.pose.quality import Tally, figures, joint_figures, measure, total
from stages.show.quality import STRIPS, Histogram, Page, Strip, histogram, lengths, render, strip
from stages.show.timeline import truth

PEOPLE = (0, 1, 2, 3, 4, 5, 7, 10, 15, 25, 50)
SECONDS = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
PIXELS = (1, 40, 60, 80, 120, 180, 260, 400, 800)
"""Where the bars of the histograms begin."""


@dataclass(frozen=True)
class _Clip:
    """What is kept of a clip: a few kB, however long it is.

    Args:
        tally: what was counted.
        every: frames from one looked at to the next.
        strip: its people over time.
    """

    tally: Tally
    every: int
    strip: Strip


def run(project: Project, dataset: str) -> None:
    """Write quality.json, clips.csv and index.html about a dataset's poses and tracks.

    Raises:
        DatasetError: the dataset's files contradict one another.
        SchemaError: POSES or TRACKS of a clip are missing or of another version.
        StorageError: the disk is full.
    """
    data = load_dataset(project, dataset)
    clips = dict(_measured(project, data))
    cameras = _by_camera(data, clips)
    whole = total([found.tally for found in clips.values()])
    by_clip = {clip: figures(found.tally) for clip, found in clips.items()}
    by_camera = {camera: joint_figures(tally) for camera, tally in cameras.items()}
    advice = advise(figures(whole), joint_figures(whole), by_clip, by_camera)
    folder = project.quality(dataset)
    with atomic_folder(folder) as out:
        write_text(out / "quality.json", _json(whole, cameras, by_clip, advice))
        write_text(out / "clips.csv", _csv(data, clips).to_csv(index=False))
        write_text(out / "index.html", render(_page(data, clips, cameras, whole, advice)))
    for found in advice:
        log.warning(found.text) if found.grave else log.info(found.text)
    log.info("the page about poses and tracks is %s", folder / "index.html")


def _measured(project: Project, data: Dataset) -> Iterator[tuple[str, _Clip]]:
    for _, clip in bar(list(data.clips.iterrows()), what=f"measuring {data.name}", unit=" clips"):
        name = clip["clip"]
        poses = read_groups(clip_file(project.poses(data.name), name), POSES)
        tracks = read_groups(clip_file(project.tracks(data.name), name), TRACKS)
        found = measure(clip, data.frame_labels(name), poses, tracks)
        yield name, _Clip(found.tally, found.every, strip(truth(data, name), found.people))


def _by_camera(data: Dataset, clips: Mapping[str, _Clip]) -> dict[str, Tally]:
    groups = data.clips.groupby("camera", sort=True)["clip"]
    return {str(camera): total([clips[clip].tally for clip in names]) for camera, names in groups}


def _json(whole: Tally, cameras: Mapping[str, Tally], clips: Mapping[str, Any], advice: list[Advice]) -> str:
    told = {
        "all": {**figures(whole), "joints": joint_figures(whole)},
        "cameras": {name: {**figures(tally), "joints": joint_figures(tally)} for name, tally in cameras.items()},
        "clips": clips,
        "advice": [asdict(found) for found in advice],
    }
    return json.dumps(told, indent=2)


def _csv(data: Dataset, clips: Mapping[str, _Clip]) -> pd.DataFrame:
    """A row per clip: its figures, and the mean confidence of each joint."""
    rows = []
    for _, clip in data.clips.iterrows():
        found = clips[clip["clip"]]
        joints = {f"confidence_{name}": joint["confidence"] for name, joint in joint_figures(found.tally).items()}
        own = {name: clip[name] for name in ("clip", "split", "camera")}
        rows.append({**own, **figures(found.tally), "every": found.every, **joints})
    return pd.DataFrame(rows).drop(columns="clips")


def _page(
    data: Dataset, clips: Mapping[str, _Clip], cameras: Mapping[str, Tally], whole: Tally, advice: list[Advice]
) -> Page:
    crowd = np.concatenate([found.strip.most for found in clips.values()])
    return Page(
        dataset=data.name,
        about=data.description.name.rstrip("."),
        whole=figures(whole),
        cameras={camera: figures(tally) for camera, tally in cameras.items()},
        clips={clip: figures(found.tally) for clip, found in clips.items()},
        advice=advice,
        strips=_strips(clips),
        crowd=max(1, int(np.quantile(crowd, 0.995, method="higher"))),
        histograms=_histograms(whole),
        skeleton=next((layout for layout in LAYOUTS.values() if layout.joints == whole.joints), None),
        joints=joint_figures(whole),
        camera_joints={camera: joint_figures(tally) for camera, tally in cameras.items()},
        every=sorted({found.every for found in clips.values()} - {1}),
    )


def _strips(clips: Mapping[str, _Clip]) -> list[Strip]:
    """All clips in their order, or those with the smallest share of frames with people."""
    found = list(clips.values())
    if len(found) > STRIPS:
        found = sorted(found, key=lambda clip: clip.tally.tracked / clip.tally.frames)[:STRIPS]
    return [clip.strip for clip in found]


def _histograms(whole: Tally) -> list[Histogram]:
    return [
        histogram("People in a frame", "Frames by number of poses found in them.", whole.crowd, PEOPLE, ""),
        lengths("Length of tracks", "Tracks by seconds from first to last frame.", whole.lengths, SECONDS, " s"),
        histogram("Height of people", "Poses by the height of their box.", whole.heights, PIXELS, " px"),
    ]
