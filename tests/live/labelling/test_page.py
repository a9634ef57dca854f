"""The page in Chromium: keys are pressed, and the file they wrote is read back as a dataset's labels."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages.core.dataset import load_dataset
from stages.core.errors import StorageError
from stages.core.paths import Project
from stages.live.labelling.finding import find
from stages.live.labelling.server import Labelling
from tests.live.labelling.films import BITS, dataset, film
from tests.live.labelling.test_traces import table
from tests.pipelines.test_label import labelling

pytestmark = pytest.mark.ui

READ = """() => {
  const shown = page.player.video?.hidden === false ? page.player.video : document.getElementById("canvas");
  const copy = Object.assign(document.createElement("canvas"), { width: 160, height: 96 });
  const pen = copy.getContext("2d");
  pen.drawImage(shown, 0, 0, 160, 96);
  const white = (bit) => pen.getImageData((bit + 0.5) * 160 / BITS, 48, 1, 1).data[0] > 127;
  const bits = [...Array(BITS).keys()].map((bit) => (white(bit) ? 1 : 0));
  return parseInt(bits.join(""), 2);
}""".replace("BITS", str(BITS))
"""The number that the picture on the screen shows."""


@contextmanager
def serving(root: Path, video: str = "gate") -> Iterator[Labelling]:
    server = Labelling(find(Project(root), video, dataset=None, clip=None, scores=None, out=None))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server
    finally:
        server.close()


class Tab:
    """A page, with what it complained about."""

    def __init__(self, browser: Any, url: str, **options: Any) -> None:
        self.complaints: list[str] = []
        self.page = browser.new_page(**{"viewport": {"width": 1280, "height": 800}, **options})
        self.page.set_default_timeout(20_000)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda line: self.complaints.append(line.text) if line.type == "error" else None)
        self.page.goto(url)
        self.page.wait_for_selector("body[data-ready]")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def until(self, fact: Callable[[], object], wanted: object) -> None:
        """Wait for something to be so."""
        end = time.monotonic() + 20
        while (found := fact()) != wanted:
            assert time.monotonic() < end, f"{found!r} is not {wanted!r}"
            self.page.wait_for_timeout(50)

    def shows(self, frame: int) -> None:
        """The frame that is named is the frame that is seen."""
        self.until(lambda: self.page.inner_text("#frame"), f"frame {frame}")
        self.until(lambda: self.page.evaluate(READ), frame)

    def saved(self) -> None:
        self.until(lambda: self.page.inner_text("#saved").split(" ")[0], "saved")

    @property
    def player(self) -> str:
        return str(self.page.evaluate("document.body.dataset.player"))


def gate(root: Path, labels: str, **clips: str) -> Path:
    return dataset(root / "data" / "raw" / "gate", clips, labels)


# Chromium plays WebM itself; AVI it does not, and gets single frames.
@pytest.mark.parametrize(("ending", "player"), [(".webm", "video"), (".avi", "frames")])
def test_keys_mark_what_a_dataset_then_holds(ending: str, player: str, browser: Any, tmp_path: Path) -> None:
    header = "clip,start_frame,end_frame,kind\n"
    folder = gate(tmp_path, f"{header}one,50,55,run\r\n", one=ending, two=ending)
    with serving(tmp_path) as server:
        tab = Tab(browser, server.url)
        assert tab.player == player
        tab.press("Shift+ArrowRight", "ArrowRight", "ArrowRight")  # a second is ten frames
        tab.shows(12)
        tab.press("i", "Shift+ArrowRight", "ArrowLeft", "o", "1", "Enter")
        tab.shows(21)
        tab.press("Home", "[", "ArrowRight", "ArrowRight", "]", "0")
        tab.page.fill("#kind-name", "fall")
        tab.press("Enter", "Enter")
        tab.saved()
        tab.press("n")
        tab.until(lambda: tab.page.inner_text("#name"), "two")
        tab.press("End")
        tab.shows(59)
        tab.press("i", "x", "ArrowLeft", "Enter")
        tab.until(lambda: server.book.sheet().total(["two"]), 1)
        tab.press("p")
        tab.until(lambda: tab.page.inner_text("#count"), "(3)")
        tab.press("End", *["ArrowLeft"] * 5)
        tab.shows(54)
        tab.press("Delete")
        tab.until(lambda: server.book.sheet().total(["one"]), 2)
        tab.press("u")
        tab.until(lambda: server.book.sheet().total(["one"]), 3)
        assert tab.complaints == []
    data = load_dataset(Project(tmp_path), "gate")
    truth = data.frame_labels("one")
    assert np.flatnonzero(truth).tolist() == [*range(3), *range(12, 22), *range(50, 56)]
    assert np.flatnonzero(np.isnan(data.frame_labels("two"))).tolist() == [58, 59]
    assert data.labels.set_index("start_frame")["kind"].to_dict() == {0: "fall", 12: "run", 50: "run"}
    assert (folder / "labels.csv.bak").read_bytes() == f"{header}one,50,55,run\r\n".encode()


@pytest.mark.parametrize("ending", [".webm", ".avi"])
def test_playing_and_pausing_knows_its_frame(ending: str, browser: Any, tmp_path: Path) -> None:
    gate(tmp_path, "clip,start_frame,end_frame\n", one=ending)
    with serving(tmp_path) as server:
        tab = Tab(browser, server.url)
        tab.press("l", "Space")
        tab.until(lambda: tab.page.evaluate("page.player.at > 8"), wanted=True)
        assert tab.page.inner_text("#play") == "Pause"
        tab.press("Space")
        tab.until(lambda: tab.page.inner_text("#play"), "Play")
        tab.shows(tab.page.evaluate("page.player.at"))
        assert tab.page.inner_text("#speed") == "1.5 ×"
        tab.press("End", "ArrowLeft", "ArrowLeft", "Space")
        tab.until(lambda: tab.page.inner_text("#play"), "Play")
        tab.until(lambda: tab.page.evaluate("page.player.at"), 59)
        tab.shows(59)


def test_whatever_frame_is_sought_is_the_one_shown(browser: Any, tmp_path: Path) -> None:
    gate(tmp_path, "clip,start_frame,end_frame\n", one=".webm")
    with serving(tmp_path) as server:
        tab = Tab(browser, server.url)
        for frame in (1, 59, 12, 11, 0, 37):
            tab.page.evaluate(f"page.player.seek({frame})")
            tab.shows(frame)
        tab.page.click("#single")
        assert tab.player == "frames"
        tab.shows(37)


def test_mouse_and_table_do_the_same(browser: Any, tmp_path: Path) -> None:
    gate(tmp_path, "clip,start_frame,end_frame,kind,track\n", one=".avi")
    with serving(tmp_path) as server:
        tab = Tab(browser, server.url)
        box = tab.page.locator("#whole").bounding_box()
        tab.page.mouse.click(box["x"] + box["width"] * 30.5 / 60, box["y"] + 10)
        tab.shows(30)
        for action in ("start", "on", "end", "accept"):
            tab.page.click(f"[data-do={action}]")
        tab.until(lambda: tab.page.inner_text("#count"), "(1)")
        tab.page.get_by_label("last frame of interval 1").focus()
        for typed in ("35", "fight", "7"):  # from cell to cell as people do: typed, and left by Tab
            tab.press("Control+a")
            tab.page.keyboard.type(typed)
            tab.press("Tab")
        assert tab.page.evaluate("document.activeElement.type") == "checkbox"
        tab.until(lambda: server.book.path.read_text(), "clip,start_frame,end_frame,kind,track\none,30,35,fight,7\n")
        tab.page.get_by_label("last frame of interval 1").fill("99")  # behind the end: refused, and put back
        tab.press("Enter")
        tab.until(lambda: tab.page.get_by_label("last frame of interval 1").input_value(), "35")
        tab.until(lambda: "from 0 to 59" in tab.page.inner_text("#said"), wanted=True)
        tab.page.get_by_label("remove interval 1").focus()
        tab.press("Enter")
        tab.until(lambda: server.book.sheet().total(["one"]), 0)
        assert tab.page.evaluate("document.activeElement.id") == "marks"
        tab.page.click("[data-do=help]")
        assert tab.page.locator("#help").is_visible()
        tab.press("i", "Escape")
        assert not tab.page.locator("#help").is_visible()
        assert tab.page.evaluate("page.draft") is None


def test_two_tabs_keep_each_others_work(browser: Any, tmp_path: Path) -> None:
    gate(tmp_path, "clip,start_frame,end_frame\none,50,51\n", one=".avi")
    with serving(tmp_path) as server:
        first, second = Tab(browser, server.url), Tab(browser, server.url)
        first.press("i", "Enter")
        first.saved()
        second.press("ArrowRight", "i", "Enter")
        second.until(lambda: second.page.inner_text("#count"), "(3)")
        second.saved()
        second.until(lambda: "changed elsewhere too; both are kept" in second.page.inner_text("#said"), wanted=True)
        assert [(found.start, found.end) for found in server.book.sheet().intervals("one")] == [
            (0, 0),
            (1, 1),
            (50, 51),
        ]


def test_what_cannot_be_saved_stays_in_the_page_and_is_tried_again(
    browser: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate(tmp_path, "clip,start_frame,end_frame\n", one=".avi")
    with serving(tmp_path) as server:
        tab = Tab(browser, server.url)

        def full(*_: object) -> str:
            raise StorageError("the disk is full", where="labels.csv", fix="free some space")

        with monkeypatch.context() as patched:
            patched.setattr(server.book, "change", full)
            tab.press("i", "ArrowRight", "Enter")
            tab.until(lambda: tab.page.locator("#trouble").is_visible(), wanted=True)
            text = tab.page.inner_text("#trouble-text")
            assert "one is not saved: the disk is full\nlabels.csv\nfree some space\nNothing is lost" in text
            assert tab.page.inner_text("#saved") == "not saved"
            assert tab.page.inner_text("#count") == "(1)"
            with tab.page.expect_download() as download:
                tab.page.click("[data-do=copy]")
            copy = Path(download.value.path()).read_text()
            assert copy == "clip,start_frame,end_frame,kind,track,label\none,0,1,,,\n"
        tab.saved()  # by itself, some seconds later
        assert not tab.page.locator("#trouble").is_visible()
        assert server.book.sheet().total(["one"]) == 1


def test_a_page_whose_program_is_gone_keeps_what_is_marked(browser: Any, root: Path, tmp_path: Path) -> None:
    film(tmp_path / "gate.avi")
    with labelling(root, tmp_path, "gate.avi") as (process, url):
        tab = Tab(browser, url)
        process.kill()
        process.wait()
        tab.press("i", "Enter")
        tab.until(lambda: tab.page.locator("#trouble").is_visible(), wanted=True)
        text = tab.page.inner_text("#trouble-text")
        assert "gate is not saved: normotion does not answer" in text
        assert "Nothing is lost" in text
        assert tab.page.inner_text("#count") == "(1)"


def test_a_clip_called_normal_takes_no_abnormal_interval(browser: Any, tmp_path: Path) -> None:
    folder = gate(tmp_path, "clip,start_frame,end_frame\n", one=".avi")
    clips = folder / "clips.csv"
    header, row = clips.read_text().splitlines()
    clips.write_text(f"{header},abnormal\n{row},0\n")
    with serving(tmp_path) as server:
        tab = Tab(browser, server.url)
        tab.press("i")
        tab.until(lambda: "clips.csv calls one normal" in tab.page.inner_text("#said"), wanted=True)
        assert tab.page.evaluate("page.draft") is None


def test_scores_lead_to_where_to_look(browser: Any, tmp_path: Path) -> None:
    gate(tmp_path, "clip,start_frame,end_frame\n", one=".avi")
    scores = [0.0] * 60
    scores[20], scores[40], scores[41] = 3, 5, 4
    table(Project(tmp_path).frame_scores("gate", "knn"), "one", scores)
    table(Project(tmp_path).frame_scores("gate", "gepc"), "one", [float(place) for place in range(60)])
    with serving(tmp_path) as server:
        tab = Tab(browser, server.url)
        assert tab.page.locator("#scores option").all_inner_texts() == ["gepc", "knn"]
        tab.page.select_option("#scores", "knn")
        assert tab.page.locator("#whole path.smoothed").count() == 1
        tab.press("s")
        tab.shows(20)
        assert tab.page.inner_text("#score") == "score 1.50"
        tab.press("i", "Enter", "s")
        tab.shows(40)
        tab.press("s")  # 20 is marked by now, and 41 is no peak
        tab.shows(40)


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1000, "light"), (1200, "dark"), (1366, "light")])
def test_it_fits_and_everything_has_a_name(width: int, scheme: str, browser: Any, tmp_path: Path) -> None:
    gate(
        tmp_path,
        "clip,start_frame,end_frame,kind\none,3,9,a kind with a very long name\none,20,30,\n",
        one=".avi",
        two=".avi",
    )
    with serving(tmp_path) as server:
        tab = Tab(browser, server.url, viewport={"width": width, "height": 800}, color_scheme=scheme)
        for element in ("document.documentElement", "document.getElementById('scroll')"):
            assert tab.page.evaluate(f"{element}.scrollWidth - {element}.clientWidth") <= 0, element
        tree = tab.page.locator("body").aria_snapshot()
        assert (
            re.search(r"- (button|textbox|combobox|checkbox|spinbutton|slider)( \[.*\])?:?$", tree, re.MULTILINE)
            is None
        ), tree
        assert 'slider "Place in the clip"' in tree
        assert tab.page.evaluate("document.getElementById('said').getAttribute('aria-live')") == "polite"
        # With the keys taken away, buttons and fields are what is left.
        tab.press("?")
        tab.page.uncheck("#listen")
        tab.press("Escape", "i")
        assert tab.page.evaluate("page.draft") is None
        tab.page.focus("#seek")
        tab.press("ArrowRight", "ArrowUp", "PageUp", "PageDown", "ArrowLeft", "ArrowDown", "1")
        tab.shows(0)
        tab.press("End")
        tab.shows(59)
        tab.press("Home")
        tab.page.focus("[data-do=start]")
        tab.press("Enter")
        tab.until(lambda: tab.page.inner_text("#draft").startswith("Begun: 0"), wanted=True)
        assert tab.complaints == []
