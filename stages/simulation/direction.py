"""Directing a clip: who comes, when, where they go and what they do.

Whoever performs an abnormal kind is cast first; the others come in parties until there are as many people as planned.
Each is drawn anew, up to eight times, while it would run into somebody or something, or while a planned kind would
hardly be seen. Where more than walking and standing is
normal, as running on the track, three in ten of the others do that, as it is done elsewhere.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from stages.core.seeding import stream
from stages.simulation.cameras import project
from stages.simulation.parts import PARTS, WAIST, Part
from stages.simulation.passers import party
from stages.simulation.performance import Performance
from stages.simulation.routes import inside
from stages.simulation.throwing import carried, flown
from stages.simulation.world import Actor, Plan, kinds_in

APART = 0.5
"""m that people keep from one another, if it can be had."""
USUAL = 0.3
"""The share of the others who do what is normal here alone."""
SHOWN = 1.2
"""Seconds that a planned kind is to be in view, if it can be had."""
_TRIES = 8
_SOLID = 0.04
"""m that clothes and cushions give way."""


def perform(plan: Plan) -> tuple[Actor, ...]:
    """Perform a plan.

    Args:
        plan: what is to happen; its seed decides everything random.

    Returns:
        actors by track: those of `plan.kinds` (one each, two for a fight) and `plan.people` others, in random order.
        Each is in the clip from its `start` until it leaves or the clip ends, 2 frames at least.

    Raises:
        KeyError: a planned kind is not one of ABNORMAL_KINDS.
    """
    cast: list[Performance] = []
    for index, kind in enumerate(plan.kinds):
        cast += _fitting(plan, cast, PARTS[kind], f"{kind} {index}", kind)
    wanted = len(cast) + plan.people
    while len(cast) < wanted:
        missing = wanted - len(cast)
        cast += _fitting(plan, cast, partial(_others, most=missing), f"party {len(cast)}")
    order = stream(plan.seed, "tracks").permutation(len(cast))
    return tuple(_actor(cast[index], plan, track) for track, index in enumerate(order))


def _others(plan: Plan, draw: np.random.Generator, most: int) -> tuple[Performance, ...]:
    """A party of people who do what is normal here."""
    usual = [kind for kind in plan.place.normal if kind in PARTS and (kind != "fight" or most > 1)]
    if usual and draw.random() < USUAL:
        return PARTS[str(draw.choice(usual))](plan, draw)
    return party(plan, draw, most)


def _fitting(
    plan: Plan, cast: list[Performance], part: Part, name: str, kind: str | None = None
) -> tuple[Performance, ...]:
    """Of several drawings of a part the first without fault that nobody runs into, else the one that comes off best."""
    best: tuple[Performance, ...] = ()
    highest = (-np.inf, -np.inf)
    for attempt in range(_TRIES):
        group = part(plan, stream(plan.seed, name, str(attempt)))
        room = min((_closest(one, other) for one in group for other in cast), default=np.inf)
        faults = sum(_strikes(who, plan) for who in group)
        faults += kind is not None and min(_shown(who, kind, plan) for who in group) < SHOWN
        merit = (-float(faults), min(room, APART))
        if merit > highest:
            best, highest = group, merit
        if merit == (0.0, APART):
            break
    return best


def _strikes(who: Performance, plan: Plan) -> bool:
    """Whether any part of a body is ever in something solid; who stands about may sit on a bench."""
    joints, _ = who.so_far()
    moves = who.kinds != "stand"
    for box in plan.place.boxes:
        rows = (joints[moves] if box.look == "bench" else joints).astype(np.float64)
        within = inside(rows[..., :2], box, -_SOLID) & (rows[..., 2] < box.size[2] - _SOLID)
        if within.any():
            return True
    return False


def _shown(who: Performance, kind: str, plan: Plan) -> float:
    """Seconds of the clip in which somebody does something before the camera, whatever stands between."""
    camera, first = plan.camera, max(-who.start, 0)
    middle = np.column_stack([who.way, np.full(len(who), WAIST)])[first:]
    pixels, depth = project(camera, middle[who.kinds[first:] == kind])
    framed = (pixels >= 0) & (pixels <= (camera.width, camera.height))
    return float((framed.all(axis=1) & (depth > 0)).sum() / plan.fps)


def _closest(one: Performance, other: Performance) -> float:
    """How near two people come to each other, m; inf where they never are in the clip together."""
    first, last = max(one.start, other.start), min(one.start + len(one), other.start + len(other))
    if first >= last:
        return float(np.inf)
    apart = one.way[first - one.start : last - one.start] - other.way[first - other.start : last - other.start]
    return float(np.linalg.norm(apart, axis=1).min())


def _actor(who: Performance, plan: Plan, track: int) -> Actor:
    """What was performed, with the things that go with it."""
    joints, heading = who.so_far()
    person, kinds, props = who.person, who.kinds, list(who.props)
    if who.flying is not None:
        props.append(flown(joints, heading, who.fps, *who.flying))
    elif person.bag is not None and not who.props:
        props.append(carried(joints, heading, person.bag))
    now = slice(max(-who.start, 0), None)  # what was played before the clip is over
    shown = tuple(replace(prop, place=prop.place[now], heading=prop.heading[now]) for prop in props)
    return Actor(
        track, max(who.start, 0), joints[now], kinds[now], _abnormal(kinds[now], plan), person.build, person.look, shown
    )


def _abnormal(kinds: NDArray[np.str_], plan: Plan) -> NDArray[np.bool_]:
    """Which rows are abnormal in this place."""
    table = kinds_in(plan.place)
    return np.array([table[kind] for kind in kinds], dtype=bool)
