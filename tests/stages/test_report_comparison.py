"""What the report says beyond single runs: who differs from the best, and what the suites found."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stages import report
from stages.core.errors import SchemaError, ScoreError
from stages.core.paths import Project
from stages.core.storage import write_text
from stages.show.suite_result import Point, Result
from tests.show.made_up import REASON, draws, whole
from tests.show.synthetic import build, write_judged, write_replicates
from tests.stages.reporting import judge, page


@pytest.fixture
def judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose two runs have too few clips to be compared; films are not drawn."""
    monkeypatch.setattr(report, "draw_film", lambda path, _: path.write_bytes(b""))
    return judge(build(tmp_path))


def test_what_was_drawn_alike_is_compared(judged: Project) -> None:
    for detector, auc, far in (("stg_nf", 0.8, 0.02), ("knn", 0.7, 0.01)):
        write_judged(judged, detector, whole(auc))
        write_replicates(judged, detector, draws(auc, far))
    text = page(judged)
    # The difference lies evenly in 0.09 … 0.11: no draw turns the order round.
    assert re.search(r"knn</th><td>0.100</td><td>\+0.0\d\d to \+0.1\d\d</td><td>0.0\d\d</td>.*yes", text)
    assert 'cannot be told from the best">' not in text
    for detector, far in (("stg_nf", 0.2), ("knn", -0.2)):
        write_replicates(judged, detector, draws(0.75, far))
    text = page(judged)
    assert 'cannot be told from the best">' in text
    assert "≈" in (judged.report / "leaderboard.md").read_text(encoding="utf-8")


def test_too_few_clips_are_not_compared(judged: Project) -> None:
    assert f"differ by more than chance is not known: {REASON}" in page(judged)


def test_replicates_of_other_clips_are_refused(judged: Project) -> None:
    for detector in ("stg_nf", "knn"):
        write_judged(judged, detector, whole(0.8))
        write_replicates(judged, detector, draws(0.8, 0.1), draws=detector)
    with pytest.raises(ScoreError, match="not drawn alike"):
        report.run(judged)


def test_missing_replicates_are_named(judged: Project) -> None:
    for detector in ("stg_nf", "knn"):
        write_judged(judged, detector, whole(0.8))
    with pytest.raises(SchemaError) as caught:
        report.run(judged)
    assert re.search(r"replicates/toy/\w+.parquet$", caught.value.where)


def test_suites_stand_on_the_page(judged: Project) -> None:
    point = Point(
        variant="1 s", value=1.0, detector="knn", baseline=True, raw=0.6, smoothed=0.65, raw_sd=None, smoothed_sd=None,
        raw_interval=None, smoothed_interval=None, seconds=1.0, key="k",
    )  # fmt: skip
    found = Result(
        suite="length", question="How long?", source="a paper", axis="seconds", scale="linear", dataset="toy",
        seeds=(0,), points=(point,),
    )  # fmt: skip
    write_text(judged.suites / "length-toy.json", found.model_dump_json())
    assert "How long?" in page(judged)
    write_text(judged.suites / "length-toy.json", "{}")
    with pytest.raises(SchemaError, match="not a readable suite result"):
        report.run(judged)
