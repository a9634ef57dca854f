"""How figures are written, and that what was not measured is a dash."""

from __future__ import annotations

import pytest

from stages.show.figures import Figure, frame_figure, interval, number, percent, region_figure, share_figure, signed
from tests.show.made_up import bare, whole


def test_what_is_unknown_is_a_dash() -> None:
    assert (number(None), percent(None), percent(0.876), interval(None)) == ("–", "–", "88%", "")


@pytest.mark.parametrize(("value", "text"), [(0.0124, "+0.012"), (-0.5, "−0.500"), (0.0, "+0.000")])
def test_differences_have_a_sign(value: float, text: str) -> None:
    assert signed(value) == text


@pytest.mark.parametrize(
    ("mean", "deviation", "text"),
    [(0.12345, None, "0.123"), (0.9, 0.0123, "0.900 ± 0.012"), (None, None, "–"), (0.5, 0.0, "0.500 ± 0.000")],
)
def test_figures_have_three_digits(mean: float | None, deviation: float | None, text: str) -> None:
    spread = {} if deviation is None else {"raw_sd": {"auc": deviation}}
    assert frame_figure({"raw": {"auc": mean}, **spread}, "raw", "auc").spread == text


def test_a_figure_brings_its_interval() -> None:
    # Smoothed 0.8 reaches 0.04 to both sides, raw lies 0.05 below.
    assert frame_figure(whole(0.8), "smoothed", "auc") == Figure("0.800", "", "0.760–0.840")
    assert frame_figure(whole(0.8, seeds=2), "raw", "auc") == Figure("0.750", "± 0.012", "0.710–0.790")


def test_an_undefined_figure_has_no_interval() -> None:
    metrics = {"raw": {"auc": None}, "raw_interval": {"auc": [0.1, 0.2]}, "raw_sd": {"auc": 0.1}}
    assert frame_figure(metrics, "raw", "auc") == Figure("–")
    assert not frame_figure(metrics, "raw", "auc").known


def test_regions_may_be_absent_null_or_without_interval() -> None:
    assert region_figure(whole(0.8), "rbdc") == Figure("0.410", "", "0.370–0.450")
    assert region_figure(whole(0.8), "tbdc") == Figure("0.720")
    assert region_figure(bare(0.8), "rbdc") == Figure("–")
    assert region_figure(bare(0.8, regions={"rbdc": None, "interval": None}), "rbdc") == Figure("–")


def test_region_figures_have_deviations_over_seeds() -> None:
    assert region_figure({"regions": {"rbdc": 0.5, "sd": {"rbdc": 0.02}}}, "rbdc").spread == "0.500 ± 0.020"


def test_shares_are_percents() -> None:
    assert share_figure(whole(0.8), "regions").text == "81%"
    assert share_figure(bare(0.8), "regions").text == "–"
