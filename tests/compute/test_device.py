"""Names of devices."""

from __future__ import annotations

import pytest
import torch

from stages.compute.device import resolve
from stages.core.errors import ParamsError


def test_cpu_is_always_there() -> None:
    assert resolve("cpu") == torch.device("cpu")


@pytest.mark.parametrize("gpu", [True, False])
def test_auto_takes_a_gpu_when_there_is_one(monkeypatch: pytest.MonkeyPatch, gpu: bool) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    assert resolve("auto").type == ("cuda" if gpu else "cpu")


@pytest.mark.parametrize("name", ["gpu", "cuda:77", "cuda:99", "abacus", "", "meta"])
def test_a_device_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(ParamsError, match="no device") as caught:
        resolve(name)
    assert "auto" in caught.value.fix
    assert "\n" not in caught.value.what
