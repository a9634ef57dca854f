"""Random processes: as often as stated, in bursts, and each independent of the others."""

from __future__ import annotations

import numpy as np
import pytest

from stages.simulation.noise import Chance, NoiseParams

CHANCE = Chance(seed=3, fps=15.0, memory=0.25)
KEEP = np.exp(-1 / (0.25 * 15))


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.5, 0.95])
def test_things_happen_as_often_as_stated(rate: float) -> None:
    happened = CHANCE.happens(f"rate {rate}", np.full((2000, 200), rate))
    assert happened.mean() == pytest.approx(rate, abs=4 * np.sqrt(rate * (1 - rate) / 50_000))


def test_rates_may_change_from_frame_to_frame() -> None:
    rates = np.where(np.arange(2000) % 2, 0.3, 0.05)[:, None] * np.ones(200)
    happened = CHANCE.happens("changing", rates)
    assert happened[1::2].mean() == pytest.approx(0.3, abs=0.01)
    assert happened[::2].mean() == pytest.approx(0.05, abs=0.01)


def test_never_and_always() -> None:
    assert not CHANCE.happens("never", np.zeros((100, 5))).any()
    assert CHANCE.happens("always", np.ones((100, 5))).all()


def test_things_happen_in_bursts() -> None:
    happened = CHANCE.happens("bursts", np.full((2000, 200), 0.1))
    again = happened[1:][happened[:-1]].mean()
    assert again > 0.35  # independent frames would have 0.1


def test_steady_errors_are_standard_normal_from_the_first_frame_and_fade_as_stated() -> None:
    values = CHANCE.steady("ar", (400, 20_000))
    assert values[0].std() == pytest.approx(1, abs=0.02)
    assert values[-1].std() == pytest.approx(1, abs=0.02)
    assert np.mean(values[:-1] * values[1:]) == pytest.approx(KEEP, abs=0.01)
    assert np.mean(values[:-4] * values[4:]) == pytest.approx(KEEP**4, abs=0.01)


def test_fresh_errors_forget_at_once() -> None:
    values = CHANCE.fresh("fresh", (400, 2000))
    assert np.mean(values[:-1] * values[1:]) == pytest.approx(0, abs=0.01)


def test_nobody_has_no_errors() -> None:
    assert CHANCE.steady("empty", (40, 0, 17)).shape == (40, 0, 17)
    assert CHANCE.steady("no frames", (0, 3)).shape == (0, 3)


def test_each_purpose_has_its_own_stream() -> None:
    one, other = CHANCE.fresh("one", (5000,)), CHANCE.fresh("other", (5000,))
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.05
    np.testing.assert_array_equal(one, Chance(3, 15.0, 9.0).fresh("one", (5000,)))
    assert not np.allclose(one, Chance(4, 15.0, 0.25).fresh("one", (5000,)))


def test_level_scales_rates_up_to_one() -> None:
    assert NoiseParams(level=0.5).rate(0.4) == pytest.approx(0.2)
    assert NoiseParams(level=3.0).rate(0.4) == pytest.approx(1.0)
    np.testing.assert_allclose(NoiseParams(level=0.0).rate(np.array([0.4, 1.0])), 0)
