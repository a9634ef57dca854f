"""Checkpoints: every weight has its place, no code of a file's ever runs, and messages say whose weights they are."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from stages.core.errors import BackendError
from stages.pose.alphapose.checkpoints import NETWORKS, load, read, shapes, skeleton
from tests.pose.alphapose.made import checkpoint, fill


@pytest.fixture(scope="module")
def yolox_s(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint(tmp_path_factory.mktemp("weights") / "yolox_s.pth", "yolox_s", wrapped=True)


def changed(path: Path, tmp_path: Path, **changes: Any) -> Path:
    """A copy of a checkpoint, some weights replaced, those given as None removed."""
    weights = torch.load(path, weights_only=True)["model"]
    weights.update({key.replace("__", "."): value for key, value in changes.items()})
    target = tmp_path / "changed.pth"
    torch.save({key: value for key, value in weights.items() if value is not None}, target)
    return target


def test_what_was_saved_is_what_is_loaded(yolox_s: Path) -> None:
    network = load(yolox_s, "yolox_s")
    wanted = fill(shapes(skeleton("yolox_s")))
    assert not network.training
    loaded = network.state_dict()
    assert list(loaded) == list(shapes(skeleton("yolox_s")))
    assert all(torch.equal(loaded[key], value) for key, value in wanted.items() if "cls_preds" not in key)
    assert loaded["head.cls_preds.0.bias"][0] == 5
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_a_bare_state_dict_is_taken_too_and_half_precision_becomes_single(yolox_s: Path, tmp_path: Path) -> None:
    half = {key: value.half() for key, value in read(yolox_s).items() if value.is_floating_point()}
    network = load(
        changed(yolox_s, tmp_path, **{key.replace(".", "__"): value for key, value in half.items()}), "yolox_s"
    )
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}


@pytest.mark.parametrize("name", NETWORKS)
def test_an_empty_network_takes_no_memory(name: str) -> None:
    assert {tensor.device.type for tensor in skeleton(name).state_dict().values()} == {"meta"}


def test_another_networks_checkpoint_is_recognised(yolox_s: Path) -> None:
    for name in ("yolox_l", "fastpose_50"):
        with pytest.raises(BackendError, match=f"this is a checkpoint of yolox_s, the params say {name}") as error:
            load(yolox_s, name)
        assert error.value.where == str(yolox_s)
        assert "write yolox_s there" in error.value.fix


def test_missing_unexpected_and_misshapen_weights_are_named(yolox_s: Path, tmp_path: Path) -> None:
    changes = {
        "head__stems__0__bn__bias": None,
        "head__extra": torch.zeros(1),
        "head__cls_preds__0__bias": torch.ones(3),
    }
    with pytest.raises(BackendError, match="no checkpoint of yolox_s, nor of any other") as error:
        load(changed(yolox_s, tmp_path, **changes), "yolox_s")
    assert "1 missing: head.stems.0.bn.bias" in error.value.what
    assert "1 unexpected: head.extra" in error.value.what
    assert "1 of another shape: head.cls_preds.0.bias (3 instead of 80)" in error.value.what


def test_many_differences_are_cut_short(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1)}, tmp_path / "a.pth")
    with pytest.raises(BackendError, match=r"462 missing: .* …") as error:
        load(tmp_path / "a.pth", "yolox_s")
    assert len(error.value.what) < 600


def test_weights_that_are_no_numbers_are_refused(yolox_s: Path, tmp_path: Path) -> None:
    broken = changed(yolox_s, tmp_path, head__cls_preds__0__bias=torch.full((80,), float("nan")))
    with pytest.raises(BackendError, match="NaN or infinite weights: head.cls_preds.0.bias"):
        load(broken, "yolox_s")


@pytest.mark.parametrize(
    "odd", [torch.eye(80).to_sparse(), torch.ones(80, dtype=torch.complex64)], ids=["sparse", "complex"]
)
def test_tensors_that_are_no_arrays_of_real_numbers_are_refused(
    yolox_s: Path, tmp_path: Path, odd: torch.Tensor
) -> None:
    with pytest.raises(BackendError, match="other things than weights: head.cls_preds.0.bias"):
        load(changed(yolox_s, tmp_path, head__cls_preds__0__bias=odd), "yolox_s")


def test_tensors_without_numbers_are_refused(yolox_s: Path, tmp_path: Path) -> None:
    torch.save({key: value.to("meta") for key, value in read(yolox_s).items()}, tmp_path / "meta.pth")
    with pytest.raises(BackendError, match="other things than weights"):
        load(tmp_path / "meta.pth", "yolox_s")


def test_whole_numbers_where_fractions_belong_are_refused(yolox_s: Path, tmp_path: Path) -> None:
    rounded = changed(yolox_s, tmp_path, head__cls_preds__0__bias=torch.ones(80, dtype=torch.int64))
    with pytest.raises(
        BackendError, match="whole numbers where fractions belong, or the reverse: head.cls_preds.0.bias"
    ):
        load(rounded, "yolox_s")


def test_a_message_does_not_pass_on_how_to_run_what_is_in_a_file(tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(2, 2), tmp_path / "whole.pth")
    with pytest.raises(BackendError, match="damaged, or holds more than weights: Weights only load failed") as error:
        read(tmp_path / "whole.pth")
    assert "option" not in str(error.value)
    assert "\x1b" not in str(error.value)  # nor torch's bold letters


def test_nothing_is_said_beside_the_error(tmp_path: Path) -> None:
    (tmp_path / "plain.pkl").write_bytes(b"\x80\x04N.")  # None, pickled as torch never does: torch warns
    with warnings.catch_warnings(), pytest.raises(BackendError, match="no weights by name|damaged"):
        warnings.simplefilter("error")
        read(tmp_path / "plain.pkl")


class Evil:
    """Runs a command of its own when it is unpickled without care."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.mark,))


@pytest.mark.parametrize("zipped", [True, False])
def test_a_checkpoint_that_would_run_code_is_refused_and_does_not(tmp_path: Path, zipped: bool) -> None:
    mark, path = tmp_path / "it-ran", tmp_path / "evil.pth"
    torch.save({"model": Evil(mark)}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(BackendError, match="the checkpoint is damaged, or holds more than weights"):
        read(path)
    assert not mark.exists()
    with path.open("rb") as stream:  # so the file was evil indeed
        torch.load(stream, weights_only=False)
    assert mark.exists()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.999])
def test_a_checkpoint_that_is_cut_short_is_refused(yolox_s: Path, tmp_path: Path, share: float) -> None:
    data = yolox_s.read_bytes()
    path = tmp_path / "cut.pth"
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(BackendError, match="the checkpoint") as error:
        load(path, "yolox_s")
    assert "download it again" in error.value.fix


@pytest.mark.parametrize("content", [[1, 2], {"model": {}}, {}, {"epoch": 3}], ids=str)
def test_something_else_is_refused(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(BackendError, match="no weights by name|other things than weights"):
        read(tmp_path / "other.pth")


def test_a_zip_file_a_text_and_a_folder_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("data.pkl", "nothing")
    (tmp_path / "a.txt").write_text("<html>Quota exceeded</html>")  # what a file-sharing site gives at times
    for path in (tmp_path / "a.zip", tmp_path / "a.txt", tmp_path, tmp_path / "missing.pth"):
        with pytest.raises(BackendError, match="the checkpoint") as error:
            read(path)
        assert error.value.where == str(path)
