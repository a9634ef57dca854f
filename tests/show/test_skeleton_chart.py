"""Every layout has its picture: all joints numbered, apart from each other, left and right where they belong."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from itertools import combinations
from math import dist

import pytest

from stages.core.skeleton import LAYOUTS, Layout
from stages.show.skeleton_chart import HEIGHT, PLACES, RADIUS, WIDTH, chart, ink, place

SVG = "{http://www.w3.org/2000/svg}"
every_layout = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=list(LAYOUTS))


@every_layout
def test_every_joint_has_a_place_of_its_own(layout: Layout) -> None:
    points = [place(joint) for joint in layout.joints]
    assert all(RADIUS <= x <= WIDTH - RADIUS and RADIUS <= y <= HEIGHT - 2 * RADIUS for x, y in points)
    near = {(layout.joints[a], layout.joints[b]) for a, b in combinations(range(len(points)), 2)
            if dist(points[a], points[b]) < 2 * RADIUS}  # fmt: skip
    assert near == set()


@every_layout
def test_the_picture_is_sound_and_every_number_stands_on_its_joint(layout: Layout) -> None:
    picture = ET.fromstring(chart(layout))
    numbers = {text.text: (float(text.get("x", 0)), float(text.get("y", 0))) for text in picture.iter(f"{SVG}text")}
    circles = [(float(c.get("cx", 0)), float(c.get("cy", 0))) for c in picture.iter(f"{SVG}circle")]
    titles = [title.text for title in picture.iter(f"{SVG}title")]
    assert circles == [place(joint) for joint in layout.joints]
    for number, joint in enumerate(layout.joints):
        assert dist(numbers[str(number)], place(joint)) < RADIUS
        assert titles[number] == f"{number} {joint.replace('_', ' ')}"
    assert len(list(picture.iter(f"{SVG}path"))) == len(layout.bones)


@every_layout
def test_sides_are_mirrored(layout: Layout) -> None:
    for joint, mirrored in zip(layout.joints, layout.mirror, strict=True):
        x, y = place(joint)
        assert place(layout.joints[mirrored]) == (WIDTH - x, y)
        if joint.startswith("left_"):
            assert x > WIDTH / 2  # who faces the viewer has the left side on the picture's right


def test_no_place_is_for_a_joint_that_no_layout_has() -> None:
    assert set(PLACES) <= {joint for layout in LAYOUTS.values() for joint in layout.joints}


def test_equal_layouts_give_equal_bytes() -> None:
    assert chart(LAYOUTS["coco17"]) == chart(LAYOUTS["coco17"])


def test_colours_and_notes_are_those_given() -> None:
    layout = Layout("pair", ("nose", "neck"), ((0, 1),), (0, 1), 1)
    text = chart(layout, ["#000000", "#ffff00"], ["sure & so", "<unsure>"])
    picture = ET.fromstring(text)
    assert [circle.get("fill") for circle in picture.iter(f"{SVG}circle")] == ["#000000", "#ffff00"]
    assert [title.text for title in picture.iter(f"{SVG}title")] == ["0 nose: sure & so", "1 neck: <unsure>"]
    numbers = {text.text: text.get("fill") for text in picture.iter(f"{SVG}text")}
    assert (numbers["0"], numbers["1"]) == ("#fff", "#000")


def test_an_unknown_joint_has_no_place() -> None:
    with pytest.raises(KeyError):
        place("right_wing")


@pytest.mark.parametrize(
    ("colour", "on"), [("#ffffff", "#000"), ("#000000", "#fff"), ("#0072b2", "#fff"), ("#f0e442", "#000")]
)
def test_ink_can_be_read(colour: str, on: str) -> None:
    assert ink(colour) == on
