"""Rules as parameters: what a preset gives, what is given explicitly, what is refused, and how they are said."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from stages.core.params import parse
from stages.evaluation.fusion import Term
from stages.evaluation.protocol import ORIGIN, PRESETS, Rules
from stages.evaluation.smoothing import SmoothingParams

NAMES = ["gepc", "itae", "mgenet", "mped_rnn", "normotion", "stg_nf"]


def test_every_protocol_is_a_preset_of_its_name() -> None:
    assert sorted(PRESETS) == NAMES == sorted(ORIGIN)
    assert all(rules.protocol == name for name, rules in PRESETS.items())


def test_no_preset_can_be_changed() -> None:
    with pytest.raises(TypeError):
        PRESETS["stg_nf"] = PRESETS["gepc"]  # type: ignore[index]
    with pytest.raises(ValidationError, match="frozen"):
        PRESETS["stg_nf"].landing = "start"


@pytest.mark.parametrize(
    ("name", "landing", "shift", "nobody", "normalization", "smoothing"),
    [
        ("normotion", "all_mean", 0, "lowest", "none", SmoothingParams(kind="gaussian", seconds=0.4)),
        ("stg_nf", "centre", 0, "lowest", "none", SmoothingParams(kind="cascade")),
        ("gepc", "start", 17, "lowest", "none", SmoothingParams(kind="gaussian", frames=40)),
        ("itae", "all_mean", 0, "clip_lowest", "clip", SmoothingParams(kind="none")),
        ("mgenet", "centre", 0, "lowest", "split", SmoothingParams(kind="cascade")),
        ("mped_rnn", "all_mean", 0, "zero", "none", SmoothingParams(kind="none")),
    ],
)
def test_the_published_rules(
    name: str, landing: str, shift: int, nobody: str, normalization: str, smoothing: SmoothingParams
) -> None:
    rules = PRESETS[name]
    assert (rules.landing, rules.shift, rules.nobody, rules.normalization) == (landing, shift, nobody, normalization)
    assert rules.smoothing == smoothing
    assert (rules.persons, rules.part, rules.fusion) == ("worst", None, None)


def test_nothing_given_is_the_projects_own_protocol() -> None:
    assert Rules() == PRESETS["normotion"]
    assert parse(None, "evaluate", Rules) == ([], PRESETS["normotion"])


@pytest.mark.parametrize("name", NAMES)
def test_what_is_given_wins_and_the_rest_is_the_presets(name: str) -> None:
    preset = PRESETS[name]
    changed = Rules.model_validate({"protocol": name, "landing": "all_max", "smoothing": {"kind": "median"}})
    expected = preset.model_copy(update={"landing": "all_max", "smoothing": SmoothingParams(kind="median")})
    assert changed == expected
    # In params.yaml, null is what is left out; nothing of the preset's smoothing is left in a given one.
    assert Rules.model_validate({"protocol": name, "landing": None, "smoothing": None}) == preset
    assert changed.smoothing.frames is None


@pytest.mark.parametrize("name", NAMES)
def test_written_and_read_again_they_are_the_same(name: str) -> None:
    assert Rules.model_validate_json(PRESETS[name].model_dump_json()) == PRESETS[name]


def test_under_another_protocol_the_same_part_is_judged() -> None:
    own = Rules(landing="start", part="motion", fusion=(Term(parts=("motion",)),))
    assert own.under("itae") == Rules(protocol="itae", part="motion", fusion=own.fusion)
    assert own.under("itae").landing == "all_mean"
    assert Rules().under("gepc") == PRESETS["gepc"]


def test_a_section_of_params_with_all_rules() -> None:
    terms: list[dict[str, Any]] = [{"parts": ["motion", "scene"], "weight": 1, "normalize": "clip"}]
    problems, rules = parse({"protocol": "gepc", "shift": 3, "fusion": terms}, "evaluate", Rules)
    assert problems == []
    assert rules is not None
    assert rules.fusion == (Term(parts=("motion", "scene"), weight=1, normalize="clip"),)
    assert (rules.landing, rules.shift, rules.smoothing.frames) == ("start", 3, 40)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"protocol": "stgnf"}, "evaluate.protocol: Input should be 'normotion', 'stg_nf'"),
        ({"landing": "middle"}, "evaluate.landing: Input should be 'start', 'centre'"),
        ({"shift": -1}, "evaluate.shift: Input should be greater than or equal to 0, got -1"),
        ({"persons": "mean"}, "evaluate.persons: Input should be 'worst', got 'mean'"),
        ({"nobody": "mean"}, "evaluate.nobody: Input should be 'lowest', 'clip_lowest' or 'zero', got 'mean'"),
        ({"normalization": "min_max"}, "evaluate.normalization: Input should be 'none', 'clip' or 'split'"),
        ({"smoothing": {"seconds": 1, "frames": 2}}, "evaluate.smoothing: give either seconds or frames"),
        ({"smoothing": {"sigma": 1}}, "evaluate.smoothing.sigma: unknown parameter; valid names: frames"),
        ({"fusion": []}, "evaluate.fusion: at least one term needs a weight above 0"),
        ({"fusion": [{"parts": ["a"], "weight": 0}]}, "evaluate.fusion: at least one term needs a weight above 0"),
        ({"protokol": "gepc"}, "evaluate.protokol: unknown parameter; did you mean 'protocol'?"),
    ],
)
def test_a_rule_that_makes_no_sense_is_one_problem(given: dict[str, Any], problem: str) -> None:
    problems, rules = parse(given, "evaluate", Rules)
    assert rules is None
    assert len(problems) == 1
    assert problems[0].startswith(problem)


@pytest.mark.parametrize("name", NAMES)
def test_the_rules_are_said_in_the_order_they_are_applied(name: str) -> None:
    said = PRESETS[name].rules()
    words = [
        {"gepc": "first sample", "stg_nf": "middle sample", "mgenet": "middle sample"}.get(name, "all its frames"),
        *(["moved 17 frames later"] if name == "gepc" else []),
        "most abnormal person",
        {"mped_rnn": "gets 0.", "itae": "lowest frame score of its clip"}.get(name, "lowest frame score of the test"),
        *({"itae": ["of each clip are brought to 0 … 1"], "mgenet": ["extremes of the test split"]}.get(name, [])),
        {"normotion": "0.4 s", "gepc": "40 frames", "stg_nf": "5 and 6 frames", "mgenet": "5 and 6 frames"}.get(
            name, "the raw ones"
        ),
        f"Protocol {name}: ",
    ]
    assert len(said) == len(words)
    for sentence, word in zip(said, words, strict=True):
        assert word in sentence
    assert len({tuple(rules.rules()) for rules in PRESETS.values()}) == len(PRESETS)


def test_what_departs_from_the_protocol_is_said() -> None:
    rules = Rules(protocol="stg_nf", landing="start", smoothing=SmoothingParams(kind="none"))
    assert rules.rules()[-1].startswith("Protocol stg_nf, but for landing, smoothing: Hirschorn")


def test_scores_brought_to_their_own_extremes_are_relative() -> None:
    one, several = ("score",), ("reconstruction", "static", "dynamic")
    assert {name for name in NAMES if PRESETS[name].relative(one)} == {"itae", "mgenet"}
    assert "extremes of their own clip" in Rules(normalization="clip").relative(one)
    assert "extremes of their own split" in Rules(normalization="split").relative(one)
    # ITAE's likelihoods are scaled in each clip before they are added; a part judged alone is not.
    assert "extremes of their own clip" in Rules().relative(several)
    assert Rules(part="static").relative(several) == ""
    assert Rules(fusion=(Term(parts=several),)).relative(several) == ""


def test_what_is_made_of_several_parts_is_said() -> None:
    parts = ("reconstruction", "static", "dynamic")
    assert "Judged is reconstruction + 0.7 × minmax_clip(static + dynamic)." in Rules().rules(parts)
    assert "Judged is static." in Rules(part="static").rules(parts)
    assert any(said.startswith("Not judged: the detector gives the parts") for said in Rules().rules(("a", "b")))
    assert Rules().rules(("score",)) == Rules().rules()
