"""The drawing of why: sound, complete, within its frame, and readable by day, by night and for screen readers."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from stages.core.skeleton import LAYOUTS, OPENPOSE18, Layout
from stages.show.skeleton_chart import place
from stages.show.why_figure import MOST, WhyFigure, draw
from tests.show.contrast import STYLE

SVG = "{http://www.w3.org/2000/svg}"


def figure(layout: Layout = OPENPOSE18, samples: int = 8, *, normal: bool = True) -> WhyFigure:
    """A person whose fourth joint adds most, in the second sample."""
    points = np.array([place(joint) for joint in layout.joints], dtype=np.float32) / 300 - 0.5
    places = np.repeat(points[None], samples, axis=0).astype(np.float32)
    places[..., 0] += np.linspace(0, 2, samples)[:, None]
    shares = np.full((samples, len(layout)), -0.1, dtype=np.float32)
    shares[min(1, samples - 1), 3], shares[0, 0] = 2.0, 0.5
    by_frame = tuple((100 + 3 * sample, 0.2 if sample == 0 else 0.8 * (sample == 1)) for sample in range(samples))
    joints = tuple((name.replace("_", " "), 0.5 / (number + 1)) for number, name in enumerate(layout.joints))
    return WhyFigure(
        places, places[::-1].copy() if normal else None, shares, by_frame, joints, layout,
        "person 7, frames 100 to 121", "most similar normal window: joints 0.28 body heights away", "a clip, person 3",
        "Right knee & more. Fast.",
    )  # fmt: skip


def parsed(drawn: WhyFigure, key: str = "event-1") -> ET.Element:
    return ET.fromstring(draw(drawn, key))


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=list(LAYOUTS))
@pytest.mark.parametrize("samples", [1, 2, 8, 12, 24])
def test_everything_is_drawn_within_the_frame(layout: Layout, samples: int) -> None:
    root = parsed(figure(layout, samples))
    _, _, width, height = map(float, root.get("viewBox", "").split())
    circles, lines = list(root.iter(f"{SVG}circle")), list(root.iter(f"{SVG}line"))
    poses = 2 * min(samples, 8)
    assert len(circles) == poses * len(layout)
    assert len(lines) == poses * len(layout.bones) + 1
    for circle in circles:
        x, y, r = (float(circle.get(name, "nan")) for name in ("cx", "cy", "r"))
        assert r <= x <= width - r
        assert r <= y <= height - r
    for bar in root.iter(f"{SVG}rect"):
        x, y, wide, tall = (float(bar.get(name, "nan")) for name in ("x", "y", "width", "height"))
        assert min(x, y, wide, tall) >= 0
        assert x + wide <= width
        assert y + tall <= height
    for text in root.iter(f"{SVG}text"):
        assert 0 < float(text.get("y", "nan")) < height


def test_the_joint_that_adds_most_is_the_largest() -> None:
    root = parsed(figure())
    circles = list(root.iter(f"{SVG}circle"))
    largest = max(circles, key=lambda circle: float(circle.get("r", 0)))
    assert float(largest.get("r", 0)) == pytest.approx(MOST, abs=0.06)
    second = list(root.iter(f"{SVG}g"))[2:4]  # lines and joints of the second sample
    assert second[1].findall(f"{SVG}circle")[-1] is largest
    coloured = [circle for circle in circles if "--alarm" in circle.get("style", "")]
    assert len(coloured) == 2  # what speaks against, and the normal window, stand back


def test_frames_have_bars_with_their_numbers() -> None:
    root = parsed(figure())
    titles = [title.text for title in root.iter(f"{SVG}title")]
    assert titles[1:] == ["frame 100: 20%", "frame 103: 80%", *(f"frame {100 + 3 * n}: 0%" for n in range(2, 8))]
    words = [text.text for text in root.iter(f"{SVG}text")]
    assert [str(100 + 3 * sample) for sample in range(8)] == [word for word in words if word and word.isdigit()]


def test_numbers_of_many_frames_do_not_touch() -> None:
    root = parsed(figure(samples=24))
    numbers = [float(text.get("x", 0)) for text in root.iter(f"{SVG}text") if (text.text or "").isdigit()]
    assert len(numbers) == 12
    assert np.diff(numbers).min() > 40


def test_six_joints_are_listed() -> None:
    words = [text.text for text in parsed(figure()).iter(f"{SVG}text")]
    assert [word for word in words if word in {name.replace("_", " ") for name in OPENPOSE18.joints}] == [
        name.replace("_", " ") for name in OPENPOSE18.joints[:6]
    ]
    assert "50%" in words


def test_it_tells_screen_readers_what_it_shows() -> None:
    root = parsed(figure(), "event-3")
    ids = {child.get("id"): child.text for child in root if child.get("id")}
    assert root.get("role") == "img"
    assert ids[root.get("aria-labelledby")] == "person 7, frames 100 to 121"
    assert ids[root.get("aria-describedby")] == "Right knee & more. Fast."
    assert not set(ids) & {child.get("id") for child in parsed(figure(), "event-4") if child.get("id")}


def test_without_a_normal_window_there_is_one_row() -> None:
    root = parsed(figure(normal=False))
    assert len(list(root.iter(f"{SVG}circle"))) == 8 * 18
    assert "similar" not in "".join(text.text or "" for text in root.iter(f"{SVG}text"))


def test_nothing_to_blame_is_drawn_small() -> None:
    calm = replace(
        figure(), shares=np.zeros((8, 18), np.float32), frames=[(n, 0.0) for n in range(8)], joints=[("nose", 0.0)]
    )
    assert "--alarm" not in "".join(circle.get("style", "") for circle in parsed(calm).iter(f"{SVG}circle"))


def test_words_are_escaped_and_cut() -> None:
    text = draw(replace(figure(), person="<b>", origin="x" * 500, description="a < b"), "event-1")
    assert "<b>" not in text
    root = ET.fromstring(text)
    assert max(len(word.text or "") for word in root.iter(f"{SVG}text")) == 80


def test_equal_figures_are_equal_bytes() -> None:
    assert draw(figure(), "event-1") == draw(figure(), "event-1")


@pytest.mark.ui
@pytest.mark.parametrize(("scheme", "alarm"), [("light", "rgb(213, 94, 0)"), ("dark", "rgb(255, 138, 61)")])
def test_a_browser_shows_all_words_in_the_colours_of_the_page(browser: Any, scheme: str, alarm: str) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": 360, "height": 700})
    tab = context.new_page()
    style = STYLE.read_text(encoding="utf-8")
    longest = replace(figure(), origin="W" * 40)
    tab.set_content(f"<style>{style}</style><div class='scroll'>{draw(longest, 'event-1')}</div>")
    ends = tab.evaluate(
        "[...document.querySelectorAll('svg text')].map(t => [t.getBBox().x, t.getBBox().x + t.getBBox().width])"
    )
    assert min(left for left, _ in ends) >= 0
    assert max(right for _, right in ends) <= 600
    assert tab.evaluate("getComputedStyle(document.querySelector('svg rect')).fill") == alarm
    ink = tab.evaluate("getComputedStyle(document.querySelector('svg text')).fill")
    assert ink == tab.evaluate("getComputedStyle(document.body).color")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360  # the drawing scrolls, the page does not
    context.close()


@pytest.mark.ui
def test_a_screen_reader_finds_a_named_picture(browser: Any) -> None:
    tab = browser.new_page()
    tab.set_content(draw(figure(), "event-1"))
    assert tab.get_by_role("img", name="person 7, frames 100 to 121").count() == 1
    tab.close()
