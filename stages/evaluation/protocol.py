"""Rules of aggregation as named parameters, and the published protocols as presets of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from stages.core.errors import ScoreError
from stages.core.params import Section
from stages.evaluation.fusion import Fusion, Scope, Term, plan
from stages.evaluation.landing import Landing
from stages.evaluation.smoothing import SECONDS, SmoothingParams

Protocol = Literal["normotion", "stg_nf", "gepc", "itae", "mgenet", "mped_rnn"]

OWN: Protocol = "normotion"


def _of_protocol(**limits: Any) -> Any:
    """A field that is the protocol's unless it is given."""
    return Field(default=None, validate_default=True, **limits)


class Rules(Section):
    """How scores of windows become scores of frames.

    The rules are applied in this order: landing, shift, fusion, persons, nobody, normalization, smoothing. `raw` frame
    scores are those before the smoothing.

    Args:
        protocol: preset that all rules left out, or null, are taken from; see `PRESETS`. `normotion` is the project's
            own (docs/decisions/0010).
        landing: which frames a window's score is for: those of its first sample (`start`), of sample `length // 2`
            (`centre`), or of all its samples, where windows of the same person that overlap give their mean
            (`all_mean`) or highest score (`all_max`). A score per frame lands on the frame it is of.
        shift: frames by which scores are moved later within their clip; those that leave it are dropped.
        persons: `worst`: a frame is as abnormal as its most abnormal person.
        nobody: what a frame gets that no score landed on: the lowest frame score of the test split (`lowest`), or of
            its own clip (`clip_lowest`; of the split for a clip without any), or 0 (`zero`, which is the most normal
            score only for detectors whose scores are never below it).
        normalization: `clip` or `split` brings frame scores to 0 … 1 by the least and greatest of each clip or of the
            split, and to 0 where all are equal. `clip` gives every clip, normal ones too, a frame of score 1 and makes
            figures incomparable with those without it; both need the whole recording before the first score is known.
        smoothing: see `SmoothingParams`. It is taken as a whole: given, nothing of the protocol's is left in it.
        part: which of the detector's scores is judged alone; null judges what `fusion` makes of all.
        fusion: terms whose sum is judged, or the name of a published sum (`PUBLISHED` in stages/evaluation/fusion.py),
            which detectors of other parts do not heed; null takes the published one of a detector with those parts.
            Detectors with one part take none. At least one weight is above 0.
    """

    protocol: Protocol = OWN
    landing: Landing = _of_protocol()
    shift: int = _of_protocol(ge=0)
    persons: Literal["worst"] = "worst"
    nobody: Literal["lowest", "clip_lowest", "zero"] = _of_protocol()
    normalization: Scope = _of_protocol()
    smoothing: SmoothingParams = _of_protocol()
    part: str | None = None
    fusion: tuple[Term, ...] | Fusion | None = None

    @field_validator("landing", "shift", "nobody", "normalization", "smoothing", mode="before")
    @classmethod
    def _preset(cls, given: Any, info: ValidationInfo) -> Any:
        """The protocol's rule where none is given; the own one where the protocol is itself unknown."""
        return _PUBLISHED[info.data.get("protocol", OWN)][str(info.field_name)] if given is None else given

    @field_validator("fusion")
    @classmethod
    def _weighted(cls, terms: tuple[Term, ...] | Fusion | None) -> tuple[Term, ...] | Fusion | None:
        if isinstance(terms, tuple) and not any(term.weight > 0 for term in terms):
            raise ValueError("at least one term needs a weight above 0")
        return terms

    def under(self, protocol: Protocol) -> Rules:
        """The rules of another protocol for the same detector: its `part` and `fusion` stay these."""
        return PRESETS[protocol].model_copy(update={"part": self.part, "fusion": self.fusion})

    def alone(self, part: str) -> Rules:
        """The same rules for one part of a detector."""
        return self.model_copy(update={"part": part, "fusion": None})

    def rules(self, parts: Sequence[str] = ()) -> list[str]:
        """The choices as sentences for a report.

        Args:
            parts: the detector's; of several, a sentence says what was made of them.
        """
        moved = [f"Scores are moved {self.shift} frames later."] if self.shift else []
        scaled = [NORMALIZATION[self.normalization]] if self.normalization != "none" else []
        return [
            LANDING[self.landing],
            *moved,
            *self._joined(parts),
            PERSONS[self.persons],
            FILLING[self.nobody],
            *scaled,
            self.smoothing.sentence(),
            self._origin(),
        ]

    def relative(self, parts: Sequence[str]) -> str:
        """Why a score of one recording says nothing of another's, as a threshold has to; empty where it does.

        Args:
            parts: the detector's.

        Raises:
            ScoreError: as `plan`.
        """
        scopes = {self.normalization, *(term.normalize for term in plan(parts, self.part, self.fusion))}
        scope = next((scope for scope in ("clip", "split") if scope in scopes), "")
        return scope and f"scores are brought to 0 … 1 by the extremes of their own {scope}, whatever happens in it"

    def _joined(self, parts: Sequence[str]) -> list[str]:
        if len(parts) < 2:
            return []
        try:
            terms = plan(parts, self.part, self.fusion)
        except ScoreError as error:
            return [f"Not judged: {error.what}."]
        return [f"Judged is {' + '.join(map(str, terms))}."]

    def _origin(self) -> str:
        """Whose rules these are, which of them were changed, and what the protocol leaves open."""
        preset = _PUBLISHED[self.protocol]
        changed = [name for name, value in preset.items() if getattr(self, name) != value]
        but = f", but for {', '.join(changed)}" if changed else ""
        return f"Protocol {self.protocol}{but}: {ORIGIN[self.protocol]}"


LANDING = {
    "start": "A window's score is for the frames of its first sample.",
    "centre": "A window's score is for the frames of its middle sample.",
    "all_mean": "A window's score is for all its frames; where windows of a person overlap, their mean.",
    "all_max": "A window's score is for all its frames; where windows of a person overlap, the highest.",
}
PERSONS = {"worst": "A frame is as abnormal as its most abnormal person."}
FILLING = {
    "lowest": "A frame in which nobody was scored gets the lowest frame score of the test split.",
    "clip_lowest": "A frame in which nobody was scored gets the lowest frame score of its clip.",
    "zero": "A frame in which nobody was scored gets 0.",
}
NORMALIZATION = {
    "clip": "Frame scores of each clip are brought to 0 … 1 by its own extremes: not comparable with other figures.",
    "split": "Frame scores are brought to 0 … 1 by the extremes of the test split.",
}

_PUBLISHED: Mapping[str, Mapping[str, Any]] = {
    "normotion": {
        "landing": "all_mean", "shift": 0, "nobody": "lowest", "normalization": "none",
        "smoothing": SmoothingParams(kind="gaussian", seconds=SECONDS),
    },
    "stg_nf": {
        "landing": "centre", "shift": 0, "nobody": "lowest", "normalization": "none",
        "smoothing": SmoothingParams(kind="cascade"),
    },
    "gepc": {
        "landing": "start", "shift": 17, "nobody": "lowest", "normalization": "none",
        "smoothing": SmoothingParams(kind="gaussian", frames=40),
    },
    "itae": {
        "landing": "all_mean", "shift": 0, "nobody": "clip_lowest", "normalization": "clip",
        "smoothing": SmoothingParams(kind="none"),
    },
    "mgenet": {
        "landing": "centre", "shift": 0, "nobody": "lowest", "normalization": "split",
        "smoothing": SmoothingParams(kind="cascade"),
    },
    "mped_rnn": {
        "landing": "all_mean", "shift": 0, "nobody": "zero", "normalization": "none",
        "smoothing": SmoothingParams(kind="none"),
    },
}  # fmt: skip

ORIGIN = {
    "normotion": "the project's own rules, the same time at every frame rate.",
    "stg_nf": "Hirschorn and Avidan, ICCV 2023. The paper does not mention the smoothing its figures were made with.",
    "gepc": (
        "Markovitz et al., CVPR 2020. The figures were made with scores shifted and blurred across the borders of"
        " clips, the highest normality over persons where the paper says the highest score, and 0 for nobody; here"
        " nothing crosses a clip's border, the most abnormal person counts, and nobody is as normal as can be."
    ),
    "itae": (
        "Cho et al., Pattern Recognition 2022, by its rules for data sets of several scenes. The paper does not say"
        " which frames a likelihood is for, nor what a frame with nobody gets, as it scores whole frames."
    ),
    "mgenet": (
        "Multilevel Guidance-Exploration Network. Filling and smoothing are STG-NF's, as in the released code; the"
        " paper mentions neither, and leaves open whether scores are brought to 0 … 1 before or after they are added."
    ),
    "mped_rnn": "Morais et al., CVPR 2019. Its scores are reconstruction errors, of which none is below 0.",
}
"""Where each protocol is from, and what its paper leaves open or the figures' code does otherwise."""

PRESETS: Mapping[str, Rules] = MappingProxyType({name: Rules.model_validate({"protocol": name}) for name in _PUBLISHED})
"""Every protocol with all its rules."""
