"""A tiny tracked dataset with abnormal training clips, several scenes and every kind of label."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from stages.core.paths import Project, clip_file
from stages.core.schemas import REGIONS, TRACKS, Rows, pose_meta
from stages.core.storage import sha256_file
from stages.core.tables import write
from stages.core.truth import REGIONS_FILE

FRAMES = 20
CLIPS = {
    "calm_a": ("train", "hall"), "calm_b": ("train", "hall"), "calm_c": ("train", "park"), "calm_d": ("train", "yard"),
    "wild_a": ("train", "hall"), "wild_b": ("train", "park"), "watch": ("validation", "park"),
    "test_a": ("test", "hall"), "test_b": ("test", "park"),
}  # fmt: skip
"""Split and scene of each clip; one person walks through all 20 frames of it."""
LABELS = [
    ("wild_a", 0, 9, None), ("wild_b", 5, 9, None), ("test_a", 4, 11, None), ("test_b", 0, 3, "unknown"),
    ("test_b", 8, 12, None),
]  # fmt: skip
"""Of the training people in frames, wild_a makes 10 abnormal ones and wild_b 5."""


def posted(root: Path, name: str = "gate") -> Project:
    """Write the dataset and its tracks."""
    here = Project(root)
    folder = here.raw(name)
    folder.mkdir(parents=True)
    about = {"name": "a gate", "source": "made here", "licence": "CC0", "subsets": {"HR": ["test_b"]}}
    (folder / "dataset.yaml").write_text(yaml.safe_dump(about))
    common = {"fps": 10.0, "width": 160, "height": 120, "frames": FRAMES}
    rows = [
        {"clip": clip, "split": split, "path": f"videos/{clip}.mp4", "camera": scene, "scene": scene, **common}
        for clip, (split, scene) in CLIPS.items()
    ]
    pd.DataFrame(rows).to_csv(folder / "clips.csv", index=False)
    labels = pd.DataFrame(LABELS, columns=["clip", "start_frame", "end_frame", "label"])
    labels.assign(kind="run").to_csv(folder / "labels.csv", index=False)
    for number, clip in enumerate(CLIPS):
        write(clip_file(here.tracks(name), clip), TRACKS, walk(clip, 10.0 * number))
    box = {"x1": 0.0, "y1": 0.0, "x2": 9.0, "y2": 9.0, "kind": "run"}
    regions = pd.DataFrame([{"clip": clip, "track": 0, "frame": 5, **box} for clip in ("wild_a", "wild_b", "test_a")])
    write(folder / REGIONS_FILE, REGIONS, Rows(regions))
    return here


def walk(clip: str, left: float, height: float = 50.0) -> Rows:
    """TRACKS of one person who goes to the right, a pixel a frame."""
    frames = np.arange(FRAMES)
    shape = np.stack([np.linspace(0, 20, 17), np.linspace(0, height, 17), np.ones(17)], axis=1)
    keypoints = np.repeat(shape[None], FRAMES, axis=0)
    keypoints[..., 0] += left + frames[:, None]
    box = {"x": left + frames, "y": 0.0, "w": 20.0, "h": height, "score": 1.0, "track": 3}
    table = pd.DataFrame({"clip": clip, "frame": frames, **box})
    return Rows(table, keypoints.astype(np.float32), {**pose_meta("coco17"), "key": "of the tracking"})


def fingerprints(folder: Path) -> dict[str, str]:
    """Every file below a folder by its sha256."""
    return {str(path.relative_to(folder)): sha256_file(path) for path in sorted(folder.rglob("*")) if path.is_file()}
