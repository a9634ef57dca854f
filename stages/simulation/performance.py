"""What one person does in a clip, act after act: each goes on from where and how the one before ended."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter1d

from stages.simulation.body import ANGLE, Array, as_joints, contact_drift, facing, pose, resting_height
from stages.simulation.people import Person, Side
from stages.simulation.world import Floats, Prop, Shape

BLEND = 0.45
"""Seconds over which one act's posture passes into the next one's."""

_RESTLESS = (
    "trunk_twist", "trunk_bend", "head_turn", "head_flexion", "left_shoulder_flexion", "right_shoulder_flexion",
    "left_shoulder_abduction", "right_shoulder_abduction", "left_shoulder_rotation", "right_shoulder_rotation",
)  # fmt: skip
"""Angles that wander a little all the time; none of them moves a foot."""


@dataclass
class Performance:
    """A person's movement so far.

    Args:
        person: who.
        fps: rows per second.
        start: frame of the clip of the first row; negative: so many rows are played before the clip.
        frames: of the clip: acts that go on longer are cut there.
        ground: `(2,)` m, where the first act begins.
        heading: rad, which way it begins.
        draw: of all that is random.
        pace: m/s at the end of the last act.
        phase: cycles of gait so far.
        props: vehicles ridden, as long as the performance was when they were left.
        flying: what was thrown: shape, hand, row of release, m/s.
    """

    person: Person
    fps: float
    start: int
    frames: int
    ground: Array
    heading: float
    draw: np.random.Generator
    pace: float = 0.0
    phase: float = 0.0
    props: list[Prop] = field(default_factory=list)
    flying: tuple[Shape, Side, int, float] | None = None
    _angles: list[Array] = field(default_factory=list)
    _grounds: list[Array] = field(default_factory=list)
    _headings: list[Array] = field(default_factory=list)
    _heights: list[Array] = field(default_factory=list)
    _kinds: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self._kinds)

    @property
    def left(self) -> int:
        """Frames until the clip ends."""
        return self.frames - self.start - len(self)

    @property
    def seconds_left(self) -> float:
        """Seconds until the clip ends."""
        return self.left / self.fps

    def rows(self, seconds: float) -> int:
        """How many frames so many seconds are, at least 2 and not beyond the clip."""
        return min(max(2, round(seconds * self.fps)), self.left)

    def play(
        self,
        angles: Array,
        kind: str,
        *,
        ground: Array | None = None,
        heading: Array | None = None,
        height: Array | None = None,
        lift: Array | None = None,
        ahead: Array | None = None,
        blend: float = BLEND,
    ) -> None:
        """Go on with an act.

        Args:
            angles: `(T, len(ANGLES))` degrees.
            kind: what the act is.
            ground: `(T, 2)` m, of the pelvis; where left out, whatever touches the ground stays where it is.
            heading: `(T,)` rad; where left out, as before.
            height: `(T,)` m, of the pelvis; where left out, the body rests on the ground.
            lift: `(T,)` m, added to the height: a leap.
            ahead: `(T,)` m, how far the body is carried along its heading beside what its contacts do.
            blend: s, over which the posture so far passes into this one.
        """
        angles = angles[: self.left]
        size = len(angles)
        if not size:
            return
        heading = np.full(size, self.heading) if heading is None else heading[:size]
        angles, heading = self._passed_into(angles, heading, blend)
        height = None if height is None else self._eased(height[:size], blend)
        if ground is None or height is None:
            points = facing(pose(angles, self.person.build), heading)
            height = resting_height(points, self.person.build) if height is None else height
            if ground is None:
                ground = self.ground + self._gone(points, heading, np.zeros(size) if ahead is None else ahead[:size])
        height = height if lift is None else height + lift[:size]
        for rows, values in zip(
            (self._angles, self._grounds, self._headings, self._heights),
            (angles, ground[:size], heading, height),
            strict=True,
        ):
            rows.append(values)
        self._kinds += [kind] * size
        self.ground, self.heading = ground[size - 1], float(heading[-1])

    def _gone(self, points: Array, heading: Array, ahead: Array) -> Array:
        """How far `(T, 2)` m the pelvis comes while its contacts stand still and something carries it ahead."""
        carried = np.diff(ahead)[:, None] * np.stack([np.cos(heading), np.sin(heading)], axis=1)[1:]
        steps = carried - contact_drift(points, self.person.build)
        return np.concatenate([np.zeros((1, 2)), np.cumsum(steps, axis=0)])

    def _passed_into(self, angles: Array, heading: Array, blend: float) -> tuple[Array, Array]:
        """Add what the last posture and heading differ from the first ones, fading away."""
        if not self._angles:
            return angles, heading
        fade = self._fade(len(angles), blend)
        turn = (self._headings[-1][-1] - heading[0] + np.pi) % (2 * np.pi) - np.pi
        return angles + fade[:, None] * (self._angles[-1][-1] - angles[0]), heading + fade * turn

    def _eased(self, height: Array, blend: float) -> Array:
        if not self._heights:
            return height
        return np.asarray(height + self._fade(len(height), blend) * (self._heights[-1][-1] - height[0]))

    def _fade(self, size: int, blend: float) -> Array:
        """From 1 to 0 within `blend` seconds, level at both ends."""
        along = np.clip(np.arange(1, size + 1) / (blend * self.fps), 0.0, 1.0)
        return np.asarray(1.0 - along**2 * (3.0 - 2.0 * along))

    def rest(self) -> None:
        """Stay in the last posture until the clip ends."""
        self.play(np.repeat(self._angles[-1][-1:], self.left, axis=0), self._kinds[-1])

    @property
    def way(self) -> Array:
        """`(T, 2)` m, the pelvis seen from above, so far."""
        return np.concatenate(self._grounds)

    def so_far(self) -> tuple[Floats, Array]:
        """Joints `(T, len(BODY), 3)` m and heading `(T,)` rad of everything played."""
        angles, heading = np.concatenate(self._angles), np.concatenate(self._headings)
        angles = angles + self._restlessness(len(angles))
        points = facing(pose(angles, self.person.build), heading)
        height = np.maximum(np.concatenate(self._heights), resting_height(points, self.person.build))
        return as_joints(points, self.way, height), heading

    def _restlessness(self, size: int) -> Array:
        """Slow wandering of the upper body's angles, some 1.5° strong, the same whenever it is asked for."""
        noise = np.zeros((size, len(ANGLE)))
        draw = np.random.default_rng(self.person.look)
        wander = gaussian_filter1d(draw.normal(size=(self.frames - self.start, len(_RESTLESS))), 0.4 * self.fps, axis=0)
        noise[:, [ANGLE[name] for name in _RESTLESS]] = 1.5 * wander[:size] / max(float(wander.std()), 1e-6)
        return noise

    @property
    def kinds(self) -> NDArray[np.str_]:
        """`(T,)` what was done."""
        return np.array(self._kinds, dtype=np.str_)


def keyed(moments: list[tuple[float, Array]], rows: int, fps: float) -> Array:
    """Postures between given ones.

    Args:
        moments: seconds, rising from 0, and postures `(len(ANGLES),)`.
        rows: how many to give; beyond the last moment its posture stays.
        fps: rows per second.

    Returns:
        `(rows, len(ANGLES))` degrees, monotone between neighbouring postures, so that no joint overshoots.
    """
    times = np.array([moment for moment, _ in moments])
    curve = PchipInterpolator(times, np.array([shape for _, shape in moments]))
    return np.asarray(curve(np.minimum(np.arange(rows) / fps, times[-1])))
