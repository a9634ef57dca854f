"""How far a pose estimator is from the truth: rates and spreads, and the random processes they steer.

All of it is temporally correlated as the errors of real estimators are. An AR(1) process, x(t) = ρ x(t-1) +
√(1 - ρ²) e(t) with ρ = exp(-1 / (memory · fps)), gives errors; where it falls below the quantile of a rate, things
happen, so that they come in bursts and yet exactly as often as stated.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from pydantic import Field

from stages.core.params import Section
from stages.core.seeding import stream
from stages.simulation.cameras import Doubles
from stages.simulation.occlusion import Bools


def _rate(default: float) -> float:
    value: float = Field(default=default, ge=0, le=1)
    return value


def _size(default: float) -> float:
    value: float = Field(default=default, ge=0)
    return value


class NoiseParams(Section):
    """The `simulate.noise` section: errors of poses, at the level of a light estimator on small people.

    Args:
        level: every spread and rate below is multiplied by it, rates up to 1; 0 gives the truth.
        spread: standard deviation of a keypoint, as a share of the person's height in the picture.
        floor: px, standard deviation that no person is too tall for.
        hidden: how many times as wide the error of a keypoint is that cannot be seen.
        steady: share of the error's variance that stays for `memory`; the rest is new in each frame.
        memory: seconds after which a steady error has faded to 1/e.
        outliers: share of keypoints that are far off.
        far: how many times as wide the error of such a keypoint is.
        swapped: share of a person's frames in which left and right arm are taken for each other; the same for legs.
        mixed: share of frames in which a limb of somebody takes the place of that of a nearer person who overlaps,
            each limb for itself.
        tolerance: error that costs a keypoint's confidence a factor of e, as a share of the person's height.
        doubt: by how many factors of e a keypoint that cannot be seen is trusted less.
        wavering: standard deviation of confidence that has nothing to do with the error.
        box: standard deviation of a box's edges, as a share of its size.
        missed: share of frames in which a fully visible, large person is not detected.
        missed_hidden: added to it, times the share of keypoints that cannot be seen.
        missed_small: added to it, times how much smaller than `small` somebody is: 0 at that height, 1 at none.
        small: px.
        limit: share of keypoints that cannot be seen above which nobody is detected.
        false: people per frame where there is nobody: weak, and at the same few spots throughout a clip.
        switched: identity switches per second and pair that overlaps; only with `ids: noisy`.
        forgotten: seconds unseen after which somebody comes back as a new identity; only with `ids: noisy`.
    """

    level: float = _size(1.0)
    spread: float = _size(0.022)
    floor: float = _size(0.7)
    hidden: float = Field(default=2.0, ge=1)
    steady: float = _rate(0.6)
    memory: float = Field(default=0.25, gt=0)
    outliers: float = _rate(0.02)
    far: float = Field(default=5.0, ge=1)
    swapped: float = _rate(0.03)
    mixed: float = _rate(0.08)
    tolerance: float = Field(default=0.12, gt=0)
    doubt: float = _size(0.7)
    wavering: float = _size(0.08)
    box: float = _size(0.03)
    missed: float = _rate(0.02)
    missed_hidden: float = _rate(0.25)
    missed_small: float = _rate(0.15)
    small: float = Field(default=60.0, gt=0)
    limit: float = _rate(0.7)
    false: float = _size(0.03)
    switched: float = _size(0.3)
    forgotten: float = Field(default=1.0, gt=0)

    def rate(self, base: float | Doubles) -> Doubles:
        """A rate at this level, at most 1."""
        return np.asarray(np.minimum(self.level * np.asarray(base), 1.0))


class Chance:
    """All random processes of a clip; each has its own stream, so that none depends on the others' parameters.

    Args:
        seed: of the clip.
        fps: frames per second.
        memory: s, of all processes.
    """

    def __init__(self, seed: int, fps: float, memory: float) -> None:
        self._seed, self._keep = seed, float(np.exp(-1 / (memory * fps)))

    def stream(self, name: str) -> np.random.Generator:
        """A generator for one purpose."""
        return stream(self._seed, "noise", name)

    def fresh(self, name: str, shape: tuple[int, ...]) -> Doubles:
        """Standard normal values, all independent."""
        return np.asarray(self.stream(name).standard_normal(shape))

    def steady(self, name: str, shape: tuple[int, ...]) -> Doubles:
        """Standard normal values that change slowly along the first axis, which is time."""
        new = self.fresh(name, shape)
        new[1:] *= np.sqrt(1 - self._keep**2)
        for before, now in pairwise(new):
            now += self._keep * before
        return new

    def happens(self, name: str, rate: Doubles) -> Bools:
        """Whether something happens, in bursts, as often as `rate` (time first) says for each place and time."""
        from scipy.special import ndtri  # loads for half a second, which whoever only reads params need not wait for

        return np.asarray(self.steady(name, rate.shape) < ndtri(rate))
