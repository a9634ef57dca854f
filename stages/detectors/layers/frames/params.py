"""The params that detectors of whole frames share."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from stages.detectors.base import DetectorParams


class FrameDetectorParams(DetectorParams):
    """How a network of whole frames learns.

    Args:
        epochs: passes over the training windows.
        batch: windows per step of the optimizer.
        accumulate: steps of so many windows are made from as many smaller ones, for little memory; null: at once.
        learning_rate: Adam's at the start; it falls to 0 along a cosine.
        precision: `single`, or `mixed`: half precision where it does no harm, on a GPU alone.
        threads: CPU threads; null takes all cores. Figures differ by rounding.
    """

    epochs: int = Field(default=60, ge=1)
    batch: int = Field(default=8, ge=1)
    accumulate: int | None = Field(default=None, ge=1)
    learning_rate: float = Field(default=1e-2, gt=0)
    precision: Literal["single", "mixed"] = "single"
    threads: int | None = Field(default=None, ge=1)
