"""GEPC on what is seen around the joints in place of where they are: its patches variant.

Source: Markovitz, Sharir, Friedman, Zelnik-Manor and Avidan, "Graph Embedded Pose Clustering for Anomaly Detection",
CVPR 2020, section 4.1: features of the pictures around the joints, 64 a joint, go through the same graph.
"""

from __future__ import annotations

from typing import ClassVar

from stages.detectors.base import DetectorParams, Modality
from stages.detectors.layers.gepc.cluster_detector import ClusterDetector
from stages.detectors.layers.gepc.params import GepcPatchesParams


class GepcPatches(ClusterDetector):
    """The detector; its window spec has `patches`. See `ClusterDetector`."""

    name: ClassVar[str] = "gepc_patches"
    Params: ClassVar[type[DetectorParams]] = GepcPatchesParams
    needs: ClassVar[frozenset[Modality]] = frozenset({Modality.PATCHES})
