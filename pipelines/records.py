"""What is worth remembering of each run: read from dvc.lock and the outputs it vouches for, never from memory."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from stages.__main__ import parse_stage
from stages.core.errors import PipelineError
from stages.core.pairs import listed
from stages.core.params import Run, Student, TrainParams, load_section, params_error, read_params
from stages.core.paths import Project, seed_folder
from stages.core.progress import log
from stages.core.storage import sha256_text

Entry = Mapping[str, Any]
"""One stage in dvc.lock: cmd, deps, params, outs."""
RUN_STAGES = ("train", "score", "evaluate")
"""The stages that belong to one detector on one dataset."""
CARD_FILE = "detector.json"
"""What a model says of itself: beside the parameters that were given, those the code had defaults for."""
FIT_FILE = "fit.json"
"""What `train` writes beside a model: how many windows and parameters, and the curves of the fit."""


@dataclass(frozen=True)
class Record:
    """One detector on one dataset with one seed.

    Args:
        dataset: its name.
        detector: its name.
        seed: its seed.
        key: sha256 over the run's entries in dvc.lock and the seed; equal keys are the same run.
        data: DVC's md5 of the windows the detector learned from.
        params: every parameter that had a say, by dotted name, as dvc.lock holds it.
        metrics: figures by name, e.g. `smoothed/auc`.
        curves: figures per epoch by name, e.g. `train/loss`.
    """

    dataset: str
    detector: str
    seed: int
    key: str
    data: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    curves: Mapping[str, Sequence[float]]

    @property
    def name(self) -> str:
        """What the run is called in MLflow."""
        return f"{self.dataset}/{self.detector}/seed-{self.seed}"


def read_records(project: Project) -> list[Record]:
    """One record per listed run and seed whose outputs are those dvc.lock names; others are counted in the log.

    Raises:
        PipelineError: nothing was built yet, or dvc.lock cannot be read.
        ParamsError: `runs`, `students` or `train` in params.yaml are wrong.
    """
    entries = read_lock(project)
    seeds = load_section(project, "train", TrainParams).seeds
    records: list[Record] = []
    for run in listed_runs(project):
        found = {verb: find_entry(entries, verb, run) for verb in RUN_STAGES}
        if None in found.values() or not vouched(
            project, project.metrics(run.dataset, run.detector), found["evaluate"] or {}
        ):
            log.warning(
                "%s on %s is not logged: its outputs are not those of dvc.lock; `dvc repro` makes them",
                run.detector,
                run.dataset,
            )
            continue
        mine = {verb: entry for verb, entry in found.items() if entry is not None}
        records.extend(_record(project, run, seed, mine, entries) for seed in seeds)
    return records


def listed_runs(project: Project) -> list[Run]:
    """The runs and students of params.yaml; a detector that was removed there is history.

    Raises:
        ParamsError: an item is no pair of dataset and detector, or no student.
    """
    runs, problems = listed(read_params(project))
    if problems:
        raise params_error(problems, project.params)
    return list(runs.values())


def read_lock(project: Project) -> dict[str, Entry]:
    """The stages of dvc.lock by name.

    Raises:
        PipelineError: it is missing or unreadable.
    """
    path = project.root / "dvc.lock"
    try:
        stages = yaml.safe_load(path.read_text(encoding="utf-8"))["stages"]
        return dict(stages)
    except FileNotFoundError as error:
        raise PipelineError("nothing was built yet: there is no dvc.lock", where=str(path), fix="dvc repro") from error
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, ValueError) as error:
        raise PipelineError(
            "dvc.lock cannot be read", where=str(path), fix="git checkout dvc.lock && dvc repro"
        ) from error


def flatten(values: Any, separator: str, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of nested mappings with their joined names: `{"a": {"b": 1}}` gives `("a.b", 1)`."""
    if isinstance(values, Mapping) and values:
        for key, value in values.items():
            yield from flatten(value, separator, f"{prefix}{separator}{key}" if prefix else str(key))
    else:
        yield prefix, values


def find_entry(entries: Mapping[str, Entry], verb: str, run: Run) -> Entry | None:
    """The stage that is this verb for this run; of its name in dvc.yaml (`train@run0`) only the family tells.

    dvc.lock goes on holding what a pair was before it moved from runs to students, or back.
    """
    family = f"{verb}_students" if isinstance(run, Student) else verb
    wanted = (verb, (run.dataset, run.detector))
    mine = (entry for name, entry in entries.items() if name.partition("@")[0] == family)
    return next((entry for entry in mine if parse_stage(str(entry["cmd"]).split()) == wanted), None)


def vouched(project: Project, path: Path, entry: Entry) -> bool:
    """Whether a file on disk is the one that its stage's entry names, not a leftover or a stranger's edit."""
    named = {out["path"]: out.get("md5") for out in entry.get("outs", ())}
    if not path.is_file():
        return False
    return (
        named.get(str(path.relative_to(project.root)))
        == hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    )


def _record(project: Project, run: Run, seed: int, mine: Mapping[str, Entry], entries: Mapping[str, Entry]) -> Record:
    key = sha256_text(json.dumps({verb: mine[verb] for verb in RUN_STAGES}, sort_keys=True), str(seed))
    model = seed_folder(project.model(run.dataset, run.detector), seed)
    fit = _json(model / FIT_FILE)
    curves = {f"train/{name}": curve for name, curve in fit.pop("curves", {}).items()}
    metrics = _figures(_json(project.metrics(run.dataset, run.detector)), seed, run)
    metrics |= {f"train/{name}": float(value) for name, value in fit.items() if _number(value)}
    defaults = {f"detectors.{run.detector}": _json(model / CARD_FILE).get("params", {})}
    params = {"dataset": run.dataset, "detector": run.detector, "seed": str(seed), **texts(defaults)}
    params |= params_of(mine, entries) | ({"base": run.base} if isinstance(run, Student) else {})
    return Record(run.dataset, run.detector, seed, key, windows_of(mine["train"]), params, metrics, curves)


def _figures(written: Mapping[str, Any], seed: int, run: Run) -> dict[str, float]:
    """This seed's figures, and what is of all seeds together: intervals, AUC by kind, coverage.

    Figures that are undefined (None) are named in the log.
    """
    own = written.get("seeds", {}).get(str(seed)) or {kind: written.get(kind, {}) for kind in ("raw", "smoothed")}
    shared = {name: written.get(name, {}) for name in ("coverage", "counts")}
    figures = {**own, **shared, **_of_all_seeds(written)}
    found = numbers(figures)
    if undefined := sorted({name for name, _ in flatten(figures, "/")} - found.keys()):
        log.warning("%s on %s: undefined and not logged: %s", run.detector, run.dataset, ", ".join(undefined))
    return found


def numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """Nested figures by name, joined by `/`, AUC first; what is no number is left out."""
    found = {name: float(value) for name, value in flatten(values, "/") if _number(value)}
    return {name: found[name] for name in sorted(found, key=lambda name: not name.endswith("auc"))}  # as charts begin


def _of_all_seeds(written: Mapping[str, Any]) -> dict[str, float]:
    """The smoothed AUC's interval, the AUC of each kind of behaviour, and alarms at the calibrated threshold.

    Alarms: how many were true and false, and how many of the labelled events were found.
    """
    ends = written.get("smoothed_interval", {}).get("auc")
    kinds = written.get("kinds", {}).items()
    found = {f"kind/{kind}": part["smoothed"] for kind, part in kinds if part["smoothed"] is not None}
    events = {f"alarms/{name}": value for name, value in written.get("calibration", {}).get("events", {}).items()}
    found |= {name: value for name, value in events.items() if value is not None}
    return {**({"smoothed/auc_low": ends[0], "smoothed/auc_high": ends[1]} if ends else {}), **found}


def params_of(mine: Mapping[str, Entry], entries: Mapping[str, Entry]) -> dict[str, str]:
    """Parameters of the run's stages and of all above them, as they were when those ran.

    `check` depends on the whole of params.yaml, other detectors' sections too: it says nothing about this run.
    """
    found: dict[str, str] = {}
    for entry in _above(list(mine.values()), entries):
        for values in entry.get("params", {}).values():
            found |= texts(values)
    return dict(sorted(found.items()))


def texts(values: Mapping[str, Any]) -> dict[str, str]:
    """Nested parameters by dotted name, as MLflow takes them; an empty section says nothing."""
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in flatten(values, ".")
        if value != {}
    }


def _above(start: Sequence[Entry], entries: Mapping[str, Entry]) -> list[Entry]:
    """`start` and every stage whose outputs they read, directly or not."""
    found = list(start)
    for entry in found:  # grows while it is walked
        needed = [Path(dep["path"]) for dep in entry.get("deps", ())]
        for other in entries.values():
            made = [Path(out["path"]) for out in other.get("outs", ())]
            touches = any(a == b or a in b.parents or b in a.parents for a in needed for b in made)
            if touches and other not in found and parse_stage(str(other["cmd"]).split()) != ("check", ()):
                found.append(other)
    return found


def windows_of(train: Entry) -> str:
    """md5 of the windows that were learned from; several folders of them are joined by `+`."""
    found = [dep.get("md5", "") for dep in train.get("deps", ()) if dep["path"].startswith("data/normalized")]
    return "+".join(found) or "none"


def _json(path: Path) -> dict[str, Any]:
    """A JSON mapping; empty where there is no such file."""
    if not path.is_file():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, UnicodeDecodeError) as error:
        raise PipelineError(
            f"not readable as JSON: {error}", where=str(path), fix="`dvc repro` makes it anew"
        ) from error


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
