"""The leaderboard's order and figures, as text and as a page."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stages.core.dataset import load_dataset
from stages.show.page import CLIP_COLUMNS, DatasetView, Entry, figure, leaderboard, number, percent, ranked, render
from stages.show.palette import style
from tests.show.synthetic import build


def metrics(auc: float | None, **changes: Any) -> dict[str, Any]:
    figures = {"auc": auc, "ap": 0.5, "eer": 0.25}
    return {
        "raw": figures, "smoothed": figures, "coverage": {"frames": 1.0, "abnormal": 0.876},
        "counts": {"clips": 1, "frames": 9, "abnormal": 3, "unknown": 0, "windows": 5},
        "clips": {"fall": {"raw": auc, "smoothed": auc}}, "seeds": {"0": {}}, "rules": ["A rule."], "undefined": [],
        **changes,
    }  # fmt: skip


def entry(detector: str, auc: float | None, **changes: Any) -> Entry:
    return Entry(detector, style(0), metrics(auc, **changes), {"raw": "M0,0", "smoothed": "M0,0"}, "ab" * 32)


def view(tmp_path: Path, *entries: Entry) -> DatasetView:
    return DatasetView(load_dataset(build(tmp_path), "toy"), ranked(entries), (), {"fall": "cd" * 32}, "")


def test_the_best_stands_first_and_the_undefined_last() -> None:
    order = [entry("a", 0.6), entry("b", None), entry("c", 0.9), entry("d", 0.9)]
    assert [item.detector for item in ranked(order)] == ["c", "d", "a", "b"]


@pytest.mark.parametrize(
    ("mean", "deviation", "text"),
    [(0.12345, None, "0.123"), (0.9, 0.0123, "0.900 ± 0.012"), (None, None, "–"), (0.5, 0.0, "0.500 ± 0.000")],
)
def test_figures_have_three_digits(mean: float | None, deviation: float | None, text: str) -> None:
    spread = {} if deviation is None else {"raw_sd": {"auc": deviation}}
    assert figure({"raw": {"auc": mean}, **spread}, "raw", "auc") == text


def test_what_is_unknown_is_a_dash() -> None:
    assert (number(None), percent(None), percent(0.876)) == ("–", "–", "88%")


def test_the_table_marks_the_best_of_each_dataset(tmp_path: Path) -> None:
    lines = leaderboard([view(tmp_path, entry("knn", 0.7), entry("stg_nf", 0.8))]).splitlines()
    assert lines[0].startswith("| dataset | detector | AUC raw | AUC smoothed |")
    assert lines[2] == "| toy | stg_nf | 0.800 | **0.800** | 0.500 | 0.250 | 88% | fall 0.800 |"
    assert lines[3] == "| toy | knn | 0.700 | 0.700 | 0.500 | 0.250 | 88% | fall 0.700 |"


def test_nothing_is_best_where_nothing_is_defined(tmp_path: Path) -> None:
    assert "**" not in leaderboard([view(tmp_path, entry("knn", None))])


def test_many_clips_do_not_widen_the_table(tmp_path: Path) -> None:
    clips = {f"c{place}": {"raw": 0.5, "smoothed": 0.5} for place in range(CLIP_COLUMNS + 1)}
    assert "9 clips, see the report" in leaderboard([view(tmp_path, entry("knn", 0.7, clips=clips))])


def test_the_page_tells_why_a_figure_is_undefined(tmp_path: Path) -> None:
    text = render("Title", [view(tmp_path, entry("knn", None, undefined=["all: one class"]))])
    assert "Undefined: all: one class." in text
    assert 'class="best"' not in text


def test_params_are_known_without_anything_heavy(root: Path) -> None:
    code = "import sys, stages.show.page, stages.show.overlay, stages.evaluation.aggregate, stages.evaluation.metrics;"
    code += "sys.exit(str({'cv2', 'jinja2', 'matplotlib', 'scipy', 'sklearn', 'torch'} & set(sys.modules) or ''))"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""


def test_the_page_has_a_title_a_language_and_digests(tmp_path: Path) -> None:
    text = render("What <is> best?", [view(tmp_path, entry("knn", 0.7))])
    assert "<title>What &lt;is&gt; best?</title>" in text
    assert '<html lang="en">' in text
    assert 'class="best"' in text
    assert "cd" * 32 in text
    assert "ab" * 32 in text
