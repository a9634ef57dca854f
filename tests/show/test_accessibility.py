"""The report in a browser: by keyboard, for screen readers, on a phone, by night, without scripts and network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages.core.skeleton import layout
from stages.show.overlay import data_uri
from stages.show.page import render
from stages.show.palette import style
from stages.show.timeline import Curve, Interval, Truth
from stages.show.views import ClipView, DatasetView, Model, PoseView, Still
from tests.show.made_up import bare, entry, pose_figures, view, whole

pytestmark = pytest.mark.ui

PIXEL = data_uri(np.zeros((2, 2, 3), dtype=np.uint8))
CONTRASTS = Path(__file__).with_name("contrasts.js").read_text(encoding="utf-8")


def full_view() -> DatasetView:
    """A dataset with everything that the page can show of one."""
    band = "M0,100L100,0L100,50Z"
    runs = [
        replace(
            found, roc=replace(found.roc, band=band), pr=replace(found.pr, band=band), model=Model(1234, 56_789, 99)
        )
        for found in (entry("a_long_name_of_a_detector", whole(0.8, seeds=2)), entry("knn", whole(0.7), 1))
    ]
    joints = layout("coco17")
    poses = PoseView(
        (("all", pose_figures()), ("camera a", pose_figures())), dict.fromkeys(joints.joints, 0.2), joints,
        (("Something stands out.", "Then this follows."),),
    )  # fmt: skip
    return view(*runs, clips=(clip("fall"), clip("walk")), note="heat", poses=poses)


def clip(name: str) -> ClipView:
    truth = Truth(name, 10.0, 60, (Interval(20, 39, "fall"),), known=True)
    scores = np.linspace(0, 1, 60)[None]
    curves = (Curve("knn", scores, scores, np.ones(60, bool), style(0), (0, 1), "AUC 0.7"),)
    return ClipView(truth, curves, tuple(Still(frame, PIXEL, truth.kind(frame)) for frame in range(0, 60, 10)), "a")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Address of a page with one dataset that has everything and one that has as little as it may."""
    full = full_view()
    few = view(entry("knn", bare(0.6)))
    few = replace(few, dataset=replace(few.dataset, name="bare"))
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(render("Title", [full, few]), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def tab(browser: Any, page: str) -> Iterator[Any]:
    """The page on a phone."""
    context = browser.new_context(viewport={"width": 360, "height": 700}, reduced_motion="reduce")
    found = context.new_page()
    found.goto(page)
    yield found
    context.close()


def focused(tab: Any, what: str) -> Any:
    return tab.evaluate(f"(found => {what})(document.activeElement)")


def unfold(tab: Any) -> None:
    tab.evaluate("document.querySelectorAll('details').forEach(found => found.open = true)")


def test_the_first_stop_leads_past_the_links(tab: Any) -> None:
    tab.keyboard.press("Tab")
    assert focused(tab, "found.textContent") == "Skip to the results"
    assert focused(tab, "found.getBoundingClientRect().top") >= 0  # out of sight until it has the focus
    tab.keyboard.press("Enter")
    assert focused(tab, "found.tagName") == "MAIN"
    tab.keyboard.press("Tab")
    assert focused(tab, "found.textContent") == "ranking"


def test_the_keyboard_reaches_everything_and_shows_where_it_is(tab: Any) -> None:
    unfold(tab)
    everything = tab.evaluate("document.querySelectorAll('a[href], summary, [tabindex=\"0\"]').length")
    reached = 0
    for _ in range(everything + 1):
        tab.keyboard.press("Tab")
        if focused(tab, "found === document.body"):
            break
        reached += 1
        assert focused(tab, "getComputedStyle(found).outlineStyle") != "none", focused(tab, "found.outerHTML")
    assert reached == everything


def test_a_wide_table_is_scrolled_and_a_fold_opened_by_keys(tab: Any) -> None:
    table = tab.get_by_role("region", name="Leaderboard of toy")
    table.focus()
    tab.keyboard.press("ArrowRight")
    tab.wait_for_function("document.activeElement.scrollLeft > 0", timeout=5000)
    fold = tab.locator("summary", has_text="Every figure, raw and smoothed").first
    fold.focus()
    tab.keyboard.press("Enter")
    assert tab.get_by_role("table", name="Every figure of frame scores on toy, raw and smoothed").is_visible()


def test_a_screen_reader_is_told_a_name_of_everything(tab: Any) -> None:
    unfold(tab)
    tree = tab.locator("body").aria_snapshot()
    for role in ("img", "table", "link", "region", "navigation", "heading"):
        found = re.findall(rf"^ *- {role}\b(.*)$", tree, flags=re.MULTILINE)
        assert found, role
        assert [line for line in found if not re.match(r' ("|/)', line)] == [], role
    for landmark in ("banner", "main", "contentinfo"):
        assert f"- {landmark}" in tree
    assert tab.locator("svg:not([role=img]):not([aria-hidden=true])").count() == 0
    assert tab.locator("table:not(:has(caption)), th:not([scope])").count() == 0
    assert "ROC curves. a_long_name_of_a_detector AUC 0.800, interval 0.760–0.840; knn AUC 0.700" in tree


def test_headings_step_down_one_at_a_time(tab: Any) -> None:
    levels = [
        int(name[1]) for name in tab.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map(h => h.tagName)")
    ]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 360, 1280])
def test_it_fits_and_can_be_read(browser: Any, page: str, width: int, scheme: str) -> None:
    tab = browser.new_page(viewport={"width": width, "height": 700}, color_scheme=scheme)
    tab.goto(page)
    unfold(tab)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    faint = tab.evaluate(CONTRASTS)
    assert faint["checked"] > 100
    assert faint["found"] == []
    tab.close()


def test_it_asks_for_nothing_and_complains_of_nothing(browser: Any, page: str) -> None:
    asked: list[str] = []
    context = browser.new_context(color_scheme="dark")
    tab = context.new_page()
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("console", lambda message: asked.append(message.text))
    tab.on("pageerror", lambda error: asked.append(str(error)))
    tab.goto(page)
    unfold(tab)
    tab.wait_for_timeout(200)
    assert [url for url in asked if not url.startswith("data:")] == [page]
    assert tab.evaluate("[...document.images].every(found => found.naturalWidth > 0)")
    context.close()


def test_it_works_without_scripts(browser: Any, page: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(page)
    fold = tab.locator("summary", has_text="Every figure, raw and smoothed").first
    table = tab.get_by_role("table", name="Every figure of frame scores on toy, raw and smoothed")
    assert not table.is_visible()
    fold.click()
    assert table.is_visible()
    context.close()
