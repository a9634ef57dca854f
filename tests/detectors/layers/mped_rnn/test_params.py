"""The params of MPED-RNN: presets, how a window is parted, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from stages.core.errors import TrainingError
from stages.core.windows import WindowSpec
from stages.detectors.layers.mped_rnn.params import Plan, published_window
from tests.detectors.layers.mped_rnn.models import params


@pytest.mark.parametrize(
    ("preset", "expected"),
    [("published", ("camera", "reconstruction", 5, 1e-3, 0.2)), ("corrected", ("all", "both", 50, 5e-3, 0.0))],
)
def test_a_preset_sets_what_is_left_out(preset: str, expected: tuple[Any, ...]) -> None:
    chosen = params(preset=preset)
    found = (chosen.model_per, chosen.errors, chosen.epochs, chosen.learning_rate, chosen.held_out)
    assert found == expected
    # Equal in both, as published: sizes, batch, patience.
    assert (chosen.global_hidden, chosen.local_hidden, chosen.batch, chosen.patience) == (8, 16, 256, 3)


def test_the_corrected_preset_is_the_default() -> None:
    assert params() == params(preset="corrected")


def test_what_is_given_wins_over_the_preset() -> None:
    chosen = params(preset="published", epochs=7)
    assert (chosen.epochs, chosen.model_per) == (7, "camera")


@pytest.mark.parametrize(
    ("samples", "read", "length"),
    [(18, 12, 6), (12, 8, 4), (8, 6, 2), (3, 2, 1)],  # 18 and 12: ShanghaiTech and Avenue as published
)
def test_a_third_is_predicted(samples: int, read: int, length: int) -> None:
    assert params().plan(samples) == Plan(read, ((length, (read,)),))


def test_the_length_predicted_may_be_given() -> None:
    assert params(predict=5).plan(8) == Plan(3, ((5, (3,)),))


def test_timescales_predict_as_often_as_the_window_allows() -> None:
    # 2 after 2, 4 and 6; 3 after 3 (after 6 there are but two left).
    assert params(timescales=(2, 3)).plan(8) == Plan(8, ((2, (2, 4, 6)), (3, (3,))))


@pytest.mark.parametrize(("samples", "given"), [(2, {}), (8, {"predict": 8}), (1, {"predict": 1})])
def test_windows_too_short_to_predict_are_refused_with_a_way_out(samples: int, given: dict[str, Any]) -> None:
    with pytest.raises(TrainingError, match=f"windows of {samples} samples cannot be parted") as caught:
        params(**given).plan(samples)
    assert "window" in caught.value.fix


def test_a_timescale_longer_than_half_a_window_is_refused_with_a_way_out() -> None:
    with pytest.raises(TrainingError, match="cannot hold 5") as caught:
        params(timescales=(1, 5)).plan(8)
    assert "at most 4" in caught.value.fix


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"preset": "improved"}, "preset"),
        ({"global_weight": 0.0, "local_weight": 0.0, "perceptual_weight": 0.0}, "at least one"),
        ({"timescales": (2, 2)}, "different"),
        ({"timescales": (0,)}, "1 or more"),
        ({"timescales": (2,), "predict": 2}, "in place of predict"),
        ({"held_out": 1.0}, "held_out"),
    ],
)
def test_senseless_params_are_refused(given: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        params(**given)


def test_the_published_window_is_in_pixels_and_tells_missing_joints() -> None:
    spec = WindowSpec.model_validate(published_window(12))
    assert (spec.samples, spec.normalization.channels()) == (12, ("x", "y", "confidence"))
    assert (spec.normalization.centre, spec.normalization.unit("px")) == (False, "px")
