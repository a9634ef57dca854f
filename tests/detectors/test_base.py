"""Cards and weights of saved models: whole ones come back, all others are refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages.core.errors import ModelError
from stages.detectors.base import (
    DETECTOR_FILE,
    WEIGHTS_FILE,
    DetectorParams,
    Form,
    card_params,
    card_seed,
    read_card,
    read_weights,
    write_card,
    write_weights,
)
from tests.detectors.gait import walkers, windows

FORM = Form(("x", "y"), 8, 18, "openpose18")
PARAMS = DetectorParams(window="second")


def change(folder: Path, **changes: Any) -> None:
    path = folder / DETECTOR_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    write_card(tmp_path, "toy", PARAMS, 7, FORM)
    return tmp_path


def test_card_comes_back(saved: Path) -> None:
    card = read_card(saved, "toy")
    assert card_params(card, DetectorParams, saved) == PARAMS
    assert card_seed(card, saved) == 7
    assert Form.from_card(card, saved) == FORM


def test_no_card(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no readable model") as caught:
        read_card(tmp_path / "nowhere", "toy")
    assert "dvc repro" in caught.value.fix


@pytest.mark.parametrize("content", ["", "{", "[1]", '"toy"', "\xff"])
def test_broken_card(saved: Path, content: str) -> None:
    (saved / DETECTOR_FILE).write_bytes(content.encode("latin-1"))
    with pytest.raises(ModelError):
        read_card(saved, "toy")


def test_card_of_another_detector(saved: Path) -> None:
    with pytest.raises(ModelError, match="model of 'toy', not of 'knn'"):
        read_card(saved, "knn")


def test_card_of_another_format(saved: Path) -> None:
    change(saved, format=99)
    with pytest.raises(ModelError, match="format 99"):
        read_card(saved, "toy")


def test_card_with_unknown_params(saved: Path) -> None:
    change(saved, params={"window": "second", "depth": 3})
    with pytest.raises(ModelError, match="depth"):
        card_params(read_card(saved, "toy"), DetectorParams, saved)


@pytest.mark.parametrize("form", [None, {}, {"channels": ["x"]}, {"channels": 3, "samples": "many"}])
def test_card_without_form(saved: Path, form: Any) -> None:
    change(saved, form=form)
    with pytest.raises(ModelError, match="the card lacks"):
        Form.from_card(read_card(saved, "toy"), saved)


def test_card_without_seed(saved: Path) -> None:
    change(saved, seed=None)
    with pytest.raises(ModelError, match="seed is None"):
        card_seed(read_card(saved, "toy"), saved)


def test_cards_of_equal_models_are_equal_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_card(tmp_path / name, "toy", PARAMS, 7, FORM)
    assert (tmp_path / "a" / DETECTOR_FILE).read_bytes() == (tmp_path / "b" / DETECTOR_FILE).read_bytes()


def test_form_of_windows() -> None:
    assert Form.of(windows(walkers(3))) == FORM


def test_form_names_what_differs() -> None:
    with pytest.raises(ModelError, match=r"8 samples × 18 joints .* these are of 12 samples"):
        FORM.check(windows(walkers(3, samples=12)))


def test_weights_come_back_with_type_and_shape(tmp_path: Path) -> None:
    arrays = {
        "matrix": np.arange(6, dtype=np.float32).reshape(2, 3).T,  # not contiguous
        "count": np.array(3),
        "flag": np.array(True),  # noqa: FBT003
    }
    write_weights(tmp_path, arrays)
    found = read_weights(tmp_path)
    assert set(found) == set(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array, strict=True)


def test_no_weights(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read") as caught:
        read_weights(tmp_path)
    assert WEIGHTS_FILE in caught.value.where


@pytest.mark.parametrize("keep", [0, 5, 40, -1])
def test_truncated_weights(tmp_path: Path, keep: int) -> None:
    write_weights(tmp_path, {"matrix": np.ones((4, 4), dtype=np.float32)})
    path = tmp_path / WEIGHTS_FILE
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ModelError, match="cannot be read"):
        read_weights(tmp_path)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_unfinite_weights(tmp_path: Path, value: float) -> None:
    write_weights(tmp_path, {"good": np.ones(2), "bad": np.array([1, value])})
    with pytest.raises(ModelError, match="NaN or infinite: bad"):
        read_weights(tmp_path)
