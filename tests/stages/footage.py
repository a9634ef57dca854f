"""Clips of plain grey for the extract stage, and what it made of them."""

from __future__ import annotations

import os
import time
from pathlib import Path

import cv2
import numpy as np
import yaml

from stages.core.paths import Project, clip_file
from stages.core.schemas import POSES, Rows
from stages.core.storage import sha256_file
from stages.core.tables import read

FRAMES = {"gate": 6, "yard": 4, "void": 3}
"""Clips and their lengths; frame i of each is grey of value 20 × i."""


def film(path: Path, count: int, step: int = 20) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (64, 48))
    for index in range(count):
        writer.write(np.full((48, 64, 3), step * index, dtype=np.uint8))
    writer.release()


def list_clips(project: Project, clips: dict[str, int]) -> None:
    head = "clip,split,path,camera,scene,fps,width,height,frames\n"
    rows = "".join(f"{clip},test,videos/{clip}.avi,1,gate,10,64,48,{count}\n" for clip, count in clips.items())
    (project.raw("demo") / "clips.csv").write_text(head + rows)


def set_params(project: Project, **section: object) -> None:
    project.params.write_text(yaml.safe_dump({"extract": section}))


def make_project(folder: Path) -> Project:
    """A project of one data set, `demo`, with the clips of `FRAMES`; `void` is all black."""
    here = Project(folder)
    for clip, count in FRAMES.items():
        film(here.raw("demo") / "videos" / f"{clip}.avi", count, step=0 if clip == "void" else 20)
    (here.raw("demo") / "labels.csv").write_text("clip,start_frame,end_frame\n")
    (here.raw("demo") / "dataset.yaml").write_text("name: demo\nsource: here\nlicence: CC0\n")
    list_clips(here, FRAMES)
    set_params(here)
    return here


def poses(project: Project, clip: str) -> Rows:
    return read(clip_file(project.poses("demo"), clip), POSES)


def digests(project: Project) -> dict[str, str]:
    return {path.name: sha256_file(path) for path in sorted(project.poses("demo").iterdir())}


def reader(path: Path, seconds: float = 60) -> int:
    """Wait until another process has a file open; gives its number."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for handle in Path("/proc").glob("[0-9]*/fd/*"):
            try:
                if handle.readlink() == path and handle.parts[2] != str(os.getpid()):
                    return int(handle.parts[2])
            except OSError:  # it is gone again, or not ours to look at
                continue
        time.sleep(0.05)
    raise AssertionError(f"nobody began {path}")
