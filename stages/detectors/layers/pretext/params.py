"""The params of future-frame prediction and of jigsaw puzzles."""

from __future__ import annotations

from pydantic import Field

from stages.detectors.layers.frames.params import FrameDetectorParams


class FfpParams(FrameDetectorParams):
    """The `detectors.ffp` section.

    Args:
        past: frames from which the next is foreseen.
        width: factor of the U-Net's channels; 1 is 64, 128, 256, 512 as published.
        flow: weights of torchvision's RAFT (small), a safetensors file below the project, for the paper's optical-flow
            term: what moves between the last frame and the next must move as much in the foreseen one. Null leaves the
            term out. It needs `pip install torchvision` and frames of 128 px and more.
        flow_weight: of that term, 2 as published.
    """

    past: int = Field(default=4, ge=1)
    width: float = Field(default=1.0, gt=0)
    learning_rate: float = Field(default=2e-4, gt=0)
    batch: int = Field(default=4, ge=1)
    flow: str | None = None
    flow_weight: float = Field(default=2.0, ge=0)


class JigsawParams(FrameDetectorParams):
    """The `detectors.jigsaw` section.

    Args:
        grid: a frame is cut into `grid` × `grid` pieces for the puzzle in space.
        side: px that the frames are shrunk to before.
        width: factor of the network's channels; 1 is 32, 32, 64, 64, 64, 64 as published.
    """

    grid: int = Field(default=3, ge=2)
    side: int = Field(default=64, ge=16)
    width: float = Field(default=1.0, gt=0)
    learning_rate: float = Field(default=1e-4, gt=0)
    batch: int = Field(default=192, ge=1)
