"""Threads are lent and given back."""

from __future__ import annotations

import sys

import pytest
import torch

from stages.compute.memory import keep
from stages.compute.threads import threads


def test_as_many_as_asked_for_then_as_before() -> None:
    before = torch.get_num_threads()
    with threads(before + 1):
        assert torch.get_num_threads() == before + 1
        with threads(None):
            assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc")
def test_memory_that_is_kept_is_cleared_once() -> None:
    """Page faults are what keeping saves: the second large tensor takes the first one's pages."""
    import resource

    if not keep():
        pytest.skip("another C library")
    for _ in range(2):
        torch.ones(1 << 24)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        torch.ones(1 << 24)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < (1 << 26) / 4096, "pages were cleared anew"
