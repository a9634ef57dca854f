"""Figures, frame scores and frames of every run → one page, its table as Markdown, and a picture per test clip."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.core.dataset import Dataset, load_dataset
from stages.core.errors import ParamsError, SchemaError
from stages.core.pairs import coarse, listed
from stages.core.params import Run, dig, load_section, nearest, params_error, read_params
from stages.core.paths import Project, clip_file, seed_folder
from stages.core.progress import bar, log
from stages.core.schemas import FRAME_SCORES, MAPS, REPLICATES, SCORES, TRACKS, Rows
from stages.core.skeleton import layout
from stages.core.storage import atomic_folder, sha256_file, write_text
from stages.core.tables import read
from stages.detectors.registry import DETECTORS
from stages.evaluation.aggregate import person_scores
from stages.evaluation.bands import Bands, bands
from stages.evaluation.comparison import Comparison, against_best
from stages.evaluation.params import EvaluateParams
from stages.evaluation.uncertainty import Replicates
from stages.pose.quality import figures, joint_figures
from stages.pose.survey import survey
from stages.show.coarse_result import read as read_coarse
from stages.show.error_map import ErrorPicture, draw_errors, scale_top
from stages.show.figures import number
from stages.show.film import Film, choose_frames, draw_film, frame_width
from stages.show.leaderboard import markdown
from stages.show.overlay import Person, blank, data_uri, draw_people, read_frames
from stages.show.page import ReportParams, render
from stages.show.palette import style
from stages.show.suite_result import read as read_suite
from stages.show.svg import band_path, pr_path, roc_path
from stages.show.timeline import Curve, Truth, axis, curve, truth
from stages.show.views import ClipView, DatasetView, Difference, Entry, Lines, Model, PoseView, Still, ranked

KINDS = ("raw", "smoothed")

FIT_FILE = "fit.json"
"""What `train` writes beside a model."""

FIGURE = "smoothed/auc"
"""What detectors are ranked and compared by, as REPLICATES names it."""


def run(project: Project) -> None:
    """Write index.html, leaderboard.md and one film strip per test clip.

    Raises:
        ParamsError: the `report` section is wrong, or there are no runs.
        SchemaError: a run's figures, frame scores or replicates are missing, or a suite's result cannot be read.
        ScoreError: two detectors were not evaluated on the same clips in the same way.
        VideoError: a test clip cannot be read.
    """
    params = load_section(project, "report", ReportParams)
    chosen, beside = shown(project)
    with atomic_folder(project.report) as folder:
        views = [
            _view(project, name, [item.detector for item in chosen if item.dataset == name], params, folder)
            for name in dict.fromkeys(item.dataset for item in chosen)
        ]
        suites = [read_suite(path) for path in sorted(project.suites.glob("*.json"))]
        actions = [read_coarse(project.coarse(run.dataset, run.detector)) for run in beside]
        styles = {name: style(place) for place, name in enumerate(DETECTORS)}
        write_text(folder / "index.html", render(params.title, views, suites, styles, actions))
        write_text(folder / "leaderboard.md", markdown(views))
    log.info("the report is %s", project.report / "index.html")


def shown(project: Project) -> tuple[list[Run], list[Run]]:
    """What params.yaml lists: runs and students, in that order, and what goes through the coarse-grained protocol.

    Raises:
        ParamsError: an entry is wrong, or there are no runs.
    """
    raw = read_params(project)
    runs, problems = listed(raw)
    beside = coarse(raw)
    problems += [
        f"{place}.detector: unknown detector {run.detector!r}; {nearest(run.detector, list(DETECTORS))}"
        for place, run in {**runs, **beside}.items()
        if run.detector not in DETECTORS
    ]
    if problems:
        raise params_error(problems, project.params)
    if not runs and not beside:
        raise ParamsError(
            "there is nothing to report: neither `runs` nor `coarse.runs` lists anything",
            where=str(project.params),
            fix="list a dataset and a detector under one of them",
        )
    return list(runs.values()), list(beside.values())


def _view(project: Project, name: str, detectors: Sequence[str], params: ReportParams, folder: Path) -> DatasetView:
    """One dataset's part of the page; writes its film strips into `folder` on the way."""
    data = load_dataset(project, name)
    tables = {detector: _frames(project, name, detector) for detector in detectors}
    entries = {detector: _entry(project, name, detector, table) for detector, table in tables.items()}
    order = ranked(list(entries.values()))
    curves = _Curves({entry.detector: tables[entry.detector] for entry in order}, entries)
    cast, faults = _cast(project, data, detectors), _Faults(project, data, entries)
    clips = list(data.split("test")["clip"])
    if len(clips) > params.films:
        log.info("%s: film strips of the first %d of %d test clips (report.films)", name, params.films, len(clips))
    views = []
    for place, clip in enumerate(bar(clips, what=f"pictures of {name}", unit="clip")):
        known, drawn = truth(data, clip), curves.of(clip)
        stills: tuple[Still, ...] = ()
        if place < params.films:
            film = _film(project, data, known, drawn, cast, params.film_frames)
            draw_film(folder / f"film-{name}-{clip}.png", film)
            stills = _stills(film)
        errors = faults.of(known) if place < params.films else ()
        views.append(ClipView(known, drawn, stills, str(data.clip(clip)["scene"]), errors))
    digests = {clip: found["sha256"] for clip, found in _json(project.checked(name))["clips"].items()}
    differences, uncompared = _differences(project, name, order)
    return DatasetView(data, order, tuple(views), digests, cast.note, differences, uncompared, _poses(project, data))


def _differences(project: Project, dataset: str, order: Sequence[Entry]) -> tuple[tuple[Difference, ...], str]:
    """Every other detector beside the best, on the same drawn clips; or none, and why."""
    if reason := _uncompared(order):
        return (), reason
    best, *others = order
    drawn = {entry.detector: _replicates(project, dataset, entry.detector) for entry in order}
    confidence = float(best.metrics["bootstrap"]["confidence"])
    found = against_best(drawn.pop(best.detector), drawn, FIGURE, confidence)
    return tuple(_difference(best, entry, found[entry.detector], 1 - confidence) for entry in others), ""


def _replicates(project: Project, dataset: str, detector: str) -> Replicates:
    return Replicates.of(read(project.replicates(dataset, detector), REPLICATES))


def _difference(best: Entry, other: Entry, found: Comparison | None, alpha: float) -> Difference:
    """The difference of the two figures in the ranking, with the interval and p-value of their comparison."""
    less = best.metrics["smoothed"]["auc"] - other.metrics["smoothed"]["auc"]
    ends, p = ((found.low, found.high), found.p) if found else (None, None)
    return Difference(other.detector, less, ends, p, distinct=p is not None and p < alpha)


def _uncompared(order: Sequence[Entry]) -> str:
    """Why there is nothing to compare, or nothing."""
    for entry in order:
        if not dig(entry.metrics, "smoothed_interval.auc"):
            return dig(entry.metrics, "bootstrap.reason") or f"{entry.detector} has no interval"
    return ""


def _frames(project: Project, dataset: str, detector: str) -> pd.DataFrame:
    return read(project.frame_scores(dataset, detector), FRAME_SCORES).frame


def _entry(project: Project, dataset: str, detector: str, frames: pd.DataFrame) -> Entry:
    path = project.metrics(dataset, detector)
    metrics = _json(path)
    params = load_section(project, "evaluate", EvaluateParams).on(dataset)
    around = bands(frames, params.bootstrap)
    return Entry(
        detector=detector,
        style=style(list(DETECTORS).index(detector)),
        metrics=metrics,
        sha256=sha256_file(path),
        roc=_lines(project.plots(dataset, detector), "roc", around),
        pr=_lines(project.plots(dataset, detector), "pr", around),
        bandless=around.reason,
        model=_model(project, dataset, detector, min(map(int, metrics["seeds"]))),
    )


def _lines(folder: Path, name: str, around: Bands) -> Lines:
    """A curve's paths, from what `evaluate` wrote of it."""
    table = pd.read_csv(_there(folder / f"{name}.csv"))
    raw, smoothed = (_PATHS[name](table[table["kind"] == kind]) for kind in KINDS)
    band = around.curves.get(name)
    return Lines(raw, smoothed, band_path(band.along, band.low, band.high) if band else "")


_PATHS = {"roc": roc_path, "pr": pr_path}


def _model(project: Project, dataset: str, detector: str, seed: int) -> Model | None:
    """What `train` says of a seed's model; None where its folder is not at hand, as of figures kept in git alone."""
    folder = seed_folder(project.model(dataset, detector), seed)
    if not folder.is_dir():
        return None
    found = _json(folder / FIT_FILE)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and path.name != FIT_FILE)
    return Model(int(found["parameters"]), size, int(found["windows"]))


def _poses(project: Project, data: Dataset) -> PoseView:
    found = survey(project, data)
    return PoseView(
        tuple((name, figures(tally)) for name, tally in found.rows),
        {name: joint["unsure"] for name, joint in joint_figures(found.whole).items()},
        found.layout,
        tuple((advice.text, advice.means) for advice in found.advice),
    )


def _json(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_there(path).read_text(encoding="utf-8"))
    return found


def _there(path: Path) -> Path:
    if not path.is_file():
        raise SchemaError(f"{path.name} is missing", where=str(path), fix="make it: `dvc repro`")
    return path


class _Curves:
    """Frame scores of every detector, each with one axis for all clips of the dataset."""

    def __init__(self, tables: Mapping[str, pd.DataFrame], entries: Mapping[str, Entry]) -> None:
        self._entries, self._tables = entries, tables
        self._ends = {name: axis(table) for name, table in tables.items()}

    def of(self, clip: str) -> tuple[Curve, ...]:
        return tuple(
            curve(
                table[table["clip"] == clip], name, self._entries[name].style, self._ends[name], self._note(name, clip)
            )
            for name, table in self._tables.items()
        )

    def _note(self, name: str, clip: str) -> str:
        auc = self._entries[name].metrics["clips"][clip]["smoothed"]
        return "" if auc is None else f"AUC {number(auc)}"


class _Faults:
    """Errors of the worst frames, of the detectors that can say where they are."""

    def __init__(self, project: Project, data: Dataset, entries: Mapping[str, Entry]) -> None:
        self._data, self._styles = data, {name: entry.style for name, entry in entries.items()}
        paths = {name: project.maps(data.name, name) for name in entries}
        self._maps = {name: read(path, MAPS) for name, path in paths.items() if path.is_file()}
        self._tops = {name: scale_top(maps.arrays) for name, maps in self._maps.items()}

    def of(self, clip: Truth) -> tuple[ErrorPicture, ...]:
        footage = self._data.video(clip.clip)
        found: list[ErrorPicture] = []
        if footage is None:
            return ()
        for name, maps in self._maps.items():
            for row in np.flatnonzero(maps.frame["clip"] == clip.clip):
                frame = int(maps.frame["frame"].iloc[row])
                image = draw_errors(read_frames(footage, [frame])[0], maps.arrays[row], self._tops[name])
                found.append(ErrorPicture(name, self._styles[name], frame, data_uri(image), clip.kind(frame)))
        return tuple(found)


@dataclass(frozen=True)
class _Cast:
    """Who is coloured how.

    Args:
        heat: clip, frame, track, heat: 0 usual … 1 unusual.
        note: what the colours mean.
    """

    heat: pd.DataFrame
    note: str


def _cast(project: Project, data: Dataset, detectors: Sequence[str]) -> _Cast:
    """Colours by the first detector that scores persons: 0 up to the median, 1 from the 99th percentile."""
    params = load_section(project, "evaluate", EvaluateParams).on(data.name)
    for detector in detectors:
        scores = read(project.scores(data.name, detector), SCORES).frame
        people = person_scores(scores[scores["track"].notna()], data.split("test"), params)
        if len(people):
            means = people.groupby(["clip", "frame", "track"])["score"].mean()
            usual, unusual = float(means.quantile(0.5)), float(means.quantile(0.99))
            heat = ((means - usual) / max(unusual - usual, np.finfo(float).tiny)).clip(0, 1)
            note = f"score of {detector}, median person to 99th percentile"
            return _Cast(heat.rename("heat").reset_index(), note)
    return _Cast(pd.DataFrame(columns=["clip", "frame", "track", "heat"]), "")


def _film(project: Project, data: Dataset, clip: Truth, curves: tuple[Curve, ...], cast: _Cast, count: int) -> Film:
    tracks = read(clip_file(project.tracks(data.name), clip.clip), TRACKS)
    frames = choose_frames(clip, count, np.bincount(tracks.frame["frame"], minlength=clip.frames))
    width = frame_width(len(frames))
    row = data.clip(clip.clip)
    footage = data.video(clip.clip)
    empty = blank(int(row["width"]), int(row["height"]))
    images = read_frames(footage, frames) if footage else [empty] * len(frames)
    skeleton = layout(tracks.meta["layout"])
    heat = cast.heat[cast.heat["clip"] == clip.clip]
    people = [_people(tracks, frame, heat) for frame in frames]
    drawn = [draw_people(image, group, skeleton, width=width) for image, group in zip(images, people, strict=True)]
    return Film(clip, frames, tuple(drawn), curves, cast.note)


def _people(tracks: Rows, frame: int, heat: pd.DataFrame) -> list[Person]:
    """Everybody in a frame, with the heat of those that were scored there."""
    rows = np.flatnonzero(tracks.frame["frame"] == frame)
    here = heat[heat["frame"] == frame]
    known = dict(zip(here["track"].astype(int), here["heat"].astype(float), strict=True))
    boxes = tracks.frame[["x", "y", "w", "h"]].to_numpy(dtype=np.float64)
    ids = tracks.frame["track"].to_numpy(dtype=np.int64)
    return [Person(tracks.arrays[row], boxes[row], int(ids[row]), known.get(int(ids[row]))) for row in rows]


def _stills(film: Film) -> tuple[Still, ...]:
    pairs = zip(film.frames, film.images, strict=True)
    return tuple(Still(frame, data_uri(image), film.clip.kind(frame)) for frame, image in pairs)
