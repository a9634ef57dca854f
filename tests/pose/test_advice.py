"""What stands out is said in plain words, the worst case first, and nothing is said of what is fine."""

from __future__ import annotations

from typing import Any

import pytest

from stages.pose.advice import Advice, advise, percent

FINE: dict[str, Any] = {
    "frames": 100, "poses": 300, "frames_with_people": 0.9, "abnormal_frames_with_tracks": 0.98, "people_outside": 0.0,
    "lost_frames_of_tracks": 0.02, "tracks": 10, "tracks_short": 0.1, "fragments": 1, "tracks_fragments": 0.1,
    "poses_in_tracks": 0.95, "people_small": 0.1,
}  # fmt: skip
JOINTS = {"nose": {"confidence": 0.9, "unsure": 0.0}, "left_wrist": {"confidence": 0.5, "unsure": 0.2}}


def told(whole: dict[str, Any] | None = None, **clips: dict[str, Any]) -> list[Advice]:
    figures = {clip: {**FINE, **changes} for clip, changes in clips.items()}
    return advise({**FINE, **(whole or {})}, JOINTS, figures or {"a": FINE}, {"cam": JOINTS})


def only(found: list[Advice]) -> Advice:
    assert len(found) == 1
    return found[0]


def test_nothing_is_said_of_what_is_fine() -> None:
    assert told() == []
    assert told(a={"abnormal_frames_with_tracks": None, "people_outside": None, "lost_frames_of_tracks": None}) == []


def test_the_worst_clip_is_named_and_the_others_are_listed() -> None:
    found = only(
        told(a={"frames_with_people": 0.59}, b={}, c={"frames_with_people": 0.2}, d={"frames_with_people": 0.5})
    )
    assert found.text == "80 % of the frames of clip c have nobody, and the like holds for 2 more of 4 clips."
    assert found.places == ("c", "d", "a")
    assert not found.grave


def test_one_clip_alone() -> None:
    assert only(told(a={"frames_with_people": 0.59})).text == "41 % of the frames of clip a have nobody."


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"abnormal_frames_with_tracks": 0.7}, "In 30 % of the frames labelled abnormal of clip a nobody is tracked."),
        ({"people_outside": 0.3}, "30 % of the people of clip a stand outside its frame."),
        (
            {"poses": 0, "frames_with_people": 0.0, "abnormal_frames_with_tracks": 0.0},
            "Nobody at all was found in clip a (100 frames).",
        ),
    ],
)
def test_what_cannot_be_scored_is_grave(changes: dict[str, Any], text: str) -> None:
    found = only(told(a=changes))
    assert (found.text, found.grave, found.places) == (text, True, ("a",))
    assert found.means


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"tracks_short": 0.6}, "60 % of the 10 tracks last less than 1 s."),
        (
            {"fragments": 3, "tracks_fragments": 0.3},
            "3 of 10 tracks begin within 1 s and 1 body height of where another one ended.",
        ),
        ({"poses_in_tracks": 0.5}, "50 % of the poses are in no track."),
        ({"people_small": 0.75}, "75 % of the people are less than 60 px tall."),
    ],
)
def test_what_is_wrong_with_all_of_it(changes: dict[str, Any], text: str) -> None:
    found = only(told(changes))
    assert (found.text, found.grave, found.places) == (text, False, ())


def test_what_is_empty_is_no_reason_to_complain() -> None:
    empty = dict.fromkeys(("tracks_short", "tracks_fragments", "poses_in_tracks", "people_small"))
    assert told({**empty, "poses": 0, "tracks": 0, "fragments": 0}) == []


def test_grave_things_come_first() -> None:
    found = told({"people_small": 0.75}, a={"frames_with_people": 0.1}, b={"people_outside": 0.5})
    assert [advice.grave for advice in found] == [True, False, False]


def joints(**unsure: float) -> dict[str, dict[str, float | None]]:
    return {name: {"confidence": 1 - value, "unsure": value} for name, value in unsure.items()}


def test_joints_unsure_everywhere_carry_number_and_share() -> None:
    everywhere = joints(nose=0.1, left_wrist=0.6, right_wrist=0.8)
    found = only(advise(FINE, everywhere, {"a": FINE}, {"one": everywhere, "two": everywhere}))
    assert found.text == "Unsure joints at every camera: 2 right wrist (80 %), 1 left wrist (60 %)."
    found = only(advise(FINE, everywhere, {"a": FINE}, {"one": everywhere}))
    assert found.text.startswith("Unsure joints: 2 right wrist")


def test_joints_unsure_at_one_camera() -> None:
    cameras = {"door": joints(nose=0.1, left_wrist=0.1), "yard": joints(nose=0.1, left_wrist=0.9)}
    found = only(advise(FINE, joints(nose=0.1, left_wrist=0.4), {"a": FINE}, cameras))
    assert found.text == "Unsure joints at camera yard: 1 left wrist (90 %)."


def test_poses_without_confidence_are_recognized() -> None:
    flat: dict[str, dict[str, float | None]] = {
        name: {"confidence": 1.0, "unsure": 0.0} for name in ("nose", "left_wrist")
    }
    found = only(advise(FINE, flat, {"a": FINE}, {"cam": flat}))
    assert found.text == "Every joint has the same mean confidence, 1."
    nobody: dict[str, dict[str, float | None]] = {"nose": {"confidence": None, "unsure": None}}
    assert advise(FINE, nobody, {"a": FINE}, {"cam": nobody}) == []
    assert advise(FINE, {}, {"a": FINE}, {"cam": {}}) == []


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0 %"), (0.0001, "1 %"), (0.41, "41 %"), (0.999, "99 %"), (1.0, "100 %")]
)
def test_percents_do_not_round_to_nothing_or_all(value: float, text: str) -> None:
    assert percent(value) == text
