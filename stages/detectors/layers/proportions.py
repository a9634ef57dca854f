"""How usual a vector of proportions is: soft assignments to clusters, or a classifier's probabilities.

Source: Markovitz et al., "Graph Embedded Pose Clustering for Anomaly Detection" (GEPC), CVPR 2020, sections 3.4 and
4.2.2. The paper speaks of a Dirichlet process mixture of Dirichlet distributions; the released code fits Gaussians,
scikit-learn's `BayesianGaussianMixture`, and so do we.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from stages.core.errors import ModelError, TrainingError
from stages.detectors.base import RETRAIN, silent

if TYPE_CHECKING:
    from sklearn.mixture import BayesianGaussianMixture

Floats = NDArray[np.float64]

ITERATIONS, ROUNDS = 500, 4
"""Of the mixture's fit at a time, as released; and how often it may go on where it has not settled."""
MOST = 10_000
"""Rows the fit sees at most, spread evenly: 500 iterations over more take minutes, and a tenth is what is published."""
FLOOR = 1e-4
"""Share of the proportions' mean variance that is added to every variance of the mixture. Proportions add up to one, so
that their covariance, which is the mixture's prior, has no inverse, and some detectors' hardly differ: scikit-learn's
own 1e-6, which goes to the components alone, then lets rounding decide the fit, or drowns what is to be fitted."""
ALIKE = 1e-6
"""Deviation of the proportions that says nothing: their own rounding."""
SETTLED = 1e-6
"""Share by which the bound may still move in the last tenth of the iterations. scikit-learn asks for a change of less
than 0.001 of a sum over all windows, which rounding alone exceeds where they are many."""
LEARNED = (
    "weight_concentration_0", "weight_concentration_1", "mean_precision", "means", "degrees_of_freedom",
    "covariances", "precisions_cholesky", "weights",
)  # fmt: skip
"""What a fitted mixture consists of."""


def uncertainty(proportions: NDArray[Any]) -> Floats:
    """1 less the largest proportion of each row of `(N, K)`, `(N,)` in 0 … 1: the baseline without a mixture."""
    return np.asarray(1 - proportions.max(axis=1), dtype=np.float64)


class Mixture:
    """A Dirichlet-process mixture of K-dimensional Gaussians with full covariance; likely is normal.

    Args:
        fitted: scikit-learn's model.
    """

    def __init__(self, fitted: BayesianGaussianMixture) -> None:
        self._fitted = fitted

    @classmethod
    def fit(
        cls,
        proportions: NDArray[Any],
        *,
        components: int,
        seed: int,
        every: int = 1,
        floor: float = FLOOR,
        log: Callable[[str], None] = silent,
    ) -> Self:
        """Fit to normal rows.

        Args:
            proportions: `(N, K)`, rows add up to 1.
            components: Gaussians at most; the process leaves those it does not need almost without weight.
            seed: of the k-means that the fit starts from.
            every: take every so manieth row; 10 as released.
            floor: see `FLOOR`; 0 as released.
            log: takes one line on what was found.

        Raises:
            TrainingError: fewer rows than components, rows that are not finite or all alike, or no convergence.
        """
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import BayesianGaussianMixture
        from threadpoolctl import threadpool_limits

        rows = np.asarray(proportions[::every], dtype=np.float64)
        if len(rows) > MOST:
            rows = rows[np.linspace(0, len(rows) - 1, MOST).astype(np.int64)]
        if len(rows) < components:
            raise TrainingError(
                f"a mixture of {components} components is to be fitted to {len(rows)} windows",
                fix="add training footage, lower the window spec's stride_train, or ask for fewer components",
            )
        if not np.isfinite(rows).all():
            raise TrainingError("proportions are NaN or infinite", fix="lower the detector's learning rate")
        if (spread := float(rows.std(axis=0).max())) < ALIKE:
            raise TrainingError(
                f"no proportion differs between windows by more than {spread:.1g}: there is nothing to fit",
                fix="learn longer: more epochs or a smaller batch, or add training footage",
            )
        model = BayesianGaussianMixture(
            n_components=components, max_iter=ITERATIONS, random_state=seed, warm_start=True
        )
        if floor:
            added = floor * float(rows.var(axis=0).mean())
            model.reg_covar, model.covariance_prior = added, np.cov(rows.T) + added * np.eye(rows.shape[1])
        # Threads that wait for one another take longer over so little than one does, a hundred times on a busy machine.
        with threadpool_limits(1), warnings.catch_warnings():
            # Its k-means warns where rows repeat, which the mixture does not mind; no convergence is refused below.
            warnings.simplefilter("ignore", ConvergenceWarning)
            iterations = _fit_until_settled(model, rows)
        log(f"mixture of {components} settled after {iterations} iterations on {len(rows)} windows; "
            f"{int((model.weights_ > 0.01).sum())} components weigh more than 1 %")  # fmt: skip
        return cls(model)

    def score(self, proportions: NDArray[Any]) -> Floats:
        """Negative log-likelihood of rows `(N, K)`, `(N,)` nats; higher = more abnormal."""
        if not len(proportions):
            return np.empty(0)
        return np.asarray(-self._fitted.score_samples(np.asarray(proportions, dtype=np.float64)))

    def arrays(self) -> dict[str, Floats]:
        """What there is to save."""
        learned = vars(self._fitted)
        first, second = learned["weight_concentration_"]
        own = {name: learned[f"{name}_"] for name in LEARNED[2:]}
        return {LEARNED[0]: np.asarray(first), LEARNED[1]: np.asarray(second), **own}

    @classmethod
    def restore(cls, arrays: Mapping[str, NDArray[Any]], folder: Path) -> Self:
        """Make a mixture of what `arrays` gave.

        Raises:
            ModelError: arrays are missing, or do not fit one another.
        """
        from sklearn.mixture import BayesianGaussianMixture

        means = arrays.get("means", np.empty((0, 0)))
        count, size = means.shape if means.ndim == 2 else (0, 0)
        square = (count, size, size)
        shapes = dict(zip(LEARNED, [(count,), (count,), (count,), (count, size), (count,), square, square, (count,)],
                          strict=True))  # fmt: skip
        if not count or {name: array.shape for name, array in arrays.items()} != shapes:
            found = {name: array.shape for name, array in arrays.items()}
            raise ModelError(f"the mixture's arrays do not fit: {found}", where=str(folder), fix=RETRAIN)
        model = BayesianGaussianMixture(n_components=count)
        for name in LEARNED[2:]:
            setattr(model, f"{name}_", np.asarray(arrays[name], dtype=np.float64))
        model.weight_concentration_ = (arrays[LEARNED[0]], arrays[LEARNED[1]])
        model.n_features_in_ = size
        return cls(model)


def _fit_until_settled(model: BayesianGaussianMixture, rows: Floats) -> int:
    """Fit, going on from where it stands while it has not settled; the iterations that took."""
    done = 0
    for _ in range(ROUNDS):
        _fit(model, rows)
        done += int(model.n_iter_)
        if model.converged_ or _settled(model.lower_bounds_):
            return done
    raise TrainingError(
        f"the mixture of {model.n_components} components did not converge in {done} iterations",
        fix="ask for fewer components, or fit it to more of the windows",
    )


def _fit(model: BayesianGaussianMixture, rows: Floats) -> None:
    """Fit, and say what happened where there is no covariance to be had."""
    try:
        model.fit(rows)
    except ValueError as error:
        raise TrainingError(
            f"no mixture of {model.n_components} components fits {len(rows)} windows, which are all but alike: {error}",
            fix="ask for fewer components, or set the detector's scoring to maximum",
        ) from error


def _settled(bounds: Sequence[float]) -> bool:
    last = np.array(bounds[-max(2, len(bounds) // 10) :])
    return bool(np.ptp(last) < SETTLED * np.abs(last).max())
