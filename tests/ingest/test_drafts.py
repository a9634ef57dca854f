"""Drafts: what is written of them, what is linked, and that the original stays as it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stages.core.dataset import load_dataset
from stages.core.errors import DatasetError, SchemaError
from stages.core.paths import Project, clip_file
from stages.core.schemas import REGIONS, TRACKS, Rows
from stages.core.tables import read, write
from stages.core.truth import REGIONS_FILE
from stages.ingest.drafts import Draft, Jitter, people_in_frames
from tests.ingest.posted import CLIPS, fingerprints, posted


@pytest.fixture
def here(tmp_path: Path) -> Project:
    return posted(tmp_path / "real")


@pytest.fixture
def there(tmp_path: Path) -> Project:
    return Project(tmp_path / "sandbox")


def test_an_untouched_draft_is_the_dataset(here: Project, there: Project) -> None:
    before = fingerprints(here.root)
    old, new = load_dataset(here, "gate"), Draft.of(here, "gate").write(there)
    assert new.clips["clip"].tolist() == old.clips["clip"].tolist() == sorted(CLIPS)
    for clip in CLIPS:
        np.testing.assert_array_equal(new.frame_labels(clip), old.frame_labels(clip))
    assert new.description == old.description
    assert fingerprints(here.root) == before


def test_tracks_as_they_were_are_linked_not_copied(here: Project, there: Project) -> None:
    Draft.of(here, "gate").write(there)
    path = clip_file(there.tracks("gate"), "calm_a")
    assert path.is_symlink()
    assert path.resolve() == clip_file(here.tracks("gate"), "calm_a").resolve()


def test_without_clips_their_labels_regions_and_subsets_go(here: Project, there: Project) -> None:
    data = Draft.of(here, "gate").without({"test_b", "wild_a"}).write(there)
    assert set(data.clips["clip"]) == set(CLIPS) - {"test_b", "wild_a"}
    assert set(data.labels["clip"]) == {"wild_b", "test_a"}
    assert data.unknown.empty
    assert data.description.subsets == {"HR": []}
    assert set(read(data.folder / REGIONS_FILE, REGIONS).frame["clip"]) == {"wild_b", "test_a"}
    assert not clip_file(there.tracks("gate"), "wild_a").exists()


def test_unlabelled_means_nobody_knows_any_frame(here: Project, there: Project) -> None:
    data = Draft.of(here, "gate").unlabelled({"wild_a", "calm_a"}).write(there)
    assert np.isnan(data.frame_labels("wild_a")).all()
    assert np.isnan(data.frame_labels("calm_a")).all()
    assert data.frame_labels("wild_b").sum() == 5
    assert set(read(data.folder / REGIONS_FILE, REGIONS).frame["clip"]) == {"wild_b", "test_a"}


def test_a_clip_called_abnormal_loses_that_too(here: Project, there: Project) -> None:
    clips = here.raw("gate") / "clips.csv"
    header, *rows = clips.read_text().splitlines()
    told = [f"{row},{1 if row.startswith('calm_b') else ''}" for row in rows]
    clips.write_text("\n".join([f"{header},abnormal", *told]) + "\n")
    draft = Draft.of(here, "gate")
    assert draft.abnormal("train") == ["calm_b", "wild_a", "wild_b"]
    assert people_in_frames(draft, "calm_b") == (20, 20)  # abnormal as a whole: all of its people in frames
    data = draft.unlabelled({"calm_b"}).write(there)
    assert data.clip("calm_b").isna()["abnormal"]
    assert draft.unlabelled({"calm_b"}).abnormal("train") == ["wild_a", "wild_b"]


def test_renamed_clips_keep_their_tracks_under_the_new_name(here: Project, there: Project) -> None:
    data = Draft.of(here, "gate").renamed("old.{}").write(there)
    assert "old.test_a" in set(data.clips["clip"])
    moved = read(clip_file(there.tracks("gate"), "old.test_a"), TRACKS)
    original = read(clip_file(here.tracks("gate"), "test_a"), TRACKS)
    assert set(moved.frame["clip"]) == {"old.test_a"}
    np.testing.assert_array_equal(moved.arrays, original.arrays)
    assert "key" not in moved.meta  # it vouches for the original alone


def test_a_clip_cannot_be_there_twice(here: Project) -> None:
    draft = Draft.of(here, "gate")
    with pytest.raises(DatasetError, match="'calm_a' would be there twice"):
        draft.joined(draft)


def test_people_in_frames_are_counted_inside_the_intervals(here: Project) -> None:
    draft = Draft.of(here, "gate")
    assert people_in_frames(draft, "wild_a") == (20, 10)  # frames 0 to 9 of 20, one person
    assert people_in_frames(draft, "wild_b") == (20, 5)
    assert people_in_frames(draft, "calm_a") == (20, 0)
    assert people_in_frames(draft, "test_b") == (20, 5)  # the unknown stretch is not abnormal


def test_jitter_is_in_heights_of_the_box_and_spares_confidence_and_boxes(here: Project, there: Project) -> None:
    replace(Draft.of(here, "gate"), jitter=Jitter(0.1, 0)).write(there)
    moved = read(clip_file(there.tracks("gate"), "calm_a"), TRACKS)
    original = read(clip_file(here.tracks("gate"), "calm_a"), TRACKS)
    error = moved.arrays - original.arrays
    # 0.1 heights of 50 px are 5 px; the deviation of 680 draws is within 15 % of it
    assert error[..., :2].std() == pytest.approx(5.0, rel=0.15)
    assert (error[..., 2] == 0).all()
    assert moved.frame.equals(original.frame)


def test_clips_have_noise_of_their_own_and_the_same_again(here: Project, tmp_path: Path) -> None:
    noisy = replace(Draft.of(here, "gate"), jitter=Jitter(0.1, 0))
    first, second, other = (Project(tmp_path / name) for name in ("first", "second", "other"))
    noisy.write(first)
    noisy.write(second)
    replace(noisy, jitter=Jitter(0.1, 1)).write(other)
    assert fingerprints(first.root) == fingerprints(second.root)
    values = [read(clip_file(first.tracks("gate"), clip), TRACKS).arrays[..., 1] for clip in ("calm_a", "calm_b")]
    assert not np.allclose(values[0], values[1])  # without noise the two clips' y would be equal
    assert fingerprints(first.tracks("gate")) != fingerprints(other.tracks("gate"))


def test_poses_in_metres_cannot_be_moved_by_heights_in_px(here: Project, there: Project) -> None:
    path = clip_file(here.tracks("gate"), "calm_a")
    rows = read(path, TRACKS)
    write(path, TRACKS, Rows(rows.frame, rows.values, {**rows.meta, "units": "m"}))
    with pytest.raises(DatasetError, match="in m cannot be moved"):
        replace(Draft.of(here, "gate"), jitter=Jitter(0.1, 0)).write(there)
    assert not there.tracks("gate").exists()


def test_equal_drafts_have_equal_digests_however_they_came_about(here: Project) -> None:
    draft = Draft.of(here, "gate")
    assert draft.without(set()).digest() == draft.digest()
    different = [
        draft.without({"calm_a"}), draft.unlabelled({"calm_a"}), draft.renamed("x{}"),
        replace(draft, jitter=Jitter(0.1, 0)), replace(draft, jitter=Jitter(0.1, 1)),
    ]  # fmt: skip
    assert len({draft.digest(), *(other.digest() for other in different)}) == 6


def test_other_tracks_are_another_digest(here: Project) -> None:
    before = Draft.of(here, "gate").digest()
    path = clip_file(here.tracks("gate"), "calm_a")
    path.write_bytes(clip_file(here.tracks("gate"), "calm_b").read_bytes())
    assert Draft.of(here, "gate").digest() != before


def test_missing_tracks_are_an_error_that_says_how_to_make_them(here: Project) -> None:
    clip_file(here.tracks("gate"), "calm_a").unlink()
    with pytest.raises(SchemaError, match="no tracks of 1 clips") as caught:
        Draft.of(here, "gate").digest()
    assert "dvc repro" in caught.value.fix
