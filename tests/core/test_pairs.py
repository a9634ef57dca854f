"""Runs, students and coarse runs: what is listed, who starts from whom, and every mistake in them."""

from __future__ import annotations

from typing import Any

import pytest

from stages.core.pairs import base_of, coarse, lineage, listed, pair_problems, task_problems
from stages.core.params import Run, Student

DATASETS = ("street", "gym")
DETECTORS = ("gepc", "knn", "oc_svm", "mgenet")


def pair(detector: str, base: str = "", dataset: str = "street") -> dict[str, str]:
    return {"dataset": dataset, "detector": detector, **({"base": base} if base else {})}


def problems(**raw: Any) -> list[str]:
    nothing: dict[str, Any] = {"runs": [], "students": [], "coarse": {"runs": []}}
    return pair_problems(nothing | raw, DATASETS, DETECTORS)


def test_runs_then_students_by_their_place() -> None:
    raw = {"runs": [pair("gepc")], "students": [pair("oc_svm", "gepc")]}
    found, wrong = listed(raw)
    assert found == {"runs[0]": Run(**pair("gepc")), "students[0]": Student(**pair("oc_svm", "gepc"))}
    assert wrong == []
    assert problems(**raw) == []


@pytest.mark.parametrize("raw", [{}, {"runs": None, "students": "no", "coarse": {}}, {"coarse": {"runs": 3}}])
def test_lists_that_are_none_are_read_as_empty_and_refused(raw: dict[str, Any]) -> None:
    assert listed(raw) == ({}, [])
    assert coarse(raw) == {}
    assert pair_problems(raw, DATASETS, DETECTORS) == [
        f"{section}: must be a list, `[]` where there is nothing to list"
        for section in ("runs", "students", "coarse.runs")
    ]
    assert problems() == []


def test_a_student_stands_after_all_it_starts_from() -> None:
    raw = {"runs": [pair("gepc")], "students": [pair("mgenet", "oc_svm"), pair("oc_svm", "gepc")]}
    assert lineage(raw, "street", "mgenet") == ["gepc", "oc_svm", "mgenet"]
    assert base_of(raw, "street", "mgenet") == "oc_svm"
    assert base_of(raw, "street", "gepc") == ""
    assert base_of(raw, "gym", "oc_svm") == ""  # on another dataset it is no student
    assert problems(**raw) == []


def test_a_base_must_be_there_on_the_same_dataset() -> None:
    found = problems(runs=[pair("gepc", dataset="gym"), pair("knn")], students=[pair("oc_svm", "gepc")])
    assert found == ["students[0].base: 'gepc' on 'street' is among neither runs nor students; valid names: knn"]


def test_circles_are_told_once() -> None:
    students = [pair("mgenet", "oc_svm"), pair("oc_svm", "gepc"), pair("gepc", "oc_svm")]
    assert problems(students=students) == [
        "students[1].base: oc_svm → gepc → oc_svm go round in a circle; one of them must be a run"
    ]
    own = problems(students=[pair("gepc", "gepc")])
    assert any("go round in a circle" in text for text in own)


def test_a_pair_is_a_run_or_a_student_and_stands_once() -> None:
    found = problems(
        runs=[pair("gepc"), pair("knn"), pair("knn")],
        students=[pair("knn", "gepc")],
        coarse={"runs": [pair("knn", dataset="gym"), pair("knn", dataset="gym"), pair("knn")]},
    )
    assert found == [
        "runs[2]: {'dataset': 'street', 'detector': 'knn'} stands there twice",
        "students[0]: knn on street is runs[1] already; it starts by itself or from a base",
        "coarse.runs[1]: {'dataset': 'gym', 'detector': 'knn'} stands there twice",
    ]


def test_names_must_be_set_up() -> None:
    found = problems(runs=[pair("knm")], coarse={"runs": [pair("knn", dataset="gymm")]})
    assert found == [
        "runs[0].detector: 'knm' is not set up; did you mean 'knn'?",
        "coarse.runs[0].dataset: 'gymm' is not set up; did you mean 'gym'?",
    ]


@pytest.mark.parametrize("item", ["gym", {"dataset": "gym"}, {**pair("knn"), "bace": "gepc"}])
def test_misshapen_entries_are_sentences(item: object) -> None:
    assert problems(students=[item])
    assert problems(runs=item)
    assert coarse({"coarse": {"runs": [item]}}) == {}


def test_a_dataset_is_for_one_task() -> None:
    raw = {"runs": [pair("knn", dataset="gym")], "coarse": {"runs": [pair("knn")]}}
    tasks = {"street": "frames", "gym": "actions"}
    run, beside = task_problems(raw, tasks)
    assert run.startswith("runs[0]: 'gym' is of task actions")
    assert "list the pair under coarse.runs" in run
    assert beside.startswith("coarse.runs[0]: 'street' is of task frames; list the pair under runs")
    assert task_problems({"runs": [pair("knn")], "coarse": {"runs": [pair("knn", dataset="gym")]}}, tasks) == []
