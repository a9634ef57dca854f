"""NORMALIZED of actions → how well a detector tells classes it learned from those it did not (GEPC, section 4.2).

Each split in each direction and with each seed is a model of its own, which is forgotten once it has scored. What is
finished is kept, so an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.core.action_splits import action_splits
from stages.core.dataset import Dataset, load_dataset
from stages.core.errors import DatasetError, ModelError, NormotionError, ScoreError, TrainingError
from stages.core.loading import load_windows
from stages.core.pairs import ACTIONS
from stages.core.params import ScoreParams, TrainParams, dig, load_section, params_error, parse, read_params
from stages.core.paths import Project, split_file
from stages.core.progress import bar, log
from stages.core.scoring import score_windows
from stages.core.storage import sha256_file, sha256_text, sweep, write_text
from stages.core.windows import Windows
from stages.detectors import registry
from stages.detectors.base import Detector, DetectorParams
from stages.evaluation.coarse import DIRECTIONS, Case, CoarseParams, cases, clip_auc, clip_scores
from stages.evaluation.metrics import DIGITS
from stages.show.coarse_result import Coarse, Figure, Found, Spread

CODE = Path(__file__).resolve().parent
"""Where the stages' code is."""
SHARED = (
    "coarse.py", "core/normalization.py", "core/scoring.py", "core/seeding.py", "core/skeleton.py", "core/windows.py",
    "detectors/base.py", "evaluation/coarse.py",
)  # fmt: skip
"""Of it, what scores depend on whatever the detector."""
LEARNS = "learns"
"""The parameter by which a supervised detector is told what to learn from."""
UNFIT = (TrainingError, ModelError, ScoreError)
"""Troubles that one split may have and another not."""


@dataclass(frozen=True)
class Job:
    """One model.

    Args:
        case: what it learns and is judged by.
        seed: its seed.
        path: the file of what it came to.
        key: hash of all that depends on.
    """

    case: Case
    seed: int
    path: Path
    key: str

    def __str__(self) -> str:
        return f"{self.case.name}, seed {self.seed}"


Kept = Mapping[str, Any]
"""What is kept of a job: key, scores by part and clip, windows learned from and scored, seconds."""


def run(project: Project, dataset: str, detector: str) -> None:
    """Judge a detector by every split of a dataset's classes, in both directions.

    Raises:
        ParamsError: no such detector, or a section is wrong.
        DatasetError: the dataset is not of task `actions`, lacks what the detector looks at, or has a split that cannot
            be judged.
        SchemaError: there are no windows yet, or of another version.
        TrainingError: some models failed; lists them. What was finished is kept. Where all fail, the detector is
            written down as not applicable to the dataset, with the reason.
    """
    shop = _Workshop(project, dataset, detector)
    folder = project.clip_scores(dataset, detector)
    folder.mkdir(parents=True, exist_ok=True)
    sweep(folder)
    jobs = shop.jobs(folder)
    for path in sorted(set(folder.iterdir()) - {job.path for job in jobs}):
        path.unlink()
    kept = {job.path: found for job in jobs if (found := _kept(job))}
    if kept:
        log.info(f"{detector} on {dataset}: {len(kept)} of {len(jobs)} models are finished and unchanged")
    troubles: dict[str, NormotionError] = {}
    outstanding = [job for job in jobs if job.path not in kept]
    for job in bar(outstanding, what=f"coarse {detector}, {dataset}", unit="model") if outstanding else ():
        try:
            kept[job.path] = shop.judge(job)
        except UNFIT as error:
            log.warning(f"{detector} on {dataset}, {job}: {error.what}")
            troubles[str(job)] = error
    if troubles and (kept or not all(isinstance(error, TrainingError) for error in troubles.values())):
        raise _incomplete(troubles, len(jobs), folder)
    reason = next((error.what for error in troubles.values()), "")
    told = shop.told([] if reason else [shop.found(case, mine, kept) for case, mine in _by_case(jobs)], reason)
    write_text(project.coarse(dataset, detector), told.model_dump_json(indent=2))
    log.info(f"{detector} on {dataset}: {_sentence(told)}")


class _Workshop:
    """One detector and one dataset, with all that steers them; holds the windows of both splits in memory."""

    def __init__(self, project: Project, dataset: str, detector: str) -> None:
        self.kind: type[Detector] = registry.detector(detector)
        self.settings = load_section(project, "coarse", CoarseParams)
        self.params = _params(project, detector, self.kind, self.settings.window)
        self.device = load_section(project, "train", TrainParams).device
        self.batch = load_section(project, "score", ScoreParams).batch
        self.detector = detector
        self.data = load_dataset(project, dataset)
        _refuse(self.data, detector, self.kind)
        self.cases = cases(action_splits(self.data), self.data.clips, self.data.folder / "clips.csv")
        self.cameras = dict(zip(self.data.clips["clip"], self.data.clips["camera"], strict=True))
        windows = project.normalized(dataset, self.params.window)
        self.files = {split: split_file(windows, split) for split in ("train", "test")}

    def jobs(self, folder: Path) -> list[Job]:
        """All models, each with the file that what it comes to is kept in."""
        params = json.dumps(self.params.model_dump(mode="json"), sort_keys=True)
        files = [sha256_file(path) if path.is_file() else "missing" for path in self.files.values()]
        cameras = json.dumps(self.cameras, sort_keys=True)
        everybodys = (self.detector, params, *files, cameras, self.settings.over_windows, _code(self.kind))
        jobs = []
        for case in self.cases:
            told = json.dumps([case.train, case.test], sort_keys=True)
            for seed in self.settings.seeds:
                path = folder / f"{case.split}-{case.direction}-seed-{seed}.json"
                jobs.append(Job(case, seed, path, sha256_text(*everybodys, case.direction, told, str(seed))))
        return jobs

    def judge(self, job: Job) -> Kept:
        """Train a model, score the test clips, and keep what it came to.

        Raises:
            TrainingError, ModelError, ScoreError: as the detector's `fit` and `score`.
        """
        started = time.monotonic()
        train = self._normal(job.case)
        if not len(train):
            raise TrainingError("its training clips have no windows", fix="shorten the window spec, or mend the poses")
        model = self.kind(self.params, device=self.device, seed=job.seed)
        model.fit(train, log=log.debug)
        scores = clip_scores(self._test.index, score_windows(model, self._test, self.batch), self.settings.over_windows)
        seconds = round(time.monotonic() - started, 1)
        counts = {"train_windows": len(train), "test_windows": len(self._test), "seconds": seconds}
        kept = {"key": job.key, "scores": scores, **counts}
        write_text(job.path, json.dumps(kept, sort_keys=True))
        return kept

    def found(self, case: Case, jobs: Sequence[Job], kept: Mapping[Path, Kept]) -> Found:
        """What a case's models came to."""
        mine = {str(job.seed): kept[job.path] for job in jobs}
        auc = {}
        for part in self.kind.parts:
            seeds = {seed: round(clip_auc(one["scores"][part], case.test), DIGITS) for seed, one in mine.items()}
            auc[part] = Figure(seeds=seeds, mean=_mean(list(seeds.values())))
        first = next(iter(mine.values()))
        scored = first["scores"][self.kind.parts[0]]
        return Found(
            split=case.split, meaningful=case.meaningful, direction=case.direction, classes=case.classes, auc=auc,
            train_clips=len(case.train), train_windows=first["train_windows"],
            test_clips=len(case.test), abnormal_clips=sum(case.test.values()), test_windows=first["test_windows"],
            clips_without_windows=len(case.test.keys() - scored.keys()),
            seconds=round(sum(one["seconds"] for one in mine.values()), 1),
        )  # fmt: skip

    def told(self, found: Sequence[Found], reason: str) -> Coarse:
        """The result."""
        return Coarse(
            dataset=self.data.name, detector=self.detector, supervised=self.kind.supervised, parts=self.kind.parts,
            seeds=self.settings.seeds, over_windows=self.settings.over_windows, summary=_summary(found),
            splits=tuple(found), reason=reason,
        )  # fmt: skip

    @cached_property
    def _train(self) -> Windows:
        return self._windows(self.files["train"], "train", 0)

    @cached_property
    def _test(self) -> Windows:
        return self._windows(self.files["test"], "test", pd.NA)

    def _windows(self, path: Path, split: str, label: Any) -> Windows:
        """The windows of a split: of which camera each is, and no label but `label`."""
        windows = load_windows(path, self.data.name, split, self.cameras)
        labels = pd.array([label] * len(windows), dtype="Int8")
        return replace(windows, index=windows.index.assign(label=labels, person_label=labels))

    def _normal(self, case: Case) -> Windows:
        """The training windows of a case; only a supervised detector is told their classes."""
        windows = self._train.take(self._train.index["clip"].isin(case.train).to_numpy())
        if not self.kind.supervised:
            return windows
        return replace(windows, index=windows.index.assign(kind=windows.index["clip"].map(case.train)))


def _params(project: Project, detector: str, kind: type[Detector], window: str | None) -> DetectorParams:
    """The detector's section; one that may learn from labels or from classes has classes here, and nothing else."""
    name = f"detectors.{detector}"
    given = dig(read_params(project), name)
    if isinstance(given, dict):
        classes = {LEARNS: "classes"} if LEARNS in kind.Params.model_fields else {}
        given = {**given, **classes, **({"window": window} if window else {})}
    problems, params = parse(given, name, kind.Params)
    if params is None:
        raise params_error(problems, project.params)
    return params


def _refuse(data: Dataset, detector: str, kind: type[Detector]) -> None:
    where = str(data.folder / "dataset.yaml")
    task = data.description.task
    if task != ACTIONS:
        raise DatasetError(
            f"dataset {data.name!r} is of task {task!r}, the coarse-grained protocol is for {ACTIONS!r}",
            where=where,
            fix=f"`normotion train {data.name} {detector}`, or describe its classes: `task: actions` and splits.yaml",
        )
    if registry.looks(kind) and not data.filmed:
        what = f"{detector} needs footage, which dataset {data.name!r} lacks"
        raise DatasetError(what, where=where, fix="run it on a dataset with video")


def _code(kind: type[Detector]) -> str:
    """Hash of the code that scores depend on: DVC asks for more, such as how files are found, and asks again."""
    own = CODE / "detectors" / f"{kind.__module__.rpartition('.')[2]}.py"
    files = [*(CODE / name for name in SHARED), *(CODE / "detectors" / "layers").rglob("*.py")]
    return sha256_text(*(sha256_file(path) for path in sorted([*files, *([own] if own.is_file() else [])])))


def _kept(job: Job) -> Kept | None:
    """What is kept of a job; None where nothing is, or what all depends on has changed."""
    try:
        found = json.loads(job.path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.get("key") == job.key else None


def _by_case(jobs: Sequence[Job]) -> Iterator[tuple[Case, list[Job]]]:
    """The jobs of each case, its seeds together."""
    named: dict[str, list[Job]] = {}
    for job in jobs:
        named.setdefault(job.case.name, []).append(job)
    return ((mine[0].case, mine) for mine in named.values())


def _mean(values: Sequence[float]) -> float:
    return round(float(np.mean(values)), DIGITS)


def _summary(found: Sequence[Found]) -> dict[str, dict[str, Spread]]:
    """Mean and deviation over the random and over the meaningful splits, by direction."""
    summary: dict[str, dict[str, Spread]] = {}
    for direction in DIRECTIONS:
        for kind, meaningful in (("random", False), ("meaningful", True)):
            mine = [one for one in found if one.direction == direction and one.meaningful == meaningful]
            if not mine:
                continue
            parts = {part: [one.auc[part].mean for one in mine] for part in mine[0].auc}
            first = next(iter(parts.values()))
            spread = round(float(np.std(first, ddof=1)), DIGITS) if len(first) > 1 else None
            means = {part: _mean(values) for part, values in parts.items()}
            told = Spread(auc_mean=_mean(first), auc_sd=spread, splits=len(mine), parts=means)
            summary.setdefault(direction, {})[kind] = told
    return summary


def _incomplete(troubles: Mapping[str, NormotionError], total: int, folder: Path) -> TrainingError:
    listed = "\n".join(f"  - {job}: {error.what}" for job, error in troubles.items())
    first = next(iter(troubles.values()))
    return TrainingError(
        f"{len(troubles)} of {total} models failed, what the others came to is kept:\n{listed}",
        where=str(folder),
        fix=first.fix or "mend what is said, and run the same command again",
    )


def _sentence(told: Coarse) -> str:
    """What was found, on one line."""
    if told.reason:
        return f"not applicable: {told.reason}"
    said = [
        f"{direction} {kind} {spread.auc_mean:.3f} ({spread.splits} splits)"
        for direction, kinds in told.summary.items()
        for kind, spread in kinds.items()
    ]
    return f"clip AUC {', '.join(said)}"
