"""Names of detectors."""

from __future__ import annotations

import pytest

from stages.core.errors import ParamsError
from stages.detectors.registry import DETECTORS, detector


@pytest.mark.parametrize("name", DETECTORS)
def test_every_name_leads_to_a_class_of_its_file(name: str) -> None:
    assert detector(name).__module__ == f"stages.detectors.{name}"


def test_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(ParamsError, match="did you mean 'stg_nf'"):
        detector("stgnf")
