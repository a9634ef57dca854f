"""The page as HTML: what stands on it, with all figures and with as few as a run may have."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages.show.page import render
from stages.show.palette import style
from stages.show.suite_result import Point, Result
from stages.show.timeline import Curve, Interval, Truth
from stages.show.views import OPEN, ClipView, Difference, Still
from tests.pipelines.helpers import open_browser
from tests.show.made_up import REASON, bare, entry, groups, view, whole


class Text(HTMLParser):
    """The words of a page, one space between them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.feed(page)

    def handle_data(self, data: str) -> None:
        self.parts.append(data)

    def __str__(self) -> str:
        return " ".join(" ".join(self.parts).split())


def words(page: str) -> str:
    return str(Text(page[page.index("<body>") :]))


def clip(name: str, scene: str = "a", stills: int = 0) -> ClipView:
    truth = Truth(name, 10.0, 60, (Interval(20, 39, "fall"),), known=True)
    scores = np.linspace(0, 1, 60)[None]
    curves = tuple(Curve(who, scores, scores, np.ones(60, bool), style(0), (0, 1)) for who in ("knn", "stg_nf"))
    pictures = [Still(frame, "data:image/webp;base64,AAAA", truth.kind(frame)) for frame in range(0, 6 * stills, 6)]
    return ClipView(truth, curves, tuple(pictures), scene)


def point(variant: str, value: float, **changes: Any) -> Point:
    found = Point(
        variant=variant, value=value, detector="knn", baseline=value == 1, raw=0.7, smoothed=0.75, raw_sd=None,
        smoothed_sd=0.01, raw_interval=None, smoothed_interval=(0.7, 0.8), seconds=3.0, key="k",
    )  # fmt: skip
    return found.model_copy(update=changes)


def suite(*points: Point) -> Result:
    return Result(
        suite="window_length", question="How long is <best>?", source="a paper", axis="seconds", scale="linear",
        dataset="toy", seeds=(0, 1), points=points,
    )  # fmt: skip


def test_the_page_has_a_title_a_language_and_digests() -> None:
    text = render("What <is> best?", [view(entry("knn", bare(0.7)))])
    for expected in ("<title>What &lt;is&gt; best?</title>", '<html lang="en">', 'class="best"', "cd" * 32, "ab" * 32):
        assert expected in text


def test_the_page_tells_why_a_figure_is_undefined() -> None:
    text = render("Title", [view(entry("knn", bare(None, undefined=["all: one class"])))])
    assert "Undefined: all: one class." in text
    assert 'class="best"' not in text


def test_a_run_with_as_little_as_possible_says_what_is_missing() -> None:
    runs = (
        entry("knn", bare(0.7, bootstrap={"reason": REASON})),
        entry("stg_nf", bare(0.8, bootstrap={"reason": REASON})),
    )
    text = words(render("Title", [view(*runs, uncompared=REASON)]))
    for expected in (
        f"No intervals: {REASON}.",
        f"Whether detectors differ by more than chance is not known: {REASON}.",
        "By kind: labels.csv names no kinds",
        "By scene: All test clips show one scene.",
        "By protocol: no published protocol was judged",
        "Alarms: not calibrated: the figures hold no calibration.",
    ):
        assert expected in text
    assert "≈" not in text


def test_raw_and_smoothed_stand_side_by_side_with_their_intervals() -> None:
    text = words(render("Title", [view(entry("knn", whole(0.8, seeds=3)))]))
    assert "knn 0.750 ± 0.012 0.710–0.790 0.800 ± 0.012 0.760–0.840" in text


def test_what_cannot_be_told_from_the_best_is_marked() -> None:
    near, far = (
        Difference("gepc", 0.01, (-0.02, 0.04), 0.4, distinct=False),
        Difference("knn", 0.1, (0.05, 0.15), 0.002, distinct=True),
    )
    runs = [entry(name, whole(auc)) for name, auc in (("stg_nf", 0.8), ("gepc", 0.79), ("knn", 0.7))]
    page = render("Title", [view(*runs, differences=(near, far))])
    assert page.count('title="cannot be told from the best"') == 1
    text = words(page)
    assert "Difference to the best, stg_nf" in text
    assert "gepc 0.010 −0.020 to +0.040 0.400 ≈ no" in text
    assert "knn 0.100 +0.050 to +0.150 0.002 yes" in text


def test_what_cannot_be_compared_is_not_told_apart() -> None:
    unknown = Difference("knn", 0.1, None, None, distinct=False)
    page = render("Title", [view(entry("stg_nf", whole(0.8)), entry("knn", whole(0.7)), differences=(unknown,))])
    assert "knn 0.100 – – ≈ no" in words(page)


def test_both_conventions_of_macro_auc_are_named() -> None:
    text = words(render("Title", [view(entry("knn", whole(0.8)))]))
    assert "Macro AUC is the mean over the clips that hold both classes: 2." in text
    assert "macro AUC with sentinels" in text


def test_kinds_are_drawn_and_listed() -> None:
    found = groups({"run": 0.9, "loiter": 0.45})
    found["loiter"] |= {"interval": None}
    page = render("Title", [view(entry("knn", whole(0.8, kinds=found)), entry("stg_nf", bare(0.7)))])
    # One row per kind: large and small dot of knn, a whisker where there is an interval, nothing of stg_nf.
    assert (page.count('class="line dot"'), page.count('class="line whisker"')) == (2, 1)
    assert 'aria-label="run: knn 0.900, stg_nf –"' in page
    assert "run 120 frames, 4 clips 0.900 0.860–0.940 raw 0.850 –" in words(page)


def test_protocols_carry_their_rules_and_a_warning() -> None:
    text = words(render("Title", [view(entry("knn", whole(0.8)))]))
    assert "figures of one row never with papers of another" in text
    assert "The ranking goes by the first row" in text
    assert "Rules of gepc Its last frame." in text


def test_alarms_lead_to_their_table() -> None:
    page = render("Title", [view(entry("knn", whole(0.8)))])
    assert "Alarms, aimed at 0.1 false per camera-hour" in words(page)
    assert 'href="../events/toy/knn.csv"' in page


def test_suites_are_shown_where_there_are_any() -> None:
    shown = [view(entry("knn", bare(0.7)))]
    assert 'id="suites"' not in render("Title", shown)
    failed = point("9", 9, raw=None, smoothed=None, smoothed_interval=None, reason="too long")
    page = render("Title", shown, [suite(point("1", 1), point("2", 2), failed)], {"knn": style(4)})
    assert 'href="#suites"' in page
    assert "How long is &lt;best&gt;?" in page
    assert style(4).colour in page
    text = words(page)
    assert "window_length on toy, 2 seeds" in text
    assert "1 knn 0.700 0.750 ± 0.010 0.700–0.800 3" in text
    assert "9 knn failed: too long" in text


def test_many_clips_are_folded_by_scene() -> None:
    clips = [clip(f"c{place:02d}", "xyz"[place // 5]) for place in range(15)]
    page = render("Title", [view(entry("knn", bare(0.7)), clips=tuple(clips))])
    assert (page.count('<details class="scene" open>'), page.count('<details class="scene">')) == (1, 2)
    assert page.count('<details class="card clip" open>') == OPEN
    assert page.count('<details class="card clip">') == 15 - OPEN
    assert "x: 5 clips" in words(page)


def test_few_clips_stand_open_without_their_scenes() -> None:
    page = render("Title", [view(entry("knn", bare(0.7)), clips=(clip("fall"), clip("walk", "b")))])
    assert page.count('<details class="card clip" open>') == 2
    assert 'class="scene"' not in page
    assert "Labelled abnormal: 2.0–4.0 s fall." in words(page)


def test_frames_are_shown_where_there_are_any() -> None:
    page = render("Title", [view(entry("knn", bare(0.7)), clips=(clip("fall", stills=6), clip("walk")), note="heat")])
    assert page.count("<img") == 6
    # Frames 24 and 30 of 0, 6 … 30 are labelled.
    assert page.count('class="labelled"') == 2
    assert "unusual: heat; grey: not scored." in words(page)


def test_params_are_known_without_anything_heavy(root: Path) -> None:
    code = (
        "import sys, stages.show.page, stages.show.overlay, stages.evaluation.uncertainty, stages.evaluation.metrics;"
    )
    code += "sys.exit(str({'cv2', 'jinja2', 'matplotlib', 'scipy', 'sklearn', 'torch'} & set(sys.modules) or ''))"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""


@pytest.mark.ui
def test_the_page_opens_without_complaint_and_fits_a_phone(tmp_path: Path) -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    clips = tuple(clip(f"c{place:02d}", "xyz"[place // 5]) for place in range(15))
    full = view(entry("a_long_name_of_a_detector", whole(0.8, seeds=2)), entry("knn", whole(0.7)), clips=clips)
    page = tmp_path / "index.html"
    few = replace(view(entry("knn", bare(None))), dataset=replace(full.dataset, name="bare"))
    page.write_text(render("Title", [full, few], [suite(point("1", 1))]), encoding="utf-8")
    with sync_api.sync_playwright() as playwright:
        browser = open_browser(playwright)
        complaints: list[str] = []
        for width, scheme in ((390, "dark"), (1280, "light")):
            tab = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
            tab.on("console", lambda message: complaints.append(message.text))
            tab.on("request", lambda request: complaints.append(request.url))
            tab.goto(page.as_uri())
            assert tab.evaluate("document.documentElement.scrollWidth") <= width
            tab.evaluate("document.querySelectorAll('details').forEach(found => found.open = true)")
            assert tab.evaluate("document.documentElement.scrollWidth") <= width
        assert complaints == [page.as_uri()] * 2  # nothing else is asked for, nothing refused
        browser.close()
