"""The suites of ITAE with normalizing flows: its paper's ablations.

Scenes and other data sets have suites of their own (`scenes`, `own_scenes`, `cross_dataset`), which take `--detector
itae_nf`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.suites.variants import ITAE, Suite, Variant

RECONSTRUCTION: Mapping[str, Any] = {"parts": ["reconstruction"]}
WEIGHT = 0.7
"""λ of the paper for data sets of several scenes."""


def _likelihood(*parts: str, weight: float = WEIGHT) -> dict[str, Any]:
    return {"parts": list(parts), "weight": weight, "normalize": "clip"}


def _judged(label: str, *terms: Mapping[str, Any], value: float | None = None, **params: Any) -> Variant:
    """By a sum of parts; a variant that differs in it alone is not trained again."""
    own = {f"detectors.{{detector}}.{name}": setting for name, setting in params.items()}
    return Variant(label, value, {"evaluate.fusion": [dict(term) for term in terms], **own})


def _encoder(label: str, encoder: str, *, two_path: bool) -> Variant:
    return Variant(
        label, overrides={"detectors.{detector}.encoder": encoder, "detectors.{detector}.two_path": two_path}
    )


_PATHS = Suite(
    "itae_paths",
    "Does a second path help, and does a deeper network with residual layers?",
    f"{ITAE}, table 2 (there SlowFast with ResNet-18 and 50, here 18) and the first rows of table 4",
    "autoencoder",
    "names",
    (
        _encoder("ITAE, one path", "shallow", two_path=False),
        _encoder("ITAE, two paths", "shallow", two_path=True),
        _encoder("SlowFast, one path", "slowfast", two_path=False),
        _encoder("SlowFast, two paths", "slowfast", two_path=True),
    ),
    detectors=("itae",),
)
_FLOWS = Suite(
    "itae_flows",
    "What does each flow add to the error of reconstruction, and what can flows do alone?",
    f"{ITAE}, tables 3 and 4, λ = {WEIGHT}",
    "what is judged",
    "names",
    (
        _judged("reconstruction", RECONSTRUCTION),
        _judged("+ static flow", RECONSTRUCTION, _likelihood("static")),
        _judged("+ dynamic flow", RECONSTRUCTION, _likelihood("dynamic")),
        _judged("+ both flows", RECONSTRUCTION, _likelihood("static", "dynamic")),
        _judged("flows alone", {"parts": ["static", "dynamic"]}),
        _judged("flows of raw frames, alone", {"parts": ["static", "dynamic"]}, reads="frames"),
    ),
    detectors=("itae_nf",),
)
_LAMBDA = Suite(
    "itae_lambda",
    "How much should the likelihood count beside the error of reconstruction?",
    f"{ITAE}, section 4.2, λ of 0.1, 0.3 and 0.7",
    "λ",
    "linear",
    tuple(
        _judged(f"{weight:g}", RECONSTRUCTION, _likelihood("static", "dynamic", weight=weight), value=weight)
        for weight in (0.0, 0.1, 0.3, 0.5, 0.7, 1.0)
    ),
    detectors=("itae_nf",),
)

ITAE_SUITES = (_PATHS, _FLOWS, _LAMBDA)
