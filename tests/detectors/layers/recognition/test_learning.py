"""Params, what is learned from, and how."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pydantic import ValidationError

from stages.core.errors import TrainingError
from stages.core.windows import Windows
from stages.detectors.agcn import AgcnParams
from stages.detectors.base import silent
from stages.detectors.layers.recognition import training
from stages.detectors.layers.recognition.params import RecogniserParams
from stages.detectors.layers.recognition.targets import Lessons, lessons, watched
from stages.detectors.ms_g3d import MsG3dParams
from stages.detectors.shift_gcn import ShiftGcnParams
from stages.detectors.st_gcn import StGcnParams
from tests.detectors.gait import joined, walkers, windows
from tests.detectors.layers.recognition.networks import STREET, tiny

CALM, FAST = windows(walkers(6, seed=1)), windows(walkers(4, seed=2, speed=3.0), label=1)
BOTH = joined(CALM, FAST)


def params(**settings: Any) -> StGcnParams:
    return StGcnParams.model_validate({"window": "second", **settings})


def named(given: Windows, *kinds: str | None, **columns: Any) -> Windows:
    return replace(given, index=given.index.assign(kind=pd.Series(kinds, dtype=object), **columns))


def test_published_schedules() -> None:
    settings = {"window": "second", "preset": "published"}
    found = {kind: kind.model_validate(settings) for kind in (StGcnParams, AgcnParams, ShiftGcnParams, MsG3dParams)}
    st_gcn, agcn, shift_gcn, ms_g3d = found.values()
    assert [(p.width, p.statistics, p.balanced, p.momentum) for p in found.values()] == [(1, "running", False, 0.9)] * 4
    assert [p.depth for p in found.values()] == [10, 10, 10, 3]
    assert [(p.epochs, p.batch) for p in found.values()] == [(50, 256), (65, 128), (140, 64), (50, 32)]
    assert [p.learning_rate for p in found.values()] == [0.1, 0.1, 0.1, 0.05]
    assert [p.weight_decay for p in found.values()] == [1e-4, 1e-4, 1e-4, 5e-4]
    assert [p.dropout for p in found.values()] == [0.5, 0, 0, 0]
    assert (st_gcn.decay_at, agcn.decay_at) == ((20, 30, 40, 50), (45, 55))
    assert (shift_gcn.decay_at, ms_g3d.decay_at) == ((60, 80, 100), (30, 40))
    assert isinstance(agcn, AgcnParams)
    assert agcn.streams == "both"
    assert isinstance(ms_g3d, MsG3dParams)
    assert (ms_g3d.scales, ms_g3d.window_scales, ms_g3d.spans) == (12, 5, (3, 5))


def test_what_is_given_stands_above_the_preset() -> None:
    assert params(preset="published", epochs=3, decay_at=[1, 2]).decay_at == (1, 2)
    assert params(preset="published", epochs=3).batch == 256


@pytest.mark.parametrize("kind", [StGcnParams, AgcnParams, ShiftGcnParams, MsG3dParams])
def test_the_small_preset_is_the_default(kind: type[RecogniserParams]) -> None:
    assert kind(window="second") == kind(window="second", preset="small") == kind.model_construct(window="second")


@pytest.mark.parametrize("kind", [StGcnParams, AgcnParams, ShiftGcnParams, MsG3dParams])
def test_params_survive_a_file(kind: type[RecogniserParams]) -> None:
    for given in (kind(window="second"), kind(window="second", preset="published", learns="classes")):
        assert kind.model_validate_json(given.model_dump_json()) == given


def test_the_score_follows_from_what_is_learned() -> None:
    assert params().scoring == "probability"
    assert params(learns="classes").scoring == "mixture"
    assert params(learns="classes", scoring="maximum").scoring == "maximum"


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"learns": "classes", "scoring": "probability"}, "scoring probability needs learns labels"),
        ({"scoring": "mixture"}, "scoring mixture needs learns classes"),
        ({"scoring": "maximum"}, "scoring maximum needs learns classes"),
        ({"depth": 11}, "less than or equal to 10"),
        ({"decay_at": ["3"]}, "valid integer"),
        ({"preset": "large"}, "'published' or 'small'"),
    ],
)
def test_what_cannot_be_is_refused(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        params(**settings)


@pytest.mark.parametrize("settings", [{"spans": (3, 4)}, {"spans": (-1,)}, {"depth": 4}])
def test_ms_g3d_refuses_even_windows_and_a_fourth_block(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="give odd ones|less than or equal to 3"):
        MsG3dParams.model_validate({"window": "second", **settings})


def test_the_learning_rate_falls_in_steps() -> None:
    given = params(learning_rate=0.1, decay_at=(2, 4), epochs=6)
    np.testing.assert_allclose([given.rate(epoch) for epoch in range(6)], [0.1, 0.1, 0.01, 0.01, 0.001, 0.001])


def test_labels_are_two_classes() -> None:
    found = lessons(BOTH, params(), "st_gcn", silent)
    assert found.classes == ("normal", "abnormal")
    assert found.targets.tolist() == [0] * 6 + [1] * 4


def test_unknown_labels_are_left_out_and_counted() -> None:
    lines: list[str] = []
    unknown = pd.array([pd.NA, *BOTH.index["person_label"].tolist()[1:]], dtype="Int8")
    found = lessons(replace(BOTH, index=BOTH.index.assign(person_label=unknown)), params(), "st_gcn", lines.append)
    assert found.targets.tolist() == [0] * 5 + [1] * 4
    np.testing.assert_array_equal(found.windows.poses, BOTH.poses[1:])
    assert lines == ["windows: 5 normal, 4 abnormal; 1 are left out, as their class is unknown or abnormal"]


@pytest.mark.parametrize(("train", "few"), [(CALM, "0 of class abnormal"), (FAST, "0 of class normal")])
def test_one_label_alone_is_refused(train: Windows, few: str) -> None:
    with pytest.raises(TrainingError, match=f"st_gcn tells 2 classes.*; there are {few}") as caught:
        lessons(train, params(), "st_gcn", silent)
    assert "clips.csv" in caught.value.fix


def test_kinds_are_classes_in_alphabetical_order() -> None:
    given = named(CALM, "wave", "sit", None, "sit", "wave", "wave")
    found = lessons(given, params(learns="classes"), "st_gcn", silent)
    assert found.classes == ("sit", "wave")
    assert found.targets.tolist() == [1, 0, 0, 1, 1]


def test_what_abnormal_people_do_is_no_class() -> None:
    label = pd.array([0, 0, pd.NA, 0, 1, 1], dtype="Int8")
    given = named(CALM, "sit", "sit", "wave", "wave", "fight", "fight", person_label=label)
    assert lessons(given, params(learns="classes"), "st_gcn", silent).classes == ("sit", "wave")
    without = replace(given, index=given.index.drop(columns="person_label"))
    assert lessons(without, params(learns="classes"), "st_gcn", silent).classes == ("fight", "sit", "wave")


@pytest.mark.parametrize(
    ("kinds", "complaint"),
    [
        (["sit"] * 6, "all of 6 of class sit"),
        (["sit"] * 3 + ["wave"] * 2 + ["fall"], "there are 1 of class fall"),
        ([None] * 6, "all of 0 of class unknown"),
    ],
)
def test_classes_that_do_not_suffice_are_refused(kinds: list[str | None], complaint: str) -> None:
    with pytest.raises(TrainingError, match=complaint):
        lessons(named(CALM, *kinds), params(learns="classes"), "st_gcn", silent)


@pytest.mark.parametrize(("learns", "column"), [("labels", "person_label"), ("classes", "kind")])
def test_without_the_column_nothing_is_learned(learns: str, column: str) -> None:
    bare = replace(BOTH, index=BOTH.index.drop(columns="person_label"))
    with pytest.raises(TrainingError, match=f"no column '{column}'") as caught:
        lessons(bare, params(learns=learns), "st_gcn", silent)
    assert "normotion segment" in caught.value.fix


def test_known_classes_alone_are_watched() -> None:
    given = params(learns="classes")
    found = watched(named(CALM, "sit", "fall", "wave", None, "sit", "fall"), given, ("sit", "wave"))
    assert found is not None
    assert found.targets.tolist() == [0, 1, 0]
    assert watched(named(CALM, *["fall"] * 6), given, ("sit", "wave")) is None
    assert watched(CALM, given, ("sit", "wave")) is None
    assert watched(None, given, ("sit", "wave")) is None


def given_lessons(kinds: int = 2) -> Lessons:
    return lessons(joined(windows(walkers(36, seed=3)), FAST), params(), "st_gcn", silent)


@pytest.mark.parametrize(("balanced", "weights"), [(False, [1.0, 1.0]), (True, [40 / 72, 5.0])])
def test_balanced_classes_weigh_alike(balanced: bool, weights: list[float]) -> None:
    found = training._weights(given_lessons(), params(balanced=balanced))
    np.testing.assert_allclose(found, weights, rtol=1e-6)


def test_recomputed_statistics_are_those_of_the_windows() -> None:
    network, given = tiny("shift_gcn", STREET), given_lessons()
    training.recompute_statistics(network, given.windows, [torch.arange(40)])
    x = torch.from_numpy(given.windows.poses)
    with torch.no_grad():
        found = network(x)
        assert not network.training
        # Of one batch the running variance is the unbiased one, a little larger.
        torch.testing.assert_close(found, network.train()(x), rtol=0.02, atol=0.02)


def test_running_statistics_are_left_alone() -> None:
    given = given_lessons()
    told = {}
    for statistics in ("running", "recomputed"):
        with training.seeded(1):
            network = tiny("st_gcn", STREET)
            list(training.train(network, given, params(epochs=2, statistics=statistics), watched=False))
        told[statistics] = network.state_dict()
    for name, value in told["running"].items():
        same = torch.equal(value, told["recomputed"][name])
        assert same == ("running_" not in name and "num_batches" not in name), name


def test_training_leaves_random_numbers_as_they_were() -> None:
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    with training.seeded(1):
        list(training.train(tiny("st_gcn", STREET), given_lessons(), params(epochs=1, dropout=0.5), watched=True))
    torch.testing.assert_close(torch.rand(3), wanted)


def test_a_loss_out_of_bounds_is_refused() -> None:
    with pytest.raises(TrainingError, match="the loss is .* in epoch 1") as caught:
        network, given = tiny("st_gcn", STREET), given_lessons()
        list(training.train(network, given, params(epochs=3, batch=8, learning_rate=1e20), watched=False))
    assert "learning_rate" in caught.value.fix


def test_streams_are_averaged_as_probabilities() -> None:
    one, other = tiny("st_gcn", STREET).eval(), tiny("st_gcn", STREET).eval()
    x = torch.from_numpy(CALM.poses)
    with torch.no_grad():
        wanted = (torch.softmax(one(x), dim=1) + torch.softmax(other(x), dim=1)) / 2
    np.testing.assert_allclose(np.exp(training.log_proportions([one, other], CALM)), wanted, rtol=1e-5)
