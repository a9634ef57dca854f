"""Future-frame prediction: what is foreseen from the frames before differs most from what happens where it is abnormal.

Source: Liu, Luo, Lian and Gao, "Future Frame Prediction for Anomaly Detection – A New Baseline", CVPR 2018, without its
adversarial term. The baseline of whole frames in GEPC's and STG-NF's tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from stages.core.errors import TrainingError
from stages.core.windows import Windows
from stages.detectors.base import DetectorParams, Form
from stages.detectors.layers.frames.detector import FrameDetector
from stages.detectors.layers.pretext.params import FfpParams

if TYPE_CHECKING:
    import torch

    from stages.detectors.layers.pretext.unet import UNet


class Ffp(FrameDetector["UNet"]):
    """The detector; a frame's score is the negative peak signal-to-noise ratio of what was foreseen.

    The first frames of a window have none before them: they are foreseen backwards from those after. Where windows
    overlap the referee takes the mean of both.
    """

    name: ClassVar[str] = "ffp"
    Params: ClassVar[type[DetectorParams]] = FfpParams
    unit: ClassVar[str] = "negative PSNR, dB"

    def _build(self, form: Form) -> UNet:
        import torch

        from stages.core.seeding import derive
        from stages.detectors.layers.pretext.unet import UNet, refuse_odd

        past = self.params.past
        if form.samples <= 2 * past - 1:
            raise TrainingError(
                f"windows of {form.samples} frames, of which {past} are seen before one is foreseen, either way",
                fix=f"give windows of {2 * past} frames and more, or a smaller `past`",
            )
        channels, height, width = form.picture
        refuse_odd(height, width)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive(self.seed, "ffp", "weights"))
            network = UNet(past * channels, channels, self.params.width)
        return network.to(self._device()).to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]

    def _epochs(self, network: UNet, train: Windows) -> Iterator[float]:
        from stages.detectors.layers.pretext.foresight import foresee

        return foresee(network, train, self.params, self.seed, self._device())

    def _held_out(self, network: UNet, windows: Windows) -> float:
        from stages.detectors.layers.pretext.foresight import held_out

        return held_out(network, windows, self.params, self._device())

    def error_maps(self, windows: Windows) -> NDArray[np.float32]:
        """Squared error of every pixel, mean over channels. See `stages.detectors.base.Mapped`."""
        from stages.detectors.layers.frames.batches import empty_maps

        pieces = self._by_pieces(windows, self._errors)
        return np.concatenate([empty_maps(windows), *(piece.cpu().numpy() for piece in pieces)])

    def _errors(self, windows: Windows, rows: torch.Tensor) -> torch.Tensor:
        from stages.detectors.layers.pretext.foresight import errors

        return errors(self._fitted(), windows, rows, self.params.past, self._device())

    def _judge(self, windows: Windows, rows: torch.Tensor) -> dict[str, NDArray[np.float32]]:
        from stages.detectors.layers.pretext.foresight import surprise

        return {"score": surprise(self._errors(windows, rows)).cpu().numpy()}
