"""`normotion convert`: from a published checkpoint to a folder that a detector loads, or to a message."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipelines.__main__ import main
from stages.core.errors import StorageError
from stages.detectors.base import DETECTOR_FILE, WEIGHTS_FILE
from stages.detectors.stg_nf import StgNf
from tests.detectors.layers.stg_nf.checkpoints import as_windows, network, oracle, poses, published, state, write


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that counts as a project, with a checkpoint, and the working directory."""
    (tmp_path / "params.yaml").write_text("{}\n")
    write(tmp_path / "model.tar", state(network()))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.oracle
@pytest.mark.parametrize(("name", "parameters"), [("shanghaitech", 616), ("ubnormal_sup", 488)])
def test_a_published_checkpoint_becomes_a_model_folder(
    shared: Path, here: Path, capsys: pytest.CaptureFixture[str], name: str, parameters: int
) -> None:
    known = oracle(shared, name)
    write(here / "model.tar", published(known))
    assert main(["convert", "stg-nf", "model.tar", "out"]) == 0
    model = StgNf.load(here / "out", device="cpu")
    np.testing.assert_allclose(model.score(as_windows(known["x"]))["score"], known["nll"], atol=1e-4, rtol=1e-5)
    assert f"{parameters} parameters" in capsys.readouterr().err


def test_it_says_what_it_found_and_which_windows_to_cut(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", "stg-nf", "model.tar", "models/new/out"]) == 0
    said = capsys.readouterr().err
    assert "STG-NF of 2 steps, R = 3: " in said
    assert "epoch 7, seed 13885348966504797713\n" in said
    assert (
        "windows.published: {rate: null, length: 8, stride_train: 6, stride_score: 1, fill: 0, max_missing: 2, "
        "keep_last: false, layout: openpose18, normalization: {frame_size: [856, 480]}}\n"
    ) in said
    assert str(here / "models" / "new" / "out") in said


def test_the_folder_is_the_model(here: Path) -> None:
    assert main(["convert", "stg-nf", "model.tar", "out"]) == 0
    assert {path.name for path in (here / "out").iterdir()} == {DETECTOR_FILE, WEIGHTS_FILE}
    windows = as_windows(poses(16))
    direct = StgNf.from_official(here / "model.tar", device="cpu")
    assert np.array_equal(
        StgNf.load(here / "out", device="cpu").score(windows)["score"], direct.score(windows)["score"]
    )


def test_an_empty_folder_is_filled(here: Path) -> None:
    (here / "out").mkdir()
    assert main(["convert", "stg-nf", "model.tar", "out"]) == 0
    assert StgNf.load(here / "out", device="cpu")


def test_paths_are_of_the_working_directory(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "below").mkdir()
    monkeypatch.chdir(here / "below")
    assert main(["convert", "stg-nf", "../model.tar", "out"]) == 0
    assert (here / "below" / "out" / DETECTOR_FILE).is_file()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda out: out.write_text("mine"), "there is something at OUT already"),
        (lambda out: (out.mkdir(), (out / "a.txt").write_text("mine")), "there is something at OUT already"),
    ],
)
def test_what_is_there_is_never_overwritten(
    here: Path, capsys: pytest.CaptureFixture[str], make: Callable[[Path], object], words: str
) -> None:
    make(here / "out")
    assert main(["convert", "stg-nf", "model.tar", "out"]) == 1
    assert words in capsys.readouterr().err
    kept = here / "out" if (here / "out").is_file() else here / "out" / "a.txt"
    assert kept.read_text() == "mine"


@pytest.mark.parametrize(("kind", "hint"), [("stgnf", "did you mean 'stg-nf'?"), ("alexnet", "valid names: stg-nf")])
def test_an_unknown_kind_names_the_nearest(
    here: Path, capsys: pytest.CaptureFixture[str], kind: str, hint: str
) -> None:
    assert main(["convert", kind, "model.tar", "out"]) == 1
    assert f"{kind!r} cannot be converted; {hint}" in capsys.readouterr().err
    assert not (here / "out").exists()


@pytest.mark.parametrize("broken", ["missing", "truncated", "incomplete"])
def test_a_bad_checkpoint_is_a_message_and_leaves_nothing(
    here: Path, capsys: pytest.CaptureFixture[str], broken: str
) -> None:
    file = here / "model.tar"
    if broken == "missing":
        file.unlink()
    elif broken == "truncated":
        file.write_bytes(file.read_bytes()[:1000])
    else:
        write(file, {name: value for name, value in state(network()).items() if not name.endswith("actnorm.bias")})
    before = sorted(here.iterdir())
    assert main(["convert", "stg-nf", "model.tar", "out"]) == 1
    said = capsys.readouterr().err
    assert "where: model.tar" in said
    assert "fix:" in said
    assert "Traceback" not in said
    assert sorted(here.iterdir()) == before


def test_a_write_that_fails_leaves_no_half_folder(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(self: StgNf, folder: Path) -> None:
        (folder / WEIGHTS_FILE).write_text("half")
        raise StorageError("the disk is full")

    monkeypatch.setattr(StgNf, "save", full)
    assert main(["convert", "stg-nf", "model.tar", "out"]) == 1
    assert sorted(path.name for path in here.iterdir()) == ["model.tar", "params.yaml"]
