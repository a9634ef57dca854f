"""The ROC and precision-recall charts: chance, names for those who do not see them, and what bands mean."""

from __future__ import annotations

from stages.show.curves import band_note, charts
from stages.show.page import render
from stages.show.views import Lines
from tests.show.made_up import REASON, bare, entry, view, whole

BAND = Lines("M0,0", "M1,1", "M2,2Z")


def test_chance_is_the_diagonal_and_the_share_of_abnormal_frames() -> None:
    counts = {"clips": 2, "two_class": 2, "frames": 110, "abnormal": 25, "unknown": 10, "windows": 5}
    roc, precision = charts([entry("knn", bare(0.7, counts=counts))])
    assert roc.chance == "M0,100L100,0"
    assert precision.chance == "M0,75H100"  # 25 of the 100 frames with a label, from the top of a box of 100


def test_nothing_with_a_label_has_its_chance_at_the_bottom() -> None:
    counts = {"clips": 1, "two_class": 0, "frames": 10, "abnormal": 0, "unknown": 10, "windows": 5}
    assert charts([entry("knn", bare(None, counts=counts))])[1].chance == "M0,100H100"


def test_a_chart_tells_the_areas_below_its_curves() -> None:
    entries = [entry("knn", whole(0.8)), entry("stg_nf", bare(0.7))]
    roc, precision = charts(entries)
    assert roc.label(entries) == "ROC curves. knn AUC 0.800, interval 0.760–0.840; stg_nf AUC 0.700"
    assert precision.label(entries) == "Precision-recall curves. knn AP 0.800, interval 0.760–0.840; stg_nf AP 0.500"


def test_bands_are_explained_or_their_absence_is() -> None:
    with_band = entry("knn", whole(0.8), roc=BAND, pr=BAND)
    assert band_note([with_band]).startswith("Shaded: 95% band of smoothed scores")
    without = [entry(name, bare(0.7), bandless=REASON) for name in ("knn", "stg_nf")]
    assert band_note(without) == f"No bands: {REASON}."
    assert band_note([entry("knn", bare(0.7))]) == ""


def test_the_best_has_its_band_on_the_chart_and_all_have_theirs_below() -> None:
    runs = [
        entry(name, whole(auc), place, roc=BAND, pr=BAND)
        for place, (name, auc) in enumerate((("knn", 0.8), ("stg_nf", 0.7)))
    ]
    page = render("Title", [view(*runs)])
    assert page.count('class="band"') == 2 + 4
    assert page.count('class="beside"') == 2  # the best's curve, beside those of the other
    assert "thin grey the curve of knn" in page


def test_without_bands_nothing_is_folded_below() -> None:
    page = render("Title", [view(entry("knn", bare(0.7)))])
    assert "with their bands" not in page
    assert page.count('aria-label="Precision-recall curves. knn AP 0.500"') == 1
