"""The params of STG-NF: presets, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from stages.detectors.layers.stg_nf.params import PRESETS
from tests.detectors.layers.stg_nf.models import params, small


def test_learning_rate_decays_after_the_second_epoch() -> None:
    chosen = params(learning_rate=1.0, decay=0.5)
    assert [chosen.rate(epoch) for epoch in range(4)] == [1.0, 1.0, 0.5, 0.25]


def test_even_kernel_in_the_params_is_refused() -> None:
    with pytest.raises(ValidationError, match="odd"):
        small(temporal_kernel=4)


@pytest.mark.parametrize(
    ("preset", "flip", "statistics", "epochs", "rate"),
    [("published", "published", "running", 8, 5e-4), ("corrected", "swap_joints", "recomputed", 20, 0.08)],
)
def test_a_preset_sets_what_is_left_out(preset: Any, flip: str, statistics: str, epochs: int, rate: float) -> None:
    chosen = params(preset=preset)
    assert (chosen.flip, chosen.statistics, chosen.epochs, chosen.learning_rate) == (flip, statistics, epochs, rate)
    # Equal in both, as published: K, batch, prior, clipping and decay.
    shared = (chosen.steps, chosen.batch, chosen.prior_mean, chosen.gradient_clip, chosen.decay)
    assert shared == (8, 256, 3.0, 100.0, 0.99)


def test_the_corrected_preset_is_the_default() -> None:
    assert params() == params(preset="corrected")
    assert params(**PRESETS["published"]) == params(preset="published").model_copy(update={"preset": "corrected"})


def test_what_is_given_wins_over_the_preset() -> None:
    chosen = params(preset="published", epochs=3, flip="none")
    assert (chosen.epochs, chosen.flip, chosen.statistics) == (3, "none", "running")


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(ValidationError, match="preset"):
        params(preset="improved")


@pytest.mark.parametrize("subnet", ["conv", "linear"])
def test_a_subnet_without_hidden_channels_is_refused_with_a_way_out(subnet: str) -> None:
    with pytest.raises(ValidationError, match="hidden, e.g. 64"):
        small(subnet=subnet)
