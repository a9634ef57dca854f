"""k nearest neighbours, on windows small enough to measure by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stages.core.errors import ModelError, TrainingError
from stages.core.windows import Windows
from stages.detectors.base import read_weights, write_weights
from stages.detectors.knn import Knn, KnnParams
from tests.detectors.gait import walkers, windows


def points(*values: tuple[float, float]) -> Windows:
    """Windows of one sample and one joint: a point (x, y) each."""
    one = windows(walkers(len(values), samples=2))
    return replace(one, poses=np.array(values, dtype=np.float32).reshape(-1, 2, 1, 1))


SQUARE = points((0, 0), (4, 0), (0, 3), (4, 3))


def fitted(train: Windows, *, components: int = 40, neighbours: int = 1) -> Knn:
    model = Knn(KnnParams(window="second", components=components, neighbours=neighbours))
    model.fit(train)
    return model


def test_score_is_the_distance_to_the_nearest_training_window() -> None:
    # (7, 7) is 3 and 4 away from the corner (4, 3).
    np.testing.assert_allclose(fitted(SQUARE).score(points((7, 7), (4, 3)))["score"], [5, 0], atol=1e-3)


def test_score_is_the_mean_over_the_nearest_neighbours() -> None:
    # From the corner (0, 0): itself at 0, (0, 3) at 3.
    np.testing.assert_allclose(fitted(SQUARE, neighbours=2).score(points((0, 0)))["score"], [1.5], atol=1e-3)


def test_only_the_first_components_count() -> None:
    # The square is wider (4) than high (3): one component keeps x and forgets y.
    np.testing.assert_allclose(fitted(SQUARE, components=1).score(points((6, 99)))["score"], [2], atol=1e-3)


def test_components_are_capped_by_the_windows_and_the_log_says_so() -> None:
    lines: list[str] = []
    Knn(KnnParams(window="second", components=40, neighbours=1)).fit(SQUARE, log=lines.append)
    assert lines == ["2 components in place of 40: (4, 2) values allow no more"]


def test_enough_windows_need_no_cap() -> None:
    lines: list[str] = []
    Knn(KnnParams(window="second", components=2, neighbours=1)).fit(SQUARE, log=lines.append)
    assert lines == []


def test_report_counts_what_is_remembered() -> None:
    report = Knn(KnnParams(window="second", components=1, neighbours=1)).fit(SQUARE)
    assert (report.windows, report.parameters, report.curves) == (4, 2 + 2 + 4, {})


def test_too_few_windows_are_refused_with_a_way_out() -> None:
    with pytest.raises(TrainingError, match="4 training windows") as caught:
        fitted(SQUARE, neighbours=5)
    assert "neighbours" in caught.value.fix


def test_a_single_window_is_refused() -> None:
    with pytest.raises(TrainingError, match="1 training windows"):
        fitted(points((1, 1)))


def test_two_windows_span_one_component() -> None:
    # On the line between (0, 0) and (4, 0), (6, 3) stands at 6: 2 from its end.
    np.testing.assert_allclose(fitted(points((0, 0), (4, 0))).score(points((6, 3)))["score"], [2], atol=1e-3)


def test_seed_changes_nothing() -> None:
    train, test = windows(walkers(60)), windows(walkers(20, seed=8))
    first, second = (Knn(KnnParams(window="second"), seed=seed) for seed in (0, 1))
    first.fit(train)
    second.fit(train)
    np.testing.assert_array_equal(first.score(test)["score"], second.score(test)["score"])


@pytest.mark.parametrize("lost", ["mean", "axes", "known"])
def test_missing_arrays_are_refused(tmp_path: Path, lost: str) -> None:
    fitted(SQUARE).save(tmp_path)
    weights = read_weights(tmp_path)
    write_weights(tmp_path, {name: array for name, array in weights.items() if name != lost})
    with pytest.raises(ModelError, match="do not fit"):
        Knn.load(tmp_path)


def test_arrays_of_another_size_are_refused(tmp_path: Path) -> None:
    fitted(SQUARE).save(tmp_path)
    weights = read_weights(tmp_path)
    write_weights(tmp_path, weights | {"mean": weights["mean"][:1]})
    with pytest.raises(ModelError, match="do not fit"):
        Knn.load(tmp_path)


def test_fewer_remembered_windows_than_neighbours_are_refused(tmp_path: Path) -> None:
    fitted(SQUARE, neighbours=4).save(tmp_path)
    weights = read_weights(tmp_path)
    write_weights(tmp_path, weights | {"known": weights["known"][:3]})
    with pytest.raises(ModelError, match="do not fit"):
        Knn.load(tmp_path)
