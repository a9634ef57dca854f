"""STG-NF that learns from labels: normal and abnormal windows are sent to two different Gaussians.

Source: Hirschorn and Avidan, "Normalizing Flows for Human Pose Anomaly Detection", ICCV 2023, sections 3.3 and 4.1: the
prior is a mixture, N(R, I) for normal windows and N(-R, I) for abnormal ones with R = 10, and a window's score is its
likelihood under the normal one alone. A window's label is its person's own, see `stages/core/person_labels.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from stages.core.errors import TrainingError
from stages.core.windows import Windows
from stages.detectors.base import FitReport, Log, silent
from stages.detectors.layers.stg_nf.detector import FlowDetector
from stages.detectors.layers.stg_nf.params import StgNfParams

LABEL = "person_label"
"""Column of the windows' index that is learned from."""


class StgNfSupervisedParams(StgNfParams):
    """The `detectors.stg_nf_supervised` section: all of `StgNfParams`, and how labels are used.

    Args:
        prior_mean: R, the mean of the normal windows' Gaussian in every latent element. Farther from `abnormal_mean`
            sets the two kinds farther apart, and makes a likelihood count less that is merely somewhat low.
        abnormal_mean: the same of the abnormal windows' Gaussian; null is minus `prior_mean`, as published.
        scoring: what a score is: `likelihood`, as published, how unlikely the window is as a normal one; or
            `likelihood_ratio`, how much likelier it is as an abnormal one than as a normal one. The ratio tells what
            was labelled from what was not; only the likelihood also minds what is unlike either.
    """

    prior_mean: float = 10.0
    abnormal_mean: float | None = None
    scoring: Literal["likelihood", "likelihood_ratio"] = "likelihood"

    @model_validator(mode="after")
    def _apart(self) -> StgNfSupervisedParams:
        if self.abnormal == self.prior_mean:
            raise ValueError(f"normal and abnormal windows cannot both have the prior mean {self.prior_mean:g}")
        return self

    @property
    def abnormal(self) -> float:
        """Mean of the abnormal windows' Gaussian."""
        return -self.prior_mean if self.abnormal_mean is None else self.abnormal_mean


class StgNfSupervised(FlowDetector):
    """The supervised detector. Windows whose label is unknown are not learned from; without any it cannot learn."""

    name: ClassVar[str] = "stg_nf_supervised"
    Params: ClassVar[type[StgNfParams]] = StgNfSupervisedParams
    supervised: ClassVar[bool] = True

    @classmethod
    def fit_together(
        cls, models: Sequence[Self], train: Windows, *, validation: Windows | None = None, log: Log = silent
    ) -> list[FitReport]:
        """Fit to the windows with a known label. See `FlowDetector.fit_together`.

        Raises:
            TrainingError: see `FlowDetector.fit`; or there are no labels, no normal or no abnormal windows.
        """
        return super().fit_together(models, _labelled(train, log), validation=validation, log=log)

    def score(self, windows: Windows) -> dict[str, NDArray[np.float32]]:
        """See `StgNfSupervisedParams.scoring`; `(N,)` bits per dimension. See `Detector.score`."""
        form, network = self._fitted(windows)
        bits, contrast = self._bits(network, form, windows, self.params.prior_mean), self._contrast()
        return {"score": bits if contrast is None else bits - self._bits(network, form, windows, contrast)}

    def explain(self, windows: Windows) -> NDArray[np.float32]:
        """What each sample and joint adds to the score. See `FlowDetector.explain`.

        Raises:
            ModelError: not fitted, or fitted to windows of another shape.
        """
        _, network = self._fitted(windows)
        from stages.detectors.layers.stg_nf import scoring

        shares, contrast = scoring.shares(network, windows, self.params.prior_mean), self._contrast()
        return shares if contrast is None else shares - scoring.shares(network, windows, contrast)

    def _means(self, train: Windows) -> Any:
        import torch

        means = np.where(_having(train, 1), self.params.abnormal, self.params.prior_mean)
        return torch.from_numpy(means.astype(np.float32))

    def _normal(self, validation: Windows | None) -> Windows | None:
        if validation is None or LABEL not in validation.index:
            return None
        normal = _having(validation, 0)
        return validation.take(normal) if normal.any() else None

    def _contrast(self) -> float | None:
        ratio: bool = self.params.scoring == "likelihood_ratio"
        return self.params.abnormal if ratio else None


def _labelled(train: Windows, log: Log) -> Windows:
    """Training windows of both kinds, without those whose label is unknown.

    Raises:
        TrainingError: there is no label, or only one kind.
    """
    if LABEL not in train.index:
        raise TrainingError(
            f"the windows have no column {LABEL!r} to learn from",
            fix="make them by `normotion segment` and `normotion normalize`",
        )
    normal, abnormal = _having(train, 0), _having(train, 1)
    for kind, found in (("normal", normal), ("abnormal", abnormal)):
        if not found.any():
            raise TrainingError(
                f"none of {len(train)} training windows follows a person labelled {kind}, and "
                f"stg_nf_supervised learns from both kinds",
                fix="give labelled abnormal clips, with regions or intervals, and normal ones the split `train` in "
                "clips.csv, or take stg_nf",
            )
    known = normal | abnormal
    log(
        f"{int(normal.sum())} normal and {int(abnormal.sum())} abnormal windows; "
        f"{int((~known).sum())} are left out, as their person's label is unknown"
    )
    return train if known.all() else train.take(known)


def _having(windows: Windows, label: int) -> NDArray[np.bool_]:
    """Which windows have this label; unknown is neither."""
    found: NDArray[np.bool_] = windows.index[LABEL].eq(label).fillna(False).to_numpy(dtype=bool)  # noqa: FBT003
    return found
