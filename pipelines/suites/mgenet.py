"""The suites of MGENet: its paper's ablations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.suites.variants import MGENET, Suite, Variant
from stages.ingest.edits import OfPlaces

WEIGHT = 0.1
"""λ of appearance and of scene, as published."""
PLACED = ("run", "cycle", "throw")
"""Behaviours of `simulated` that are normal on the track, in the street and in the park, each there alone."""
PLACES: Mapping[str, tuple[str, ...]] = {
    "hall, street, track": ("hall", "street", "track"),
    "park, street, track": ("park", "street", "track"),
    "all places": (),
}


def _sum(appearance: float = WEIGHT, scene: float = WEIGHT, motion: float = 1.0) -> list[dict[str, Any]]:
    """Equation 16 with other weights; a part whose weight is 0 is left out."""
    weights = {"motion": motion, "appearance": appearance, "scene": scene}
    return [{"parts": [part], "weight": weight, "normalize": "split"} for part, weight in weights.items() if weight > 0]


def _variant(
    label: str,
    *,
    value: float | None = None,
    judged: Sequence[Mapping[str, Any]] = (),
    edits: tuple[OfPlaces, ...] = (),
    **params: Any,
) -> Variant:
    own: dict[str, Any] = {f"detectors.{{detector}}.{name}": setting for name, setting in params.items()}
    fusion = {"evaluate.fusion": [dict(term) for term in judged]} if judged else {}
    return Variant(label, value, {**fusion, **own}, edits)


_PARTS = Suite(
    "mgenet_parts",
    "What does each part of MGENet add?",
    f"{MGENET}, table 2; without the motion loss only appearance and scene are judged",
    "what is left out",
    "names",
    (
        _variant("without LSTA and matching", judged=_sum(scene=0), lsta=0, memory=False),
        _variant("without matching", judged=_sum(scene=0), memory=False),
        _variant("without LSTA", judged=_sum(), lsta=0),
        _variant("without appearance", judged=_sum(appearance=0), alpha=0.0),
        _variant("without the motion loss", judged=_sum(motion=0), motion_weight=0.0),
        _variant("nothing", judged=_sum()),
    ),
    detectors=("mgenet",),
)
_MEASURES = Suite(
    "mgenet_measures",
    "Which comparison of the flow's latent and the encoder's tells motion best?",
    f"{MGENET}, table 3; the flow's latent is centred here",
    "what the motion score is",
    "names",
    tuple(
        _variant(label, judged=_sum(appearance=0, scene=0), measure=measure)
        for label, measure in (
            ("the flow's latent alone", "teacher"),
            ("the encoder's alone", "encoder"),
            ("their sum", "sum"),
            ("1 - cosine", "cosine"),
            ("their difference", "difference"),
        )
    ),
    detectors=("mgenet",),
)
_PLACED = Suite(
    "mgenet_places",
    "Does matching find behaviour that is abnormal only because of where it happens?",
    f"{MGENET}, section 4.6 and table 4, there on UBnormal",
    "places, and whether the part `scene` is judged",
    "names",
    tuple(
        _variant(f"{label}, {matching} matching", judged=_sum(scene=weight), edits=(OfPlaces(PLACED, places),))
        for label, places in PLACES.items()
        for matching, weight in (("without", 0.0), ("with", WEIGHT))
    ),
    detectors=("mgenet",),
)
_ALPHA = Suite(
    "mgenet_alpha",
    "How much should the loss of appearance count?",
    f"{MGENET}, section 4.2 (0.1) and its appendix",
    "α",
    "log",
    tuple(_variant(f"{alpha:g}", value=alpha, judged=_sum(), alpha=alpha) for alpha in (0.01, 0.1, 0.5, 1.0)),
    detectors=("mgenet",),
)


def _weights(name: str, part: str, symbol: str) -> Suite:
    return Suite(
        name,
        f"How much should {part} count beside motion?",
        f"{MGENET}, section 4.2 (0.1) and its appendix",
        symbol,
        "linear",
        tuple(
            _variant(f"{weight:g}", value=weight, judged=_sum(**{part: weight}))
            for weight in (0.0, 0.05, 0.1, 0.2, 0.5, 1.0)
        ),
        detectors=("mgenet",),
    )


MGENET_SUITES = (
    _PARTS,
    _MEASURES,
    _PLACED,
    _ALPHA,
    _weights("mgenet_appearance", "appearance", "λ of appearance"),
    _weights("mgenet_scene", "scene", "λ of scene"),
)
