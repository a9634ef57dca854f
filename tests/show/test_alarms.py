"""What is said of alarms: thresholds, how they fare, and why there are none."""

from __future__ import annotations

from typing import Any

from stages.show.alarms import Alarms, calibration
from stages.show.figures import Figure
from tests.show.made_up import bare, entry, whole
from tests.show.made_up import calibration as calibrated

NONE: dict[str, Any] = {"target": 0.1, "reason": "there is no normal footage", "cameras": {}, "events": None}


def test_every_camera_of_every_detector_has_its_threshold() -> None:
    found = calibration([entry("knn", whole(0.8)), entry("stg_nf", whole(0.8))])
    assert [(row.detector, row.camera) for row in found.thresholds] == [
        ("knn", "a"), ("knn", "b"), ("stg_nf", "a"), ("stg_nf", "b"),
    ]  # fmt: skip
    first, second = found.thresholds[:2]
    assert (first.value, first.hours, first.alarms) == (Figure("3.25", interval="3–3.75"), "0.5", "2")
    assert (first.at_most, first.note) == ("12.6", "")
    assert (second.value, second.alarms) == (Figure("2.5"), "0")
    joined = "From all cameras joined, as this one has no normal footage."
    assert second.note == f"{joined} 0.01 hours of normal footage are too few"
    assert (found.target, found.reasons) == ("0.1", ())


def test_alarms_are_counted_beside_their_shares() -> None:
    found = entry("knn", whole(0.8))
    assert calibration([found]).alarms == (
        Alarms("knn", found.style, "0.750", "0.600", "0.8 s", "6 of 8", "6 of 10", "8", "2 in 15 min"),
    )


def test_undefined_shares_are_dashes() -> None:
    events = {
        "precision": None,
        "recall": 0.0,
        "delay_seconds": None,
        "events": 0,
        "true": 0,
        "false": 0,
        "labelled": 2,
        "found": 0,
    }
    (row,) = calibration([entry("knn", whole(0.8, calibration=calibrated() | {"events": events}))]).alarms
    assert (row.precision, row.recall, row.delay, row.raised, row.false) == ("–", "0.000", "–", "0 of 0", "–")
    assert row.counted == ""


def test_a_target_that_cannot_be_kept_is_said_beside_it() -> None:
    # 0.1 per hour asks for ten hours: a has half of one, b less.
    least = "2 of 2 thresholds rest on too little normal footage to keep that"
    assert calibration([entry("knn", whole(0.8))]).kept == (
        f"{least}: they promise no better than 12.6 to 300 false alarms per hour."
    )
    cameras = calibrated()["cameras"]
    long = {name: {**camera, "hours": 10.0} for name, camera in cameras.items()}
    assert calibration([entry("knn", whole(0.8, calibration=calibrated() | {"cameras": long}))]).kept == ""
    many = {"a": {**cameras["a"], "at_most": 1304.6}}
    found = calibration([entry("knn", whole(0.8, calibration=calibrated() | {"cameras": many}))])
    assert found.kept.endswith("no better than 1,305 false alarms per hour.")
    assert found.thresholds[0].at_most == "1,305"


def test_one_reason_for_all_is_told_without_names() -> None:
    found = calibration([entry("knn", bare(0.8, calibration=NONE)), entry("stg_nf", bare(0.8, calibration=NONE))])
    assert (found.target, found.reasons) == ("", ("there is no normal footage",))


def test_a_reason_for_some_is_told_with_their_names() -> None:
    found = calibration([entry("knn", bare(0.8, calibration=NONE)), entry("stg_nf", whole(0.8))])
    assert (found.target, found.reasons) == ("0.1", ("knn: there is no normal footage",))


def test_figures_without_calibration_say_so() -> None:
    assert calibration([entry("knn", bare(0.8))]).reasons == ("the figures hold no calibration",)


def test_thresholds_without_labelled_events_stand_alone() -> None:
    found = calibration([entry("knn", whole(0.8, calibration=calibrated() | {"events": None}))])
    assert (len(found.thresholds), found.alarms) == (2, ())
