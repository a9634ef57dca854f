"""Directing a clip: who comes, when, where they go and what they do.

Whoever performs an abnormal kind is cast first; the others come in parties until there are as many people as planned,
each party drawn anew, up to five times, while it would run into somebody. Where more than walking and standing is
normal, as running on the track, three in ten of the others do that, as it is done elsewhere.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from stages.core.seeding import stream
from stages.simulation.parts import PARTS, Part
from stages.simulation.passers import party
from stages.simulation.performance import Performance
from stages.simulation.throwing import carried, flown
from stages.simulation.world import Actor, Plan, kinds_in

APART = 0.5
"""m that people keep from one another, if it can be had."""
USUAL = 0.3
"""The share of the others who do what is normal here alone."""
_TRIES = 5


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
        cast += _fitting(plan, cast, PARTS[kind], f"{kind} {index}")
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


def _fitting(plan: Plan, cast: list[Performance], part: Part, name: str) -> tuple[Performance, ...]:
    """Of several drawings of a part the first that nobody runs into, else the one that comes off best."""
    best: tuple[Performance, ...] = ()
    widest = -1.0
    for attempt in range(_TRIES):
        group = part(plan, stream(plan.seed, name, str(attempt)))
        room = min((_closest(one, other) for one in group for other in cast), default=np.inf)
        if room > widest:
            best, widest = group, room
        if room >= APART:
            break
    return best


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
    return Actor(track, who.start, joints, kinds, _abnormal(kinds, plan), person.build, person.look, tuple(props))


def _abnormal(kinds: NDArray[np.str_], plan: Plan) -> NDArray[np.bool_]:
    """Which rows are abnormal in this place."""
    table = kinds_in(plan.place)
    return np.array([table[kind] for kind in kinds], dtype=bool)
