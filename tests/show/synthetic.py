"""A tiny project: two test clips with drawn people, their tracks, and scores of two detectors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray

from stages.core.paths import Project, clip_file
from stages.core.schemas import FRAME_SCORES, POSES, REPLICATES, SCORES, TRACKS, Rows, pose_meta
from stages.core.tables import write

SIZE = (160, 120)
CLIPS = """clip,split,path,camera,scene,fps,width,height,frames,kind,abnormal
street,train,videos/street.avi,a,a,10,160,120,20,,0
fall,test,videos/fall.avi,a,a,20,160,120,60,fall,1
walk,test,videos/walk.avi,a,a,10,160,120,40,,0
"""
LABELS = "clip,start_frame,end_frame,kind\nfall,30,44,fall\n"
FRAMES = {"fall": (60, 20.0), "walk": (40, 10.0)}
FIGURE = np.array(
    [(0, 4), (-1, 3), (1, 3), (-2, 4), (2, 4), (-5, 12), (5, 12), (-8, 20), (8, 20), (-9, 27), (9, 27), (-3, 28),
     (3, 28), (-4, 40), (4, 40), (-5, 52), (5, 52)],
    dtype=np.float32,
)  # fmt: skip
"""A standing COCO-17 person, 54 px tall, whose head is at x = 0, y = 0."""


def build(root: Path, *, seeds: tuple[int, ...] = (0,), modality: str = "video") -> Project:
    """Write params, the raw dataset, TRACKS and SCORES below `root`."""
    project = Project(root)
    runs = [{"dataset": "toy", "detector": name} for name in ("stg_nf", "knn")]
    params = {"datasets": ["toy"], "runs": runs, "report": {"title": "Toy", "film_frames": 4}}
    project.params.write_text(yaml.safe_dump(params), encoding="utf-8")
    _raw(project, modality)
    for clip in FRAMES:
        write(clip_file(project.tracks("toy"), clip), TRACKS, tracks(clip))
    write_poses(project)
    for detector, noise in (("stg_nf", 0.1), ("knn", 1.0)):
        table = pd.concat([windows(clip, seed, noise) for clip in FRAMES for seed in seeds], ignore_index=True)
        write_scores(project, detector, table)
    return project


def write_poses(project: Project) -> None:
    """POSES of every clip, the same people as in its TRACKS; nobody is seen in the training clip."""
    someone = tracks("walk")
    nobody = Rows(someone.frame.head(0), someone.arrays[:0], someone.meta)
    write(clip_file(project.tracks("toy"), "street"), TRACKS, nobody)
    for clip in ("street", *FRAMES):
        found = nobody if clip == "street" else tracks(clip)
        write(
            clip_file(project.poses("toy"), clip),
            POSES,
            Rows(found.frame.assign(given=None)[POSES.names()], found.arrays, found.meta),
        )


def write_scores(project: Project, detector: str, table: pd.DataFrame, validation: pd.DataFrame | None = None) -> None:
    """Write SCORES of a detector, in nats, of the test split and of the validation split, which has none by default."""
    quiet = table.head(0) if validation is None else validation
    for split, rows in (("test", table), ("validation", quiet)):
        write(project.scores("toy", detector, split), SCORES, Rows(rows, meta={"unit": "nats"}))


def write_judged(project: Project, detector: str, metrics: Mapping[str, Any], seeds: tuple[int, ...] = (0,)) -> None:
    """Write what `evaluate` would: figures, FRAME_SCORES that rise during the fall, and a ROC curve."""
    path = project.metrics("toy", detector)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(metrics), encoding="utf-8")
    frames = pd.concat([_frames(clip, seed) for seed in seeds for clip in FRAMES], ignore_index=True)
    write(project.frame_scores("toy", detector), FRAME_SCORES, Rows(frames, meta={"unit": "nats"}))
    plots = project.plots("toy", detector)
    plots.mkdir(parents=True, exist_ok=True)
    curve = {"fpr": [0, 0.5, 1] * 2, "tpr": [0, 0.8, 1] * 2, "kind": ["raw"] * 3 + ["smoothed"] * 3}
    for name, columns in (("roc", {}), ("pr", {"fpr": "recall", "tpr": "precision"})):
        pd.DataFrame(curve).rename(columns=columns).to_csv(plots / f"{name}.csv", index=False)


def write_replicates(project: Project, detector: str, values: NDArray[np.float64], draws: str = "draws") -> None:
    """Write REPLICATES of a smoothed AUC, drawn from twenty clips."""
    table = {"figure": "smoothed/auc", "replicate": np.arange(len(values), dtype=np.int32), "value": values}
    rows = Rows(pd.DataFrame(table), meta={"clips": draws, "number": "20"})
    write(project.replicates("toy", detector), REPLICATES, rows)


def _frames(clip: str, seed: int) -> pd.DataFrame:
    count, _ = FRAMES[clip]
    fall = np.array([clip == "fall" and 30 <= frame <= 44 for frame in range(count)])
    score = 4.0 * fall + 0.1 * seed
    people = {"track": pd.array(fall.astype(int), dtype="Int32"), "label": pd.array(fall.astype(int), dtype="Int8")}
    frames = {"clip": clip, "frame": np.arange(count), "seed": seed, "scored": True, "raw": score, "smoothed": score}
    return pd.DataFrame({**frames, **people, "p": pd.NA})[FRAME_SCORES.names()]


def windows(clip: str, seed: int = 0, noise: float = 0.1) -> pd.DataFrame:
    """Scores of both people's windows of 4 samples at 10 per second: about 1 outside and 5 inside the fall."""
    frames, fps = FRAMES[clip]
    step = fps / 10
    random = np.random.default_rng(seed)
    starts = np.arange(0, frames - 4 * step + 1, step)
    rows = [(track, start) for track in (0, 1) for start in starts if track == 0 or start >= frames / 4]
    falls = [clip == "fall" and track == 1 and 24 <= start <= 44 for track, start in rows]
    return pd.DataFrame(
        {
            "clip": clip,
            "track": pd.array([track for track, _ in rows], dtype="Int32"),
            "start_frame": [start for _, start in rows],
            "step": step,
            "length": 4,
            "frame": pd.array([pd.NA] * len(rows), dtype="Int32"),
            "part": "score",
            "seed": seed,
            "score": 1 + 4 * np.array(falls) + noise * random.normal(size=len(rows)),
        }
    )


def tracks(clip: str) -> Rows:
    """Person 0 walks through the whole clip; person 1 enters after a quarter and lies down during the fall."""
    frames, _ = FRAMES[clip]
    rows, keypoints = [], []
    for frame in range(frames):
        for track in (0, 1):
            if track == 1 and frame < frames / 4:
                continue
            body = _pose(frame / frames, track, lying=clip == "fall" and track == 1 and 30 <= frame <= 44)
            low, high = body.min(axis=0), body.max(axis=0)
            rows.append((clip, frame, *low, *(high - low), 0.9, track))
            keypoints.append(np.column_stack([body, np.full(17, 0.9)]))
    frame_ = pd.DataFrame(rows, columns=TRACKS.names())
    return Rows(frame_, np.array(keypoints, dtype=np.float32), pose_meta("coco17"))


def _pose(share: float, track: int, *, lying: bool) -> NDArray[np.float32]:
    body = FIGURE[:, ::-1] * (1, -1) if lying else FIGURE
    place = (20 + 90 * share, 15) if track == 0 else (120 - 50 * share, 100 if lying else 50)
    return np.asarray(body + np.array(place), dtype=np.float32)


def _raw(project: Project, modality: str) -> None:
    folder = project.raw("toy")
    (folder / "videos").mkdir(parents=True)
    description = {"name": "Toy people", "source": "drawn", "licence": "CC0", "modality": modality}
    (folder / "dataset.yaml").write_text(yaml.safe_dump(description), encoding="utf-8")
    (folder / "clips.csv").write_text(CLIPS, encoding="utf-8")
    (folder / "labels.csv").write_text(LABELS, encoding="utf-8")
    digests = {clip: {"path": f"videos/{clip}.avi", "sha256": "0" * 64} for clip in ("street", *FRAMES)}
    project.checked("toy").parent.mkdir(parents=True)
    project.checked("toy").write_text(json.dumps({"clips": digests}), encoding="utf-8")
    if modality == "video":
        for clip, (frames, fps) in FRAMES.items():
            write_video(folder / "videos" / f"{clip}.avi", frames, fps)


def write_video(path: Path, frames: int, fps: float) -> None:
    """Frame k of the video is plain grey of value 4 × k."""
    import cv2

    video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, SIZE)
    for frame in range(frames):
        video.write(np.full((SIZE[1], SIZE[0], 3), 4 * frame, dtype=np.uint8))
    video.release()
