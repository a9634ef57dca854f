"""The mixture that says how usual proportions are: the reference's figures, saving, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from stages.core.errors import ModelError, TrainingError
from stages.core.seeding import stream
from stages.detectors.layers import proportions as module
from stages.detectors.layers.proportions import Mixture, uncertainty


def proportions(count: int, name: str, concentration: tuple[float, ...] = (8, 1, 1)) -> NDArray[np.float64]:
    return stream(0, name).dirichlet(concentration, count)


USUAL = proportions(500, "usual")


@pytest.mark.oracle
def test_the_reference(shared: Path) -> None:
    oracle = np.load(shared / "oracles" / "dpmm_oracle.npz")
    lines: list[str] = []
    mixture = Mixture.fit(oracle["p"], components=10, seed=0, every=10, floor=0, log=lines.append)
    np.testing.assert_allclose(-mixture.score(oracle["q"]), oracle["score"], atol=1e-4)
    np.testing.assert_allclose(mixture.arrays()["weights"], oracle["weights"], atol=1e-6)
    np.testing.assert_allclose(mixture.arrays()["means"], oracle["means"], atol=1e-6)
    assert f"after {oracle['n_iter']} iterations on 400 windows" in lines[0]


def test_unusual_proportions_score_higher() -> None:
    mixture = Mixture.fit(USUAL, components=5, seed=0)
    usual, unusual = proportions(200, "more"), proportions(200, "other", (1, 8, 1))
    assert (mixture.score(unusual)[:, None] > mixture.score(usual)[None]).mean() > 0.95
    assert mixture.score(USUAL[:0]).shape == (0,)


def test_what_is_restored_scores_alike(tmp_path: Path) -> None:
    mixture = Mixture.fit(USUAL, components=5, seed=0)
    again = Mixture.restore(mixture.arrays(), tmp_path)
    np.testing.assert_array_equal(again.score(USUAL), mixture.score(USUAL))
    assert {name: array.tolist() for name, array in again.arrays().items()} == {
        name: array.tolist() for name, array in mixture.arrays().items()
    }


def test_arrays_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    arrays = Mixture.fit(USUAL, components=5, seed=0).arrays()
    for name in arrays:
        with pytest.raises(ModelError, match="do not fit"):
            Mixture.restore({**arrays, name: arrays[name][:-1]}, tmp_path)
        with pytest.raises(ModelError, match="do not fit"):
            Mixture.restore({key: array for key, array in arrays.items() if key != name}, tmp_path)


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(TrainingError, match="5 components is to be fitted to 4 windows"):
        Mixture.fit(USUAL[:40], components=5, seed=0, every=10)


def test_rows_that_are_not_finite_are_refused() -> None:
    with pytest.raises(TrainingError, match="NaN or infinite"):
        Mixture.fit(np.full((20, 3), np.nan), components=2, seed=0)


def test_rows_that_are_all_alike_are_refused() -> None:
    rows = np.full((50, 20), 0.05) + stream(0, "a little").normal(0, 1e-7, size=(50, 20))
    with pytest.raises(TrainingError, match="no proportion differs between windows by more than 1e-07"):
        Mixture.fit(rows, components=3, seed=0)


def test_few_rows_that_hardly_differ_are_fitted_for_what_differs() -> None:
    usual = 0.05 + 1e-5 * (USUAL[:80] - USUAL[:80].mean(axis=0)) @ stream(0, "mix").normal(size=(3, 20))
    usual /= usual.sum(axis=1, keepdims=True)
    with pytest.raises(TrainingError, match="did not converge"):
        Mixture.fit(usual, components=5, seed=0, floor=0)
    mixture = Mixture.fit(usual, components=5, seed=0)
    unusual = usual + 1e-5 * stream(0, "off").normal(size=usual.shape)
    assert np.median(mixture.score(unusual)) > mixture.score(usual).max()


def test_only_so_many_rows_are_fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 40)
    said: list[str] = []
    Mixture.fit(stream(0, "many").dirichlet(np.ones(5), 900), components=2, seed=0, log=said.append)
    assert "on 40 windows" in said[0]


def test_a_fit_goes_on_where_it_has_not_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped on the way and gone on, it comes to what one long fit comes to."""
    said: list[str] = []
    whole = Mixture.fit(USUAL, components=3, seed=0, log=said.append)
    monkeypatch.setattr("stages.detectors.layers.proportions.ITERATIONS", int(said[0].split()[5]) // 2 + 1)
    parts = Mixture.fit(USUAL, components=3, seed=0, log=said.append)
    assert said[1].split()[5] == said[0].split()[5]
    np.testing.assert_allclose(parts.score(USUAL), whole.score(USUAL), rtol=1e-6)


def test_a_mixture_that_does_not_converge_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stages.detectors.layers.proportions.ITERATIONS", 2)
    with pytest.raises(TrainingError, match="did not converge in 8 iterations"):
        Mixture.fit(USUAL, components=10, seed=0)


def test_a_mixture_that_cannot_be_fitted_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def fit(*_: object) -> None:
        raise ValueError("ill-defined empirical covariance")

    monkeypatch.setattr("sklearn.mixture.BayesianGaussianMixture.fit", fit)
    with pytest.raises(
        TrainingError, match="no mixture of 3 components fits 500 windows, which are all but alike: ill"
    ):
        Mixture.fit(USUAL, components=3, seed=0)


def test_uncertainty() -> None:
    assert uncertainty(np.array([[1.0, 0, 0], [0.2, 0.5, 0.3]])).tolist() == [0, 0.5]
