"""The others: everybody who only does what people do everywhere.

Rates, per party, are PARTIES: most walk through, some stop for a while, bend down or kneel at a shoe on the way or sit
on a bench where there is one; others walk in pairs, stand and talk in groups of two to four, or stand alone. Six in ten
are about when the clip begins, the others come in at the border.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from stages.simulation.actions import sit, stand, stoop, talk, travel
from stages.simulation.body import Array
from stages.simulation.parts import begin, leave
from stages.simulation.people import somebody
from stages.simulation.performance import Performance
from stages.simulation.routes import border_spot, free_spot, is_free, route
from stages.simulation.world import Box, Place, Plan

PARTIES = {"through": 0.38, "stop": 0.12, "stoop": 0.11, "sit": 0.07, "pair": 0.14, "talk": 0.13, "alone": 0.05}
"""How often each kind of party comes."""


def party(plan: Plan, draw: np.random.Generator, most: int) -> tuple[Performance, ...]:
    """A random party.

    Args:
        plan: of the clip.
        draw: of what is random.
        most: how many people it may have, ≥ 1.

    Returns:
        their performances, 1 … 4.
    """
    names = list(PARTIES)
    name = str(draw.choice(names, p=list(PARTIES.values())))
    if name == "talk" and most > 1:
        return _talkers(plan, draw, min(most, int(draw.choice([2, 3, 4], p=(0.6, 0.28, 0.12)))))
    if name == "pair" and most > 1:
        return _pair(plan, draw)
    benches = [box for box in plan.place.boxes if box.look == "bench"]
    if name == "sit" and benches:
        return (_sitter(plan, draw, benches[int(draw.integers(len(benches)))]),)
    if name == "alone":
        return (_alone(plan, draw),)
    return (_passer(plan, draw, "stoop" if name == "sit" else name),)


def _way(plan: Plan, draw: np.random.Generator) -> tuple[Array, int]:
    """A route through the place and the frame it begins at."""
    about = draw.random() < 0.6
    start = free_spot(plan.place, draw) if about else border_spot(plan.place, draw)
    goals = [border_spot(plan.place, draw) for _ in range(2)]
    goal = max(goals, key=lambda spot: float(np.linalg.norm(spot - start)))
    return route(start, goal, plan.place), 0 if about else int(draw.uniform(0.0, 0.5) * plan.frames)


def _passer(plan: Plan, draw: np.random.Generator, name: str) -> Performance:
    """Somebody who walks through, stopping or bending down on the way or not."""
    person, (line, start) = somebody(draw), _way(plan, draw)
    who = begin(plan, draw, person, line, start)
    if name in {"stop", "stoop"}:
        cut = max(2, int(len(line) * draw.uniform(0.2, 0.6)))
        travel(who, line[:cut], person.pace, stops=True)
        if who.left > 2 and name == "stoop":
            stoop(who, float(draw.uniform(1.8, 3.6)), crouched=bool(draw.random() < 0.5))
        elif who.left > 2:
            stand(who, float(draw.uniform(1.0, 4.0)))
        line = line[cut - 1 :]
    if who.left > 2:
        travel(who, line, person.pace)
    return who


def _sitter(plan: Plan, draw: np.random.Generator, bench: Box) -> Performance:
    """Somebody who comes to a bench, sits there for a while, and goes."""
    across = 1 if bench.size[0] >= bench.size[1] else 0
    side = 1.0 if draw.random() < 0.5 else -1.0
    spot = np.array(bench.centre)
    spot[across] += side * (bench.size[across] / 2.0 + 0.2)
    spot[1 - across] += draw.uniform(-0.3, 0.3) * bench.size[1 - across]
    person = somebody(draw)
    line = route(free_spot(plan.place, draw), spot, plan.place)
    line = line[-max(2, int(draw.uniform(0.0, 0.4) * plan.frames / plan.fps * person.pace / 0.05)) :]
    who = begin(plan, draw, person, line)
    travel(who, line, person.pace, stops=True)
    if who.left > 2:
        away = 0.5 * np.pi * side if across == 1 else (0.0 if side > 0 else np.pi)
        sit(who, float(draw.uniform(2.0, 9.0)), heading=float(away))
    leave(who, plan)
    return who


def _pair(plan: Plan, draw: np.random.Generator) -> tuple[Performance, ...]:
    """Two side by side at one pace."""
    line, start = _way(plan, draw)
    first, second = somebody(draw), somebody(draw)
    pace = 0.45 * (first.pace + second.pace)
    aside = float(draw.uniform(0.3, 0.45))
    walkers = []
    for person, sign in ((first, 1.0), (second, -1.0)):
        own = _beside(line, sign * aside, plan.place)
        who = begin(plan, np.random.default_rng(draw.integers(2**63)), replace(person, pace=pace), own, start)
        travel(who, own, pace)
        walkers.append(who)
    return tuple(walkers)


def _beside(line: Array, aside: float, place: Place) -> Array:
    """A route `(N, 2)` m to the left of another, within the place."""
    steps = np.gradient(line, axis=0)
    steps /= np.maximum(np.linalg.norm(steps, axis=1, keepdims=True), 1e-9)
    own = line + aside * np.stack([-steps[:, 1], steps[:, 0]], axis=1)
    x0, y0, x1, y1 = place.extent
    return np.asarray(np.clip(own, (x0, y0), (x1, y1)))


def _talkers(plan: Plan, draw: np.random.Generator, count: int) -> tuple[Performance, ...]:
    """A group that stands in a ring and talks; one of them may leave."""
    middle, radius = _room(plan, draw), 0.42 + 0.09 * count
    turned, talkers = draw.uniform(-np.pi, np.pi), []
    leaver = int(draw.integers(count)) if draw.random() < 0.3 else -1
    for index in range(count):
        angle = float(turned + 2.0 * np.pi * index / count)
        spot = middle + radius * np.array([np.cos(angle), np.sin(angle)])
        who = begin(plan, np.random.default_rng(draw.integers(2**63)), somebody(draw), np.linspace(spot, middle, 9))
        until = draw.uniform(0.25, 0.7) * plan.frames if index == leaver else plan.frames
        while who.left > 2 and len(who) < until:
            act = talk if who.draw.random() < 0.5 else stand
            act(who, float(who.draw.uniform(1.5, 4.0)), towards=angle + np.pi)
        leave(who, plan)
        talkers.append(who)
    return tuple(talkers)


def _room(plan: Plan, draw: np.random.Generator) -> Array:
    """A spot with room about it for a group, `(2,)` m; any free one where there is none."""
    ring = 1.3 * np.array([[np.cos(angle), np.sin(angle)] for angle in np.arange(0.0, 2 * np.pi, 0.5)])
    spot = free_spot(plan.place, draw, border=1.5)
    for _ in range(12):
        if is_free(spot + ring, plan.place, margin=0.0):
            break
        spot = free_spot(plan.place, draw, border=1.5)
    return spot


def _alone(plan: Plan, draw: np.random.Generator) -> Performance:
    """Somebody who waits, and perhaps goes."""
    person, spot = somebody(draw), free_spot(plan.place, draw)
    angle = draw.uniform(-np.pi, np.pi)
    who = begin(plan, draw, person, np.linspace(spot, spot + np.array([np.cos(angle), np.sin(angle)]), 9))
    stand(who, float(draw.uniform(0.3, 1.2)) * plan.frames / plan.fps)
    leave(who, plan)
    return who
