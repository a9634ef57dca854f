"""Figures of curves that can be drawn on paper, two at a time."""

from __future__ import annotations

import numpy as np
import pytest

from stages.evaluation.curves import area, average_precision, equal_error_rate

# Column 0: up, right, up, right, each by one frame. Column 1: the corner (1/3, 1/2) of two equal scores, then (1, 1).
HITS = np.array([[1.0, 1], [1, 1], [2, 2], [2, 2]])
ALARMS = np.array([[0.0, 1], [1, 1], [1, 3], [2, 3]])


def test_areas_are_of_straight_lines() -> None:
    # A triangle of 1/3 × 1/2, and from there to 1 a mean height of 3/4.
    assert area(HITS, ALARMS).tolist() == [3 / 4, pytest.approx(1 / 12 + 2 / 3 * 3 / 4)]


def test_precision_is_weighted_by_the_recall_it_adds() -> None:
    np.testing.assert_allclose(average_precision(HITS, ALARMS), [(1 + 2 / 3) / 2, (1 / 2 + 2 / 5) / 2])


def test_the_falling_diagonal_is_met_between_points() -> None:
    # On the second leg fpr = 1/3 + 2t/3 and 1 − tpr = 1/2 − t/2 meet at t = 1/7.
    np.testing.assert_allclose(equal_error_rate(HITS, ALARMS), [1 / 2, 3 / 7])


def test_thresholds_that_nobody_reaches_change_nothing() -> None:
    hits, alarms = (np.vstack([np.zeros((2, 2)), counts[:2], counts[1:2], counts[2:]]) for counts in (HITS, ALARMS))
    for figure in (area, average_precision, equal_error_rate):
        np.testing.assert_allclose(figure(hits, alarms), figure(HITS, ALARMS))


def test_one_threshold_for_all_is_chance() -> None:
    hits, alarms = np.array([[1.0]]), np.array([[3.0]])
    assert [figure(hits, alarms)[0] for figure in (area, average_precision, equal_error_rate)] == [0.5, 0.25, 0.5]
