"""The coarse stage: what a detector is given, what is kept, and what it all comes to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray

from stages import coarse
from stages.core.errors import DatasetError, ParamsError, ScoreError, TrainingError
from stages.core.paths import Project
from stages.core.windows import Windows
from stages.detectors.base import DetectorParams, FitReport, Modality
from stages.detectors.registry import DETECTORS
from stages.show.coarse_result import Coarse, read
from tests.stages.actions import clips, gym, splits, windows
from tests.stages.toy import Marker

HERE = "tests.stages.test_coarse"


class Far(Marker):
    """Scores a window by its distance from the nearest training window, in two parts of which the second is wrong."""

    parts = ("far", "near")
    seen: ClassVar[list[Windows]] = []
    made: ClassVar[list[DetectorParams]] = []

    def fit(self, train: Windows, **options: Any) -> FitReport:
        """Remember the first value of each window."""
        self.known = train.poses[:, 0, 0, 0]
        self.made.append(self.params)
        return super().fit(train, **options)

    def score(self, windows: Windows) -> dict[str, NDArray[np.float32]]:
        """The distance, and its negative."""
        self.batches.append(len(windows))
        self.seen.append(windows)
        far = np.abs(windows.poses[:, 0, 0, :1] - self.known[None]).min(axis=1)
        return {"far": far, "near": -far}


class Told(Far):
    """Takes classes."""

    supervised = True


class Choosy(DetectorParams):
    """Of a detector that may learn from labels."""

    learns: str = "labels"


class Chooses(Told):
    """Learns what it is told to."""

    Params = Choosy
    learned: ClassVar[list[str]] = []

    def fit(self, train: Windows, **options: Any) -> FitReport:
        """Remember from what."""
        self.learned.append(self.params.model_dump()["learns"])
        return super().fit(train, **options)


class Blind(Far):
    """Needs what poses do not have."""

    needs = frozenset({Modality.RGB})


class Hopeless(Far):
    """Cannot learn here."""

    def fit(self, train: Windows, **options: Any) -> FitReport:
        """Refuse."""
        assert len(train)
        assert options
        raise TrainingError("the windows are in three dimensions")


class Broken(Far):
    """Scores NaN."""

    def score(self, windows: Windows) -> dict[str, NDArray[np.float32]]:
        """NaN."""
        return {part: np.full(len(windows), np.nan, np.float32) for part in self.parts}


@pytest.fixture(autouse=True)
def _detectors(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("Far", "Told", "Chooses", "Blind", "Hopeless", "Broken"):
        monkeypatch.setitem(DETECTORS, name.lower(), f"{HERE}:{name}")
    for name in ("fitted", "batches", "watched"):
        monkeypatch.setattr(Marker, name, [])
    monkeypatch.setattr(Far, "seen", [])
    monkeypatch.setattr(Far, "made", [])
    monkeypatch.setattr(Chooses, "learned", [])


@pytest.fixture
def here(tmp_path: Path) -> Project:
    return gym(tmp_path, "far")


def result(here: Project, detector: str = "far") -> Coarse:
    coarse.run(here, "gym", detector)
    return read(here.coarse("gym", detector))


def kept(here: Project, detector: str = "far") -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(here.clip_scores("gym", detector).iterdir())}


def test_every_split_in_both_directions_is_judged_by_clips(here: Project) -> None:
    found = result(here)
    assert [(one.split, one.direction) for one in found.splits] == [
        (split, direction) for split in ("calm", "drawn", "mixed") for direction in ("few_vs_many", "many_vs_few")
    ]
    assert {one.auc["far"].mean for one in found.splits} == {1.0}
    assert {one.auc["near"].mean for one in found.splits} == {0.0}
    calm = found.splits[0]
    assert (calm.train_clips, calm.train_windows, calm.test_clips, calm.abnormal_clips) == (6, 24, 12, 6)
    assert (calm.test_windows, calm.clips_without_windows) == (48, 0)
    assert found.summary["few_vs_many"]["random"].splits == 2
    assert found.summary["few_vs_many"]["random"].auc_sd == 0
    assert found.summary["many_vs_few"]["meaningful"].auc_sd is None
    assert found.summary["many_vs_few"]["meaningful"].parts == {"far": 1.0, "near": 0.0}
    assert max(Marker.batches) == 3
    assert sorted(path.name for path in here.root.rglob("*") if path.name.startswith("seed")) == []  # no models


def test_an_unsupervised_detector_is_given_normal_windows_without_classes(here: Project) -> None:
    result(here)
    few, many = Far.fitted[:2]
    assert set(few.index["clip"].str.partition("_")[0]) == {"sit", "stand"}
    assert set(many.index["clip"].str.partition("_")[0]) == {"run", "jump"}
    for given in (few, many):
        assert "kind" not in given.index
        assert set(given.index["label"]) == set(given.index["person_label"]) == {0}
        assert given.index["camera"].tolist() == ("cam" + given.index["clip"].str[-1]).tolist()
    assert all(seen.index["label"].isna().all() and "kind" not in seen.index for seen in Far.seen)
    assert Marker.watched == [None] * 6


def test_a_supervised_one_is_told_the_classes_of_what_it_learns_from(tmp_path: Path) -> None:
    found = result(gym(tmp_path, "told"), "told")
    given = Told.fitted[0]
    assert given.index["kind"].tolist() == given.index["clip"].str.partition("_")[0].tolist()
    assert found.supervised
    assert all("kind" not in seen.index for seen in Far.seen)


def test_one_that_may_learn_from_labels_learns_from_classes(tmp_path: Path) -> None:
    result(gym(tmp_path, "chooses"), "chooses")
    assert Chooses.learned == ["classes"] * 6


def test_what_is_finished_is_not_done_again(here: Project, caplog: pytest.LogCaptureFixture) -> None:
    first, written = result(here), kept(here)
    with caplog.at_level("INFO", logger="normotion"):
        assert result(here) == first
    assert len(Far.fitted) == 6
    assert "6 of 6 models are finished and unchanged" in caplog.text
    assert kept(here) == written


def test_an_interrupted_run_goes_on_where_it_stopped(here: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    fit = Far.fit

    def stopped(self: Far, train: Windows, **options: Any) -> FitReport:
        if len(Far.fitted) == 4:
            raise KeyboardInterrupt
        return fit(self, train, **options)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Far, "fit", stopped)
        coarse.run(here, "gym", "far")
    assert len(kept(here)) == 4
    assert not here.coarse("gym", "far").exists()
    result(here)
    assert len(Far.fitted) == 6


@pytest.mark.parametrize("change", ["windows", "params", "seeds", "over_windows", "code", "damage"])
def test_what_figures_depend_on_makes_them_anew(here: Project, change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    result(here)
    params = yaml.safe_load(here.params.read_text())
    if change == "windows":
        windows(here, "test", shift=0.5)
    elif change == "params":
        params["detectors"]["far"]["shift"] = 1.0
    elif change == "seeds":
        params["coarse"]["seeds"] = [0, 1]
    elif change == "over_windows":
        params["coarse"]["over_windows"] = "max"
    elif change == "code":
        monkeypatch.setattr(coarse, "_code", lambda _: "other")
    else:
        path = here.clip_scores("gym", "far") / "calm-few_vs_many-seed-0.json"
        path.write_text(path.read_text()[:40])
    here.params.write_text(yaml.safe_dump(params))
    before = len(Far.fitted)
    found = result(here)
    assert len(Far.fitted) - before == {"damage": 1}.get(change, 6)
    assert set(found.splits[0].auc["far"].seeds) == ({"0", "1"} if change == "seeds" else {"0"})


def test_a_changed_split_costs_that_split_and_one_that_left_is_forgotten(here: Project) -> None:
    result(here)
    splits(here, calm=(("sit", "stand"), True), drawn=(("stand", "jump"), False))
    assert len(result(here).splits) == 4
    assert len(Far.fitted) == 6 + 2
    assert len(kept(here)) == 4


def test_clips_without_windows_count_as_normal_and_are_told(here: Project) -> None:
    windows(here, "test", without=("run_test_0", "sit_test_0"))
    found = result(here)
    assert found.splits[0].clips_without_windows == 2
    assert found.splits[0].auc["far"].mean == pytest.approx((5 + 0.5 / 6 + 0) / 6, abs=0.02)


def test_a_failing_split_loses_none_of_the_others(here: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    fit = Far.fit

    def failing(self: Far, train: Windows, **options: Any) -> FitReport:
        if {"jump_train_0", "sit_train_0"} <= set(train.index["clip"]):
            raise TrainingError("24 windows are too few", fix="lower stride_train")
        return fit(self, train, **options)

    monkeypatch.setattr(Far, "fit", failing)
    with pytest.raises(TrainingError) as error:
        coarse.run(here, "gym", "far")
    assert "2 of 6 models failed" in error.value.what
    assert "split drawn, few_vs_many, seed 0: 24 windows are too few" in error.value.what
    assert error.value.fix == "lower stride_train"
    assert len(kept(here)) == 4
    monkeypatch.setattr(Far, "fit", fit)
    assert len(result(here).splits) == 6
    assert len(Far.fitted) == 6


def test_a_split_whose_clips_have_no_windows_is_named(here: Project) -> None:
    windows(here, "train", without=tuple(f"{kind}_train_{n}" for kind in ("sit", "stand") for n in range(3)))
    with pytest.raises(TrainingError, match="split calm, few_vs_many, seed 0: its training clips have no windows"):
        coarse.run(here, "gym", "far")


def test_a_detector_that_cannot_learn_here_is_not_applicable(tmp_path: Path) -> None:
    found = result(gym(tmp_path, "hopeless"), "hopeless")
    assert found.reason == "the windows are in three dimensions"
    assert (found.summary, found.splits) == ({}, ())


def test_scores_that_are_no_numbers_are_no_matter_of_applicability(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="6 of 6 models failed") as error:
        coarse.run(gym(tmp_path, "broken"), "gym", "broken")
    assert "NaN" in error.value.what
    assert not issubclass(type(error.value), ScoreError)


def test_rgb_is_refused_on_poses(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="blind needs footage, which dataset 'gym' lacks"):
        coarse.run(gym(tmp_path, "blind"), "gym", "blind")


def test_a_dataset_of_frames_is_refused(here: Project) -> None:
    path = here.raw("gym") / "dataset.yaml"
    path.write_text(path.read_text().replace("task: actions", "task: frames"))
    with pytest.raises(DatasetError, match="of task 'frames'"):
        coarse.run(here, "gym", "far")


def test_splits_that_cannot_be_judged_are_refused_before_any_work(here: Project) -> None:
    splits(here, all=(("sit", "stand", "run", "jump"), False))
    with pytest.raises(DatasetError, match="all: it takes all 4 classes"):
        coarse.run(here, "gym", "far")
    assert Far.fitted == []


def test_a_side_without_training_clips_is_named_by_split_and_direction(here: Project) -> None:
    path = here.raw("gym") / "clips.csv"
    table = clips()
    table[~table["clip"].str.contains("(?:run|jump)_train")].to_csv(path, index=False)
    splits(here, calm=(("sit", "stand"), True))
    with pytest.raises(DatasetError, match="split calm, many_vs_few: no clip in train is normal"):
        coarse.run(here, "gym", "far")


def test_another_window_spec_may_stand_in_for_the_detectors_own(here: Project) -> None:
    here.normalized("gym", "w").rename(here.normalized("gym", "kinect"))
    params = yaml.safe_load(here.params.read_text())
    params["coarse"]["window"] = "kinect"
    here.params.write_text(yaml.safe_dump(params))
    assert len(result(here).splits) == 6
    assert {model.window for model in Far.made} == {"kinect"}


def test_unknown_parameters_are_refused(here: Project) -> None:
    params = yaml.safe_load(here.params.read_text())
    here.params.write_text(yaml.safe_dump({**params, "coarse": {"over_window": "max"}}))
    with pytest.raises(ParamsError, match="did you mean 'over_windows'"):
        coarse.run(here, "gym", "far")


def test_the_result_is_plain_json(here: Project) -> None:
    result(here)
    told = json.loads(here.coarse("gym", "far").read_text())
    assert told["summary"]["few_vs_many"]["random"]["auc_mean"] == 1.0


def test_a_real_detector_goes_through(tmp_path: Path) -> None:
    found = result(gym(tmp_path, "knn"), "knn")
    assert {spread.auc_mean for kinds in found.summary.values() for spread in kinds.values()} == {1.0}
