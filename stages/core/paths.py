"""Where everything is: the one place that knows the project's folders.

dvc.yaml has to spell the same paths; `tests/test_dag.py` holds the two together.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from stages.core.errors import DatasetError, ParamsError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
"""What a dataset, clip, window or detector may be called: safe as a file name on any system."""


@dataclass(frozen=True)
class Project:
    """A checkout: the folder that holds params.yaml and dvc.yaml.

    Args:
        root: absolute path of that folder.
    """

    root: Path

    @property
    def params(self) -> Path:
        """params.yaml."""
        return self.root / "params.yaml"

    def raw(self, dataset: str) -> Path:
        """Folder of dataset.yaml, clips.csv, labels.csv and the videos: written by people alone."""
        return self.root / "data" / "raw" / dataset

    def checked(self, dataset: str) -> Path:
        """What `check` vouches for: the clips and the sha256 of each of their files."""
        return self.root / "data" / "checked" / f"{dataset}.json"

    def poses(self, dataset: str) -> Path:
        """Folder of POSES, one Parquet file per clip."""
        return self.root / "data" / "poses" / dataset

    def tracks(self, dataset: str) -> Path:
        """Folder of TRACKS, one Parquet file per clip."""
        return self.root / "data" / "tracks" / dataset

    def frames(self, dataset: str, window: str) -> Path:
        """Folder of the frames that a window spec's windows hold, one array and one description per clip."""
        return self.root / "data" / "frames" / dataset / window

    def segments(self, dataset: str, window: str) -> Path:
        """Folder of ENTRIES and SEGMENTS, one Parquet file of each per split."""
        return self.root / "data" / "segments" / dataset / window

    def normalized(self, dataset: str, window: str) -> Path:
        """Folder of NORMALIZED, one Parquet file per split."""
        return self.root / "data" / "normalized" / dataset / window

    def model(self, dataset: str, detector: str) -> Path:
        """Folder of trained models, one folder per seed."""
        return self.root / "data" / "models" / dataset / detector

    def scores(self, dataset: str, detector: str, split: str = "test") -> Path:
        """SCORES of a split, all seeds: of `test`, and of `validation`, from which alarm thresholds are taken."""
        return split_file(self.root / "data" / "scores" / dataset / detector, split)

    def maps(self, dataset: str, detector: str) -> Path:
        """MAPS: where in each test clip's worst frame the score comes from; of detectors that can say so alone."""
        return self.scores(dataset, detector).parent / "maps.parquet"

    def clip_scores(self, dataset: str, detector: str) -> Path:
        """Folder of what the coarse-grained protocol finished, one JSON file per split, direction and seed."""
        return self.root / "data" / "coarse" / dataset / detector

    def coarse(self, dataset: str, detector: str) -> Path:
        """Figures of one detector under the coarse-grained protocol, JSON, kept in git."""
        return self.root / "reports" / "coarse" / dataset / f"{detector}.json"

    def metrics(self, dataset: str, detector: str) -> Path:
        """Figures of one run, JSON, kept in git."""
        return self.root / "reports" / "metrics" / dataset / f"{detector}.json"

    def frame_scores(self, dataset: str, detector: str) -> Path:
        """FRAME_SCORES of the test split, all seeds."""
        return self.root / "reports" / "frame_scores" / dataset / f"{detector}.parquet"

    def replicates(self, dataset: str, detector: str) -> Path:
        """REPLICATES: a run's figures under every bootstrap replicate."""
        return self.root / "reports" / "replicates" / dataset / f"{detector}.parquet"

    def events(self, dataset: str, detector: str) -> Path:
        """The alarms a run would have raised in the test split, CSV for people."""
        return self.root / "reports" / "events" / dataset / f"{detector}.csv"

    def plots(self, dataset: str, detector: str) -> Path:
        """Folder of the ROC and precision-recall curves (CSV) and one score timeline (PNG) per test clip."""
        return self.root / "reports" / "plots" / dataset / detector

    @property
    def suites(self) -> Path:
        """Folder of the ablation suites' results, one JSON each, kept in git."""
        return self.root / "reports" / "suites"

    def quality(self, dataset: str) -> Path:
        """Folder of a dataset's quality report."""
        return self.root / "reports" / "quality" / dataset

    @property
    def report(self) -> Path:
        """Folder of index.html and the pictures the README shows."""
        return self.root / "reports" / "page"


def clip_file(folder: Path, clip: str) -> Path:
    """The Parquet file of one clip in a per-clip folder."""
    return folder / f"{clip}.parquet"


def split_file(folder: Path, split: str) -> Path:
    """The Parquet file of one split in a per-split folder."""
    return folder / f"{split}.parquet"


def entries_file(folder: Path, split: str) -> Path:
    """ENTRIES of one split, beside its SEGMENTS."""
    return folder / f"{split}-entries.parquet"


def seed_folder(folder: Path, seed: int) -> Path:
    """The model folder of one seed."""
    return folder / f"seed-{seed}"


def inside(folder: Path, relative: str) -> Path:
    """Resolve a path that a person wrote into a CSV, refusing one that leaves `folder`.

    Raises:
        DatasetError: the path is absolute or climbs out of the folder.
    """
    path = (folder / relative).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise DatasetError(
            f"path {relative!r} leaves the dataset's folder",
            where=str(folder / "clips.csv"),
            fix="copy or link the file below the dataset's folder and give the relative path",
        )
    return path


def find_project(start: Path | None = None, *, anywhere: bool = False) -> Project:
    """Find the project a command was started in: the nearest folder upwards that holds params.yaml.

    Args:
        start: where to begin; the current folder without it.
        anywhere: take the folder itself where there is none.

    Raises:
        ParamsError: there is none.
    """
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "params.yaml").is_file():
            return Project(folder)
    if anywhere:
        return Project(here)
    raise ParamsError(
        "no params.yaml here or in any folder above", where=str(here), fix="run this inside a normotion checkout"
    )
