"""The figure of a suite: every figure is in it, where it belongs, and readable without seeing it."""

from __future__ import annotations

import json
import math
import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from stages.core.errors import SchemaError
from stages.show.palette import Style
from stages.show.suite_chart import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Point, Result, read, svg

SVG = "{http://www.w3.org/2000/svg}"


def point(variant: str, value: float | None, detector: str, smoothed: float | None, **more: Any) -> Point:
    given: dict[str, Any] = {
        "raw": None if smoothed is None else smoothed - 0.05, "raw_sd": None, "smoothed_sd": None,
        "raw_interval": None, "smoothed_interval": None, "baseline": False, "seconds": 1.0, "key": "k",
    }  # fmt: skip
    given |= more
    return Point(variant=variant, value=value, detector=detector, smoothed=smoothed, **given)


def result(*points: Point, scale: str = "linear") -> Result:
    about = {"suite": "steps", "question": "How many <steps>?", "source": "a paper", "axis": "steps & more"}
    written = {**about, "scale": scale, "dataset": "gate", "seeds": [0], "points": [p.model_dump() for p in points]}
    return Result.model_validate_json(json.dumps(written))


SWEEP = result(
    point("1", 1.0, "knn", 0.7, smoothed_interval=(0.65, 0.75)),
    point("2", 2.0, "knn", 0.8, smoothed_interval=(0.75, 0.85), baseline=True),
    point("5", 5.0, "knn", 0.75, smoothed_interval=(0.7, 0.8)),
    point("1", 1.0, "flow", 0.6, smoothed_sd=0.02),
    point("2", 2.0, "flow", None, reason="train: it broke"),
    point("5", 5.0, "flow", 0.65),
)
NAMES = result(
    point("near", None, "knn", 0.7, smoothed_interval=(0.6, 0.8)),
    point("near", None, "flow", 0.75),
    point("far", None, "knn", 0.65, smoothed_interval=(0.5, 0.7)),
    point("far", None, "flow", 0.72),
    scale="names",
)


def discs(picture: ET.Element, colour: str) -> list[tuple[float, float]]:
    """Centres of the marks of smoothed AUC."""
    found = [circle for circle in picture.iter(f"{SVG}circle") if circle.get("fill") == colour]
    return [(float(circle.get("cx", 0)), float(circle.get("cy", 0))) for circle in found]


STYLES = {"knn": Style("#111111", ""), "flow": Style("#222222", "6 3")}


def test_marks_stand_where_value_and_auc_say() -> None:
    picture = ET.fromstring(svg(SWEEP, STYLES))
    (x1, y1), (x2, y2), (x5, y5) = discs(picture, "#111111")
    assert (x5 - x1) == pytest.approx(4 * (x2 - x1), abs=0.3)  # 1, 2, 5 on a linear axis
    assert y2 < y5 < y1  # 0.8 above 0.75 above 0.7
    assert (y1 - y2) == pytest.approx(2 * (y1 - y5), abs=0.3)
    assert all(LEFT <= x <= WIDTH - RIGHT and TOP <= y <= HEIGHT - BOTTOM for x, y in [(x1, y1), (x2, y2), (x5, y5)])


def test_a_logarithmic_axis_gives_doublings_equal_steps() -> None:
    doubled = [point(str(k), float(k), "knn", 0.7) for k in (1, 2, 4, 8)]
    xs = [x for x, _ in discs(ET.fromstring(svg(result(*doubled, scale="log"), STYLES)), "#111111")]
    steps = [later - earlier for earlier, later in pairwise(xs)]
    assert steps == pytest.approx([steps[0]] * 3, abs=0.2)


def test_on_an_axis_of_names_detectors_stand_side_by_side_unjoined() -> None:
    picture = ET.fromstring(svg(NAMES, STYLES))
    near, far = discs(picture, "#111111")
    beside, _ = discs(picture, "#222222")
    assert 0 < beside[0] - near[0] < 12 < far[0] - near[0]
    assert list(picture.iter(f"{SVG}polyline")) == []
    bars = [line for line in picture.iter(f"{SVG}line") if line.get("stroke-width") == "4"]
    assert len(bars) == 2


def test_labels_that_do_not_fit_are_slanted_below_one_another() -> None:
    long = [point(f"one thing mended, number {number}", None, "knn", 0.7) for number in range(8)]
    picture = ET.fromstring(svg(result(*long, scale="names"), STYLES))
    turned = [text for text in picture.iter(f"{SVG}text") if "rotate(-32" in text.get("transform", "")]
    assert [text.text for text in turned] == [item.variant for item in long]
    height = float(picture.get("viewBox", "").split()[3])
    lowest = max(float(text.get("y", 0)) for text in picture.iter(f"{SVG}text"))
    assert HEIGHT < lowest < height < HEIGHT + 200
    straight = ET.fromstring(svg(NAMES, STYLES))
    assert straight.get("viewBox") == f"0 0 {WIDTH} {HEIGHT}"
    assert all("rotate(-32" not in text.get("transform", "") for text in straight.iter(f"{SVG}text"))


def test_a_long_first_label_stays_within_the_picture() -> None:
    names = ["without large-kernel attention and matching", *(f"without a part that has number {n}" for n in range(5))]
    picture = ET.fromstring(svg(result(*(point(name, None, "knn", 0.7) for name in names), scale="names")))
    first = next(text for text in picture.iter(f"{SVG}text") if text.text == names[0])
    reach = 7.2 * len(names[0]) * math.cos(math.radians(32))
    assert float(first.get("x", "nan")) >= reach
    rest = [float(text.get("x", "nan")) for text in picture.iter(f"{SVG}text") if text.text in names]
    assert max(rest) <= WIDTH - RIGHT


def test_the_band_spans_the_intervals() -> None:
    picture = ET.fromstring(svg(SWEEP, STYLES))
    (band,) = picture.iter(f"{SVG}polygon")
    ys = [float(pair.split(",")[1]) for pair in band.get("points", "").split()]
    (_, y1), *_ = discs(picture, "#111111")
    assert len(ys) == 6
    assert (ys[0] + ys[-1]) / 2 == pytest.approx(y1, abs=0.1)  # 0.65 and 0.75 round 0.7


def test_what_failed_is_named_not_drawn() -> None:
    picture = ET.fromstring(svg(SWEEP, STYLES))
    assert len(discs(picture, "#222222")) == 2
    texts = ["".join(text.itertext()) for text in picture.iter(f"{SVG}text")]
    assert any("✕ flow" in text for text in texts)
    assert "flow, 2: failed, train: it broke" in _description(picture)


def test_who_cannot_see_it_is_told_every_figure() -> None:
    picture = ET.fromstring(svg(SWEEP, STYLES))
    title = picture.find(f"{SVG}title")
    assert title is not None
    assert title.text == "How many <steps>? gate: AUC against steps & more"
    told = _description(picture)
    assert "knn, 1: smoothed 0.700 (0.650 to 0.750), raw 0.650" in told
    assert "flow, 1: smoothed 0.600 ± 0.020 over seeds" in told
    ids = [element.get("id") for element in picture.iter() if element.get("id")]
    # Its name is short; the figures are its description, which a screen reader tells when it is asked.
    assert [picture.get("aria-labelledby"), picture.get("aria-describedby")] == ids


def test_the_default_is_marked() -> None:
    picture = ET.fromstring(svg(SWEEP, STYLES))
    bold = [text.text for text in picture.iter(f"{SVG}text") if text.get("font-weight") == "bold"]
    assert bold == ["2"]
    dotted = [line for line in picture.iter(f"{SVG}line") if line.get("stroke-dasharray") == "2 4"]
    assert float(dotted[0].get("x1", 0)) == pytest.approx(discs(picture, "#111111")[1][0], abs=0.1)


def test_one_point_and_none_are_drawn_too() -> None:
    alone = ET.fromstring(svg(result(point("1", 1.0, "knn", 0.9, smoothed_interval=(0.8, 1.0))), STYLES))
    assert len(discs(alone, "#111111")) == 1
    failed = ET.fromstring(svg(result(point("1", 1.0, "knn", None, reason="it broke")), STYLES))
    assert discs(failed, "#111111") == []
    assert ET.fromstring(svg(result())).find(f"{SVG}desc") is not None


def test_it_needs_nothing_but_itself_and_takes_the_pages_colour() -> None:
    text = svg(SWEEP)
    assert "<style" not in text
    assert "<script" not in text
    assert "http" not in text.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert 'fill="currentColor"' in text
    assert svg(SWEEP) == text


def test_a_result_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "steps.json"
    path.write_text(json.dumps(SWEEP.model_dump(mode="json")))
    assert read(path) == SWEEP
    assert SWEEP.detectors == ["knn", "flow"]
    assert SWEEP.variants == ["1", "2", "5"]


@pytest.mark.parametrize("text", ["", "{}", '{"suite": 3}', "[1]"])
def test_what_is_no_result_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "steps.json"
    path.write_text(text)
    with pytest.raises(SchemaError, match="not a readable suite result") as caught:
        read(path)
    assert "normotion suite" in caught.value.fix


def test_a_missing_result_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="not a readable suite result"):
        read(tmp_path / "none.json")


def _description(picture: ET.Element) -> str:
    found = picture.find(f"{SVG}desc")
    return "" if found is None else str(found.text)
