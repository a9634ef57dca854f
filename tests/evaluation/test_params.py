"""Rules of one dataset in place of the general ones."""

from __future__ import annotations

from typing import Any

from stages.core.params import parse
from stages.evaluation.params import EvaluateParams

GENERAL: dict[str, Any] = {"protocol": "itae", "regions": {"alpha": 0.2}, "timelines": False}


def params(**of: Any) -> EvaluateParams:
    problems, found = parse({**GENERAL, "of": of}, "evaluate", EvaluateParams)
    assert not problems
    assert found is not None
    return found


def test_what_a_dataset_says_takes_the_place() -> None:
    found = params(ped2={"fusion": "itae_ped2", "normalization": "none"})
    own, general = found.on("ped2"), found.on("demo")
    assert (own.fusion, own.normalization, own.protocol) == ("itae_ped2", "none", "itae")
    assert (own.regions.alpha, own.timelines) == (0.2, False)
    assert (general.fusion, general.normalization) == (None, "clip")


def test_another_protocol_brings_its_rules() -> None:
    """What was not said in general is the new protocol's; what was, stays."""
    own = params(ped2={"protocol": "stg_nf"}).on("ped2")
    assert (own.landing, own.smoothing.kind, own.regions.alpha) == ("centre", "cascade", 0.2)


def test_mistakes_are_found_before_any_work() -> None:
    for of, said in (
        ({"ped2": {"fusoin": "itae"}}, "of.ped2.fusoin"),
        ({"ped2": {"fusion": "mine"}}, "of.ped2.fusion"),
        ({"ped2": {"landing": "end"}}, "of.ped2.landing"),
        ({"ped2": {"of": {}}}, "of.ped2.of: rules of rules"),
    ):
        problems, found = parse({"of": of}, "evaluate", EvaluateParams)
        assert found is None
        assert said in problems[0], problems
