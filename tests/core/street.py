"""A small dataset of tracks: people who come and go in two clips, and nobody in a third."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import yaml

from stages.core.paths import Project, clip_file
from stages.core.schemas import TRACKS, Rows, pose_meta
from stages.core.tables import write

CLIPS = """clip,split,path,camera,scene,fps,width,height,frames
a,test,a.mp4,1,gate,25,640,480,80
b,test,b.mp4,1,gate,30,640,480,80
nobody,test,n.mp4,1,gate,30,640,480,80
"""
FPS = {"a": 25.0, "b": 30.0, "nobody": 30.0}


def tracks(clip: str, people: int, seed: int = 0) -> Rows:
    """People with gaps in their tracks, in no order; the last of them is a flat thing."""
    draw = np.random.default_rng(seed)
    kept = draw.random((people, 80)) < 0.85
    kept[:, 40:46] = False
    track, frame = np.nonzero(kept)
    keypoints = draw.uniform(0, 100, (len(track), 17, 3)).astype(np.float32)
    keypoints[track == people - 1, :, 1] = 40
    box = {"x": 0.0, "y": 0.0, "w": 100.0, "h": 100.0, "score": 0.9}
    order = draw.permutation(len(track))
    people_frame = pd.DataFrame({"clip": clip, "frame": frame[order], **box, "track": track[order]})
    return Rows(people_frame, keypoints[order], pose_meta("coco17"))


def make(project: Project, params: dict[str, Any]) -> None:
    """Write the dataset `gate`, its tracks, and params.yaml."""
    folder = project.raw("gate")
    folder.mkdir(parents=True)
    (folder / "clips.csv").write_text(CLIPS)
    (folder / "labels.csv").write_text("clip,start_frame,end_frame\n")
    (folder / "dataset.yaml").write_text("name: gate\nsource: here\nlicence: CC0\n")
    project.params.write_text(yaml.safe_dump(params))
    for clip, people in (("a", 3), ("b", 4), ("nobody", 0)):
        write(clip_file(project.tracks("gate"), clip), TRACKS, tracks(clip, people))
