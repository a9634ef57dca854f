"""The page of one source: what it says, that nothing in it is fetched, and that its film plays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from stages.core.errors import StorageError
from stages.show.overlay import data_uri
from stages.show.run_page import Alarm, Reason, RunPage, clock, draw_run, render
from tests.pipelines.helpers import open_browser
from tests.show.test_faces import noise
from tests.show.test_overlay_video import film

SCORES = np.concatenate([np.zeros(40), np.full(20, 3.0), np.zeros(40)])
ALARM = Alarm(
    start=4.0, end=6.0, peak=5.0, score=3.0, rarity="At most 0.01 of the frames.", person=2, picture=data_uri(noise()),
    reason=Reason(("left knee makes 40% of the score",), '<svg viewBox="0 0 9 9" role="img" aria-label="why"></svg>'),
)  # fmt: skip
PAGE = RunPage(
    source="gate <1>.mp4", facts=(("model", "stg_nf of gate"),), film="overlay.mp4", blurred=True, unit="bits",
    seconds=10.0, raw=SCORES,
    smoothed=SCORES, threshold=1.5, alarms=(ALARM,), people=((2, 0.0, 9.0, "3.00"),),
    notes=("Try `normotion calibrate` & see.",), following=("normotion label gate.mp4",),
)  # fmt: skip


def test_what_it_says() -> None:
    text = render(PAGE)
    for expected in (
        "1 alarm in 0:10.0", "gate &lt;1&gt;.mp4", "<code>normotion calibrate</code> &amp; see.", "overlay.mp4#t=5.00",
        "left knee makes 40% of the score", "At most 0.01 of the frames.", "stg_nf of gate", "normotion label gate.mp4",
    ):  # fmt: skip
        assert expected in text
    assert "http" not in text.replace("http-equiv", "")
    assert "<script" not in text
    assert render(PAGE) == text


def test_a_page_without_alarms_people_or_a_film() -> None:
    text = render(replace(PAGE, alarms=(), people=(), film="", notes=(), raw=SCORES * np.nan))
    assert "No alarm in 0:10.0" in text
    assert "<video" not in text


def test_a_score_stands_where_it_should() -> None:
    low, high = PAGE.ends
    assert low < 0 < 3 < high
    assert PAGE.height(high) == pytest.approx(0)
    assert PAGE.height(low) == pytest.approx(100)
    assert PAGE.across(5.0) == 500
    assert replace(PAGE, raw=2 * SCORES).ends[1] > 6  # whatever is drawn is within the axis
    flat = replace(PAGE, smoothed=np.full(5, 1.5))
    assert flat.ends[0] < flat.ends[1]


@pytest.mark.parametrize(
    ("seconds", "times"),
    [
        (0.4, [0, 0.4]),
        (5, [0, 2, 5]),
        (10, [0, 5, 10]),
        (62, [0, 30, 62]),
        (86400, [0, 21600, 43200, 64800, 86400]),
        (3e6, [0, 777600, 1555200, 2332800, 3e6]),
    ],
)
def test_the_axis_of_time_has_few_round_marks(seconds: float, times: list[float]) -> None:
    assert list(replace(PAGE, seconds=seconds).times) == pytest.approx(times)


def test_the_axis_of_scores_has_few_round_marks() -> None:
    assert PAGE.levels == (0.0, 1.0, 2.0, 3.0)
    assert '<span style="top:95.5%">0</span>' in render(PAGE)  # a twentieth of the span is left below the lowest


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00.0"), (62.25, "1:02.2"), (3723, "1:02:03"), (-1, "0:00.0")])
def test_times(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_the_timeline_is_the_same_to_the_byte(tmp_path: Path) -> None:
    for name in ("one.png", "other.png"):
        draw_run(tmp_path / name, PAGE, 10.0)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "other.png").read_bytes()


def test_alarms_of_a_long_source_are_seen_in_the_timeline(tmp_path: Path) -> None:
    day = replace(PAGE, seconds=86400.0, raw=np.zeros(864), smoothed=np.zeros(864))
    alarms = tuple(replace(ALARM, start=at, end=at + 1, peak=at) for at in (20000.0, 60000.0))  # 0.01 px wide each
    orange = []
    for name, given in (("without.png", ()), ("with.png", alarms)):
        draw_run(tmp_path / name, replace(day, alarms=given), 0.01)
        picture = np.asarray(cv2.imread(str(tmp_path / name)))[150].astype(int)  # BGR, one row across the axes
        orange.append(int(((picture[:, 2] - picture[:, 0]) > 40).sum()))
    assert orange[0] == 0
    assert 2 <= orange[1] <= 8


def test_a_timeline_that_cannot_be_written_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(StorageError):
        draw_run(tmp_path / "file" / "timeline.png", PAGE, 10.0)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.ui
def test_in_a_browser(tmp_path: Path) -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    film(tmp_path / "overlay.mp4", numbers=list(range(100)))
    (tmp_path / "page.html").write_text(render(PAGE), encoding="utf-8")
    with sync_api.sync_playwright() as playwright:
        browser = open_browser(playwright)
        for width, scheme in ((360, "dark"), (1200, "light")):
            page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
            faults: list[str] = []
            asked: list[str] = []
            page.on("console", lambda message, told=faults: told.append(message.text))
            page.on("request", lambda request, told=asked: told.append(request.url))
            page.goto((tmp_path / "page.html").as_uri())
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            played = page.evaluate(
                "async () => { const v = document.querySelector('video'); v.muted = true; await v.play();"
                " await new Promise(r => setTimeout(r, 1500)); return [v.currentTime, v.videoWidth]; }"
            )
            assert played[0] > 0.5
            assert played[1] == 300
            assert page.locator("[role=img]:not([aria-label])").count() == 0
            assert page.locator("img:not([alt])").count() == 0
            page.keyboard.press("Tab")
            assert page.evaluate("document.activeElement.textContent") == "Skip to the alarms"
            assert not faults
            assert {Path(url).name for url in asked} == {"page.html", "overlay.mp4"}
            page.close()
        browser.close()
