"""Several scores of one detector, each by itself: what is shown of them."""

from __future__ import annotations

import re
from typing import Any

from stages.show.page import render
from stages.show.parts import parts
from tests.show.made_up import bare, entry, view

FOUND: dict[str, Any] = {
    "static": {
        "raw": 0.61,
        "smoothed": 0.66,
        "histogram": {"low": -1.5, "high": 2.25, "normal": [0.75, 0.25], "abnormal": [0.25, 0.5]},
    },
    "dynamic": {"raw": None, "smoothed": None, "histogram": {"low": None, "high": None, "normal": [], "abnormal": []}},
}


def test_parts_stand_with_their_detector() -> None:
    static, dynamic = parts([entry("knn", bare(0.9)), entry("itae_nf", bare(0.8, parts=FOUND))])
    assert (static.detector, static.name, static.raw, static.smoothed) == ("itae_nf", "static", "0.610", "0.660")
    assert (dynamic.raw, dynamic.histogram.normal) == ("–", "")
    assert (static.histogram.low, static.histogram.high) == ("-1.5", "2.25")


def test_bins_are_steps_on_one_scale() -> None:
    """The tallest of all bins reaches 95 of 100; 0.25 is a third of 0.75."""
    static, _ = parts([entry("itae_nf", bare(0.8, parts=FOUND))])
    heights = [100 - float(top) for top in re.findall(r"V([\d.]+)H", static.histogram.normal)]
    assert heights == [95.0, 31.67]
    assert static.histogram.abnormal.startswith("M0,100V68.33H500V36.67H1000")


def test_the_page_has_them_only_where_there_are_several() -> None:
    assert "Each score by itself" in render("t", [view(entry("itae_nf", bare(0.8, parts=FOUND)))])
    assert "Each score by itself" not in render("t", [view(entry("knn", bare(0.8)))])
