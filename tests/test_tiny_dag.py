"""The whole DAG on a few seconds of the demo's video, by `dvc repro`, in a checkout of its own."""

from __future__ import annotations

import re

import pytest

from tests.checkout import LABELS, Checkout, cut


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """Built once; the tests below change it one after another."""
    return Checkout(tmp_path_factory.mktemp("checkout"))


def test_the_whole_dag(checkout: Checkout) -> None:
    ran = checkout.repro()
    assert ran[:2] == ["simulate", "check"]
    assert list((checkout.root / "data" / "raw" / "simulated").iterdir()) == []  # nobody asked for it
    assert ran[-1] == "report"
    assert {"extract@demo", "track@demo", "segment@demo-second", "normalize@demo-second"} < set(ran)
    for detector in ("stg_nf", "knn"):
        figures = checkout.metrics(detector)
        assert 0 <= figures["raw"]["auc"] <= 1
        assert figures["coverage"]["frames"] > 0.5
        assert (checkout.root / f"reports/plots/demo/{detector}/timeline-street_fast.png").stat().st_size > 5000
    page = (checkout.root / "reports/page/index.html").read_text()
    assert "stg_nf" in page
    assert set(re.findall(r"""(?:src|href)=["']([a-z]+:)""", page)) <= {"data:"}  # self-contained: nothing is fetched


def test_nothing_runs_twice(checkout: Checkout) -> None:
    assert checkout.repro() == []
    assert "up to date" in checkout.run("dvc", "status")


def test_dvc_shows_metrics_and_plots(checkout: Checkout) -> None:
    shown = checkout.run("dvc", "metrics", "show")
    assert "reports/metrics/demo/knn.json" in shown
    assert "raw.auc" in shown
    checkout.run("dvc", "plots", "show")
    assert (checkout.root / "dvc_plots" / "index.html").is_file()


def test_one_detectors_parameter_reruns_that_detector_alone(checkout: Checkout) -> None:
    checkout.set("detectors.knn.neighbours", 3)
    assert checkout.repro() == ["check", "train@run1", "score@run1", "evaluate@run1", "report"]


def test_labels_do_not_rerun_what_does_not_read_them(checkout: Checkout) -> None:
    (checkout.raw / "labels.csv").write_text(LABELS.replace("10,39", "20,39"))
    ran = checkout.repro()
    assert "evaluate@run0" in ran
    assert not {"extract@demo", "track@demo"} & set(ran)


def test_a_new_clip_costs_one_clip(checkout: Checkout) -> None:
    cut("street_fast", checkout.raw / "videos" / "more.mp4", 100, 20)
    with (checkout.raw / "clips.csv").open("a") as clips:
        clips.write("more,test,videos/more.mp4,street,street,10,768,576,20,,0\n")
    poses = checkout.root / "data/poses/demo"
    before = {path.name: path.stat().st_mtime_ns for path in poses.iterdir()}
    assert "extract@demo" in checkout.repro()
    after = {path.name: path.stat().st_mtime_ns for path in poses.iterdir()}
    assert set(after) - set(before) == {"more.parquet"}
    assert {name: after[name] for name in before} == before


def test_a_removed_detector_is_gone_from_the_report(checkout: Checkout) -> None:
    checkout.set("runs", [{"dataset": "demo", "detector": "stg_nf"}])
    checkout.repro()
    assert "knn" not in (checkout.root / "reports/page/leaderboard.md").read_text()


def test_a_student_is_trained_after_its_base_and_again_when_that_changes(checkout: Checkout) -> None:
    checkout.set("students", [{"dataset": "demo", "detector": "knn", "base": "stg_nf"}])
    # Of a detector that ignores its base DVC knows the scores already, from when it was a run.
    assert checkout.repro() == ["check", "train_students@run0", "report"]
    assert "knn" in (checkout.root / "reports/page/leaderboard.md").read_text()
    checkout.set("detectors.stg_nf.batch", 16)
    ran = checkout.repro()
    assert ran.index("train@run0") < ran.index("train_students@run0")
    checkout.set("students", [])
    assert checkout.repro() == ["check", "report"]


def test_an_experiment_changes_one_parameter(checkout: Checkout) -> None:
    checkout.run("git", "add", "-A")
    checkout.run("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "all")
    said = checkout.run("dvc", "exp", "run", "-S", "evaluate.protocol=stg_nf", "-n", "published")
    assert "evaluate@run0" in said
    assert "published" in checkout.run("dvc", "exp", "show", "--csv")


def test_a_mistake_stops_before_any_work(checkout: Checkout) -> None:
    checkout.set("evaluate", {"landing": "middle"})
    said = checkout.run("dvc", "repro", ok=False)
    assert "evaluate.landing" in said
    assert "Traceback" not in said
    assert "extract" not in re.findall(r"Running stage '(.+?)'", said)
