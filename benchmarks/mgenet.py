"""How fast MGENet's pictures are read, and how fast it learns and scores: `python -m benchmarks.mgenet PROJECT`.

PROJECT has windows of people (`dvc repro normalize`). Of one split all pictures are cut from the videos as `normalize`
does it, each clip decoded once for all people in it, and some of them window by window by a plain reader that seeks
(`benchmarks/plain/crops.py`); both must give the same pictures. Told is also how fast windows are read from what was
written, which is what training does in every pass. Then windows learned from and scored per second are told, of `small`
at the project's size and of the published encoders at 96 px. `--device cuda` measures on a GPU.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.plain import crops as plain
from stages.core.dataset import load_dataset
from stages.core.loading import cameras_of, load_windows, pictures_of
from stages.core.params import load_section
from stages.core.paths import Project, entries_file, split_file
from stages.core.schemas import ENTRIES, SEGMENTS
from stages.core.tables import read
from stages.core.tubes import mapped, tubes_file
from stages.core.windows import CropParams, Windows, WindowSpec
from stages.detectors.layers.mgenet.params import MgeNetParams
from stages.detectors.mgenet import MgeNetDetector
from stages.pose.crops import boxes, write_tubes

WINDOW, SPLIT = "people", "validation"
SETTINGS: dict[str, tuple[dict[str, Any], int]] = {
    "small, 48 px": ({"preset": "small"}, 48),
    "published, 96 px": ({"preset": "published"}, 96),
    "released encoder, 96 px": ({"preset": "published", "encoder": "cnn"}, 96),
}
"""Params, and the side of a picture."""


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", type=Path)
    parser.add_argument("--dataset", default="simulated")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--sought", type=int, default=60, help="windows that the plain reader reads")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    project = Project(options.project.resolve())
    reading(project, options.dataset, options.sought)
    pictures = pictures_of(project, options.dataset, WINDOW)
    path = split_file(project.normalized(options.dataset, WINDOW), "validation")
    windows = load_windows(path, options.dataset, "validation", cameras_of(project, options.dataset), pictures)
    for name, (settings, side) in SETTINGS.items():
        print(f"{name}: {network(windows, settings, side, options.device, options.threads)}")


def reading(project: Project, dataset: str, sought: int) -> None:
    """Cut a split's pictures both ways."""
    data, spec = load_dataset(project, dataset), load_section(project, f"windows.{WINDOW}", WindowSpec)
    crops = spec.crops or CropParams()
    source = project.segments(dataset, WINDOW)
    entries, rows = read(entries_file(source, SPLIT), ENTRIES), read(split_file(source, SPLIT), SEGMENTS).frame
    first = rows["first_row"].to_numpy()
    with tempfile.TemporaryDirectory() as name:
        ours = taken(lambda: write_tubes(Path(name), SPLIT, entries, first, data, spec, crops)) / len(first)
        tubes = mapped(tubes_file(Path(name), SPLIT))
        again = taken(lambda: [np.array(tubes[row]) for row in np.random.default_rng(0).permutation(len(first))])
        chosen = np.sort(np.random.default_rng(1).choice(len(first), min(sought, len(first)), replace=False))
        held = first[chosen, None] + np.arange(spec.samples)
        step, clips = rows["step"].to_numpy()[chosen], rows["clip"].to_numpy()[chosen]
        numbers = np.rint(entries.frame["sample"].to_numpy()[held] * step[:, None]).astype(np.int64)
        sizes = data.clips.set_index("clip").loc[clips, ["width", "height"]].to_numpy(dtype=np.int64)
        cuts = boxes(entries.arrays[held], crops.margin, sizes)
        found = []

        def seek() -> None:
            for clip, wanted, box in zip(clips, numbers, cuts, strict=True):
                video = data.video(str(clip)) or data.file(str(clip))
                found.append(plain.tube(video, wanted, box, crops.size))

        theirs = taken(seek) / len(chosen)
        if not all(np.array_equal(one, tubes[row]) for one, row in zip(found, chosen, strict=True)):
            raise SystemExit("the two readers give different pictures")
    print(
        f"{len(first)} windows cut with all their clips' frames decoded once: {1e3 * ours:.2f} ms each; sought one by "
        f"one: {1e3 * theirs:.2f} ms each, {theirs / ours:.1f} times as long; read again from what was written: "
        f"{1e6 * again / len(first):.0f} µs each"
    )


def network(windows: Windows, settings: dict[str, Any], side: int, device: str, threads: int) -> str:
    """Windows learned from and scored per second."""
    few = windows.take(np.arange(min(96, len(windows))))
    draw = np.random.default_rng(0)
    films = draw.integers(0, 256, (8, few.poses.shape[2], 3, side, side), dtype=np.uint8)
    few = replace(few, reader=lambda row: films[int(row["tube"]) % len(films)], picture=(3, side, side))
    teacher = {"epochs": 1, "batch": 32}
    params = MgeNetParams.model_validate(
        {"window": WINDOW, "epochs": 1, "threads": threads, "teacher": teacher, **settings}, strict=False
    )
    model = MgeNetDetector(params, device=device)
    model.fit(few)
    trained = taken(lambda: list(model._epochs(model._fitted().train(), few)))
    model._fitted().eval()
    scored = taken(lambda: model.score(few))
    return f"{len(few) / trained:.1f} windows/s learned from, {len(few) / scored:.1f} scored"


def taken(work: Callable[[], object]) -> float:
    """Seconds."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
