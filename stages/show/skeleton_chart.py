"""A standing person with the joints of a layout numbered, as SVG: what a keypoint's place in a table means."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from stages.core.skeleton import Layout
from stages.show.palette import FAINT, INK, LINES

WIDTH, HEIGHT, RADIUS = 240, 360, 9.5

PLACES = {
    "nose": (120, 46), "left_eye": (141, 27), "right_eye": (99, 27), "left_ear": (165, 40), "right_ear": (75, 40),
    "head": (120, 36), "neck": (120, 84), "spine": (120, 112), "torso": (120, 142), "middle_of_hips": (120, 188),
    "middle_of_spine": (120, 148), "base_of_spine": (120, 188),
    "left_shoulder": (160, 98), "left_elbow": (182, 146), "left_wrist": (196, 190), "left_hand": (202, 214),
    "left_hand_tip": (214, 237), "left_thumb": (184, 234), "left_hip": (146, 194), "left_knee": (149, 258),
    "left_ankle": (151, 312), "left_foot": (170, 327),
}  # fmt: skip
"""Where joints are drawn, x and y, of a person who faces the viewer; those of the right side are mirrored.

The face is drawn too large, so that its numbers can be told apart.
"""

MIDDLE, LEFT, RIGHT = "#5d6b79", "#B24C00", LINES[0]


def place(joint: str) -> tuple[int, int]:
    """Where a joint is drawn.

    Raises:
        KeyError: the joint has no place yet.
    """
    if joint in PLACES:
        return PLACES[joint]
    x, y = PLACES[joint.replace("right_", "left_")]
    return WIDTH - x, y


def chart(layout: Layout, colours: Sequence[str] = (), notes: Sequence[str] = ()) -> str:
    """Draw a layout: bones, joints with their numbers, and which side is the person's left.

    Args:
        layout: joints and bones.
        colours: of each joint, `#rrggbb`; empty colours the person's sides.
        notes: what a pointer that rests on a joint is told behind its name; may be empty.

    Returns:
        An SVG file's text, which may stand in a page as it is.
    """
    points = [place(joint) for joint in layout.joints]
    bones = "".join(
        f'<path d="M{x},{y}L{u},{v}"/>' for (x, y), (u, v) in (_ends(points, bone) for bone in layout.bones)
    )
    fills = list(colours) or [_side(joint) for joint in layout.joints]
    joints = "".join(
        _joint(number, points[number], fills[number], _name(layout, number, notes)) for number in range(len(layout))
    )
    sides = f'<text x="8" y="351">person’s right</text><text x="{WIDTH - 8}" y="351" text-anchor="end">left</text>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img" aria-label="Joints of {escape(layout.name)}, numbered" font-family="sans-serif">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="8" fill="#fff"/>'
        f'<g stroke="{FAINT}" stroke-width="3" stroke-linecap="round" fill="none">{bones}</g>'
        f'<g font-size="10" font-weight="bold" text-anchor="middle">{joints}</g>'
        f'<g font-size="11" fill="{INK}">{sides}</g></svg>'
    )


def ink(colour: str) -> str:
    """Black or white, whichever is easier to read on `#rrggbb`; luminance as in WCAG 2.2."""
    channels = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    luminance = sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    return "#000" if luminance > 0.179 else "#fff"


def _ends(points: Sequence[tuple[int, int]], bone: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    return points[bone[0]], points[bone[1]]


def _side(joint: str) -> str:
    return LEFT if joint.startswith("left_") else RIGHT if joint.startswith("right_") else MIDDLE


def _name(layout: Layout, number: int, notes: Sequence[str]) -> str:
    name = f"{number} {layout.joints[number].replace('_', ' ')}"
    return f"{name}: {notes[number]}" if notes else name


def _joint(number: int, point: tuple[int, int], fill: str, name: str) -> str:
    x, y = point
    return (
        f'<g><title>{escape(name)}</title><circle cx="{x}" cy="{y}" r="{RADIUS}" fill="{fill}" stroke="#fff"/>'
        f'<text x="{x}" y="{y + 3.5}" fill="{ink(fill)}">{number}</text></g>'
    )
