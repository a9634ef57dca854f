"""Windows: what they are (`WindowSpec`), what a detector is given (`Windows`).

`core/cutting.py` cuts them from tracks; both are shared by the DAG and by live use.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from stages.core.errors import DatasetError
from stages.core.normalization import NormalizationParams
from stages.core.params import Section, nearest
from stages.core.skeleton import LAYOUTS


class PatchParams(Section):
    """What a window of pictures is made of: a few features of the picture around each joint.

    Source: Markovitz et al., "Graph Embedded Pose Clustering for Anomaly Detection" (GEPC), CVPR 2020, section 4.1: 16
    × 16 px around each joint through a small network that is not trained further.

    Args:
        size: side of a picture, px of the video.
        backbone: the network: `joints`, a ResNet-20 that learns from the training clips to tell joints apart; or where
            Python finds another, `module:function`, whose call gives a torch module that maps pictures `(n, 3, size,
            size)`, RGB in 0 … 1, to features `(n, F)`.
        weights: safetensors file for the network, below the project; null learns them (`joints`) or takes those the
            network is born with.
        pictures: training pictures that `joints` learns from at most.
        epochs: passes over them.
        seed: of the pictures' choice, the first weights and the order.
        device: that the network runs on; `auto` takes a GPU when there is one.
        threads: CPU threads; null takes all cores.
    """

    size: int = Field(default=16, ge=4, multiple_of=2)
    backbone: str = Field(default="joints", pattern=r"^(joints|[\w.]+:[\w.]+)$")
    weights: str | None = None
    pictures: int = Field(default=20_000, ge=100)
    epochs: int = Field(default=3, ge=1)
    seed: int = 0
    device: str = "auto"
    threads: int | None = Field(default=None, ge=1)


class FrameParams(Section):
    """What a window of whole frames is made of.

    Args:
        height: of a frame, px; frames are shrunk or stretched to it. Null keeps the video's own, which all clips of a
            dataset must then share.
        width: likewise.
        colour: `grey`, or `rgb`; a grey video then has the same value thrice.
    """

    height: int | None = Field(default=128, ge=4)
    width: int | None = Field(default=128, ge=4)
    colour: Literal["grey", "rgb"] = "grey"

    @property
    def channels(self) -> int:
        """C of a frame."""
        return 1 if self.colour == "grey" else 3


class CropParams(Section):
    """The pictures of a person that a window holds beside the poses, and the place that the person is in.

    Source: Yang et al., MGENet, section 3.1 and its released code: the box of all keypoints over the window, a fifth
    wider and higher, as far as it lies in the frame.

    Args:
        size: side of a picture, px; the box is stretched to it.
        margin: what a box gains on either side, in shares of its width and height.
        scene: the place without people, at the window's last frame: `background`, a running mean of what nobody stands
            before, or `masked`, that frame itself with people painted over in its mean colour.
        scene_size: side of the picture of the place, px.
        memory: of a running mean, samples after which two thirds are forgotten.
    """

    size: int = Field(default=96, ge=8)
    margin: float = Field(default=0.2, ge=0)
    scene: Literal["background", "masked"] = "background"
    scene_size: int = Field(default=32, ge=4)
    memory: float = Field(default=50.0, ge=1)


class WindowSpec(Section):
    """One entry of `windows:` in params.yaml.

    Args:
        rate: samples per second. Tracks of any frame rate are resampled to it, so that a window means the same time
            everywhere. Null takes a track's entries as they come, as the papers do.
        seconds: length in seconds, with `rate`; the window has `round(seconds × rate)` samples.
        length: length in samples, in place of `seconds`. STG-NF's temporal kernel wants a multiple of 4.
        stride_train: samples from one training window to the next. Smaller gives more, more alike windows.
        stride_score: samples from one scored window to the next; 1 scores every sample time.
        fill: longest gap of a track, in samples, that is filled by linear interpolation. 0, as published, fills none.
        max_missing: samples of a window that may be unseen: filled ones, and ones that lie past the window's time
            because a gap was left open (the published rule accepts two of those).
        keep_last: keep the window that ends at a track's last entry. False is the published rule (Hirschorn and Avidan,
            STG-NF), which drops it.
        layout: joints the windows hold: the poses' own layout, or one that can be made from it; null takes the poses'
            own, whatever it is.
        normalization: how values become comparable between people.
        patches: the windows hold what is seen around each joint, in place of where it is; only footage is cut. Null for
            windows of coordinates.
        frames: the windows hold whole frames and follow nobody; only footage is cut. Null for windows of people.
        crops: the windows hold pictures of the person too; only footage is cut. Null for coordinates alone.
        task: only datasets of this task are cut, `frames` or `actions`, others have no windows of this spec; null cuts
            all. Actions before a Kinect have joints that no other layout can be made from.
    """

    rate: float | None = Field(default=10.0, gt=0)
    seconds: float | None = Field(default=None, gt=0)
    length: int | None = Field(default=None, ge=1)
    stride_train: int = Field(default=1, ge=1)
    stride_score: int = Field(default=1, ge=1)
    fill: int = Field(default=2, ge=0)
    max_missing: int = Field(default=2, ge=0)
    keep_last: bool = True
    layout: str | None = "openpose18"
    normalization: NormalizationParams = NormalizationParams()
    patches: PatchParams | None = None
    frames: FrameParams | None = None
    crops: CropParams | None = None
    task: Literal["frames", "actions"] | None = None

    def reads_like(self, other: WindowSpec) -> bool:
        """Whether a model that learned from windows of the other spec reads these: in time, joints and values alike.

        How windows follow one another, which gaps they may have, and pictures of people may differ.
        """
        alike = ("rate", "samples", "layout", "normalization", "patches", "frames")
        return all(getattr(self, name) == getattr(other, name) for name in alike)

    @property
    def looks(self) -> bool:
        """Whether footage is needed."""
        return any(part is not None for part in (self.patches, self.frames, self.crops))

    def cuts(self, task: str, *, filmed: bool) -> bool:
        """Whether datasets of a task, all of whose clips have footage or not, have windows of this spec."""
        return self.task in (None, task) and (filmed or not self.looks)

    @model_validator(mode="after")
    def _one_length(self) -> WindowSpec:
        if (self.seconds is None) == (self.length is None):
            raise ValueError("give either seconds or length")
        if self.seconds is not None and self.rate is None:
            raise ValueError("seconds need a rate; with rate null give length")
        if sum(part is not None for part in (self.patches, self.frames, self.crops)) > 1:
            raise ValueError("give one of patches, frames and crops")
        return self

    @field_validator("layout")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        if name is not None and name not in LAYOUTS:
            raise ValueError(f"no joint layout {name!r}; {nearest(name, list(LAYOUTS))}")
        return name

    @property
    def samples(self) -> int:
        """T, the samples in a window."""
        if self.length is not None:
            return self.length
        return max(1, round((self.seconds or 0) * (self.rate or 0)))

    def step(self, fps: float) -> float:
        """Frames of a clip from one sample to the next; 1 where entries are taken as they come."""
        return 1.0 if self.rate is None else fps / self.rate


class SegmentParams(Section):
    """The `segment` section.

    Args:
        windows: names of the window specs that are cut from every dataset; each detector reads one of them.
    """

    windows: tuple[str, ...]


FRAME = "frame"
"""In place of a joint layout and of channels, where windows hold whole frames: their values are the frames' numbers."""


@dataclass(frozen=True)
class Windows:
    """Windows as a detector reads them.

    Args:
        index: one row per window: dataset, split, clip, track, start_frame, step, length, missing, label,
            person_label, and, where it is known, camera.
        poses: `(N, C, T, V)` float32, normalized, not augmented.
        channels: names of the C channels, e.g. `("x", "y")`.
        layout: joint layout of the V joints; `FRAME` where windows hold whole frames.
        reader: gives `(T, C, H, W)` uint8 frames of one index row, for detectors that need RGB: whole ones, or, of
            windows with crops, pictures of the person.
        picture: `(C, H, W)` of those frames; empty where there are none.
        place: gives `(C, H, W)` uint8, the place of one index row without its people, where windows have crops.
    """

    index: pd.DataFrame
    poses: NDArray[np.float32]
    channels: tuple[str, ...]
    layout: str
    reader: Callable[[pd.Series], NDArray[np.uint8]] | None = None
    picture: tuple[int, ...] = ()
    place: Callable[[pd.Series], NDArray[np.uint8]] | None = None

    def __len__(self) -> int:
        return len(self.index)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Windows:
        """Some windows, by position or mask, in that order."""
        return replace(self, index=self.index.iloc[rows].reset_index(drop=True), poses=self.poses[rows])

    def frames(self, row: int) -> NDArray[np.uint8]:
        """Frames of one window, `(T, C, H, W)`; C is 1 grey or 3 RGB.

        Raises:
            DatasetError: the dataset has no frames to give.
        """
        if self.reader is None:
            raise DatasetError("these windows carry poses only", fix="run this detector on a dataset with video")
        return self.reader(self.index.iloc[row])

    def scene(self, row: int) -> NDArray[np.uint8]:
        """The place that one window's person is in, `(C, H, W)`, without people.

        Raises:
            DatasetError: the windows have no crops.
        """
        if self.place is None:
            raise DatasetError("these windows show no place", fix="name a window spec with `crops: {…}`")
        return self.place(self.index.iloc[row])

    def blind(self) -> Windows:
        """The same windows without what can be seen in them: poses alone."""
        return replace(self, reader=None, picture=(), place=None)
