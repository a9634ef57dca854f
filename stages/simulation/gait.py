"""Walking and running: joint angles over the gait cycle, and the strides they make.

The curves are mean curves of the literature in round numbers: read to whole or half degrees, one value per 5 % of the
cycle that begins with the foot's contact. They are not the sources' tables: extremes and their times are kept, single
values may be off by some degrees. Walking: knee and ankle at natural cadence, Winter, "The Biomechanics and Motor
Control of Human Gait", 2nd ed., 1991, chapter 3 (the knee also stays within 8° of Schwartz, Rozumalski & Trost, "The
effect of walking speed on the gait of typically developing children", J. Biomechanics 41, 2008); hip (as the thigh's
angle with the vertical) and pelvis, Perry, "Gait Analysis", 1992; shoulder and elbow, Murray, Sepic & Barnard,
"Patterns of sagittal rotation of the upper limbs in walking", 1967. Running at 3.2 m/s: Novacheck, "The biomechanics
of running", Gait & Posture 7, 1998, the hip less the 12° that the pelvis is tilted; arms, Hinrichs, "Upper extremity
function in running", 1987.

How speed is made: walking keeps the walk ratio, step length over cadence (Sekiya & Nagasaki, 1998), running nearly
keeps its cadence and lengthens the step (Nilsson & Thorstensson, 1987); both scale with height as pendulums do. The
angles' amplitude is what makes the stance foot stand still under the body at the wanted step length.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter1d, map_coordinates

from stages.simulation.body import ANGLE, ANGLES, Array, pose
from stages.simulation.world import POINT, Build

Kind = Literal["walk", "run"]

GRAVITY = 9.81
"""m/s²."""
WALK_RATIO = 0.0064
"""m per step/min, step length over cadence of an adult of 1.75 m."""
STATURE = 1.75
"""m: whom the regressions describe."""

_WALK = {
    "hip_flexion": (20, 20, 18, 15, 11, 5.5, 0, -5.5, -11, -16, -19.5, -20.5, -16, -6.5, 4.5, 14, 21, 25, 25, 22.5),
    "knee_flexion": (4, 12, 19, 21.5, 20.5, 17, 13.5, 10.5, 8.5, 8.5, 13, 22, 37, 54, 64, 62, 49, 30, 12, 1.5),
    "ankle_flexion": (0, -4.5, -2.5, 1.5, 4, 5.5, 7, 8, 9, 9.5, 8, 2, -11, -19.5, -16.5, -8.5, -2.5, 0, 1, 1),
    "shoulder_flexion": (-24, -23, -21, -17, -13, -8, -3, 1.5, 5, 7.5, 8, 7.5, 5, 1.5, -3, -8, -13, -17, -21, -23),
    "elbow_flexion": (18, 17, 17, 18, 20, 23, 27, 32, 36, 40, 42, 42, 40, 37, 33, 29, 26, 23, 21, 19),
    "pelvis_turn": (-5, -4.5, -4, -2.5, -1.5, 0, 1.5, 2.5, 4, 4.5, 5, 4.5, 4, 2.5, 1.5, 0, -1.5, -2.5, -4, -4.5),
    "pelvis_list": (0, -2, -4, -4, -3, -2, -1, -0.5, 0, 0, 0, 2, 4, 4, 3, 2, 1, 0.5, 0, 0),
}  # fmt: skip
_RUN = {
    "hip_flexion": (24, 23.5, 20, 15, 8.5, 1, -6.5, -13.5, -18, -19, -14, -5, 6, 17, 26.5, 33, 36, 36, 32.5, 27.5),
    "knee_flexion": (18, 31, 40, 44, 42, 37, 29.5, 22.5, 19, 26, 44, 64, 81, 90, 90, 80, 62, 41, 22, 13),
    "ankle_flexion": (7, 10, 17, 22, 23.5, 19, 8, -7, -20, -23, -18, -10, -3, 1, 4, 5.5, 6.5, 7, 7.5, 7.5),
    "shoulder_flexion": (-50, -48, -43, -36, -28, -19, -10, -2, 5, 9, 10, 9, 5, -2, -10, -19, -28, -36, -43, -48),
    "elbow_flexion": (88, 88, 89, 91, 94, 97, 100, 103, 105, 106, 106, 106, 105, 103, 100, 97, 94, 91, 89, 88),
    "pelvis_turn": (-3, -5, -6, -5, -3, 0, 2, 3, 3, 3, 3, 5, 6, 5, 3, 0, -2, -3, -3, -3),
    "pelvis_list": (2, -2, -4, -5, -4, -2, 0, 0, -1, -2, -2, 2, 4, 5, 4, 2, 0, 0, 1, 2),
}  # fmt: skip
_LEAN = {"walk": 2.0, "run": 7.0}
"""Degrees the trunk leans forward at the curves' speed."""
_SHOULDER_TWIST = {"walk": -1.6, "run": -2.2}
"""How far the shoulders turn against the pelvis, times the pelvis' turn (Stokes et al., 1989)."""
_STEP_NARROWING = {"walk": 2.2, "run": 3.2}
"""Degrees each hip adducts: feet tread nearer to the midline than the hips are."""

_FOOT_LIFT = {"hip_flexion": 38.0, "knee_flexion": 62.0, "ankle_flexion": 30.0}
"""Degrees that a foot is lifted by in its swing, times how much the strides are short of usual."""

DUTY = {"walk": 0.62, "run": 0.37}
"""The share of the cycle a foot is on the ground."""


_SWINGING = ("hip_flexion", "knee_flexion", "ankle_flexion", "shoulder_flexion", "elbow_flexion")


@lru_cache(maxsize=2)
def _curves(kind: Kind) -> dict[str, CubicSpline]:
    table = _WALK if kind == "walk" else _RUN
    at = np.linspace(0.0, 1.0, 21)
    return {name: CubicSpline(at, [*values, values[0]], bc_type="periodic") for name, values in table.items()}


def _swinging(kind: Kind, phase: Array) -> Array:
    """0 while a foot carries, 1 early in its swing, `(T,)`: it rises quickly as it is unloaded and sinks slowly."""
    begin = DUTY[kind] - (0.11 if kind == "walk" else 0.0)
    along = np.clip((phase % 1.0 - begin) / (0.98 - begin), 0.0, 1.0)
    return np.asarray(6.75 * along * (1.0 - along) ** 2)


def cycle(kind: Kind, phase: Array, amplitude: Array) -> Array:
    """The posture at each moment of the gait cycle.

    Args:
        kind: which gait.
        phase: `(T,)` cycles since a contact of the left foot; any real number.
        amplitude: `(T,)`, 1 is the published curve, 0 standing still.

    Returns:
        `(T, len(ANGLES))` degrees; the right side is half a cycle behind the left.
    """
    angles = np.zeros((len(phase), len(ANGLES)))
    curves = _curves(kind)
    turn, tip = (amplitude * curves[name](phase % 1.0) for name in ("pelvis_turn", "pelvis_list"))
    for side, shift, sign in (("left", 0.0, 1.0), ("right", 0.5, -1.0)):
        own = {name: curves[name]((phase + shift) % 1.0) for name in _SWINGING}
        for name, values in own.items():
            angles[:, ANGLE[f"{side}_{name}"]] = amplitude * values
        # Short steps lift the foot nearly as high as long ones: the swinging leg bends more than the stride asks.
        lift = np.clip(np.sqrt(amplitude) - amplitude, 0.0, None) * _swinging(kind, phase + shift)
        for name, degrees in _FOOT_LIFT.items():
            angles[:, ANGLE[f"{side}_{name}"]] += degrees * lift
        # The legs swing straight ahead whatever the pelvis above them does.
        angles[:, ANGLE[f"{side}_hip_rotation"]] = -sign * turn
        angles[:, ANGLE[f"{side}_hip_abduction"]] = -sign * tip - _STEP_NARROWING[kind] * np.minimum(amplitude, 1.0)
    angles[:, ANGLE["pelvis_turn"]] = turn
    angles[:, ANGLE["pelvis_list"]] = tip
    angles[:, ANGLE["trunk_bend"]] = -tip
    angles[:, ANGLE["trunk_twist"]] = _SHOULDER_TWIST[kind] * turn
    angles[:, ANGLE["head_turn"]] = -(1.0 + _SHOULDER_TWIST[kind]) * turn
    angles[:, ANGLE["trunk_flexion"]] = _LEAN[kind] * amplitude
    return angles


def support(kind: Kind, phase: Array) -> Array:
    """How much of the body each foot carries.

    Args:
        kind: which gait.
        phase: `(T,)` cycles.

    Returns:
        `(T, 2)` left and right, 0 … 1: walking they add up to 1, running to 0 in flight.
    """
    own = np.stack([phase, phase + 0.5], axis=1) % 1.0
    if kind == "run":
        return np.asarray((own < DUTY["run"]).astype(np.float64))
    both = DUTY["walk"] - 0.5
    return np.asarray(np.clip(own / both, 0.0, 1.0) * np.clip((DUTY["walk"] - own) / both, 0.0, 1.0))


def _roll(foot: Array) -> Array:
    """How far a foot's contact moves ahead from row to row: the lower of heel and toe, `(T, 2, 3)` to `(T - 1,)`."""
    low = np.exp(-(((foot[..., 2] - foot[..., 2].min(axis=1, keepdims=True)) / 0.005) ** 2))
    both = low[1:] * low[:-1]
    return np.asarray((both * np.diff(foot[..., 0], axis=0)).sum(axis=1) / both.sum(axis=1))


def _bridge(values: Array, grounded: NDArray[np.bool_]) -> Array:
    """One cycle of values with those of flight, where nothing touches the ground, bridged between their neighbours."""
    at = np.flatnonzero(grounded)
    size = len(values)
    ticks = np.concatenate([at - size, at, at + size])
    return np.asarray(np.interp(np.arange(size), ticks, np.tile(values[at], 3)))


@dataclass(frozen=True)
class Stride:
    """What the feet make of the angles: a table over amplitude and phase, for a body of height 1.

    Args:
        kind: which gait.
    """

    kind: Kind

    AMPLITUDES = np.linspace(0.0, 1.5, 16)
    PHASES = 200

    @cached_property
    def table(self) -> tuple[Array, Array]:
        """How fast the body advances (heights per cycle) and how high the pelvis is, each `(16, 200)`."""
        rows = [self._row(amplitude) for amplitude in self.AMPLITUDES]
        return np.array([row[0] for row in rows]), np.array([row[1] for row in rows])

    def _row(self, amplitude: float) -> tuple[Array, Array]:
        """One stride at one amplitude: rate of advance and pelvis height over the cycle."""
        phase = np.arange(self.PHASES + 1) / self.PHASES
        points = pose(cycle(self.kind, phase, np.full(len(phase), amplitude)), Build(height=1.0, girth=1.0))
        weights = support(self.kind, phase)
        drift, height = np.zeros(self.PHASES), np.zeros(self.PHASES)
        for side, weight in zip(("left", "right"), weights[:-1].T, strict=True):
            foot = points[:, [POINT[f"{side}_heel"], POINT[f"{side}_toe"]]]
            drift += weight * _roll(foot)
            height -= weight * foot[:-1, :, 2].min(axis=1)
        grounded = weights[:-1].sum(axis=1) > 0
        rate, height = (_bridge(values, grounded) for values in (-drift * self.PHASES, height))
        return gaussian_filter1d(rate, 4.0, mode="wrap"), gaussian_filter1d(height, 2.0, mode="wrap")

    @cached_property
    def lengths(self) -> Array:
        """The stride's length in heights at each of AMPLITUDES, `(16,)`, rising."""
        return np.asarray(self.table[0].mean(axis=1))

    def amplitude_of(self, length: Array) -> Array:
        """Which amplitude makes strides this long.

        Args:
            length: heights; beyond the longest the amplitude stays at its greatest.

        Returns:
            amplitude, as many.
        """
        return np.asarray(np.interp(length, self.lengths, self.AMPLITUDES))

    def look_up(self, amplitude: Array, phase: Array) -> tuple[Array, Array]:
        """Advance (heights per cycle) and pelvis height (heights) at amplitudes and phases, each `(T,)`."""
        rate, height = self.table
        index = [amplitude / self.AMPLITUDES[1], (phase % 1.0) * self.PHASES]
        padded = [np.concatenate([table, table[:, :1]], axis=1) for table in (rate, height)]
        first, second = (map_coordinates(table, index, order=1, mode="nearest") for table in padded)
        return np.asarray(first), np.asarray(second)


@lru_cache(maxsize=2)
def stride(kind: Kind) -> Stride:
    """The stride table of a gait, made once per process."""
    return Stride(kind)


def step_rate(kind: Kind, speed: Array, height: float) -> Array:
    """Steps per second that people choose at a speed.

    Args:
        kind: which gait.
        speed: m/s, ≥ 0.
        height: m, of the person; the small step quicker, as pendulums do.

    Returns:
        Hz, as many as speeds.
    """
    scale = height / STATURE
    if kind == "walk":
        return np.asarray(np.sqrt(speed / (60.0 * WALK_RATIO * scale**1.5)))
    return np.asarray((2.3 + 0.12 * speed / np.sqrt(scale)) / np.sqrt(scale))


@dataclass(frozen=True)
class Locomotion:
    """A walk or run along a line.

    Args:
        angles: `(T, len(ANGLES))` degrees.
        advance: `(T,)` m, gone since row 0.
        height: `(T,)` m, of the pelvis.
        phase: `(T,)` cycles.
    """

    angles: Array
    advance: Array
    height: Array
    phase: Array


def locomotion(
    kind: Kind, speed: Array, fps: float, height: float, phase: float = 0.0, cadence: float = 1.0
) -> Locomotion:
    """Walk or run at given speeds.

    Args:
        kind: which gait.
        speed: `(T,)` m/s wanted; 0 stands.
        fps: rows per second.
        height: m, of the person.
        phase: cycles at row 0.
        cadence: times the usual step rate at that speed: habit.

    Returns:
        the movement, reached speeds differ from the wanted ones by what the body does within a step.
    """
    table = stride(kind)
    rate = cadence * step_rate(kind, speed, height) / 2.0
    length = np.divide(speed, rate * height, out=np.zeros_like(speed), where=rate > 0)
    amplitude = table.amplitude_of(length)
    rate = np.divide(speed, table_length(table, amplitude) * height, out=np.zeros_like(speed), where=amplitude > 0)
    steps = np.concatenate([[phase], phase + np.cumsum(rate[:-1]) / fps])
    pace, pelvis = table.look_up(amplitude, steps)
    gone = np.concatenate([[0.0], np.cumsum((pace * rate * height)[:-1]) / fps])
    rise = flight(steps, rate) if kind == "run" else np.zeros_like(steps)
    return Locomotion(cycle(kind, steps, amplitude), gone, pelvis * height + rise, steps)


def table_length(table: Stride, amplitude: Array) -> Array:
    """The stride's length in heights at any amplitudes."""
    return np.asarray(np.interp(amplitude, table.AMPLITUDES, table.lengths))


def flight(phase: Array, rate: Array) -> Array:
    """How much higher a runner's body is thrown than its feet reach.

    Args:
        phase: `(T,)` cycles.
        rate: `(T,)` cycles per second.

    Returns:
        `(T,)` m: a parabola of free fall between one foot's leaving and the other's contact, else 0.
    """
    since = np.clip(phase % 0.5 - DUTY["run"], 0.0, None)
    left = np.where(since > 0, 0.5 - phase % 0.5, 0.0)
    return np.asarray(0.5 * GRAVITY * since * left / np.maximum(rate, 1e-6) ** 2)
