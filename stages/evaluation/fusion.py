"""Several parts of a detector, such as reconstruction and likelihood, joined into one score per person and frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Literal

import numpy as np
from pydantic import Field

from stages.core.errors import ScoreError
from stages.core.params import Section
from stages.core.progress import log
from stages.evaluation.landing import Floats, Ints, Landed, Places

Scope = Literal["none", "clip", "split"]
"""Over what scores are brought to 0 … 1 by their least and greatest: not at all, each clip, or the whole split."""


class Term(Section):
    """One summand of a fused score: weight × normalized(sum of its parts).

    Args:
        parts: names of the detector's scores that are added.
        weight: factor of the sum after its normalization, ≥ 0.
        normalize: `clip` or `split` brings the sum to 0 … 1 by its least and greatest value over the persons and
            frames of a clip or of the split (of one seed); where all are equal, to 0. `none` leaves its unit.
    """

    parts: tuple[str, ...] = Field(min_length=1)
    weight: float = Field(default=1.0, ge=0, allow_inf_nan=False)
    normalize: Scope = "none"

    def __str__(self) -> str:
        total = " + ".join(self.parts)
        scaled = total if self.normalize == "none" else f"minmax_{self.normalize}({total})"
        factor = "" if self.weight == 1 else f"{self.weight:g} × "
        return f"{factor}({scaled})" if factor and scaled == total and len(self.parts) > 1 else factor + scaled


Fusion = Literal["itae", "itae_ped2", "itae_avenue", "jigsaw", "mgenet"]
"""Fusions of papers by name."""


def _itae(weight: float) -> tuple[Term, ...]:
    return Term(parts=("reconstruction",)), Term(parts=("static", "dynamic"), weight=weight, normalize="clip")


PUBLISHED: Mapping[Fusion, tuple[Term, ...]] = {
    "itae": _itae(0.7),
    "itae_ped2": _itae(0.3),
    "itae_avenue": _itae(0.1),
    "jigsaw": (
        Term(parts=("temporal",), weight=0.5, normalize="clip"),
        Term(parts=("spatial",), weight=0.5, normalize="clip"),
    ),
    "mgenet": (
        Term(parts=("motion",), normalize="split"),
        Term(parts=("appearance",), weight=0.1, normalize="split"),
        Term(parts=("scene",), weight=0.1, normalize="split"),
    ),
}
"""What they are made of.

itae: Cho et al., "Unsupervised Video Anomaly Detection via Normalizing Flows with Implicit Latent Features", Pattern
Recognition 2022, Eq. 13 and 14, with its weights of ShanghaiTech, Ped2 and Avenue.
jigsaw: Wang et al., "Video Anomaly Detection by Solving Decoupled Spatio-Temporal Jigsaw Puzzles", ECCV 2022: the mean
of both puzzles, each brought to 0 … 1 in every clip.
mgenet: "Multilevel Guidance-Exploration Network", Eq. 16; the paper brings "the scores" to 0 … 1 and leaves open
whether before or after they are added. Here it is done before, so that a weight means the same for every detector, and
after (`Rules.normalization`), so that the sum ends in 0 … 1.
"""


def plan(given: Sequence[str], part: str | None, fusion: Sequence[Term] | Fusion | None) -> tuple[Term, ...]:
    """The terms that make one score of a detector's parts.

    Args:
        given: the parts the detector gives.
        part: the one to be judged alone, whatever the fusion; null for all.
        fusion: terms, or a name in `PUBLISHED`, which detectors of other parts do not heed; null takes the first in
            `PUBLISHED` that is made of just these parts. A detector with one part needs none and takes none.

    Raises:
        ScoreError: the part, or a part of the fusion, is not among those given, or several are given and nothing says
            how they are joined.
    """
    if part is not None:
        return _known((Term(parts=(part,)),), given)
    if len(given) < 2:
        return tuple(Term(parts=(name,)) for name in given)
    if fusion is not None and not isinstance(fusion, str):
        return _known(fusion, given)
    for terms in ([] if fusion is None else [PUBLISHED[fusion]]) + list(PUBLISHED.values()):
        if {name for term in terms for name in term.parts} == set(given):
            return terms
    raise ScoreError(
        f"the detector gives the parts {sorted(given)}, and nothing says which is judged or how they are joined",
        fix="set evaluate.part in params.yaml to one of them, or evaluate.fusion to a sum of them",
    )


def fuse(landed: Mapping[str, Landed], terms: Sequence[Term], places: Places) -> Landed:
    """Join the parts' scores of persons in frames.

    Args:
        landed: each part's scores where they landed.
        terms: which parts, how weighted and normalized; at least one.
        places: what the scores' cells mean.

    Returns:
        One score wherever all the parts have one; where only some have, none, and the log says how often.
    """
    if len(terms) == 1 and len(terms[0].parts) == 1 and terms[0].normalize == "none":
        alone = landed[terms[0].parts[0]]
        return Landed(alone.cells, alone.scores * terms[0].weight)
    needed = [landed[name].cells for term in terms for name in term.parts]
    cells = reduce(_common, needed)
    lost = len(reduce(np.union1d, needed)) - len(cells) if any(len(one) > len(cells) for one in needed) else 0
    if lost:
        log.warning("%d scores of a person in a frame lack some of the fused parts and are left out", lost)
    scores = np.zeros(len(cells))
    for term in terms:
        total = np.sum([landed[name].at(cells) for name in term.parts], axis=0)
        scores += term.weight * min_max(total, places.groups(cells, term.normalize))
    return Landed(cells, scores)


def min_max(values: Floats, group: Ints | None) -> Floats:
    """Bring each group's values to 0 … 1 by its least and greatest; a group of equal values gives 0 everywhere.

    Args:
        values: `(n,)`, finite.
        group: `(n,)` number ≥ 0 of the group each belongs to; None leaves the values as they are.
    """
    if group is None or not len(values):
        return values
    low, high = np.full(group.max() + 1, np.inf), np.full(group.max() + 1, -np.inf)
    np.minimum.at(low, group, values)
    np.maximum.at(high, group, values)
    width = high[group] - low[group]
    return np.asarray(np.divide(values - low[group], width, out=np.zeros_like(values), where=width > 0))


def _known(terms: Sequence[Term], given: Sequence[str]) -> tuple[Term, ...]:
    unknown = sorted({name for term in terms for name in term.parts} - set(given))
    if unknown and given:
        raise ScoreError(
            f"the detector gives the parts {sorted(given)}, asked was {', '.join(map(repr, unknown))}",
            fix="name its parts in evaluate.part or evaluate.fusion in params.yaml",
        )
    return tuple(terms)


def _common(one: Ints, other: Ints) -> Ints:
    return one if one is other or np.array_equal(one, other) else np.intersect1d(one, other, assume_unique=True)
