"""Figures, frame scores and frames of every run → one page, its table as Markdown, and a picture per test clip."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from stages.core.dataset import Dataset, load_dataset
from stages.core.errors import ParamsError, SchemaError
from stages.core.params import Run, load_section, params_error, parse, read_params
from stages.core.paths import Project, clip_file
from stages.core.progress import bar, log
from stages.core.schemas import FRAME_SCORES, SCORES, TRACKS
from stages.core.skeleton import layout
from stages.core.storage import atomic_folder, sha256_file, write_text
from stages.core.tables import read
from stages.detectors.registry import DETECTORS
from stages.evaluation.aggregate import EvaluateParams, person_scores
from stages.show.film import Film, choose_frames, draw_film, frame_width
from stages.show.overlay import Image, Person, blank, draw_people, encode, read_frames
from stages.show.page import ClipView, DatasetView, Entry, ReportParams, Still, leaderboard, number, ranked, render
from stages.show.palette import Style, style
from stages.show.svg import roc_path
from stages.show.timeline import Curve, Truth, axis, truth

KINDS = ("raw", "smoothed")


def run(project: Project) -> None:
    """Write index.html, leaderboard.md and one film strip per test clip.

    Raises:
        ParamsError: the `report` section is wrong, or there are no runs.
        SchemaError: a run's figures or frame scores are missing.
        VideoError: a test clip cannot be read.
    """
    params = load_section(project, "report", ReportParams)
    chosen = listed(project)
    with atomic_folder(project.report) as folder:
        views = [
            _dataset_view(project, name, [item.detector for item in chosen if item.dataset == name], params, folder)
            for name in dict.fromkeys(item.dataset for item in chosen)
        ]
        write_text(folder / "index.html", render(params.title, views))
        write_text(folder / "leaderboard.md", leaderboard(views))
    log.info("the report is %s", project.report / "index.html")


def listed(project: Project) -> list[Run]:
    """Runs and students of params.yaml, in that order.

    Raises:
        ParamsError: an entry is wrong, or there are none.
    """
    raw = read_params(project)
    items = [(f"{key}[{place}]", item) for key in ("runs", "students") for place, item in enumerate(raw.get(key) or [])]
    runs, problems = [], []
    for name, item in items:
        pair = {field: item.get(field) for field in Run.model_fields} if isinstance(item, dict) else item
        found, row = parse(pair, name, Run)
        problems += found
        runs += [row] if row else []
    if problems:
        raise params_error(problems, project.params)
    if not runs:
        raise ParamsError("there is nothing to report: `runs` is empty", where=str(project.params), fix="list a dataset and a detector under `runs`")
    return runs


def _dataset_view(project: Project, name: str, detectors: Sequence[str], params: ReportParams, folder: Path) -> DatasetView:
    data = load_dataset(project, name)
    entries = {detector: _entry(project, name, detector) for detector in detectors}
    tables = {detector: read(project.frame_scores(name, detector), FRAME_SCORES).frame for detector in detectors}
    cast = _cast(project, data, detectors)
    clips = list(data.split("test")["clip"])
    if len(clips) > params.films:
        log.info("%s: film strips of the first %d of %d test clips (report.films)", name, params.films, len(clips))
    views = []
    for place, clip in enumerate(bar(clips, what=f"pictures of {name}", unit="clip")):
        known = truth(data, clip)
        curves = tuple(_curve(tables[entry], entries[entry], clip) for entry in detectors)
        stills: tuple[Still, ...] = ()
        if place < params.films:
            film = _film(project, data, known, curves, cast, params.film_frames)
            draw_film(folder / f"film-{name}-{clip}.png", film)
            stills = _stills(film)
        views.append(ClipView(known, curves, stills))
    digests = {clip: found["sha256"] for clip, found in _json(project.checked(name))["clips"].items()}
    return DatasetView(data, ranked(list(entries.values())), tuple(views), digests, cast.note)


def _entry(project: Project, dataset: str, detector: str) -> Entry:
    path = project.metrics(dataset, detector)
    metrics = _json(path)
    roc = pd.read_csv(project.plots(dataset, detector) / "roc.csv")
    paths = {kind: roc_path(roc[roc["kind"] == kind]) for kind in KINDS}
    return Entry(detector, _style(detector), metrics, paths, sha256_file(path))


def _json(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError) as error:
        raise SchemaError(f"not a readable JSON file: {error}", where=str(path), fix="make it: `dvc repro`") from error
    return found
