"""The parts people play in a clip: each kind of behaviour with normal walking before and, where there is time, after.

When it begins is drawn evenly over the clip, and may be before it, so that the time in a clip betrays nothing: who is
at it when the clip begins has done all that leads there, unseen.

Rates within kinds, so that no single measure tells them apart: runs are 1.9 … 4 m/s, a third of them jogging below
2.5; falls take 0.8 … 1.7 times the usual, a quarter sinks down slowly, a third gets up again; gliders roll at 1.1 …
3 m/s and bicycles at 1.8 … 5.5, as fast as some walk and run; loiterers walk and stand as everybody does, only to and
fro in one place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from stages.simulation.actions import GATHER, stand, travel
from stages.simulation.body import Array
from stages.simulation.cameras import project
from stages.simulation.crawling import crawl
from stages.simulation.falls import fall
from stages.simulation.fights import REACH, beats, fight
from stages.simulation.leaps import jump
from stages.simulation.people import Person, somebody
from stages.simulation.performance import Performance
from stages.simulation.routes import border_spot, free_spot, is_free, route
from stages.simulation.throwing import throw
from stages.simulation.vehicles import Glider, glide, ride
from stages.simulation.world import Plan, Shape

WAIST = 0.9
"""Height in m at which a person must be in view."""
AIR = 30.0
"""Least distance of that point from the frame's edges, px."""
TRIES = 30
"""Places drawn before one out of view is taken."""
LATEST = 0.75
"""Share of a clip after which nobody begins."""
WAITING = 0.3
"""Shortest wait worth standing for, s."""

Part = Callable[[Plan, np.random.Generator], tuple[Performance, ...]]


def begin(plan: Plan, draw: np.random.Generator, person: Person, line: Array, start: int = 0) -> Performance:
    """A performance that begins at a route's start, on the way.

    Args:
        plan: of the clip.
        draw: of what is random.
        person: who.
        line: `(N, 2)` m.
        start: frame; negative: that many before the clip.

    Returns:
        an empty performance at the person's pace.
    """
    ahead = line[min(3, len(line) - 1)] - line[0]
    heading = float(np.arctan2(ahead[1], ahead[0]))
    return Performance(person, plan.fps, start, plan.frames, line[0], heading, draw, person.pace, draw.random())


def seen_spot(plan: Plan, draw: np.random.Generator) -> Array:
    """A roomy place near what the camera looks at: of four in view the nearest, `(2,)` m."""
    spots = [_spot_in_view(plan, draw) for _ in range(4)]
    target = np.array(plan.camera.target[:2])
    return min(spots, key=lambda spot: float(np.linalg.norm(spot - target)))


def _spot_in_view(plan: Plan, draw: np.random.Generator) -> Array:
    """A roomy place whose people the camera sees with some air around; the last of many tried where none is."""
    camera = plan.camera
    for _ in range(TRIES):
        spot = free_spot(plan.place, draw, border=1.2, room=1.0)
        (x, y), _ = project(camera, np.array([*spot, WAIST]))
        if AIR <= x <= camera.width - AIR and AIR <= y <= camera.height - AIR:
            break
    return spot


def way_to(plan: Plan, draw: np.random.Generator, spot: Array, length: float) -> Array:
    """A route of about a length that ends at a spot, `(N, 2)` m; a short one where all is crowded."""
    for share in (1.0, 1.0, 1.0, 1.0, 0.6, 0.6, 0.6, 0.3, 0.3, 0.3):
        angle = draw.uniform(-np.pi, np.pi)
        start = spot + share * length * np.array([np.cos(angle), np.sin(angle)])
        if is_free(np.linspace(start, spot, 40), plan.place):
            return route(start, spot, plan.place)
    return np.linspace(spot + 0.02, spot, 2)


def far_way(plan: Plan, draw: np.random.Generator) -> Array:
    """A long route from border to border: the longest of four."""
    place = plan.place
    pairs = [(border_spot(place, draw), border_spot(place, draw)) for _ in range(4)]
    start, goal = max(pairs, key=lambda pair: float(np.linalg.norm(pair[0] - pair[1])))
    return route(start, goal, place)


def leave(who: Performance, plan: Plan, back: float | None = None) -> None:
    """Walk off to the border; who is there before the clip ends is gone.

    Args:
        who: goes.
        plan: of the clip.
        back: rad, what to turn one's back on; else anywhere.
    """
    if who.left <= 2:
        return
    goal = border_spot(plan.place, who.draw)
    if back is not None:
        goals = [goal, *(border_spot(plan.place, who.draw) for _ in range(7))]
        goal = min(goals, key=lambda spot: float(np.cos(np.arctan2(*(spot - who.ground)[::-1]) - back)))
    travel(who, route(who.ground, goal, plan.place), who.person.pace)


def _duration(plan: Plan) -> float:
    return plan.frames / plan.fps


def _onset(plan: Plan, draw: np.random.Generator, lasts: float) -> float:
    """When in the clip something that lasts so long, s, shall begin, s: at least half of it happens in the clip."""
    return float(draw.uniform(-0.5 * lasts, LATEST * _duration(plan)))


def _approach(plan: Plan, draw: np.random.Generator, *, stops: bool, lasts: float, empty: bool = False) -> Performance:
    """Somebody who walks up to where it will happen for so long, s, perhaps waiting first, with empty hands if need be.

    The performance begins before the clip where the walk does.
    """
    person = _empty_handed(somebody(draw)) if empty else somebody(draw)
    onset, walk = _onset(plan, draw, lasts), draw.uniform(0.12, 0.34) * _duration(plan)
    line = way_to(plan, draw, seen_spot(plan, draw), person.pace * walk)
    who = begin(plan, draw, person, line, min(0, round((onset - walk) * plan.fps)))
    waits = onset - walk if onset > walk else 0.0
    if waits > WAITING:
        who.pace = 0.0
        stand(who, waits)
    travel(who, line, person.pace, stops=stops)
    late = onset - who.start / plan.fps - len(who) / plan.fps
    if late > WAITING:
        stand(who, late)
    return who


def _empty_handed(person: Person) -> Person:
    """The same person without bag, phone or load."""
    return replace(person, bag=None, hands="free")


def _falling(plan: Plan, draw: np.random.Generator) -> tuple[Performance, ...]:
    way = str(draw.choice(["forward", "backward", "sideways", "sinking"], p=(0.3, 0.24, 0.21, 0.25)))
    rises = bool(draw.random() < 1 / 3)
    lying = draw.uniform(0.6, 1.5) if rises else draw.uniform(0.25, 0.55) * _duration(plan)
    who = _approach(plan, draw, stops=way == "sinking", lasts=float(lying))
    fall(who, way, slowness=float(draw.uniform(0.8, 1.7)), lying=float(lying), rises=rises)
    if rises:
        leave(who, plan)
    elif who.left > 2:
        who.rest()
    return (who,)


def _jumping(plan: Plan, draw: np.random.Generator) -> tuple[Performance, ...]:
    heights = draw.uniform(0.1, 0.4, int(draw.integers(2, 6))).tolist()
    who = _approach(plan, draw, stops=True, lasts=float(len(heights)), empty=True)
    jump(who, heights, ahead=float(draw.choice([0.0, draw.uniform(0.4, 1.6)])), swing=float(draw.uniform(0.1, 1.0)))
    leave(who, plan)
    return (who,)


def _crawling(plan: Plan, draw: np.random.Generator) -> tuple[Performance, ...]:
    seconds = float(draw.uniform(0.25, 0.5)) * _duration(plan)
    who = _approach(plan, draw, stops=True, lasts=seconds, empty=True)
    crawl(who, seconds, rate=float(draw.uniform(0.6, 1.2)), reach=float(draw.uniform(13.0, 24.0)))
    leave(who, plan)
    return (who,)


def _throwing(plan: Plan, draw: np.random.Generator) -> tuple[Performance, ...]:
    who = _approach(plan, draw, stops=True, lasts=2.0, empty=True)
    shape: Shape = "ball" if draw.random() < 0.6 else "bag"
    slowness = float(draw.uniform(0.9, 1.5))
    throw(who, shape, slowness=slowness, speed=float(draw.uniform(5.0, 10.0)), again=bool(draw.random() < 0.6))
    stand(who, 0.5)
    leave(who, plan)
    return (who,)


def _entry(plan: Plan, draw: np.random.Generator, crossing: float) -> int:
    """The frame at which somebody who crosses the place in so long, s, sets out from its border."""
    return round(_onset(plan, draw, min(crossing, _duration(plan))) * plan.fps)


def _length(line: Array) -> float:
    """Of a route `(N, 2)`, m."""
    return float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum())


def _running(plan: Plan, draw: np.random.Generator) -> tuple[Performance, ...]:
    person, line = somebody(draw), far_way(plan, draw)
    jogs = draw.random() < 1 / 3
    pace = float(draw.uniform(1.9, 2.5) if jogs else draw.uniform(2.5, 4.0)) * min(1.0, person.build.height / 1.6)
    length = _length(line)
    who = begin(plan, draw, person, line, _entry(plan, draw, length / pace))
    if draw.random() < 0.5:
        share = min(0.3, draw.uniform(1.0, 2.5) * person.pace / length)
        cut = max(2, int(share * len(line)))
        travel(who, line[:cut], person.pace)
        line = line[cut - 1 :]
    else:
        who.pace = pace
    ends = 0.8 if draw.random() < 0.3 else 1.0
    cut = int(ends * len(line))
    travel(who, line[:cut], pace, kind="run")
    if ends < 1.0 and who.left > 2:
        travel(who, line[cut - 1 :], person.pace)
    return (who,)


def _cycling(plan: Plan, draw: np.random.Generator) -> tuple[Performance, ...]:
    person, line = somebody(draw), far_way(plan, draw)
    pace = float(draw.uniform(1.8, 5.5))
    who = begin(plan, draw, person, line, _entry(plan, draw, _length(line) / pace))
    ride(who, line, pace, upright=float(draw.random()), coasts=bool(draw.random() < 0.3))
    return (who,)


def _gliding(plan: Plan, draw: np.random.Generator) -> tuple[Performance, ...]:
    person, line = somebody(draw), far_way(plan, draw)
    kinds: tuple[Glider, ...] = ("skates", "board", "scooter")
    on, pace = kinds[int(draw.integers(len(kinds)))], float(draw.uniform(1.1, 3.0))
    who = begin(plan, draw, person, line, _entry(plan, draw, _length(line) / pace))
    glide(who, line, pace, on=on)
    return (who,)


def _loitering(plan: Plan, draw: np.random.Generator) -> tuple[Performance, ...]:
    who = _approach(plan, draw, stops=True, lasts=0.4 * _duration(plan))
    middle, pace = who.ground.copy(), float(draw.uniform(0.7, 1.25))
    end = 0 if draw.random() < 0.6 else int(draw.uniform(0.1, 0.6) * who.left)
    while who.left > max(end, 2):
        if draw.random() < 0.55:
            stand(who, min(float(draw.uniform(0.8, 2.2)), who.seconds_left), label="loiter")
            continue
        angle, reach = draw.uniform(-np.pi, np.pi), draw.uniform(0.8, 2.0)
        goal = middle + reach * np.array([np.cos(angle), np.sin(angle)])
        if is_free(np.linspace(who.ground, goal, 20), plan.place):
            travel(who, route(who.ground, goal, plan.place), pace, label="loiter", stops=True)
    leave(who, plan)
    return (who,)


def _fighting(plan: Plan, draw: np.random.Generator) -> tuple[Performance, ...]:
    spot, angle = seen_spot(plan, draw), draw.uniform(-np.pi, np.pi)
    before = float(draw.uniform(0.14, 0.3)) * _duration(plan)
    seconds = float(draw.uniform(0.3, 0.5)) * _duration(plan)
    first = round((_onset(plan, draw, seconds) - before) * plan.fps)
    course, people = beats(seconds, draw), []
    for own, turned in enumerate((angle, angle + np.pi)):
        person = _empty_handed(somebody(draw))
        aside = np.array([np.cos(turned), np.sin(turned)])
        stop = spot + 0.5 * REACH * aside
        waiting = first > WAITING * plan.fps
        lost = person.pace / (2.0 * GATHER) * (2 if waiting else 1)  # s lost in stopping, and in setting off
        length = person.pace * max(before - 0.3 - lost, 0.1)
        line = np.linspace(stop + length * aside, stop, 2 + int(20 * length))
        if not is_free(line, plan.place):
            line = line[-2:]
        own_draw = np.random.default_rng(draw.integers(2**63))
        who = begin(plan, own_draw, person, line, min(first, 0))
        if waiting:
            who.pace = 0.0
            stand(who, first / plan.fps)
        travel(who, line, person.pace, stops=True)
        waits = max(first, 0) + round(before * plan.fps) - len(who)
        if waits > 0:
            stand(who, waits / plan.fps, towards=float(turned + np.pi))
        fight(who, own, course, seconds, towards=float(turned + np.pi))
        leave(who, plan, back=float(turned + np.pi))
        people.append(who)
    return tuple(people)


PARTS: Mapping[str, Part] = {
    "run": _running,
    "fall": _falling,
    "fight": _fighting,
    "jump": _jumping,
    "cycle": _cycling,
    "glide": _gliding,
    "crawl": _crawling,
    "throw": _throwing,
    "loiter": _loitering,
}
"""Who performs each of ABNORMAL_KINDS: one person, two for a fight."""
