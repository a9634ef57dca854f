"""The page of lineage: a place per run that the report leads to, all that a figure rests on, and what it took."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from pipelines import lineage
from pipelines.records import Record
from stages.core.paths import Project, split_file
from stages.core.timing import keep
from tests.pipelines.helpers import open_browser

BASE = "http://127.0.0.1:5000"


def record(detector: str, seed: int = 0, metrics: dict[str, float] | None = None) -> Record:
    params = {"dataset": "toy", f"detectors.{detector}.window": "second", "train.seeds": "[0, 1]"}
    return Record("toy", detector, seed, f"{seed}" * 64, "d" * 32, params, metrics or {"smoothed/auc": 0.75}, {})


def mlflow_run(number: int, **tags: str) -> Any:
    """What MLflow gives back of a run, as far as the page looks at it."""
    known = {"git.commit": "c" * 40, "git.dirty": "false", "dvc.lock.sha256": "e" * 64, **tags}
    info = SimpleNamespace(run_id=f"{number:032x}", experiment_id="1")
    return SimpleNamespace(info=info, data=SimpleNamespace(tags=known))


def page(project: Project, *runs: tuple[Record, Any]) -> str:
    lineage.write_page(project, runs, BASE)
    return lineage.path(project).read_text(encoding="utf-8")


class Reader(HTMLParser):
    """Ids and words of a page; checks that its elements nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data.split()


def test_every_run_and_seed_has_a_place_to_lead_to(tmp_path: Path) -> None:
    runs = [(record("knn", seed), mlflow_run(seed)) for seed in (0, 1)] + [(record("far"), mlflow_run(2))]
    reader = Reader(page(Project(tmp_path), *runs))
    assert reader.open == []
    assert len(reader.ids) == len(set(reader.ids))
    assert {"toy/knn", "toy/knn/seed-0", "toy/knn/seed-1", "toy/far", "toy/far/seed-0", "cost"} <= set(reader.ids)


def test_a_line_names_commit_data_parameters_and_run(tmp_path: Path) -> None:
    project = Project(tmp_path)
    figures = project.metrics("toy", "knn")
    figures.parent.mkdir(parents=True)
    figures.write_text("{}", encoding="utf-8")
    text = page(project, (record("knn"), mlflow_run(7, **{"git.dirty": "true"})))
    for expected in ("c" * 40, "d" * 32, "e" * 64, "0" * 64, f"{7:032x}", "44136fa355b3678a", "train.seeds", "[0, 1]"):
        assert expected in text
    assert f'href="{BASE}/#/experiments/1/runs/{7:032x}"' in text
    words = " ".join(Reader(text).words)
    assert "cccccccccc +" in words
    assert "0.7500" in words


def test_what_was_not_measured_is_a_dash(tmp_path: Path) -> None:
    runs = [
        (record("knn", metrics={"raw/auc": 0.5}), mlflow_run(0)),
        (record("far", metrics={"raw/eer": 0.25}), mlflow_run(1)),
    ]
    words = " ".join(Reader(page(Project(tmp_path), *runs)).words)
    assert "knn toy 0 0.5000 –" in words
    assert "far toy 0 – 0.2500" in words
    assert "knn toy 1 – – –" in words  # nothing ran on this machine


def test_seconds_and_windows_per_second_are_of_all_seeds(tmp_path: Path) -> None:
    project = Project(tmp_path)
    keep(project, "train", ("toy", "knn"), 1234.56)
    keep(project, "score", ("toy", "knn"), 2.0)
    for split, rows in (("test", 700), ("validation", 300), ("train", 9999)):
        file = split_file(project.normalized("toy", "second"), split)
        file.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame({"x": range(rows)}).to_parquet(file)
    runs = [(record("knn", seed), mlflow_run(seed)) for seed in (0, 1)]
    # Two models, each of which scored 1000 windows, in two seconds.
    assert "knn toy 2 1,234.6 2.0 1,000" in " ".join(Reader(page(project, *runs)).words)


def test_markup_in_a_parameter_is_text(tmp_path: Path) -> None:
    odd = record("knn")
    text = page(Project(tmp_path), (Record(**{**vars(odd), "params": {"title": "<b>"}}), mlflow_run(0)))
    assert "&lt;b&gt;" in text
    assert "<b>" not in text


def test_nothing_logged_is_a_page_all_the_same(tmp_path: Path) -> None:
    assert Reader(page(Project(tmp_path))).open == []


@pytest.mark.ui
def test_a_link_of_the_report_leads_to_its_line(tmp_path: Path) -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    project = Project(tmp_path)
    page(project, *((record(f"d{place:02d}"), mlflow_run(place)) for place in range(40)))
    with sync_api.sync_playwright() as playwright:
        browser = open_browser(playwright)
        tab = browser.new_page(viewport={"width": 360, "height": 700}, color_scheme="dark", reduced_motion="reduce")
        complaints: list[str] = []
        tab.on("console", lambda message: complaints.append(message.text))
        tab.goto(f"{lineage.path(project).as_uri()}#toy/d30")
        top = "document.getElementById('toy/d30').getBoundingClientRect().top"
        tab.wait_for_function(f"0 <= {top} && {top} < innerHeight", timeout=10_000)
        assert tab.evaluate("document.documentElement.scrollWidth") <= 360
        best = tab.evaluate("getComputedStyle(document.querySelector('tbody:target')).backgroundColor")
        assert best == "rgb(29, 51, 42)"
        assert complaints == []
        browser.close()
