"""A suite runs what is not finished, keeps what is, goes on past failures, and leaves the project as it was."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.locks import run_lock
from pipelines.suites.registry import SUITES
from pipelines.suites.sandbox import suites_folder
from pipelines.suites.suite import result_file, run
from pipelines.suites.variants import Suite, Variant
from stages.core.errors import DatasetError, ParamsError, PipelineError, SchemaError
from stages.core.paths import Project, clip_file
from stages.ingest.edits import Noise, Partial, Scenes
from stages.show.suite_result import Result, read
from tests.ingest.posted import fingerprints, posted
from tests.pipelines.helpers import ROOT, await_file
from tests.pipelines.suites.toy import change, ran

pytestmark = pytest.mark.usefixtures("unlogged")

ONCE = ["segment gate second", "normalize gate second"]
EACH = ["train gate knn", "score gate knn", "evaluate gate knn"]


def result(here: Project, name: str = "toy") -> Result:
    return read(result_file(here, name, "gate"))


def test_figures_of_every_variant(here: Project) -> None:
    run(here, "toy", dataset="gate")
    found = result(here)
    assert [(point.variant, point.value) for point in found.points] == [("5", 5.0), ("20", 20.0)]
    assert [point.raw for point in found.points] == [0.55, 0.7]
    assert found.points[0].smoothed_interval == (0.55, 0.75)
    assert found.points[0].raw_interval is None
    assert [point.baseline for point in found.points] == [True, False]  # params.yaml says 5
    assert all(point.seconds > 0 and not point.reason for point in found.points)
    assert (found.dataset, found.seeds, found.axis) == ("gate", (0,), "neighbours")


def test_a_finished_suite_leaves_the_project_as_it_was_and_runs_nothing_again(here: Project) -> None:
    before = fingerprints(here.root / "data"), here.params.read_text()
    run(here, "toy", dataset="gate")
    assert ran(here) == [*ONCE, *EACH, *EACH]  # windows that variants share are cut once
    assert (fingerprints(here.root / "data"), here.params.read_text()) == before
    assert list(suites_folder(here).glob("work-*")) == []  # windows and models are gone, outcomes stay
    assert len(list(suites_folder(here).glob("*/outcome.json"))) == 2
    finished = fingerprints(here.root)
    run(here, "toy", dataset="gate")
    assert ran(here) == []
    assert fingerprints(here.root) == finished


def test_a_result_from_git_stands_without_what_made_it(here: Project) -> None:
    run(here, "toy", dataset="gate")
    before = result(here)
    for path in suites_folder(here).glob("*/outcome.json"):
        path.unlink()
    ran(here)
    run(here, "toy", dataset="gate")
    assert ran(here) == []
    assert result(here) == before


def test_a_failing_stage_is_recorded_and_the_others_go_on(here: Project) -> None:
    broken = here.root / "stages" / "break-train-gate-stg_nf"
    broken.touch()
    suite = Suite("mixed", "?", "", "x", "names", (Variant("a"),), detectors=("stg_nf", "knn"))
    SUITES["toy"] = suite
    with pytest.raises(PipelineError, match="1 variants failed") as caught:
        run(here, "toy", dataset="gate")
    assert "mixed, a, stg_nf: train: it is broken on purpose" in caught.value.what
    found = {point.detector: point for point in result(here, "mixed").points}
    assert found["stg_nf"].reason == "train: it is broken on purpose"
    assert found["stg_nf"].smoothed is None
    assert found["knn"].smoothed == pytest.approx(0.65)
    broken.unlink()
    ran(here)
    run(here, "toy", dataset="gate")  # the failed one alone
    assert ran(here) == [*ONCE, "train gate stg_nf", "score gate stg_nf", "evaluate gate stg_nf"]


def test_a_variant_that_cannot_be_is_recorded_without_running(here: Project) -> None:
    impossible = (
        Variant("4", 4, edits=(Scenes(4),)),
        Variant("typo", 1, {"detectors.{detector}.neighbors": 3}),
        Variant("3", 3, edits=(Scenes(3),)),
    )
    SUITES["toy"] = Suite("toy", "?", "", "scenes", "linear", impossible, detectors=("knn",))
    with pytest.raises(PipelineError, match="2 variants failed"):
        run(here, "toy", dataset="gate")
    reasons = [point.reason for point in result(here).points]
    assert reasons[0] == "4 scenes are asked for, but the clips show 3: hall, park, yard"
    assert "detectors.knn.neighbors: unknown parameter; did you mean 'neighbours'?" in reasons[1]
    assert reasons[2] == ""
    assert ran(here).count("train gate knn") == 1


def test_suites_share_their_baseline(here: Project) -> None:
    noise = Suite("noise", "?", "", "x", "linear", (Variant("0", 0, edits=(Noise(0.0),)),), detectors=("knn",))
    all_of_it = (Variant("100", 100, edits=(Partial(1.0),)), Variant("50", 50, edits=(Partial(0.5),)))
    SUITES["toy"] = noise
    run(here, "toy", dataset="gate")
    ran(here)
    SUITES["toy"] = Suite("partial", "?", "", "x", "linear", all_of_it, detectors=("knn",))
    run(here, "toy", dataset="gate")
    assert ran(here).count("train gate knn") == 1
    assert [point.baseline for point in result(here, "partial").points] == [True, False]


def test_learning_elsewhere_hands_the_model_over(here: Project) -> None:
    posted(here.root, "lane")
    change(here, "datasets", ["gate", "lane"])
    run(here, "cross_dataset", dataset="gate", detector=("knn",))
    found = {point.variant: point.raw for point in result(here, "cross_dataset").points}
    assert found == {"gate": 0.55, "lane": 0.45, "gate and lane": 0.55}  # the toy scores a stranger's model lower
    assert "train lane knn" in ran(here)


def test_other_detectors_keep_their_valid_points(here: Project) -> None:
    SUITES["toy"] = Suite("toy", "?", "", "x", "names", (Variant("a"),), detectors=("knn",))
    run(here, "toy", dataset="gate")
    run(here, "toy", dataset="gate", detector=("stg_nf",))
    assert result(here).detectors == ["knn", "stg_nf"]
    change(here, "detectors.knn.neighbours", 9)  # what stands there of knn is no longer true
    run(here, "toy", dataset="gate", detector=("stg_nf",))
    assert result(here).detectors == ["stg_nf"]


def test_several_seeds(here: Project) -> None:
    run(here, "toy", dataset="gate", seeds="3,4")
    assert result(here).seeds == (3, 4)
    outcome = json.loads(next(suites_folder(here).glob("*/outcome.json")).read_text())
    assert set(outcome["fits"]) == {"3", "4"}


INTERRUPTED = """
import sys
from pathlib import Path
from pipelines.suites.registry import SUITES
from pipelines.suites.suite import run
from stages.core.paths import Project
from tests.pipelines.suites.toy import TOY
import pipelines.suites.suite as module
SUITES["toy"] = TOY
module.log_outcomes = lambda *_: None
run(Project(Path(sys.argv[1])), "toy", dataset="gate")
"""


def test_an_interrupted_suite_goes_on_where_it_stopped(here: Project) -> None:
    slow = here.root / "stages" / "slow-score-gate-knn"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run(here, "toy", dataset="gate")  # both, of which one is forgotten
    first, *others = result(here).points
    for point in others:
        (suites_folder(here) / point.key / "outcome.json").unlink()
    path = result_file(here, "toy", "gate")
    path.write_text(json.dumps({**json.loads(path.read_text()), "points": []}))
    slow.touch()
    ran(here)
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(here.root)], env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        await_file(here.root / "stages" / "started", patience=60)
        process.send_signal(signal.SIGINT)
        assert "KeyboardInterrupt" in process.communicate(timeout=60)[1]
    assert [point.key for point in result(here).points] == [first.key]
    assert ran(here) == [*ONCE, "train gate knn", "score gate knn"]
    slow.unlink()
    run(here, "toy", dataset="gate")
    assert ran(here) == EACH  # the windows that were cut before are used
    assert [point.reason for point in result(here).points] == ["", ""]


def test_only_one_at_a_time(here: Project) -> None:
    with run_lock(here), pytest.raises(PipelineError, match="another run is at work"):
        run(here, "toy", dataset="gate")


def test_without_a_name_they_are_listed(here: Project, said: pytest.LogCaptureFixture) -> None:
    run(here)
    assert all(f"{name} " in said.text and suite.question in said.text for name, suite in SUITES.items())
    assert ran(here) == []


@pytest.mark.parametrize(
    ("words", "error", "told"),
    [
        ({"names": ("contaminatoin",)}, PipelineError, "did you mean 'contamination'"),
        ({"names": ("toy",), "seeds": "0,x"}, PipelineError, "seeds are whole numbers"),
        ({"names": ("toy",), "seeds": "-1"}, PipelineError, "seeds are whole numbers"),
        ({"names": ("toy",), "dataset": "gat"}, DatasetError, "did you mean 'gate'"),
        ({"names": ("toy",), "detector": ("kn",)}, ParamsError, "did you mean 'knn'"),
        ({"names": ("cross_dataset",)}, PipelineError, "there is only 'gate'"),
    ],
)
def test_what_makes_no_sense_is_refused_before_any_work(
    here: Project, words: dict[str, object], error: type[Exception], told: str
) -> None:
    options = {"dataset": "gate", **words}
    names = options.pop("names")
    assert isinstance(names, tuple)
    with pytest.raises(error, match=told):
        run(here, *names, **options)  # type: ignore[arg-type]
    assert ran(here) == []
    assert not here.suites.exists()


def test_a_detector_without_a_section_is_refused(here: Project) -> None:
    change(here, "detectors", {"knn": {"window": "second"}})
    with pytest.raises(ParamsError, match=r"detectors\.stg_nf: missing"):
        run(here, "toy", dataset="gate", detector=("stg_nf",))


def test_tracks_that_are_not_there_are_asked_for(here: Project) -> None:
    clip_file(here.tracks("gate"), "test_a").unlink()
    with pytest.raises(SchemaError, match="no tracks of 1 clips"):
        run(here, "toy", dataset="gate")


def test_a_broken_result_is_written_anew(here: Project) -> None:
    path: Path = result_file(here, "toy", "gate")
    path.parent.mkdir(parents=True)
    path.write_text("{")
    run(here, "toy", dataset="gate")
    assert len(result(here).points) == 2
