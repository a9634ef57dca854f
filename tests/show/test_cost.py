"""What detectors take, as a reader sees it."""

from __future__ import annotations

import pytest

from stages.show.cost import costs, count, size
from stages.show.views import Model
from tests.show.made_up import bare, entry


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "–"), (0, "0 B"), (999, "999 B"), (999.6, "1 kB"), (19_700, "19.7 kB"), (999_499, "999 kB"),
        (999_500, "1 MB"), (1_234_567_890, "1.23 GB"), (5e12, "5e+03 GB"),
    ],
)  # fmt: skip
def test_sizes_have_three_digits_and_a_unit(value: float | None, expected: str) -> None:
    assert size(value) == expected


def test_counts_have_commas() -> None:
    assert (count(None), count(488), count(1234567)) == ("–", "488", "1,234,567")


def test_a_run_without_a_model_has_dashes() -> None:
    known = entry("knn", bare(0.7, seeds={"0": {}, "1": {}}), model=Model(488, 20_480, 2515))
    rows = [(row.detector, row.parameters, row.size, row.learned, row.judged, row.models) for row in costs(
        [known, entry("stg_nf", bare(0.6))]
    )]  # fmt: skip
    assert rows == [("knn", "488", "20.5 kB", "2,515", "5", 2), ("stg_nf", "–", "–", "–", "5", 1)]
