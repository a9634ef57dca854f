"""Edits: exactly the clips and labels that are meant change, by the seed alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stages.core.errors import DatasetError
from stages.core.paths import Project
from stages.ingest.drafts import Draft
from stages.ingest.edits import Contaminate, Edit, Join, Noise, OfPlaces, Partial, Scenes, TrainingOnly, UnlabelledTest
from tests.ingest.posted import CLIPS, fingerprints, posted

EDITS: tuple[Edit, ...] = (
    Contaminate(0.1),
    Partial(0.5),
    Scenes(2),
    Scenes(1, test=True),
    OfPlaces(("run",), ("hall",)),
    Noise(0.1),
    UnlabelledTest(),
    TrainingOnly(),
)


@pytest.fixture
def here(tmp_path: Path) -> Project:
    return posted(tmp_path / "real")


@pytest.fixture
def draft(here: Project) -> Draft:
    return Draft.of(here, "gate")


def test_no_edit_touches_the_original(here: Project, draft: Draft, tmp_path: Path) -> None:
    before, digest = fingerprints(here.root), draft.digest()
    for number, edit in enumerate(EDITS):
        edit(draft).write(Project(tmp_path / str(number)))
    assert fingerprints(here.root) == before
    assert draft.digest() == digest


@pytest.mark.parametrize("edit", EDITS, ids=repr)
def test_the_same_edit_gives_the_same_data(draft: Draft, edit: Edit) -> None:
    assert edit(draft).digest() == edit(draft).digest()
    assert edit(draft).digest() != draft.digest()


def test_contamination_plants_the_share_that_was_asked_for(draft: Draft, tmp_path: Path) -> None:
    # four calm clips are 80 people in frames; with wild_b 5 of 100 are abnormal, with wild_a 10 of 100, with both
    # 15 of 120
    for share, planted in ((0.05, 1), (0.125, 2)):
        edited = Contaminate(share, seed=_seed_that_begins_with(draft, "wild_b"))(draft)
        assert len([clip for clip in edited.split("train") if clip.startswith("wild")]) == planted
        assert edited.abnormal("train") == []  # nobody knows
        data = edited.write(Project(tmp_path / str(share)))
        truth = np.concatenate([data.frame_labels(clip) for clip in edited.split("train")])
        assert np.isnan(truth).sum() == 20 * planted
        assert not (truth == 1).any()


def test_no_contamination_leaves_normal_clips_alone(draft: Draft) -> None:
    assert Contaminate(0.0)(draft).split("train") == ["calm_a", "calm_b", "calm_c", "calm_d"]
    assert Contaminate(0.0)(draft).abnormal("test") == ["test_a", "test_b"]


def test_more_contamination_contains_less(draft: Draft) -> None:
    for seed in range(5):
        less, more = (set(Contaminate(share, seed)(draft).split("train")) for share in (0.05, 0.125))
        assert less < more


def test_the_seed_draws_the_contaminating_clips(draft: Draft) -> None:
    drawn = {tuple(Contaminate(0.05, seed)(draft).split("train")) for seed in range(8)}
    assert len(drawn) == 2


def test_a_dataset_without_abnormal_training_clips_cannot_be_contaminated(draft: Draft) -> None:
    with pytest.raises(DatasetError, match="no training clip of 'gate' is abnormal"):
        Contaminate(0.1)(draft.without({"wild_a", "wild_b"}))


def test_more_contamination_than_there_is_says_how_much_there_is(draft: Draft) -> None:
    with pytest.raises(DatasetError, match=r"all 2 abnormal training clips make 12\.5% .* not 30\.0%"):
        Contaminate(0.3)(draft)


def test_partial_data_are_whole_clips_and_nested(draft: Draft) -> None:
    half, most = (set(Partial(share)(draft).split("train")) for share in (0.5, 0.84))
    assert (len(half), len(most)) == (3, 5)  # of six
    assert half < most
    assert Partial(0.5)(draft).split("test") == draft.split("test")
    assert Partial(1.0)(draft).digest() == draft.digest()


def test_less_than_a_clip_is_refused(draft: Draft) -> None:
    with pytest.raises(DatasetError, match="5% of 6 training clips is less than one clip"):
        Partial(0.05)(draft)


def test_scenes_restrict_training_alone(draft: Draft) -> None:
    edited = Scenes(2)(draft)
    assert len({CLIPS[clip][1] for clip in edited.split("train")}) == 2
    assert edited.split("test") == draft.split("test")
    assert edited.split("validation") == draft.split("validation")
    assert Scenes(3)(draft).digest() == draft.digest()


def test_scenes_restrict_the_test_too_where_asked(draft: Draft) -> None:
    for seed in range(5):
        edited = Scenes(1, seed, test=True)(draft)
        scenes = {CLIPS[clip][1] for clip in edited.split("train") + edited.split("test")}
        assert len(scenes) == 1
        assert scenes < {"hall", "park"}  # nobody is tested in the yard
        assert len(edited.split("test")) == 1


@pytest.mark.parametrize(("edit", "there"), [(Scenes(4), 3), (Scenes(3, test=True), 2)])
def test_fewer_scenes_than_asked_are_refused_with_their_names(draft: Draft, edit: Scenes, there: int) -> None:
    with pytest.raises(
        DatasetError, match=rf"{edit.number} scenes are asked for, but the clips show {there}: hall, park"
    ):
        edit(draft)


def test_only_what_is_abnormal_because_of_its_place_is_judged(draft: Draft) -> None:
    labels = draft.labels.assign(kind=["run", "fall", "run", "run", "fall"])
    mixed = replace(draft, labels=labels)  # test_b shows a fall, and wild_b, which is trained on
    edited = OfPlaces(("run",))(mixed)
    assert edited.split("test") == ["test_a"]
    assert edited.split("train") == draft.split("train")
    assert edited.split("validation") == ["watch"]
    there = OfPlaces(("run", "fall"), ("park",))(mixed)
    assert there.split("train") == ["calm_c", "wild_b"]
    assert there.split("test") == ["test_b"]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (OfPlaces(("fly",)), "'gate' has no kind 'fly'; there are run"),
        (OfPlaces(("run",), ("moon",)), "'gate' has no scene 'moon'; there are hall, park, yard"),
        (OfPlaces(("run",), ("yard",)), "no test clip of 'gate' shows run and nothing else"),
    ],
)
def test_kinds_and_places_must_be_there(draft: Draft, edit: OfPlaces, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        edit(draft)


def test_zero_shot_trains_on_the_test_clips_and_knows_nothing_of_them(draft: Draft, tmp_path: Path) -> None:
    edited = UnlabelledTest()(draft)
    data = edited.write(Project(tmp_path / "sandbox"))
    assert edited.split("train") == ["test_a.unlabelled", "test_b.unlabelled"]
    assert edited.split("validation") == []
    assert edited.split("test") == ["test_a", "test_b"]
    for clip in edited.split("train"):
        assert np.isnan(data.frame_labels(clip)).all()
    original = Draft.of(edited.project, "gate").data
    np.testing.assert_array_equal(data.frame_labels("test_a"), original.frame_labels("test_a"))


def test_joining_adds_the_other_training_clips_with_their_labels(here: Project, tmp_path: Path) -> None:
    posted(here.root, "lane")
    edited = Join("lane")(Draft.of(here, "gate"))
    assert len(edited.split("train")) == 12
    assert edited.split("test") == ["test_a", "test_b"]
    assert "lane.watch" not in set(edited.clips["clip"])
    data = edited.write(Project(tmp_path / "sandbox"))
    assert data.frame_labels("lane.wild_a").sum() == 10


def test_an_unknown_dataset_cannot_be_joined(draft: Draft) -> None:
    with pytest.raises(DatasetError, match="did you mean 'gate'"):
        Join("gatee")(draft)


def test_training_only_has_no_test(draft: Draft) -> None:
    assert TrainingOnly()(draft).split("test") == []
    assert TrainingOnly()(draft).split("train") == draft.split("train")


def test_no_noise_is_no_edit(draft: Draft) -> None:
    assert Noise(0.0)(draft).digest() == draft.digest()


def _seed_that_begins_with(draft: Draft, clip: str) -> int:
    """A seed whose first contaminating clip is this one."""
    return next(seed for seed in range(50) if clip in Contaminate(0.05, seed)(draft).split("train"))
