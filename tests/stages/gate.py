"""People who walk in straight lines before a gate, as POSES, for the tests of the track stage."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from stages.core.paths import Project, clip_file
from stages.core.schemas import POSES, TRACKS, Rows, pose_meta
from stages.core.seeding import stream
from stages.core.tables import read, write

CLIPS = """clip,split,path,camera,scene,fps,width,height,frames,abnormal
walk,train,videos/walk.mp4,1,gate,10,640,480,20,0
meet,test,videos/meet.mp4,1,gate,30,640,480,30,1
nobody,test,videos/nobody.mp4,1,gate,10,640,480,10,0
"""
LABELS = "clip,start_frame,end_frame,kind\nmeet,3,5,jump\n"
BODY = stream(0, "body").uniform([0, 0], [30, 80], size=(17, 2))
META = {**pose_meta("coco17"), "backend": "movenet", "source_sha256": "ab", "strong": "0.35", "key": "of the poses"}


def people(clip: str, frames: int, speeds: list[float], score: float = 0.9) -> Rows:
    """One person per speed (px per frame), 150 px from one to the next, one row each per frame."""
    frame, person = (grid.ravel() for grid in np.meshgrid(np.arange(frames), np.arange(len(speeds)), indexing="ij"))
    x = 50.0 + 150 * person + np.array([*speeds, 0.0])[person] * frame
    keypoints = np.ones((len(x), 17, 3), dtype=np.float32)
    keypoints[..., :2] = BODY + np.stack([x, np.full(len(x), 100.0)], axis=1)[:, None]
    table = {"clip": clip, "frame": frame, "x": x, "y": 100.0, "w": 30.0, "h": 80.0, "score": score, "track": pd.NA}
    return Rows(pd.DataFrame(table).astype({"track": "Int32"}), keypoints, META)


def make_gate(folder: Path) -> Project:
    """A dataset of three clips with POSES: two people who meet, three who pass, and nobody."""
    here = Project(folder)
    here.raw("gate").mkdir(parents=True)
    (here.raw("gate") / "clips.csv").write_text(CLIPS)
    (here.raw("gate") / "labels.csv").write_text(LABELS)
    (here.raw("gate") / "dataset.yaml").write_text("name: gate\nsource: here\nlicence: CC0\n")
    set_params(here)
    write(clip_file(here.poses("gate"), "walk"), POSES, people("walk", 20, [2.0, -2.0]))
    write(clip_file(here.poses("gate"), "meet"), POSES, people("meet", 30, [1.0, 0.0, -1.0]))
    write(clip_file(here.poses("gate"), "nobody"), POSES, people("nobody", 0, []))
    return here


def set_params(project: Project, **params: Any) -> None:
    project.params.write_text(yaml.safe_dump({"track": params}))


def tracks(project: Project, clip: str) -> Rows:
    return read(clip_file(project.tracks("gate"), clip), TRACKS)


def stamps(project: Project) -> dict[str, int]:
    return {path.stem: path.stat().st_mtime_ns for path in project.tracks("gate").glob("*.parquet")}


def give_ids(rows: Rows, ids: Sequence[int | None]) -> Rows:
    return Rows(rows.frame.assign(track=pd.array(ids, dtype="Int32")), rows.values, rows.meta)


def put(project: Project, rows: Rows) -> None:
    write(clip_file(project.poses("gate"), "walk"), POSES, rows)
