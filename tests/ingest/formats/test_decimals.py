"""Numbers that come back as they were written."""

from __future__ import annotations

import numpy as np
import orjson
import pytest

from stages.ingest.formats.decimals import EXACT, SHORTEST, decimals, spelled


def back(values: list[float]) -> list[float]:
    """Read as float32 and written again."""
    style, _ = decimals(np.array(values))
    single = np.array(values, dtype=np.float32)
    found: list[float] = orjson.loads(orjson.dumps(spelled(single, style), option=orjson.OPT_SERIALIZE_NUMPY))
    return found


@pytest.mark.parametrize(
    ("values", "style"),
    [
        ([1310.57, 0.315, 8.0, 0.0, -3.25], SHORTEST),  # few digits
        ([54.21041488647461, 0.9267162084579468], EXACT),  # doubles that are float32, as AlphaPose writes them
        ([1310.577, 0.1234567, 1e-7], SHORTEST),  # seven digits that float32 happens to keep
        ([0.5, 2.0], SHORTEST),  # both ways the same
        ([], SHORTEST),
    ],
)
def test_come_back(values: list[float], style: str) -> None:
    assert decimals(np.array(values, dtype=float)) == (style, 0)
    assert back(values) == values


def test_doubles_of_more_digits_are_counted() -> None:
    values = np.array([192.30033150611789, 39.19965371272887, 1.5])
    style, lost = decimals(values)
    assert lost == 2
    assert style == SHORTEST
    np.testing.assert_allclose(back(values.tolist()), values, rtol=1e-7)


def test_the_style_that_loses_less_is_taken() -> None:
    # Two doubles that are float32, one short number that is not: one is lost either way but two the other way.
    assert decimals(np.array([54.21041488647461, 0.9267162084579468, 0.1])) == (EXACT, 1)
    assert decimals(np.array([54.21041488647461, 0.3, 0.1])) == (SHORTEST, 1)


def test_any_shape() -> None:
    assert decimals(np.array([[0.1, 0.2], [0.3, 0.4]])) == (SHORTEST, 0)
    assert spelled(np.ones((2, 3), np.float32), EXACT).dtype == np.float64
