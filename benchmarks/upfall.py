"""Falls of UP-Fall, from video to scores, every third frame: can be stopped and started again.

    python -m benchmarks.upfall FOLDER --out PROJECT [--clips 4]

FOLDER holds `aAA_tT_camC.mp4` (Martínez-Villaseñor et al., "UP-Fall Detection Dataset", Sensors 2019): activities 1–5
are falls, 6–11 daily ones. PROJECT becomes a project of its own; extraction goes on there where it stopped. The first
two trials of the daily activities train; their third trial and all falls are judged. There are no frame labels: a clip
counts as abnormal where it shows a fall, its score is the highest smoothed score of its frames.

Prints the time of each stage, poses and tracks by camera, and the area under the ROC curve over clips: of each
detector, and of `mgenet` also by motion alone, by motion and appearance, and by every part alone.
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Callable, Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from sklearn.metrics import roc_auc_score

from stages import check, evaluate, extract, normalize, score, segment, track, train
from stages.core.dataset import Dataset, Description, load_dataset
from stages.core.params import load_section
from stages.core.paths import Project, clip_file, find_project
from stages.core.progress import set_up_logging
from stages.core.schemas import SCORES, TRACKS
from stages.core.tables import read
from stages.evaluate import judge
from stages.evaluation.fusion import PUBLISHED
from stages.evaluation.params import EvaluateParams
from stages.ingest.folder import write_folder
from stages.ingest.source import Clip
from stages.pose.video import probe

NAME, EVERY = "upfall", 3
WINDOWS = {
    "second": {"rate": 18 / EVERY, "length": 8},
    "people": {"rate": 18 / EVERY, "length": 8, "stride_train": 2, "stride_score": 2, "crops": {"size": 48}},
}
DETECTORS = ("knn", "stg_nf", "mgenet")
BASES = {"mgenet": "stg_nf"}
SUMS = {
    "motion alone": ("motion",),
    "motion and appearance": ("motion", "appearance"),
    "appearance alone": ("appearance",),
    "scene alone": ("scene",),
}
"""What `mgenet` is judged by beside the paper's sum, whose weights these have too."""
FILE = re.compile(r"a(?P<activity>\d\d)_t(?P<trial>\d)_cam(?P<camera>\d)")
LAST_FALL, LAST_TRAINING_TRIAL = 5, 2


def main() -> None:
    """Run every stage, then compare clips."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="the project's folder, made or gone on with")
    parser.add_argument("--clips", type=int, default=None, help="only so many clips, the shortest of each kind")
    parser.add_argument("--workers", type=int, default=1, help="processes that extract")
    options = parser.parse_args()
    set_up_logging()
    run(options.folder, Project(options.out.resolve()), options.clips, options.workers)


def run(folder: Path, project: Project, count: int | None = None, workers: int = 1) -> pd.DataFrame:
    """Make the project where there is none, run its stages, print; returns a row per detector."""
    if not project.raw(NAME).exists():
        about = Description(name="Falls and daily activities, one person", source="UP-Fall", licence="research")
        write_folder(project.raw(NAME), about, clips(folder, count))
    project.params.write_text(yaml.safe_dump(params(workers, few=count is not None)))
    for what, stage in _stages(project):
        start = time.perf_counter()
        stage()
        print(f"{what:20} {time.perf_counter() - start:8.1f} s")
    data = load_dataset(project, NAME)
    print(_people(project, data).to_string())
    rows = [_judged(project, data, name, detector, parts) for name, detector, parts in _judgements()]
    found = pd.DataFrame(rows).set_index("detector")
    print(found.to_string(float_format=lambda value: f"{value:.3f}"))
    return found


def clips(folder: Path, count: int | None) -> list[Clip]:
    """The folder's videos, or the shortest of those to train with, falls, and daily ones to judge, in turn."""
    found = [_clip(path, match) for path in sorted(folder.glob("*.mp4")) if (match := FILE.fullmatch(path.stem))]
    kinds: dict[object, list[Clip]] = {}
    for clip in sorted(found, key=lambda clip: clip.frames):
        kinds.setdefault((clip.split, clip.abnormal), []).append(clip)
    turns = [clip for turn in zip_longest(*kinds.values()) for clip in turn if clip]
    return turns[:count]


def _clip(path: Path, name: re.Match[str]) -> Clip:
    header, fall = probe(path), int(name["activity"]) <= LAST_FALL
    training = not fall and int(name["trial"]) <= LAST_TRAINING_TRIAL
    return Clip(
        name=path.stem,
        split="train" if training else "test",
        camera=name["camera"],
        scene="hall",
        fps=header.fps,
        width=header.width,
        height=header.height,
        frames=header.frames,
        kind=f"activity {name['activity']}",
        abnormal=int(fall),
        video=path,
    )


def params(workers: int, *, few: bool) -> dict[str, Any]:
    """The project's own parameters, for this data set alone and every third frame; few clips fill small batches."""
    chosen: dict[str, Any] = yaml.safe_load(find_project().params.read_text(encoding="utf-8"))
    if few:
        chosen["detectors"]["stg_nf"]["batch"] = 16
        chosen["detectors"]["mgenet"]["epochs"] = 1
    return {
        **chosen,
        "datasets": [NAME],
        "runs": [{"dataset": NAME, "detector": name} for name in DETECTORS if name not in BASES],
        "students": [{"dataset": NAME, "detector": name, "base": base} for name, base in BASES.items()],
        "windows": WINDOWS,
        "detectors": {name: chosen["detectors"][name] for name in DETECTORS},
        "segment": {"windows": list(WINDOWS)},
        "extract": {"every": EVERY, "workers": workers, "keep_going": True},
    }


def _stages(project: Project) -> Iterator[tuple[str, Callable[[], None]]]:
    yield "check", lambda: check.run(project)
    yield "extract", lambda: extract.run(project, NAME)
    yield "track", lambda: track.run(project, NAME)
    for window in WINDOWS:
        yield f"segment {window}", lambda window=window: segment.run(project, NAME, window)  # type: ignore[misc]
        yield f"normalize {window}", lambda window=window: normalize.run(project, NAME, window)  # type: ignore[misc]
    for detector in DETECTORS:
        for stage in (train, score, evaluate):
            name = f"{stage.__name__.rpartition('.')[2]} {detector}"
            yield name, lambda stage=stage, detector=detector: stage.run(project, NAME, detector)  # type: ignore[misc]


def _people(project: Project, data: Dataset) -> pd.DataFrame:
    """Poses and tracks by camera."""
    rows = []
    for _, clip in data.clips.iterrows():
        table = read(clip_file(project.tracks(NAME), clip["clip"]), TRACKS).frame
        looked = -(-int(clip["frames"]) // EVERY)
        seen = table["frame"].nunique() / looked
        rows.append({"camera": clip["camera"], "seen": seen, "poses": len(table), "tracks": table["track"].nunique()})
    found = pd.DataFrame(rows).groupby("camera")
    return found.agg(
        clips=("seen", "size"), frames_seen=("seen", "mean"), poses=("poses", "sum"), tracks=("tracks", "sum")
    )


def _judgements() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """What is judged: its name, the detector, and which of its parts; none: as the referee would."""
    for detector in DETECTORS:
        yield detector, detector, ()
    for name, parts in SUMS.items():
        yield f"mgenet, {name}", "mgenet", parts


def _judged(project: Project, data: Dataset, name: str, detector: str, parts: tuple[str, ...]) -> dict[str, object]:
    rules = load_section(project, "evaluate", EvaluateParams)
    if parts:
        terms = [term.model_dump() for term in PUBLISHED["mgenet"] if set(term.parts) <= set(parts)]
        rules = EvaluateParams.model_validate({**rules.model_dump(), "fusion": terms}, strict=False)
    frames = judge(read(project.scores(NAME, detector), SCORES).frame, data, rules, "test")
    best = frames.groupby("clip")["smoothed"].max()
    truth = data.split("test").set_index("clip")["abnormal"].astype(int).reindex(best.index)
    both = truth.min() < truth.max()
    return {
        "detector": name,
        "clips": len(best),
        "falls": int(truth.sum()),
        "AUC": roc_auc_score(truth, best) if both else float("nan"),
    }


if __name__ == "__main__":
    main()
