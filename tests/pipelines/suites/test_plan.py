"""Keys: whatever a figure depends on changes its key, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.suites.plan import Job, code_root, plan
from pipelines.suites.registry import SUITES, variants
from pipelines.suites.variants import Suite, Variant
from stages.core.errors import PipelineError
from stages.core.params import read_params
from stages.core.paths import Project, clip_file
from stages.ingest.edits import Join, Noise, Partial, UnlabelledTest
from tests.pipelines.suites.toy import TOY, change

Spoil = Callable[[Project], object]


def jobs(here: Project, suite: Suite = TOY, *detectors: str, seeds: tuple[int, ...] = (0,)) -> list[Job]:
    return plan(here, suite, "gate", detectors or suite.detectors, seeds)


def one(variant: Variant) -> Suite:
    return Suite("one", "?", "", "x", "names", (variant,), detectors=("knn",))


def other_tracks(here: Project) -> None:
    path = clip_file(here.tracks("gate"), "calm_a")
    path.write_bytes(clip_file(here.tracks("gate"), "calm_b").read_bytes())


def code(name: str) -> Spoil:
    return lambda here: (here.root / "stages" / name).write_text("# other code\n")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda here: change(here, "detectors.knn.components", 9),
        lambda here: change(here, "evaluate", {"nobody": "lowest"}),
        code("detectors/knn.py"),
    ],
    ids=["detector", "evaluate", "code"],
)
def test_what_figures_depend_on_changes_their_key_alone(here: Project, spoil: Spoil) -> None:
    before = jobs(here)
    spoil(here)
    after = jobs(here)
    assert all(old.key != new.key for old, new in zip(before, after, strict=True))
    assert [old.data_key for old in before] == [new.data_key for new in after]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda here: change(here, "windows.second.seconds", 1.6),
        lambda here: change(here, "normalize", {"least_std": 2.0}),
        lambda here: (here.raw("gate") / "labels.csv").write_text("clip,start_frame,end_frame\ntest_a,0,3\n"),
        other_tracks,
        code("__main__.py"),
    ],
    ids=["window", "normalize", "labels", "tracks", "code"],
)
def test_what_windows_depend_on_changes_both_keys(here: Project, spoil: Spoil) -> None:
    before = jobs(here)
    spoil(here)
    after = jobs(here)
    assert all(old.key != new.key and old.data_key != new.data_key for old, new in zip(before, after, strict=True))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda here: change(here, "detectors.stg_nf.steps", 3),
        lambda here: change(here, "report", {"film_frames": 3}),
        lambda here: change(here, "detectors.knn.components", 40),  # what the code's default is
        code("detectors/stg_nf.py"),
    ],
    ids=["another detector", "report", "default", "another detector's code"],
)
def test_what_has_no_say_changes_no_key(here: Project, spoil: Spoil) -> None:
    before = [job.key for job in jobs(here)]
    spoil(here)
    assert [job.key for job in jobs(here)] == before


def test_seeds_have_a_say(here: Project) -> None:
    assert {job.key for job in jobs(here)} & {job.key for job in jobs(here, seeds=(0, 1))} == set()


def test_edits_that_change_nothing_are_the_baseline(here: Project) -> None:
    usual = jobs(here)[0]
    assert usual.baseline
    for edit in (Partial(1.0), Noise(0.0)):
        (job,) = jobs(here, one(Variant("same", edits=(edit,))))
        assert (job.key, job.baseline) == (usual.key, True)
    (zero_shot,) = jobs(here, one(Variant("zero", edits=(UnlabelledTest(),))))
    assert zero_shot.data_key != usual.data_key
    assert not zero_shot.baseline


def test_overrides_name_the_detector_and_its_window(here: Project) -> None:
    change(here, "windows.long", {"seconds": 2.4})
    change(here, "detectors.stg_nf.window", "long")
    suite = Suite("w", "?", "", "x", "linear", (Variant("1 s", 1.0, {"windows.{window}.seconds": 1.0}),))
    knn, stg_nf = jobs(here, suite)
    assert (knn.windows, stg_nf.windows) == (("second",), ("long",))
    assert knn.params["windows"] == {"second": {"seconds": 1.0}, "long": {"seconds": 2.4}}
    assert stg_nf.params["windows"] == {"second": {"seconds": 0.8}, "long": {"seconds": 1.0}}
    assert "1.0" not in here.params.read_text()


def test_a_window_in_samples_is_refused_with_the_reason(here: Project) -> None:
    change(here, "windows.second", {"length": 8})
    (job,) = jobs(here, one(Variant("1 s", 1.0, {"windows.{window}.seconds": 1.0})))
    assert "give either seconds or length" in job.problem
    assert job.key == ""


def test_an_edit_that_cannot_be_is_a_problem_of_its_variant(here: Project) -> None:
    (job,) = jobs(here, one(Variant("far", edits=(Join("nowhere"),))))
    assert "no dataset 'nowhere'" in job.problem


def test_other_datasets_become_variants() -> None:
    found = variants(SUITES["cross_dataset"], "gate", ["lane", "gate", "yard"])
    assert [(variant.label, variant.train_on) for variant in found] == [
        ("gate", ""), ("lane", "lane"), ("yard", "yard"), ("gate and lane", ""), ("gate and yard", ""),
    ]  # fmt: skip
    with pytest.raises(PipelineError, match="there is only 'gate'"):
        variants(SUITES["cross_dataset"], "gate", ["gate"])


@pytest.mark.parametrize("suite", SUITES.values(), ids=list(SUITES))
def test_every_suite_says_what_it_is(suite: Suite) -> None:
    assert suite.question.count("?") == 1
    assert suite.source
    assert suite.axis
    labels = [variant.label for variant in suite.variants]
    assert len(set(labels)) == len(labels)
    values = [variant.value for variant in suite.variants if variant.value is not None]
    assert values == sorted(values)
    assert (len(values) == len(labels)) == (suite.scale != "names") or suite.others
    assert suite.scale != "log" or min(values) > 0


def test_overrides_of_every_suite_are_parameters_that_exist(here: Project) -> None:
    change(here, "windows.second", {"seconds": 0.8, "rate": 10.0})
    for name in ("stg_nf_supervised", "gepc", "reconstruction", "itae", "itae_nf", "mgenet"):
        change(here, f"detectors.{name}", {"window": "second"})
    for suite in SUITES.values():
        if any(variant.overrides for variant in suite.variants):
            anywhere = replace(suite, variants=tuple(replace(variant, edits=()) for variant in suite.variants))
            found = [job.problem for job in jobs(here, anywhere)]
            assert found == [""] * len(suite.variants) * len(suite.detectors)


def test_the_projects_own_stages_are_run_where_it_has_some(here: Project, tmp_path: Path, root: Path) -> None:
    assert code_root(here) == here.root
    assert code_root(Project(tmp_path)) == root


def test_a_project_without_a_graph_is_an_error(here: Project) -> None:
    (here.root / "dvc.yaml").unlink()
    with pytest.raises(PipelineError, match=r"dvc\.yaml cannot be read"):
        jobs(here)


def test_a_student_is_trained_after_its_base_which_has_a_say(here: Project) -> None:
    usual = jobs(here)[0]
    assert usual.bases == ()
    assert usual.params["students"] == []
    change(here, "students", [{"dataset": "gate", "detector": "knn", "base": "stg_nf"}])
    student = jobs(here)[0]
    assert student.bases == ("stg_nf",)
    assert student.params["students"] == [{"dataset": "gate", "detector": "knn", "base": "stg_nf"}]
    change(here, "detectors.stg_nf.steps", 3)
    other = jobs(here)[0]
    assert len({usual.key, student.key, other.key}) == 3
    assert usual.data_key == student.data_key
    change(here, "windows.long", {"seconds": 2.4})
    change(here, "detectors.stg_nf.window", "long")
    assert "its base stg_nf reads windows.long" in jobs(here)[0].problem


def test_a_base_may_read_windows_of_its_own_if_they_are_of_the_same_kind(here: Project) -> None:
    alone = jobs(here)[0]
    second = read_params(here)["windows"]["second"]
    change(here, "windows.sparse", {**second, "stride_train": 7})
    change(here, "detectors.stg_nf.window", "sparse")
    change(here, "students", [{"dataset": "gate", "detector": "knn", "base": "stg_nf"}])
    student = jobs(here)[0]
    assert student.problem == ""
    assert student.windows == ("second", "sparse")
    assert student.params["segment"]["windows"] == ["second", "sparse"]
    assert student.data_key != alone.data_key


def test_the_graph_is_varied_of_what_a_student_starts_from_too(here: Project) -> None:
    for name in ("gepc", "reconstruction"):
        change(here, f"detectors.{name}", {"window": "second"})
    change(here, "students", [{"dataset": "gate", "detector": "reconstruction", "base": "gepc"}])
    found = [job for job in jobs(here, SUITES["gepc_graph"]) if job.detector == "reconstruction"]
    graphs = [[job.params["detectors"][name]["graph"] for name in ("gepc", "reconstruction")] for job in found]
    assert graphs == [["attention", "attention"], ["static", "static"]]
