"""Normal windows kept beside a model: which, where, and which of them a new one is most like."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages.core.errors import DatasetError, ModelError
from stages.core.skeleton import OPENPOSE18
from stages.core.windows import Windows
from stages.detectors import neighbours as module
from stages.detectors.base import WEIGHTS_FILE, read_weights, write_weights
from stages.detectors.neighbours import NORMALS_FILE, SIZE, Normals
from tests.detectors.gait import joined, upside_down, walkers, windows
from tests.detectors.standing import standing

TRAIN = windows(walkers(400, seed=1))
NORMALS = Normals.choose(TRAIN)
NOSE = OPENPOSE18.joints.index("nose")


def placed(*shifts: float) -> Windows:
    """Standing people whose nose is so many body heights too high."""
    poses = np.stack([standing(OPENPOSE18) for _ in shifts]).transpose(0, 3, 1, 2).copy()
    poses[:, 1, :, NOSE] -= np.array(shifts, dtype=np.float32)[:, None]
    return replace(windows(walkers(len(shifts))), poses=poses)


def test_a_choice_fits_and_is_the_same_each_time() -> None:
    assert len(NORMALS) == 300
    assert NORMALS.poses.astype(np.float16).nbytes <= SIZE
    again = Normals.choose(TRAIN)
    np.testing.assert_array_equal(again.poses, NORMALS.poses)
    pd.testing.assert_frame_equal(again.index, NORMALS.index)
    assert not np.array_equal(Normals.choose(TRAIN, seed=1).poses, NORMALS.poses)


def test_what_is_kept_is_of_the_training_windows_and_each_once() -> None:
    rows = NORMALS.index["track"].to_numpy()
    assert len(set(rows.tolist())) == len(rows)
    np.testing.assert_allclose(NORMALS.poses, TRAIN.poses[rows], atol=4e-3)
    np.testing.assert_array_equal(NORMALS.index["start_frame"], 3.0 * rows)


@pytest.mark.parametrize("size", [1, 600, 20_000])
def test_fewer_are_kept_in_less_room(size: int) -> None:
    assert len(Normals.choose(TRAIN, size=size)) == max(1, size // (2 * 8 * 18 * 2))


def test_what_is_rare_is_kept() -> None:
    rare = joined(TRAIN, windows(upside_down(walkers(1, seed=7))))
    kept = Normals.choose(rare, size=8 * 576)
    assert kept.nearest(rare.poses[-1])[1][0] < 0.01


def test_equal_windows_are_kept_once() -> None:
    assert len(Normals.choose(placed(0, 0, 0))) == 1


def test_of_many_windows_some_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOKED_AT", 50)
    assert len(Normals.choose(TRAIN)) == 50


def test_what_is_labelled_abnormal_is_left_out() -> None:
    mixed = joined(placed(0, 0.1), replace(windows(walkers(2), label=1), poses=placed(0.2, 0.3).poses))
    assert len(Normals.choose(mixed)) == 2
    unknown = mixed.index.drop(columns="person_label").assign(label=pd.array([pd.NA, 0, 1, pd.NA], dtype="Int8"))
    assert len(Normals.choose(replace(mixed, index=unknown))) == 3
    with pytest.raises(DatasetError, match="none of 2"):
        Normals.choose(mixed.take(np.array([2, 3])))


def test_windows_of_pictures_are_refused() -> None:
    with pytest.raises(DatasetError, match="f0"):
        Normals.choose(replace(TRAIN, channels=("f0", "f1")))


def test_the_nearest_is_the_nearest_by_hand() -> None:
    # The nose is one of 18 joints, so it is 0.36 / 18 = 0.02 from one and 0.72 / 18 = 0.04 from the other on average.
    normals = Normals.choose(placed(0.0, 1.08))
    rows, distances = normals.nearest(placed(0.36).poses[0], k=2)
    assert [normals.index["track"].iloc[row] for row in rows] == [0, 1]
    np.testing.assert_allclose(distances, [0.02, 0.04], rtol=0.02)
    assert len(normals.nearest(placed(0.36).poses[0], k=9)[0]) == 2


def test_a_window_is_its_own_nearest_wherever_it_is_and_however_large() -> None:
    for row in (0, 17, 299):
        rows, distances = NORMALS.nearest(NORMALS.poses[row] * 5 + 3)
        assert rows[0] == row
        assert distances[0] < 1e-5


def test_a_difference_is_told_of_the_window_asked_for() -> None:
    normals = Normals.choose(placed(0.0, 1.08))
    row = int(normals.nearest(placed(0.12).poses[0])[0][0])
    found = normals.difference(placed(0.12).poses[0], row)
    assert found.distance.shape == (8, 18)
    assert found.sentences == ("nose 0.12 body heights higher than in the most similar normal window",)


@pytest.mark.parametrize("normals", [NORMALS, Normals.choose(placed(0, 99.0))], ids=["float16", "float32"])
def test_saving_and_loading_change_nothing(normals: Normals, tmp_path: Path) -> None:
    normals.save(tmp_path)
    loaded = Normals.load(tmp_path)
    np.testing.assert_array_equal(loaded.poses, normals.poses)
    pd.testing.assert_frame_equal(loaded.index, normals.index, check_dtype=False)
    assert (loaded.channels, loaded.layout) == (normals.channels, normals.layout)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 1.1 * SIZE
    assert {path.name for path in tmp_path.iterdir()} == {WEIGHTS_FILE, NORMALS_FILE}


def test_saving_twice_gives_equal_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Normals.choose(TRAIN).save(tmp_path / name)
    for name in (WEIGHTS_FILE, NORMALS_FILE):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize("lost", [WEIGHTS_FILE, NORMALS_FILE])
def test_a_missing_file_is_named(lost: str, tmp_path: Path) -> None:
    NORMALS.save(tmp_path)
    (tmp_path / lost).unlink()
    with pytest.raises(ModelError) as caught:
        Normals.load(tmp_path)
    assert lost in caught.value.where


@pytest.mark.parametrize(
    "change",
    [{"format": 99}, {"layout": "coco17"}, {"layout": "nobody"}, {"channels": ["x"]}, {"channels": ["f0", "f1"]},
     {"clip": ["one"]}, {"clip": None}],
)  # fmt: skip
def test_a_card_that_does_not_fit_is_refused(change: dict[str, object], tmp_path: Path) -> None:
    NORMALS.save(tmp_path)
    path = tmp_path / NORMALS_FILE
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | change), encoding="utf-8")
    with pytest.raises(ModelError, match="cannot be read"):
        Normals.load(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{", "\ud800"])
def test_a_damaged_card_is_refused(text: str, tmp_path: Path) -> None:
    NORMALS.save(tmp_path)
    (tmp_path / NORMALS_FILE).write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(ModelError, match="cannot be read"):
        Normals.load(tmp_path)


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    NORMALS.save(tmp_path)
    arrays = read_weights(tmp_path)
    for change in ({"poses": arrays["poses"][:5]}, {"poses": arrays["poses"][..., :4]}, {"track": arrays["track"][:2]}):
        write_weights(tmp_path, arrays | change)
        with pytest.raises(ModelError, match="cannot be read"):
            Normals.load(tmp_path)
    write_weights(tmp_path, {name: array for name, array in arrays.items() if name != "poses"})
    with pytest.raises(ModelError, match="poses"):
        Normals.load(tmp_path)


def test_windows_of_another_form_are_refused() -> None:
    with pytest.raises(ModelError, match="cannot be compared"):
        NORMALS.nearest(windows(walkers(1, samples=12)).poses[0])
    for other in (
        windows(walkers(1, samples=12)),
        replace(TRAIN, layout="coco17"),
        windows(walkers(1), confidence=True),
    ):
        with pytest.raises(ModelError, match="these are of"):
            NORMALS.check(other)
    NORMALS.check(TRAIN)
