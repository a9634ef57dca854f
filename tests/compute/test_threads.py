"""Threads are lent and given back."""

from __future__ import annotations

import torch

from stages.compute.threads import threads


def test_as_many_as_asked_for_then_as_before() -> None:
    before = torch.get_num_threads()
    with threads(before + 1):
        assert torch.get_num_threads() == before + 1
        with threads(None):
            assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before
