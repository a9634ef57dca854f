"""The suites as data: which question each asks, which figure of a paper it mirrors, and its variants.

A new suite is one more entry here: what varies is either a parameter (`overrides`), or the data (`edits`), or the data
set that is learned from (`train_on`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.suites.gepc import GEPC_SUITES
from pipelines.suites.itae import ITAE_SUITES
from pipelines.suites.mgenet import MGENET_SUITES
from pipelines.suites.variants import GEPC, ITAE, STG_NF, Suite, Variant, sweep
from stages.core.errors import PipelineError
from stages.core.params import nearest
from stages.detectors.layers.stg_nf.params import published_window
from stages.ingest.edits import Contaminate, Join, Noise, Partial, Scenes, UnlabelledTest


def _percent(share: float) -> str:
    return f"{100 * share:g} %"


_WINDOW = Suite(
    "window_length",
    "How long a window does it take to tell abnormal behaviour from normal?",
    f"{STG_NF}, supplement figure 9; section 4.4 for a single pose",
    "window length, seconds",
    "linear",
    sweep("windows.{window}.seconds", (0.1, 0.4, 0.8, 1.2, 1.6, 2.4), " s"),
)
_STEPS = Suite(
    "flow_steps",
    "How many flow steps does STG-NF need?",
    f"{STG_NF}, supplement figure 10",
    "flow steps K",
    "log",
    sweep("detectors.{detector}.steps", (1, 2, 4, 8, 16)),
    detectors=("stg_nf",),
)
_ADJACENCY = Suite(
    "adjacency",
    "Does it matter which joints see one another in STG-NF's graph convolution?",
    f"{STG_NF}, section 4.4, Space-Time, and supplement section 10",
    "adjacency of the joints",
    "names",
    sweep("detectors.{detector}.adjacency", ("uniform", "distance", "spatial", "identity")),
    detectors=("stg_nf",),
)
_SUBNET = Suite(
    "subnet",
    "Does it take graph convolutions to say how STG-NF scales and shifts?",
    f"{STG_NF}, section 4.4, Affine Layer; the widths of the other two are ours, 16",
    "what says scale and shift",
    "names",
    (
        Variant("graph convolutions", overrides={"detectors.{detector}.subnet": "stgcn"}),
        *(
            Variant(label, overrides={"detectors.{detector}.subnet": kind, "detectors.{detector}.hidden": 16})
            for label, kind in (("plain convolutions", "conv"), ("fully connected", "linear"))
        ),
    ),
    detectors=("stg_nf",),
)
_PERMUTATION = Suite(
    "permutation",
    "Does STG-NF's learned mixing of x and y, which the published checkpoints lack, change anything?",
    f"{STG_NF}, section 3.2, against its released checkpoints",
    "permutation of the channels",
    "names",
    sweep("detectors.{detector}.permutation", ("reverse", "learned")),
    detectors=("stg_nf",),
)
_HEAD = Suite(
    "headless",
    "Do eyes and ears help, or do they only add noise?",
    f"{STG_NF} and {GEPC}, the option of their released code",
    "joints",
    "names",
    (
        Variant("all 18", overrides={"windows.{window}.layout": "openpose18"}),
        Variant("without eyes and ears", overrides={"windows.{window}.layout": "openpose14"}),
    ),
)
_SUPERVISION = Suite(
    "supervision",
    "What do labelled abnormal people in the training clips add?",
    f"{STG_NF}, section 4.3 and table 2; the likelihood ratio is ours",
    "how it learns and scores",
    "names",
    (
        Variant("likelihood", overrides={"detectors.{detector}.scoring": "likelihood"}),
        Variant("likelihood ratio", overrides={"detectors.{detector}.scoring": "likelihood_ratio"}),
    ),
    detectors=("stg_nf_supervised",),
)


def _from_published(label: str, window: Mapping[str, Any] | None = None, **detector: Any) -> Variant:
    """What the released code does, with some of it mended."""
    spec = {**published_window(), **(window or {})}
    own = {f"detectors.{{detector}}.{name}": value for name, value in detector.items()}
    return Variant(label, overrides={"windows.{window}": spec, "detectors.{detector}.preset": "published", **own})


_PRESETS = Suite(
    "presets",
    "What does each thing that the released STG-NF does otherwise cost or gain?",
    f"{STG_NF}, released code; docs/decisions/0013",
    "the published preset, one thing mended at a time",
    "names",
    (
        _from_published("published"),
        _from_published("mirror swaps joints", flip="swap_joints"),
        _from_published("square pixels", {"normalization": {"frame_size": None}}),
        _from_published("gaps filled", {"fill": 2, "keep_last": True}),
        _from_published("statistics recomputed", statistics="recomputed"),
        _from_published("joints standardized", standardize="joints"),
        _from_published("learned to the end", epochs=20, learning_rate=0.08, statistics="recomputed"),
        _from_published(
            "all of these",
            {"normalization": {"frame_size": None}, "fill": 2, "keep_last": True},
            preset="corrected",
        ),
        Variant("corrected", overrides={"detectors.{detector}.preset": "corrected"}),
        Variant(
            "corrected, joints not standardized",
            overrides={"detectors.{detector}.preset": "corrected", "detectors.{detector}.standardize": "none"},
        ),
    ),
    detectors=("stg_nf",),
)
_CONTAMINATION = Suite(
    "contamination",
    "What is lost when abnormal footage slips into the training data unnoticed?",
    f"{STG_NF}, figure 6; {GEPC}, figure 5",
    "abnormal share of the training people in frames, %",
    "linear",
    tuple(Variant(_percent(share), 100 * share, edits=(Contaminate(share),)) for share in (0, 0.02, 0.05, 0.1, 0.15)),
)
_PARTIAL = Suite(
    "partial_data",
    "How much normal footage does it take?",
    f"{STG_NF}, supplement figure 8",
    "share of the training clips, %",
    "log",
    tuple(Variant(_percent(share), 100 * share, edits=(Partial(share),)) for share in (0.05, 0.1, 0.25, 0.5, 1.0)),
)
_NOISE = Suite(
    "keypoint_noise",
    "What do inexact poses cost?",
    f"{STG_NF}, supplement figure 11, there in standard deviations of a window's y",
    "noise of every keypoint, % of the person's height",
    "linear",
    tuple(Variant(_percent(sigma), 100 * sigma, edits=(Noise(sigma),)) for sigma in (0, 0.01, 0.02, 0.05, 0.1)),
)
_CROSS = Suite(
    "cross_dataset",
    "Does a model that learned elsewhere work here?",
    f"{STG_NF}, table 3",
    "learned from",
    "names",
    (),
    others=True,
)
_ZERO_SHOT = Suite(
    "zero_shot",
    "What if there is no normal footage, and one learns from the very footage that is to be judged, unlabelled?",
    f"{STG_NF}, section 4.4, Zero-Shot Anomaly Detection",
    "learned from",
    "names",
    (Variant("normal clips"), Variant("unlabelled test clips", edits=(UnlabelledTest(),))),
)
_SCENES = Suite(
    "scenes",
    "Does a detector that saw few places work in all of them?",
    f"after {ITAE}, section 5.3 and figure 7, with one test set for all",
    "scenes in the training clips",
    "linear",
    tuple(Variant(str(number), number, edits=(Scenes(number),)) for number in (1, 2, 3, 4)),
)
_OWN_SCENES = Suite(
    "own_scenes",
    "Does one model cope with more and more places? Each number of them is tested on its own clips.",
    f"{ITAE}, section 5.3 and figure 7",
    "scenes in the training and test clips",
    "linear",
    tuple(Variant(str(number), number, edits=(Scenes(number, test=True),)) for number in (1, 2, 3, 4)),
)

SUITES = {
    suite.name: suite
    for suite in (
        _PRESETS, _WINDOW, _STEPS, _SUBNET, _ADJACENCY, _PERMUTATION, _HEAD, _SUPERVISION, _CONTAMINATION, _PARTIAL,
        _NOISE, _CROSS, _ZERO_SHOT, _SCENES, _OWN_SCENES, *GEPC_SUITES, *ITAE_SUITES,
        *MGENET_SUITES,
    )
}  # fmt: skip
"""All of them by name, in the order they are listed in."""


def suite(name: str) -> Suite:
    """A suite by name.

    Raises:
        PipelineError: there is none; gives the nearest that exists.
    """
    if name not in SUITES:
        raise PipelineError(f"no suite {name!r}; {nearest(name, list(SUITES))}", fix="`normotion suite` lists them")
    return SUITES[name]


def variants(chosen: Suite, dataset: str, datasets: Sequence[str]) -> tuple[Variant, ...]:
    """A suite's variants on one dataset.

    Args:
        chosen: the suite.
        dataset: what is tested on.
        datasets: those of params.yaml.

    Raises:
        PipelineError: the suite compares with other datasets, and there are none.
    """
    if not chosen.others:
        return chosen.variants
    others = [name for name in datasets if name != dataset]
    if not others:
        raise PipelineError(
            f"the suite {chosen.name} learns from other datasets, and there is only {dataset!r}",
            where="params.yaml",
            fix="add a dataset to `datasets` and run `dvc repro`",
        )
    elsewhere = [Variant(other, train_on=other) for other in others]
    both = [Variant(f"{dataset} and {other}", edits=(Join(other),)) for other in others]
    return (Variant(dataset), *elsewhere, *both, *chosen.variants)
