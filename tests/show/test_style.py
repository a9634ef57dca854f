"""The pages' colours: text can be read on every ground, and what has the focus is seen, by day and by night."""

from __future__ import annotations

import pytest

from tests.show.contrast import STYLE, contrast, schemes

GROUNDS = ("ground", "card", "best")


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000", "#fff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)  # the well-known grey that just fails


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("text", ["ink", "soft"])
def test_text_can_be_read(scheme: str, ground: str, text: str) -> None:
    colours = schemes()[scheme]
    assert contrast(colours[text], colours[ground]) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("ground", GROUNDS)
def test_the_focus_is_seen(scheme: str, ground: str) -> None:
    colours = schemes()[scheme]
    assert contrast(colours["focus"], colours[ground]) >= 3


def test_both_schemes_name_the_same_colours() -> None:
    assert schemes()["light"].keys() == schemes()["dark"].keys()


def test_nothing_moves_for_those_who_ask_for_that() -> None:
    style = STYLE.read_text(encoding="utf-8")
    assert "prefers-reduced-motion: reduce" in style
    assert not {"animation", "transition"} & set(style.replace(":", " ").split())
