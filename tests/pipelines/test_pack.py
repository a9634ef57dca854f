"""Models packed for cameras: they score as the stages do, know how normal footage scores, refuse what they cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from pipelines.pack import pack, run
from stages.core.errors import DatasetError, ModelError, NormotionError
from stages.core.paths import Project, clip_file
from stages.core.schemas import SCORES, TRACKS
from stages.core.tables import read
from stages.evaluation.aggregate import aggregate
from stages.live.choosing import choose
from stages.live.model import CARD, REFERENCE, Model
from tests.core.street import FPS, make
from tests.pipelines.test_registry import PARAMS, train

CAMERA: dict[str, Any] = {**PARAMS, "windows": {"second": {"rate": 10.0, "length": 8}}}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    here = Project(tmp_path_factory.mktemp("project"))
    make(here, CAMERA)
    train(here)
    clips = here.raw("gate") / "clips.csv"
    table = pd.read_csv(clips)
    table.loc[0, "split"] = "train"
    table.to_csv(clips, index=False)
    return here


@pytest.fixture(scope="module")
def packed(project: Project) -> Path:
    folder = project.root / "packed"
    run(project, "gate", "stg_nf", str(folder))
    return folder


def test_a_packed_model_scores_as_the_stages_do(project: Project, packed: Path) -> None:
    model = Model.load(packed)
    assert model.card.detector == "stg_nf"
    clip = next(iter(FPS))
    wanted = read(project.scores("gate", "stg_nf"), SCORES).frame
    wanted = wanted[wanted["clip"] == clip]
    clips = pd.DataFrame({"clip": [clip], "frames": [_frames(project, clip)], "fps": [FPS[clip]]})
    frames = aggregate(wanted, clips, model.card.rules)
    assert model.reference.median == pytest.approx(float(np.median(frames["smoothed"])), rel=1e-5)
    assert model.reference.floor == pytest.approx(float(frames["raw"].min()), rel=1e-5)
    assert model.reference.count == len(frames)
    assert model.reference.threshold >= model.reference.median
    assert "learned from" in model.reference.footage


def _frames(project: Project, clip: str) -> int:
    table = pd.read_csv(project.raw("gate") / "clips.csv")
    return int(table["frames"][table["clip"] == clip].iloc[0])


def test_packed_twice_it_is_the_same_to_the_byte(project: Project, packed: Path, tmp_path: Path) -> None:
    run(project, "gate", "stg_nf", str(tmp_path / "again"))
    for path in packed.rglob("*"):
        if path.is_file():
            assert (tmp_path / "again" / path.relative_to(packed)).read_bytes() == path.read_bytes(), path.name


def test_nothing_else_is_overwritten(packed: Path, tmp_path: Path) -> None:
    model = Model.load(packed)
    for name in ("notes.txt", "street/card.json"):
        folder = tmp_path / name.partition(".")[0].partition("/")[0]
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text("precious")
        with pytest.raises(ModelError, match="something else in the way"):
            model.save(folder)
        assert (folder / name).read_text() == "precious"
    (tmp_path / "empty").mkdir()
    for _ in range(2):  # into an empty folder, and over a packed model
        model.save(tmp_path / "empty")
    (tmp_path / "empty" / "mine.txt").touch()
    with pytest.raises(ModelError, match=r"mine\.txt"):
        model.save(tmp_path / "empty")
    (tmp_path / "empty" / "mine.txt").rename(tmp_path / "empty" / "detector" / "mine.txt")
    with pytest.raises(ModelError, match=r"way: detector/mine\.txt"):
        model.save(tmp_path / "empty")
    (tmp_path / "street" / "card.json").unlink(missing_ok=True)
    with pytest.raises(ModelError, match="a file of that name"):
        model.save(tmp_path / "notes" / "notes.txt")


def test_a_folder_without_a_card_is_not_replaced(packed: Path, tmp_path: Path) -> None:
    (tmp_path / "detector").mkdir()
    (tmp_path / "detector" / "detector.json").touch()  # as `normotion train` writes one
    with pytest.raises(ModelError, match=r"lacks card\.json"):
        Model.load(packed).save(tmp_path)
    assert (tmp_path / "detector" / "detector.json").exists()


def test_a_folder_in_use_is_refused_before_the_work(project: Project, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ModelError, match=r"notes\.txt"):
        run(project, "gate", "there is none", str(tmp_path))


def test_the_current_folder_and_a_link_are_packed_into(
    packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Model.load(packed)
    (tmp_path / "here").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "here")
    for name in (tmp_path / "link", Path()):
        monkeypatch.chdir(tmp_path / "here")
        model.save(name)
        assert Model.load(tmp_path / "here").digest == model.digest
    assert (tmp_path / "link").is_symlink()


def test_heat_runs_from_the_median_to_the_threshold(packed: Path) -> None:
    model = Model.load(packed)
    median, threshold = model.reference.median, model.reference.median + 2
    heats = [model.heat(score, threshold) for score in (None, median - 5, median, median + 1, threshold, threshold + 9)]
    assert heats == [None, 0.0, 0.0, pytest.approx(0.4), pytest.approx(0.8), 1.0]


def test_a_data_set_of_other_poses_is_refused(project: Project, tmp_path: Path) -> None:
    clip = next(iter(FPS))
    assert read(clip_file(project.tracks("gate"), clip), TRACKS).meta["layout"] == "coco17"
    with pytest.raises(NormotionError, match="there is no model of knn on nowhere|nowhere"):
        pack(project, "nowhere", "knn")


def test_footage_that_is_labelled_abnormal_is_not_normal(project: Project) -> None:
    labels = project.raw("gate") / "labels.csv"
    before = labels.read_text(encoding="utf-8")
    labels.write_text(f"{before}a,10,20\n", encoding="utf-8")
    try:
        with pytest.raises(DatasetError, match="no train clip is without abnormal frames"):
            pack(project, "gate", "stg_nf")
    finally:
        labels.write_text(before, encoding="utf-8")


def test_a_detector_that_looks_at_pictures_is_refused(project: Project) -> None:
    with pytest.raises(ModelError, match="looks at pictures"):
        pack(project, "gate", "itae_nf")


@pytest.mark.parametrize("name", [CARD, REFERENCE])
@pytest.mark.parametrize("text", [None, "", "{}", "nonsense"])
def test_a_damaged_folder_is_refused(name: str, text: str | None, packed: Path, tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "model"
    shutil.copytree(packed, folder)
    (folder / name).unlink()
    if text is not None:
        (folder / name).write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match="no model that judges cameras"):
        Model.load(folder)


def test_rules_that_need_the_whole_recording_are_refused(project: Project) -> None:
    path = project.params
    before = path.read_text(encoding="utf-8")
    params = yaml.safe_load(before)
    path.write_text(yaml.safe_dump({**params, "evaluate": {"protocol": "itae"}}), encoding="utf-8")
    try:
        with pytest.raises(NormotionError, match="a camera has no end"):
            pack(project, "gate", "stg_nf")
    finally:
        path.write_text(before, encoding="utf-8")


def test_the_model_that_is_meant(packed: Path) -> None:
    def never(dataset: str, detector: str) -> Model:
        raise DatasetError(f"{dataset} {detector}")

    assert choose(str(packed), None).digest == Model.load(packed).digest
    with pytest.raises(DatasetError, match="gate knn"):
        choose("gate", "knn", never)
    with pytest.raises(DatasetError, match="gate stg_nf"):
        choose("gate", None, never)
    with pytest.raises(ModelError, match="is of stg_nf, not of knn"):
        choose(str(packed), "knn", never)
    with pytest.raises(ModelError, match="only STG-NF comes with the package"):
        choose(None, "knn")
    with pytest.raises(ModelError, match="there is no model 'nowhere'"):
        choose("nowhere", None)
