"""Who is abnormal, entry by entry and window by window, on cases small enough to follow by eye."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages.core.cutting import Entries
from stages.core.dataset import Dataset, load_dataset
from stages.core.paths import Project
from stages.core.person_labels import Accounts, Whereabouts, entry_states, person_labels
from stages.core.truth import regions

NOBODY = pd.DataFrame({"track": [], "start_frame": [], "end_frame": []})
NOWHERE = pd.DataFrame({"frame": [], "x1": [], "y1": [], "x2": [], "y2": []})
X = np.nan


def entries(track: Sequence[int], sample: Sequence[int], x: Sequence[float], *, unseen: int = 0) -> Entries:
    """People of four joints at x, x + 1, x + 2 and x + 3, all at height 5; the last `unseen` have no confidence."""
    keypoints = np.zeros((len(x), 4, 3), dtype=np.float32)
    keypoints[..., 0] = np.array(x)[:, None] + np.arange(4)
    keypoints[..., 1] = 5
    keypoints[:, : 4 - unseen, 2] = 0.9
    return Entries(np.array(track), np.array(sample), np.zeros(len(x), dtype=bool), keypoints)


def boxes(*rows: tuple[int, float, float, float, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["frame", "x1", "y1", "x2", "y2"])


def known(truth: list[float], drawn: pd.DataFrame = NOWHERE, named: pd.DataFrame = NOBODY) -> Whereabouts:
    return Whereabouts(np.array(truth, dtype=np.float32), drawn, named)


def states(given: Entries, about: Whereabouts, step: float = 1.0) -> list[float]:
    return [float(state) for state in entry_states(given, step, about)]


def labels(found: list[float], filled: list[int], start: list[int], samples: int = 4) -> list[int | None]:
    hidden = np.isin(np.arange(len(found)), filled)
    given = person_labels(np.array(found, dtype=np.float32), hidden, np.array(start, dtype=np.int64), samples)
    return [None if pd.isna(label) else int(label) for label in given]


def test_more_than_half_of_the_joints_lie_in_the_region() -> None:
    # The box ends at x = 10: all four joints of a person at 7 are in it, three at 8, and two at 9, which is only half.
    people = entries([0, 1, 2, 3], [0, 0, 0, 0], [7, 8, 9, 20])
    assert states(people, known([1], boxes((0, 0, 0, 10, 10)))) == [1, 1, 0, 0]


def test_height_counts_as_well() -> None:
    assert states(entries([0], [0], [1]), known([1], boxes((0, 0, 6, 10, 10)))) == [0]
    assert states(entries([0], [0], [1]), known([1], boxes((0, 0, 5, 10, 10)))) == [1]


def test_only_joints_that_were_seen_count() -> None:
    # The last joint was not seen: of a person at 9 two of three are in the box.
    assert states(entries([0], [0], [9], unseen=1), known([1], boxes((0, 0, 0, 10, 10)))) == [1]
    # Of somebody of whom nothing was seen, none is.
    assert states(entries([0], [0], [1], unseen=4), known([1], boxes((0, 0, 0, 10, 10)))) == [0]


def test_any_region_of_the_frame_will_do_but_not_two_halves() -> None:
    two = boxes((0, 0, 0, 10, 10), (0, 20, 0, 30, 10), (1, 0, 0, 1, 10), (1, 2, 0, 3, 10))
    assert states(entries([0, 1], [0, 0], [3, 22]), known([1, 1], two)) == [1, 1]
    # In frame 1 two joints lie in either box, and no box has more than half of them.
    assert states(entries([0], [1], [0]), known([1, 1], two)) == [0]


def test_a_region_counts_in_its_own_frame_in_any_order_of_rows() -> None:
    moving = boxes((2, 20, 0, 30, 10), (0, 0, 0, 10, 10), (1, 10, 0, 20, 10))
    assert states(entries([0] * 4, [0, 1, 2, 3], [2] * 4), known([1, 1, 1, 0], moving)) == [1, 0, 0, 0]
    assert states(entries([0] * 3, [0, 1, 2], [2, 12, 22]), known([1, 1, 1], moving)) == [1, 1, 1]


def test_samples_are_asked_in_the_frame_nearest_to_them() -> None:
    # At 1.4 frames a sample, samples 0 … 3 are at frames 0, 1.4, 2.8 and 4.2: nearest are 0, 1, 3 and 4, which is cut.
    region = boxes((3, 0, 0, 10, 10))
    assert states(entries([0] * 4, [0, 1, 2, 3], [2] * 4), known([0, 0, 0, 1], region), 1.4) == [0, 0, 1, 1]


def test_an_abnormal_frame_without_a_region_does_not_say_who_it_is() -> None:
    person = entries([0] * 4, [0, 1, 2, 3], [50] * 4)
    assert states(person, known([0, 1, 1, X], boxes((1, 0, 0, 10, 10)))) == pytest.approx([0, 0, X, X], nan_ok=True)


def test_without_regions_everybody_in_an_abnormal_frame_is_abnormal() -> None:
    both = entries([0, 0, 0, 1, 1, 1], [0, 1, 2, 0, 1, 2], [0] * 6)
    assert states(both, known([0, 1, X])) == pytest.approx([0, 1, X, 0, 1, X], nan_ok=True)


def test_named_tracks_are_abnormal_in_their_intervals() -> None:
    both = entries([3, 3, 3, 4, 4, 4], [0, 1, 2, 0, 1, 2], [0] * 6)
    named = pd.DataFrame({"track": [4], "start_frame": [1], "end_frame": [2]})
    assert states(both, known([0, 1, 1], named=named)) == [0, 0, 0, 0, 1, 1]


def test_where_nobody_named_is_there_others_are_unknown() -> None:
    named = pd.DataFrame({"track": [4, 9], "start_frame": [0, 1], "end_frame": [0, 2]})
    # Track 9 was never found; frame 0 names track 4, who is there.
    found = states(entries([3, 3, 3, 4], [0, 1, 2, 0], [0] * 4), known([1, 1, 1], named=named))
    assert found == pytest.approx([0, X, X, 1], nan_ok=True)


@pytest.mark.parametrize(
    ("found", "filled", "label"),
    [
        ([0, 0, 0, 0], [], 0),
        ([1, 1, 1, 1], [], 1),
        ([0, 1, 1, 0], [], 1),  # half
        ([0, 1, 0, 0], [], None),  # fewer than half
        ([1, 1, X, X], [], 1),  # half, whatever the others are
        ([1, X, X, 0], [], None),
        ([0, 0, 0, X], [], None),
        ([0, 0, 0, X], [3], 0),  # what was not seen does not count
        ([0, 1, 0, 0], [2, 3], 1),  # half of the two that were seen
        ([0, 1, 0, 0], [1], 0),
        ([1, 1, 1, 1], [0, 1, 2, 3], None),
    ],
)
def test_a_window_is_abnormal_from_half_of_its_seen_samples(
    found: list[float], filled: list[int], label: int | None
) -> None:
    assert labels(found, filled, [0]) == [label]


def test_windows_overlap_and_may_be_none() -> None:
    assert labels([0, 0, 1, 1, 1], [], [0, 1, 2, 3], samples=2) == [0, 1, 1, 1]
    assert labels([0, 0, 0, 1, 1], [], [0, 1], samples=4) == [None, 1]
    assert labels([], [], []) == []


CLIPS = """clip,split,path,camera,scene,fps,width,height,frames,abnormal
boxed,train,a.mp4,1,gate,10,64,48,4,
named,train,b.mp4,1,gate,10,64,48,4,
calm,train,c.mp4,1,gate,10,64,48,4,0
whole,train,d.mp4,1,gate,10,64,48,4,1
"""


def gate(tmp_path: Path, labels: str) -> Dataset:
    folder = tmp_path / "data" / "raw" / "gate"
    folder.mkdir(parents=True)
    (folder / "clips.csv").write_text(CLIPS)
    (folder / "labels.csv").write_text(labels)
    (folder / "dataset.yaml").write_text("name: a gate\nsource: made here\nlicence: CC0\n")
    return load_dataset(Project(tmp_path), "gate")


PERSON = entries([3, 3, 3, 3, 4, 4, 4, 4], [0, 1, 2, 3] * 2, [2] * 4 + [30] * 4)
"""Track 3 stays at the left, track 4 at the right."""


def test_regions_govern_the_clips_that_have_some(tmp_path: Path) -> None:
    data = gate(tmp_path, "clip,start_frame,end_frame,track,x,y,w,h\nboxed,1,2,4,0,0,10,10\n")
    accounts = Accounts(data, regions(data))
    assert states(PERSON, accounts.of("boxed", given=True)) == [0, 1, 1, 0, 0, 0, 0, 0]
    assert states(PERSON, accounts.of("calm", given=True)) == [0] * 8
    assert states(PERSON, accounts.of("whole", given=True)) == pytest.approx([X] * 8, nan_ok=True)


def test_tracks_count_where_all_intervals_name_some_and_ids_are_kept(tmp_path: Path) -> None:
    data = gate(tmp_path, "clip,start_frame,end_frame,track\nnamed,1,2,4\nboxed,0,0,3\nboxed,3,3,\n")
    accounts = Accounts(data, None)
    assert states(PERSON, accounts.of("named", given=True)) == [0, 0, 0, 0, 0, 1, 1, 0]
    assert states(PERSON, accounts.of("named", given=False)) == [0, 1, 1, 0, 0, 1, 1, 0]
    assert states(PERSON, accounts.of("boxed", given=True)) == [1, 0, 0, 1, 1, 0, 0, 1]
    assert states(PERSON, accounts.of("calm", given=True)) == [0] * 8
