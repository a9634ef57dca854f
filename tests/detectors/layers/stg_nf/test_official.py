"""Published checkpoints are read to the last weight, score as published, and run nothing of what is in the file."""

from __future__ import annotations

import json
import os
import pickle
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from torch import Tensor

from stages.core.errors import ModelError
from stages.core.windows import WindowSpec
from stages.detectors.layers.flow import Chain, bits_per_dimension
from stages.detectors.layers.stg_nf import official
from stages.detectors.stg_nf import StgNf
from tests.detectors.layers.stg_nf.checkpoints import (
    EPOCH,
    SEED,
    State,
    as_windows,
    network,
    oracle,
    poses,
    published,
    state,
    write,
)

PUBLISHED = {"shanghaitech": (24, 3.0, 616), "ubnormal_sup": (16, 10.0, 488)}
"""T, R and parameters."""
STEP = "flow.layers.1"


@pytest.fixture
def tar(tmp_path: Path) -> Path:
    """Where a checkpoint is written to."""
    return tmp_path / "model.tar"


@pytest.mark.oracle
@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_checkpoint_scores_as_published(shared: Path, tar: Path, name: str) -> None:
    known = oracle(shared, name)
    model = StgNf.from_official(write(tar, published(known)), device="cpu")
    found = model.score(as_windows(known["x"]))["score"]
    np.testing.assert_allclose(found, known["nll"], atol=1e-4, rtol=1e-5)


@pytest.mark.oracle
@pytest.mark.parametrize("name", PUBLISHED)
def test_its_network_is_the_published_one(shared: Path, tar: Path, name: str) -> None:
    known = oracle(shared, name)
    model = StgNf.from_official(write(tar, published(known)), device="cpu")
    form, flow = model._fitted()
    with torch.no_grad():
        z, logdet = flow.eval()(torch.tensor(known["x"]))
    np.testing.assert_allclose(z, known["z"], atol=1e-4, rtol=1e-4)
    np.testing.assert_allclose(logdet, known["logdet"], atol=1e-4, rtol=1e-4)
    samples, mean, parameters = PUBLISHED[name]
    assert (form.samples, model.params.prior_mean, model.params.steps) == (samples, mean, 8)
    assert sum(weight.numel() for weight in flow.parameters()) == parameters


@pytest.mark.oracle
@pytest.mark.parametrize("name", PUBLISHED)
def test_what_is_said_about_it(shared: Path, tar: Path, name: str) -> None:
    found = official.read(write(tar, published(oracle(shared, name))))
    samples, mean, parameters = PUBLISHED[name]
    said = "\n".join(found.lines())
    assert f"8 steps, R = {mean:g}" in said
    assert f"{parameters} parameters, epoch {EPOCH}, seed {SEED}" in said
    assert f"length: {samples}," in said
    assert ("supervised" in said) == (mean == 10)


def test_every_weight_finds_its_place(tar: Path) -> None:
    flow, x = network(), poses(16)
    model = StgNf.from_official(write(tar, state(flow, mean=10.0)), device="cpu")
    ours = model._fitted()[1].state_dict()
    assert ours.keys() == flow.state_dict().keys()
    assert all(torch.equal(ours[name], value) for name, value in flow.state_dict().items())
    np.testing.assert_allclose(model.score(as_windows(x))["score"], bits(flow, x, 10.0), atol=1e-4)
    assert (model.params.preset, model.params.window, model.params.permutation) == ("published", "published", "reverse")
    assert model.seed == SEED


@torch.no_grad()
def bits(flow: Chain, x: Tensor, mean: float) -> Tensor:
    """Scores computed without the detector."""
    z, logdet = flow(x)
    return bits_per_dimension(z, logdet, mean)


def test_training_goes_on_from_where_it_stopped(tar: Path) -> None:
    model = StgNf.from_official(write(tar, state(network())), device="cpu")
    _, flow = model._fitted()
    before = flow.state_dict()["0.actnorm.bias"].clone()
    flow.train()(poses(32) + 5)
    assert torch.equal(flow.state_dict()["0.actnorm.bias"], before)  # ActNorm does not begin anew


def test_a_saved_one_is_the_same(tar: Path, tmp_path: Path) -> None:
    model = StgNf.from_official(write(tar, state(network())), device="cpu")
    model.save(tmp_path / "out")
    again = StgNf.load(tmp_path / "out", device="cpu")
    assert (again.params, again.seed, again._form) == (model.params, model.seed, model._form)
    x = as_windows(poses(16))
    assert np.array_equal(again.score(x)["score"], model.score(x)["score"])


def test_its_window_spec_is_one_of_ours(tar: Path) -> None:
    line = official.read(write(tar, state(network()))).lines()[-1]
    spec = WindowSpec.model_validate_json(_json(line.removeprefix("windows.published: ")))
    assert (spec.rate, spec.samples, spec.stride_train, spec.stride_score) == (None, 8, 6, 1)
    assert (spec.fill, spec.max_missing, spec.keep_last, spec.layout) == (0, 2, False, "openpose18")
    assert spec.normalization.frame_size == (856, 480)
    assert spec.normalization.channels() == ("x", "y")


def test_confidence_may_be_a_third_channel(tar: Path) -> None:
    names = ("x", "y", "confidence")
    flow, x = network(channels=names), poses(16, channels=3)
    file = write(tar, state(flow, channels=3))
    model = StgNf.from_official(file, device="cpu")
    np.testing.assert_allclose(model.score(as_windows(x, names))["score"], bits(flow, x, 3.0), atol=1e-4)
    line = official.read(file).lines()[-1]
    spec = WindowSpec.model_validate_json(_json(line.removeprefix("windows.published: ")))
    assert spec.normalization.channels() == names


def test_confidence_without_weights_for_it_is_refused(tar: Path) -> None:
    with pytest.raises(ModelError, match="of another shape: flow.layers.0.actnorm.bias"):
        official.read(write(tar, state(network(), channels=3)))


@pytest.mark.parametrize(("kernel", "said"), [(5, None), (3, 3)])
def test_the_temporal_kernel_is_that_of_the_weights(tar: Path, kernel: int, said: int | None) -> None:
    flow = network(temporal_kernel=kernel)  # half a window of 8 samples makes 5
    model = StgNf.from_official(write(tar, state(flow)), device="cpu")
    assert model.params.temporal_kernel == said
    assert model.params.kernel(8) == kernel


def test_arguments_and_epoch_are_no_must(tar: Path) -> None:
    found = official.read(write(tar, state(network()), epoch=None, optimizer=None, args=None))
    assert (found.epoch, found.seed) == (None, None)
    assert found.lines()[0].endswith("parameters")
    assert StgNf.from_official(tar, device="cpu").seed == 0


@pytest.mark.parametrize("seed", [True, -1, "29", 2.5, None])
def test_a_seed_that_is_none_is_left_out(tar: Path, seed: Any) -> None:
    assert official.read(write(tar, state(network()), args=Namespace(seed=seed))).seed is None


@pytest.mark.parametrize("kind", [torch.float64, torch.float16])
def test_other_precisions_become_single(tar: Path, kind: torch.dtype) -> None:
    weights = state(network())
    weights[f"{STEP}.actnorm.bias"] = weights[f"{STEP}.actnorm.bias"].to(kind)
    found = official.read(write(tar, weights)).state["1.actnorm.bias"]
    assert found.dtype == torch.float32


def test_the_wrong_length_is_refused(tar: Path) -> None:
    file = write(tar, state(network()))
    assert official.read(file, samples=8).form.samples == 8
    with pytest.raises(ModelError, match="windows of 8 samples, not of 24"):
        StgNf.from_official(file, samples=24)


def drop(name: str) -> Callable[[State], Any]:
    return lambda weights: weights.pop(name)


def put(name: str, value: Any) -> Callable[[State], Any]:
    return lambda weights: weights.update({name: value})


def spoil(name: str, value: float) -> Callable[[State], Any]:
    return lambda weights: weights[name].view(-1)[-1:].fill_(value)


BAD = {
    "no priors": (drop("prior_h"), "no STG-NF; it lacks prior_h"),
    "no kernel": (drop("flow.layers.0.block.0.tcn.2.weight"), "it lacks flow.layers.0.block.0.tcn.2.weight"),
    "a missing weight": (drop(f"{STEP}.actnorm.logs"), f"missing: {STEP}.actnorm.logs"),
    "an unexpected one": (put("flow.head", torch.ones(2)), "unexpected: flow.head"),
    "two blocks": (put(f"{STEP}.block.1.tcn.2.bias", torch.ones(2)), f"unexpected: {STEP}.block.1.tcn.2.bias"),
    "a step left out": (put("flow.layers.3.actnorm.bias", torch.ones(1, 2, 1, 1)), "missing: flow.layers.2.actnorm"),
    "another shape": (put(f"{STEP}.actnorm.logs", torch.ones(2)), rf"{STEP}.actnorm.logs \(2,\) for \(1, 2, 1, 1\)"),
    "several graphs": (
        put(f"{STEP}.block.0.gcn.conv.weight", torch.ones(6, 1, 1, 1)),
        rf"of another shape: {STEP}.block.0.gcn.conv.weight \(6, 1, 1, 1\)",
    ),
    "priors that differ in T": (put("prior_h_normal", torch.zeros(4, 16, 18)), r"prior_h_normal \(4, 16, 18\) for"),
    "a learned permutation": (put(f"{STEP}.invconv.lower", torch.eye(2)), f"{STEP}.invconv.lower.*1×1 convolution"),
    "an even kernel": (put("flow.layers.0.block.0.tcn.2.weight", torch.ones(2, 2, 4, 1)), "an odd kernel"),
    "a flat kernel": (put("flow.layers.0.block.0.tcn.2.weight", torch.ones(2)), "an odd kernel"),
    "a flat prior": (put("prior_h", torch.zeros(4, 8, 18)), r"prior_h is \(4, 8, 18\)"),
    "no samples": (put("prior_h", torch.zeros(1, 4, 0, 18)), r"prior_h is \(1, 4, 0, 18\)"),
    "other joints": (put("prior_h", torch.zeros(1, 4, 8, 17)), "reads 17 joints"),
    "other channels": (put("prior_h", torch.zeros(1, 8, 8, 18)), "reads 4 channels"),
    "NaN": (spoil(f"{STEP}.block.0.tcn.2.bias", float("nan")), f"NaN or infinite: {STEP}.block.0.tcn.2.bias"),
    "infinity": (spoil(f"{STEP}.block.0.tcn.0.running_var", float("inf")), "infinite: .*tcn.0.running_var"),
    "a prior of NaN": (spoil("prior_h_normal", float("nan")), "NaN or infinite: prior_h_normal"),
    "too large a number": (
        put(f"{STEP}.actnorm.bias", torch.full((1, 2, 1, 1), 1e300, dtype=torch.float64)),
        "infinite: .*bias",
    ),
    "several means": (lambda weights: weights["prior_h_normal"][0].fill_(4), "no Gaussian with one mean"),
    "another variance": (spoil("prior_h_normal", 0.5), "no Gaussian with one mean"),
    "a list": (put("prior_h", [0.0]), "no arrays of numbers: prior_h"),
    "a sparse weight": (put(f"{STEP}.actnorm.bias", torch.ones(2).to_sparse()), "no arrays of numbers"),
    "a complex weight": (put(f"{STEP}.actnorm.bias", torch.ones(1, 2, 1, 1) * 1j), "no arrays of numbers"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_not_the_published_model_is_refused(tar: Path, kind: str) -> None:
    edit, message = BAD[kind]
    weights = {name: value.clone() for name, value in state(network()).items()}
    edit(weights)
    with pytest.raises(ModelError, match=message) as caught:
        official.read(write(tar, weights))
    assert caught.value.where == str(tar)
    assert caught.value.fix


def test_many_names_are_not_all_said(tar: Path) -> None:
    weights = {name: value for name, value in state(network()).items() if not name.startswith(f"{STEP}.block")}
    with pytest.raises(ModelError, match=r"missing: .* and 16 more") as caught:  # 7 + 7 + 7 less the 5 that are named
        official.read(write(tar, weights))
    assert len(str(caught.value)) < 500


class Evil:
    """Runs a command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


@pytest.mark.parametrize("place", ["args", "state_dict", "epoch"])
def test_code_in_the_file_is_refused_and_does_not_run(tar: Path, tmp_path: Path, place: str) -> None:
    ran = tmp_path / "ran"
    file = write(tar, state(network()), **{place: Evil(f"touch {ran}")})
    with pytest.raises(
        ModelError, match=r"asks for posix.system, which could run code; nothing of it was run"
    ) as caught:
        official.read(file)
    assert not ran.exists()
    assert "weights_only" not in str(caught.value)  # no advice on how to run it
    torch.load(file, weights_only=False)
    assert ran.exists()  # the file is what it pretends to be


@pytest.mark.parametrize("protocol", [2, 4])
def test_code_in_a_bare_pickle_does_not_run_either(tar: Path, tmp_path: Path, protocol: int) -> None:
    tar.write_bytes(pickle.dumps(Evil(f"touch {tmp_path / 'ran'}"), protocol=protocol))
    with pytest.raises(ModelError, match="nothing of it was run"):
        official.read(tar)
    assert not (tmp_path / "ran").exists()


def test_any_other_class_is_refused_even_a_harmless_one(tar: Path) -> None:
    args = Namespace(pose_path=Path("data"))
    with pytest.raises(ModelError, match=r"asks for pathlib\S*Path"):
        official.read(write(tar, state(network()), args=args))


def test_reading_leaves_torch_as_strict_as_before(tar: Path) -> None:
    file = write(tar, state(network()))
    official.read(file)
    assert Namespace not in torch.serialization.get_safe_globals()


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_truncated_file_is_refused(tar: Path, share: float) -> None:
    data = write(tar, state(network())).read_bytes()
    tar.write_bytes(data[: int(share * len(data))])
    with pytest.raises(ModelError, match="no checkpoint of torch, or damaged"):
        official.read(tar)


@pytest.mark.parametrize("data", [b"hello\n", b"PK\x03\x04" + bytes(100), bytes(1000), b"\x80\x02}q\x00."])
def test_other_files_are_refused(tar: Path, data: bytes) -> None:
    tar.write_bytes(data)
    with pytest.raises(ModelError) as caught:
        official.read(tar)
    assert caught.value.where == str(tar)


@pytest.mark.parametrize("held", [[1], {"epoch": 1}, {"state_dict": [1]}, torch.ones(2), {"state_dict": {}}])
def test_other_checkpoints_are_refused(tar: Path, held: Any) -> None:
    torch.save(held, tar)
    with pytest.raises(ModelError, match=r"no weights under `state_dict`|this is no STG-NF"):
        official.read(tar)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(tar: Path) -> None:
    write(tar, state(network())).chmod(0)
    with pytest.raises(ModelError, match="may not be read"):
        official.read(tar)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.tar", tmp_path):
        with pytest.raises(ModelError, match="no such file") as caught:
            official.read(path)
        assert caught.value.where == str(path)


def _json(text: str) -> str:
    """YAML as JSON."""
    return json.dumps(yaml.safe_load(text))
