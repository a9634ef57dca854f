"""What a suite is made of: variants on an axis, by parameters, by data, or by what is learned from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stages.ingest.edits import Edit
from stages.show.suite_result import Scale

STG_NF = "Hirschorn and Avidan, STG-NF, ICCV 2023"
GEPC = "Markovitz et al., GEPC, CVPR 2020"
ITAE = "Cho et al., ITAE with normalizing flows, Pattern Recognition 2022"

MGENET = "Yang et al., MGENet, ACM MM 2024"


@dataclass(frozen=True)
class Variant:
    """One point on a suite's axis.

    Args:
        label: on the axis and in tables.
        value: on the axis, where that is one of numbers.
        overrides: parameters by dotted name; `{detector}` and `{window}` stand for the detector that runs and the
            window spec it reads.
        edits: what is done to the dataset, in order.
        train_on: another dataset to learn from; empty: its own.
    """

    label: str
    value: float | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    edits: tuple[Edit, ...] = ()
    train_on: str = ""


@dataclass(frozen=True)
class Suite:
    """A named experiment.

    Args:
        name: on the command line.
        question: what it answers, one sentence.
        source: the paper's figure or table it mirrors.
        axis: what varies, with its unit.
        scale: of the axis: `linear`, `log` or `names`.
        variants: what is compared.
        detectors: which are run unless told otherwise.
        others: add one variant that learns from each other dataset of params.yaml, and one that also does.
    """

    name: str
    question: str
    source: str
    axis: str
    scale: Scale
    variants: tuple[Variant, ...]
    detectors: tuple[str, ...] = ("knn", "stg_nf")
    others: bool = False


def sweep(dotted: str, values: Sequence[float | str], unit: str = "", **also: Any) -> tuple[Variant, ...]:
    """One variant per value of a parameter; `also` are parameters to set beside it, dots written as `__`."""
    fixed = {name.replace("__", "."): value for name, value in also.items()}
    return tuple(
        Variant(f"{value}{unit}", None if isinstance(value, str) else float(value), {dotted: value, **fixed})
        for value in values
    )
