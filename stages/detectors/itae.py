"""ITAE: an autoencoder of clips with a static and a dynamic encoder fails on what it has not learned.

Source: Cho et al., "Unsupervised Video Anomaly Detection via Normalizing Flows with Implicit Latent Features", Pattern
Recognition 2022, section 3.2; `two_path: false` is the one-path autoencoder of its ablation.
"""

from __future__ import annotations

from typing import ClassVar

from stages.detectors.base import DetectorParams
from stages.detectors.layers.itae.detector import ClipDetector
from stages.detectors.layers.itae.params import ItaeParams


class ItaeDetector(ClipDetector):
    """The detector; a frame's score is the largest mean error of any of its patches (equation 12)."""

    name: ClassVar[str] = "itae"
    Params: ClassVar[type[DetectorParams]] = ItaeParams
