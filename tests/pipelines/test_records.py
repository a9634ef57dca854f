"""Records come from dvc.lock and what it vouches for."""

from __future__ import annotations

import json
import logging

import pytest

from pipelines.records import find_entry, flatten, listed_runs, read_lock, read_records
from stages.core.errors import ParamsError, PipelineError
from stages.core.params import Run, Student
from stages.core.paths import Project
from stages.core.progress import log


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> pytest.LogCaptureFixture:
    monkeypatch.setattr(log, "propagate", True)
    caplog.set_level(logging.INFO)
    return caplog


def edit(project: Project, old: str, new: str) -> None:
    text = project.params.read_text()
    assert old in text
    project.params.write_text(text.replace(old, new))


def test_one_record_per_run_and_seed(built: Project) -> None:
    near, far = read_records(built)
    assert (near.name, far.name) == ("street/near/seed-0", "street/far/seed-0")
    assert near.key != far.key


def test_params_are_those_that_had_a_say_as_dvc_locked_them(built: Project) -> None:
    edit(built, "sigma: 2.5", "sigma: 9.9")  # edited since, not yet run: the figures are still those of 2.5
    near, far = read_records(built)
    assert near.params == {
        "dataset": "street",
        "detector": "near",
        "seed": "0",
        "detectors.near.k": "5",
        "detectors.near.window": "second",
        "evaluate.sigma": "2.5",
        "train.seeds": "[0]",
    }
    assert far.params["detectors.far.depth.layers"] == "3"


def test_defaults_of_the_code_are_params_too(built: Project) -> None:
    card = {"params": {"k": 99, "metric": "euclid", "fit": {"sweeps": 3}}}
    (built.model("street", "near") / "seed-0" / "detector.json").write_text(json.dumps(card))
    near, far = read_records(built)
    assert near.params["detectors.near.metric"] == "euclid"
    assert near.params["detectors.near.fit.sweeps"] == "3"
    assert near.params["detectors.near.k"] == "5"  # what dvc.lock says wins
    assert "detectors.far" not in far.params


def test_figures_curves_and_what_is_undefined(built: Project, said: pytest.LogCaptureFixture) -> None:
    near = read_records(built)[0]
    assert near.metrics == {
        "raw/auc": 0.75,
        "raw/ap": 0.5,
        "smoothed/auc": 0.75,
        "smoothed/ap": 0.5,
        "coverage/frames": 0.9,
        "counts/frames": 10.0,
        "train/windows": 7.0,
    }
    assert list(near.metrics)[:2] == ["raw/auc", "smoothed/auc"]  # what the charts begin with
    assert near.curves == {"train/loss": [3, 2, 1.5]}
    # the error rate at equal errors is null there: named, not dropped in silence
    assert "raw/eer, smoothed/eer" in said.text


def test_intervals_and_kinds_are_of_all_seeds(built: Project) -> None:
    path = built.metrics("street", "near")
    written = json.loads(path.read_text())
    written["smoothed_interval"] = {"auc": [0.6, 0.9], "ap": None}
    written["kinds"] = {"fall": {"raw": 0.8, "smoothed": 0.9}, "run": {"raw": None, "smoothed": None}}
    path.write_text(json.dumps(written))
    _vouch(built)
    metrics = read_records(built)[0].metrics
    assert {name: metrics[name] for name in ("smoothed/auc_low", "smoothed/auc_high", "kind/fall")} == {
        "smoothed/auc_low": 0.6,
        "smoothed/auc_high": 0.9,
        "kind/fall": 0.9,
    }
    assert "kind/run" not in metrics


def test_each_seed_has_its_own_figures(built: Project) -> None:
    path = built.metrics("street", "near")
    written = json.loads(path.read_text())
    written["seeds"]["1"] = {"raw": {"auc": 0.25}}
    path.write_text(json.dumps(written))
    edit(built, "seeds: [0]", "seeds: [0, 1]")
    _vouch(built)
    found = {record.name: record for record in read_records(built)}
    assert found["street/near/seed-1"].metrics["raw/auc"] == 0.25
    assert found["street/near/seed-0"].metrics["raw/auc"] == 0.75
    assert found["street/near/seed-0"].key != found["street/near/seed-1"].key


def _vouch(project: Project) -> None:
    """Make dvc.lock name the metrics as they are now."""
    import hashlib

    import yaml

    path = project.root / "dvc.lock"
    lock = yaml.safe_load(path.read_text())
    for name in ("evaluate@run0", "evaluate@run1"):
        for out in lock["stages"][name]["outs"]:
            out["md5"] = hashlib.md5((project.root / out["path"]).read_bytes()).hexdigest()
    path.write_text(yaml.safe_dump(lock))


def test_metrics_that_dvc_does_not_vouch_for_are_not_records(built: Project, said: pytest.LogCaptureFixture) -> None:
    built.metrics("street", "far").write_text('{"raw": {"auc": 1.0}}')  # a stranger's edit
    assert [record.detector for record in read_records(built)] == ["near"]
    assert "far on street is not logged" in said.text


def test_missing_metrics_are_no_records(built: Project) -> None:
    built.metrics("street", "near").unlink()
    assert [record.detector for record in read_records(built)] == ["far"]


def test_a_removed_detector_is_history(built: Project) -> None:
    edit(built, "  - {dataset: street, detector: near}\n", "")  # dvc.lock still holds its stages
    assert "train@run1" in read_lock(built)
    assert [record.detector for record in read_records(built)] == ["far"]


def test_students_are_runs_too(built: Project) -> None:
    edit(built, "train:", "students:\n  - {dataset: street, detector: small, base: far}\ntrain:")
    assert listed_runs(built)[-1] == Student(dataset="street", detector="small", base="far")


def test_a_pair_that_became_a_student_is_not_taken_for_the_run_it_was(built: Project) -> None:
    lock = read_lock(built)
    stale = lock["train@run1"]
    student = Student(dataset="street", detector="far", base="near")
    fresh = {**stale, "deps": [{"path": "data/models/street/near", "md5": "0" * 32}]}
    assert find_entry({"train@run1": stale, "train_students@run0": fresh}, "train", student) == fresh
    assert find_entry({"train@run1": stale}, "train", student) is None
    assert find_entry({"train_students@run0": fresh}, "train", Run(dataset="street", detector="far")) is None


def test_the_key_follows_what_dvc_locked(built: Project) -> None:
    before = read_records(built)[0].key
    lock = built.root / "dvc.lock"
    lock.write_text(lock.read_text().replace("k: 5", "k: 6"))
    after, far = read_records(built)
    assert after.key != before
    assert far.key == read_records(built)[1].key  # the other detector's is its own


def test_all_mistakes_in_runs_are_told_at_once(built: Project) -> None:
    edit(built, "detector: near}", "detectr: near}")
    with pytest.raises(ParamsError) as caught:
        listed_runs(built)
    assert "did you mean 'detector'?" in caught.value.what
    assert "runs[0].detector: missing" in caught.value.what


def test_nothing_built_yet(project: Project) -> None:
    with pytest.raises(PipelineError, match="no dvc\\.lock"):
        read_records(project)


@pytest.mark.parametrize("text", ["stages: [", "schema: '2.0'\n", "nonsense\n", ""])
def test_truncated_lock_says_how_to_get_it_back(built: Project, text: str) -> None:
    (built.root / "dvc.lock").write_text(text)
    with pytest.raises(PipelineError, match=r"git checkout dvc\.lock"):
        read_lock(built)


def test_broken_metrics_name_the_file(built: Project) -> None:
    built.metrics("street", "near").write_text('{"raw": ')
    _vouch(built)
    with pytest.raises(PipelineError, match=r"near\.json"):
        read_records(built)


def test_flatten_joins_names_and_keeps_empty_ones() -> None:
    assert dict(flatten({"a": {"b": 1, "c": {"d": [2]}}, "e": {}}, ".")) == {"a.b": 1, "a.c.d": [2], "e": {}}
