"""The suites of GEPC: its supplement's ablations, and what its released code does otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.suites.variants import GEPC, Suite, Variant, sweep
from stages.detectors.layers.gepc.params import published_window


def _of(label: str, **params: Any) -> Variant:
    return Variant(label, overrides={f"detectors.{{detector}}.{name}": value for name, value in params.items()})


def _from_published(label: str, window: Mapping[str, Any] | None = None, **params: Any) -> Variant:
    """What the released code does, with some of it mended; shape and schedule stay those of params.yaml."""
    spec = {**published_window(), **(window or {})}
    own = {f"detectors.{{detector}}.{name}": value for name, value in params.items()}
    strides = {"detectors.{detector}.strides": [2, 3]}
    return Variant(label, overrides={"windows.{window}": spec, **strides, **_PUBLISHED, **own})


_PUBLISHED: Mapping[str, Any] = {
    "detectors.{detector}.transforms": "published",
    "detectors.{detector}.clusters": 10,
    "detectors.{detector}.target": "batch",
    "detectors.{detector}.divergence": "model_from_target",
    "detectors.{detector}.fit_every": 10,
    "detectors.{detector}.mixture_floor": 0.0,
}

_CLUSTERS = Suite(
    "gepc_clusters",
    "In how many words should actions be told?",
    f"{GEPC}, supplement, K of 5, 20 and 50",
    "clusters K",
    "log",
    sweep("detectors.{detector}.clusters", (5, 10, 20, 50)),
    detectors=("gepc",),
)
_STAGES = Suite(
    "gepc_stages",
    "What do GEPC's start by k-means, its clustering and its mixture each add?",
    f"{GEPC}, supplement, ablation of the clustering",
    "start, clustering, score",
    "names",
    tuple(
        _of(
            f"{start}, {'clustered' if passes else 'not clustered'}, {scoring}",
            cluster_start=start, scoring=scoring, **({} if passes else {"cluster_epochs": 0}),
        )
        for start in ("random", "kmeans")
        for passes in (False, True)
        for scoring in ("maximum", "mixture")
    ),
    detectors=("gepc",),
)  # fmt: skip
_GRAPH = Suite(
    "gepc_graph",
    "Do learned and inferred adjacency help?",
    f"{GEPC}, supplement, GCN against spatial attention",
    "graph convolution",
    "names",
    # Also of the base: a student has the graph of the autoencoder that it starts from.
    tuple(
        Variant(graph, overrides={f"detectors.{name}.graph": graph for name in ("gepc", "{detector}")})
        for graph in ("attention", "static")
    ),
    detectors=("gepc", "reconstruction"),
)
_PRESETS = Suite(
    "gepc_presets",
    "What does each thing that the released GEPC does otherwise cost or gain?",
    f"{GEPC}, released code; docs/decisions/0016",
    "as released, one thing mended at a time",
    "names",
    (
        _from_published("published"),
        _from_published("target of all windows", target="all"),
        _from_published("divergence of the paper", divergence="target_from_model"),
        _from_published("mixture of all windows", fit_every=1),
        _from_published("mixture with a floor", mixture_floor=1e-4),
        _from_published("twenty clusters", clusters=20),
        _from_published("one view", transforms="none"),
        _from_published("assignment of the paper", assignment="softmax"),
        _from_published("size taken out", {"normalization": {"frame_size": None}}),
        _of("corrected"),
    ),
    detectors=("gepc",),
)

GEPC_SUITES = (_CLUSTERS, _STAGES, _GRAPH, _PRESETS)
