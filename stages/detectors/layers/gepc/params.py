"""The params of GEPC and of the baselines that share its autoencoder, and the presets they start from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from stages.detectors.base import PresetParams

PUBLISHED: Mapping[str, Any] = {
    "transforms": "published",
    "schedule": "cyclic",
    "epochs": 10,
    "learning_rate": 1e-4,
    "clusters": 10,
    "divergence": "model_from_target",
    "target": "batch",
    "fit_every": 10,
    "mixture_floor": 0.0,
}
CORRECTED: Mapping[str, Any] = {
    "transforms": "none",
    "schedule": "one_cycle",
    "epochs": 10,
    "learning_rate": 5e-3,
    "clusters": 20,
    "divergence": "target_from_model",
    "target": "all",
    "fit_every": 1,
    "mixture_floor": 1e-4,
}
PRESETS = {"published": PUBLISHED, "corrected": CORRECTED}
"""What a preset sets where the params say nothing; all else is the same in both."""


def published_window(samples: int = 12) -> dict[str, Any]:
    """The window spec of the released code: entries of a track as they come, sizes kept, confidence a channel.

    Args:
        samples: T; 12 for ShanghaiTech.
    """
    taken = {"rate": None, "length": samples, "stride_train": 8, "stride_score": 1}
    gaps = {"fill": 0, "max_missing": 2, "keep_last": False}
    normalization = {"frame_size": [856, 480], "scale": "half_frame", "neck": False, "confidence": True}
    return {**taken, **gaps, "layout": "openpose18", "normalization": normalization}


class AutoencoderParams(PresetParams):
    """What detectors that start from ST-GCAE share; those given another's autoencoder (`students`) take its shape.

    Args:
        preset: where what is left out comes from: `published`, as the released code does it, or `corrected`
            (docs/decisions/0016). The window spec is chosen beside it: `window`.
        graph: `attention`: static, learned and inferred adjacency, the paper's operator; `static`: static adjacency
            alone, as in ST-GCN, the paper's choice for very large data.
        strides: how many times two blocks of the encoder shorten time; windows have a multiple of both. (2, 3) as
            published for 12 samples; (2, 2) suits 8.
        width: times the published number of channels.
        dropout: share of values the encoder drops in training.
        transforms: `published`: each window five times, as it is, mirrored, rotated by 90° (also mirrored) and by
            45°; scores are means over the five. `none`: as it is.
        epochs: passes over the training windows that reconstruct.
        batch: windows per step of the optimizer.
        learning_rate: Adam's; of `cyclic` the middle, of `one_cycle` the highest.
        schedule: `cyclic`: up and down between a tenth and ten times the rate, an epoch each, the swing halved every
            time (published); `one_cycle`: one rise and one long fall, step by step.
        threads: CPU threads; the model depends on their number by rounding. Null takes all cores, which pays where
            nothing else runs: on a busy machine two that wait for one another are slower than one.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = PRESETS

    preset: Literal["published", "corrected"] = "corrected"
    graph: Literal["attention", "static"] = "attention"
    strides: tuple[int, int] = Field(default=(2, 3), strict=False)
    width: float = Field(default=1.0, gt=0)
    dropout: float = Field(default=0.3, ge=0, lt=1)
    transforms: Literal["published", "none"] = CORRECTED["transforms"]
    epochs: int = Field(default=CORRECTED["epochs"], ge=1)
    batch: int = Field(default=512, ge=2)
    learning_rate: float = Field(default=CORRECTED["learning_rate"], gt=0)
    schedule: Literal["cyclic", "one_cycle"] = CORRECTED["schedule"]
    threads: int | None = Field(default=1, ge=1)


class GepcParams(AutoencoderParams):
    """The `detectors.gepc` section.

    Args:
        clusters: K, the words that actions are told in. 10 in the released code, 20 in the paper.
        cluster_start: where centres start: `kmeans` of the latent vectors, or `random` ones of them.
        assignment: how sure a window is of a cluster: `student_t` of its distance (released), `softmax` of its product
            with the cluster's vector (paper, eq. 1).
        cluster_epochs: passes that cluster and reconstruct together (deep embedded clustering); 0 leaves it at the
            start.
        cluster_rate: Adam's learning rate in those passes.
        cluster_decay: the rate is multiplied by its power of e after pass e, compounding.
        cluster_weight: λ of the clustering loss beside the reconstruction loss.
        weight_decay: Adam's, in those passes.
        target: whose sums over a cluster the target distribution is taken from: `batch`, as released, or `all`
            training windows, as in deep embedded clustering.
        divergence: `target_from_model`: KL(target ‖ model), the paper's eq. 2; `model_from_target`: the other way
            round, as released.
        refresh: passes after which `all` targets are taken anew, and the clusters' changes counted.
        stop: share of windows that may change their cluster between two such counts for clustering to end.
        scoring: `mixture`: negative log-likelihood of the assignments under a Dirichlet-process mixture; `maximum`: 1
            less the largest assignment.
        components: Gaussians of the mixture at most.
        fit_every: the mixture is fitted to every so manieth window, to 10,000 at most.
        mixture_floor: share of the assignments' mean variance that is added to every variance of the mixture. They add
            up to one, so that their covariance, the mixture's prior, has no inverse: 0, as released, leaves the fit to
            rounding where windows are few or hardly differ.
    """

    clusters: int = Field(default=CORRECTED["clusters"], ge=2)
    cluster_start: Literal["kmeans", "random"] = "kmeans"
    assignment: Literal["student_t", "softmax"] = "student_t"
    cluster_epochs: int = Field(default=25, ge=0)
    cluster_rate: float = Field(default=8e-4, gt=0)
    cluster_decay: float = Field(default=0.98, gt=0, le=1)
    cluster_weight: float = Field(default=0.6, ge=0)
    weight_decay: float = Field(default=1e-5, ge=0)
    target: Literal["batch", "all"] = CORRECTED["target"]
    divergence: Literal["target_from_model", "model_from_target"] = CORRECTED["divergence"]
    refresh: int = Field(default=2, ge=1)
    stop: float = Field(default=1e-3, ge=0)
    scoring: Literal["mixture", "maximum"] = "mixture"
    components: int = Field(default=10, ge=1)
    fit_every: int = Field(default=CORRECTED["fit_every"], ge=1)
    mixture_floor: float = Field(default=CORRECTED["mixture_floor"], ge=0)


class GepcPatchesParams(GepcParams):
    """The `detectors.gepc_patches` section, as `detectors.gepc`.

    Args:
        transforms: `none`: pictures are neither mirrored nor turned by moving numbers about.
        batch: windows per step of the optimizer; 256 as published.
    """

    unset: ClassVar[frozenset[str]] = frozenset({"transforms"})
    transforms: Literal["none"] = "none"
    batch: int = Field(default=256, ge=2)


class ReconstructionParams(AutoencoderParams):
    """The `detectors.reconstruction` section: nothing but the autoencoder's."""


class OcSvmParams(AutoencoderParams):
    """The `detectors.oc_svm` section.

    Args:
        nu: share of the training windows that may lie outside, at most.
        rows: training windows it learns from at most; its cost grows with their square.
        standardize: divide each element of the latent vectors by its deviation in training, so that small ones speak
            too; the paper says nothing of it.
    """

    nu: float = Field(default=0.1, gt=0, le=1)
    rows: int = Field(default=5000, ge=10)
    standardize: bool = True
