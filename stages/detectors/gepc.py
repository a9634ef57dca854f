"""GEPC: actions are told in a few words, soft assignments to clusters of poses; unusual sentences are abnormal.

Source: Markovitz, Sharir, Friedman, Zelnik-Manor and Avidan, "Graph Embedded Pose Clustering for Anomaly Detection",
CVPR 2020. What the released code does otherwise is the preset `published`; what was mended is `corrected`
(docs/decisions/0016).
"""

from __future__ import annotations

from typing import ClassVar

from stages.detectors.base import DetectorParams
from stages.detectors.layers.gepc.cluster_detector import ClusterDetector
from stages.detectors.layers.gepc.params import GepcParams


class Gepc(ClusterDetector):
    """The detector. See `ClusterDetector`."""

    name: ClassVar[str] = "gepc"
    Params: ClassVar[type[DetectorParams]] = GepcParams
