"""Checkpoints as STG-NF's authors published them: read without running anything of theirs, checked whole, renamed.

Such a file is a dict that `torch.save` wrote: `epoch`, `state_dict`, `optimizer` and `args`, an `argparse.Namespace`.
The state dict holds the weights of K steps and three priors: means and log-variances of unlabelled, normal and abnormal
windows. What the model is follows from its weights; `args` names a permutation that the published models do not have.

Source: Hirschorn and Avidan, "Normalizing Flows for Human Pose Anomaly Detection", ICCV 2023, and the names, shapes and
values in the checkpoints released with it.
"""

from __future__ import annotations

import re
import warnings
from argparse import Namespace
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor

from stages.core.errors import ModelError
from stages.detectors.base import Form
from stages.detectors.layers.stg_nf.network import build
from stages.detectors.layers.stg_nf.params import StgNfParams, published_window

WINDOW = "published"
"""Name of the window spec such a model reads."""
LAYOUT, JOINTS = "openpose18", 18
CHANNELS = {2: ("x", "y"), 3: ("x", "y", "confidence")}
"""By their number."""
SUPERVISED = 10.0
"""R of the supervised checkpoint; the others have 3."""
STEP = re.compile(r"flow\.layers\.(\d+)\.(\w+)\.(.+)")
KERNEL = "flow.layers.0.block.0.tcn.2.weight"
"""The first step's temporal convolution, `(2, 2, kernel, 1)`."""
PRIORS = ("prior_h", "prior_h_normal", "prior_h_abnormal")
NUMBERS = (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64)
SHOWN = 5
"""Weights that a message names of each kind."""
AGAIN = "give a .tar file as STG-NF's authors published it; if this is one, download it again"


@dataclass(frozen=True)
class Official:
    """What a published checkpoint holds.

    Args:
        form: of the windows it reads.
        settings: what our params say otherwise than the preset `published`.
        state: weights under our names.
        parameters: learned numbers.
        epoch: the last one trained, where the file says it.
        seed: of the training, where the file says it.
    """

    form: Form
    settings: Mapping[str, Any]
    state: Mapping[str, Tensor]
    parameters: int
    epoch: int | None
    seed: int | None

    def lines(self) -> list[str]:
        """What was found, and the window spec to give it, for people."""
        mean, steps = self.settings["prior_mean"], self.settings["steps"]
        whose = ", as the supervised checkpoint has" if mean == SUPERVISED else ""
        told = {"epoch": self.epoch, "seed": self.seed}
        training = "".join(f", {name} {value}" for name, value in told.items() if value is not None)
        return [
            f"STG-NF of {steps} steps, R = {mean:g}{whose}: {self.parameters} parameters{training}",
            f"it reads windows of {self.form}, cut by this spec:",
            f"windows.{WINDOW}: {self.window()}",
        ]

    def window(self) -> str:
        """The window spec of the published figures, in YAML: entries as they come, one frame size for all videos."""
        spec = published_window(self.form.samples)
        if len(self.form.channels) == 3:
            spec["normalization"]["confidence"] = True
        flow: str = yaml.safe_dump(spec, default_flow_style=True, sort_keys=False, width=1000)
        return flow.strip()


def read(path: Path, samples: int | None = None) -> Official:
    """Read a published checkpoint; nothing in it is ever executed.

    Args:
        path: the `.tar` file.
        samples: T that the windows must have; None takes the checkpoint's.

    Raises:
        ModelError: the file is missing, damaged, no checkpoint or asks for code; weights are missing, unexpected, of
            another shape, NaN or infinite (names them); or the model is none of the published kind.
    """
    found = _load(path)
    state = _tensors(found, path)
    form = _form(state, samples, path)
    settings: dict[str, Any] = {
        "preset": "published",
        "window": WINDOW,
        "steps": _steps(state, path),
        **_kernel(state, form, path),
    }
    network = build(form, StgNfParams(**settings), seed=0)
    ours = network.state_dict()
    flags = {name: torch.ones_like(value) for name, value in ours.items() if name.endswith(".initialised")}
    names = {name: _published(name) for name in ours if name not in flags}
    _compare(state, {names[name]: tuple(ours[name].shape) for name in names} | _prior_shapes(form), path)
    single = {name: state[theirs].to(ours[name].dtype) for name, theirs in names.items()}
    _refuse_unfinite({**state, **{names[name]: value for name, value in single.items()}}, path)
    return Official(
        form=form,
        settings={**settings, "prior_mean": _prior_mean(state["prior_h_normal"], path)},
        state={**single, **flags},  # the file does not say that ActNorm has seen its first batch
        parameters=sum(weight.numel() for weight in network.parameters()),
        epoch=_whole(found.get("epoch")),
        seed=_whole(getattr(found.get("args"), "seed", None)),
    )


def _load(path: Path) -> Mapping[str, Any]:
    """The dict in the file: tensors, plain values and an argparse.Namespace; anything else is refused unread."""
    if not path.is_file():
        raise ModelError("there is no such file", where=str(path), fix=AGAIN)
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals([Namespace]):
            warnings.simplefilter("ignore")  # of odd formats, which are refused below
            found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except PermissionError as error:
        raise ModelError("it may not be read", where=str(path), fix="check the file's permissions") from error
    except Exception as error:  # files cut short, of other kinds, or with code in them: a dozen classes of errors
        # torch's own message goes on to say how to run the code all the same.
        asked = re.search(r"GLOBAL (\S{1,80})", str(error))
        what = f"it asks for {asked[1]}, which could run code" if asked else "it is no checkpoint of torch, or damaged"
        raise ModelError(f"{what}; nothing of it was run", where=str(path), fix=AGAIN) from error
    if not isinstance(found, Mapping) or not isinstance(found.get("state_dict"), Mapping):
        raise ModelError("it holds no weights under `state_dict`", where=str(path), fix=AGAIN)
    return found


def _tensors(found: Mapping[str, Any], path: Path) -> dict[str, Tensor]:
    state = {str(name): value for name, value in found["state_dict"].items()}
    if strange := [name for name, value in state.items() if not _plain(value)]:
        raise ModelError(f"these weights are no arrays of numbers: {_some(strange)}", where=str(path), fix=AGAIN)
    if missing := [name for name in (*PRIORS, KERNEL) if name not in state]:
        raise ModelError(f"this is no STG-NF; it lacks {_some(missing)}", where=str(path), fix=AGAIN)
    return state


def _plain(value: Any) -> bool:
    """Whether it is an array of real numbers that is all there."""
    return (
        isinstance(value, Tensor)
        and value.layout == torch.strided
        and value.device.type == "cpu"
        and value.dtype in NUMBERS
    )


def _form(state: Mapping[str, Tensor], samples: int | None, path: Path) -> Form:
    """Channels and samples from the unlabelled prior, `(1, 2 C, T, V)`."""
    shape = tuple(state["prior_h"].shape)
    if len(shape) != 4 or shape[1] % 2 or shape[2] < 1:
        raise ModelError(f"prior_h is {shape}, not (1, 2 C, T, V)", where=str(path), fix=AGAIN)
    channels, length, joints = shape[1] // 2, shape[2], shape[3]
    if joints != JOINTS:
        what = f"the model reads {joints} joints; the {JOINTS} of {LAYOUT} are supported"
        raise ModelError(what, where=str(path), fix=AGAIN)
    if channels not in CHANNELS:
        what = f"the model reads {channels} channels; x and y are supported, and confidence as a third"
        raise ModelError(what, where=str(path), fix=AGAIN)
    if samples not in (None, length):
        what = f"the model reads windows of {length} samples, not of {samples}"
        raise ModelError(what, where=str(path), fix=f"ask for {length}, or give a checkpoint of {samples}")
    return Form(CHANNELS[channels], length, joints, LAYOUT)


def _steps(state: Mapping[str, Tensor], path: Path) -> int:
    """K, how many steps there are; a step that mixes channels by more than reversing them is refused."""
    parts = {name: found for name in state if (found := STEP.fullmatch(name))}
    if learned := [name for name, found in parts.items() if found[2] not in ("actnorm", "block")]:
        what = f"the steps learned how to mix channels ({_some(learned)}), by a 1×1 convolution; no published model did"
        fix = "give a published checkpoint, or train such a model here: detectors.stg_nf.permutation: learned"
        raise ModelError(what, where=str(path), fix=fix)
    return len({found[1] for found in parts.values()})


def _kernel(state: Mapping[str, Tensor], form: Form, path: Path) -> dict[str, int]:
    """What the params say of the temporal kernel; nothing where it is that of half a window."""
    shape = tuple(state[KERNEL].shape)
    if len(shape) != 4 or shape[2] % 2 == 0:
        raise ModelError(f"{KERNEL} is {shape}, not (2, 2, an odd kernel, 1)", where=str(path), fix=AGAIN)
    return {} if shape[2] == form.samples // 2 + 1 else {"temporal_kernel": shape[2]}


def _prior_shapes(form: Form) -> dict[str, tuple[int, ...]]:
    each = (2 * len(form.channels), form.samples, form.joints)
    return dict(zip(PRIORS, ((1, *each), each, each), strict=True))


def _published(name: str) -> str:
    return f"flow.layers.{name.replace('.coupling.net.', '.block.')}"


def _compare(state: Mapping[str, Tensor], wanted: Mapping[str, tuple[int, ...]], path: Path) -> None:
    """Refuse weights that are not exactly the wanted ones; names what differs."""
    shapes = {name: tuple(value.shape) for name, value in state.items()}
    differing = [name for name in wanted if name in shapes and shapes[name] != wanted[name]]
    problems = {
        "missing": [name for name in wanted if name not in shapes],
        "unexpected": [name for name in shapes if name not in wanted],
        "of another shape": [f"{name} {shapes[name]} for {wanted[name]}" for name in differing],
    }
    if told := [f"  - {kind}: {_some(names)}" for kind, names in problems.items() if names]:
        raise ModelError("its weights are not those of STG-NF:\n" + "\n".join(told), where=str(path), fix=AGAIN)


def _refuse_unfinite(state: Mapping[str, Tensor], path: Path) -> None:
    if bad := [name for name, value in state.items() if not torch.isfinite(value).all()]:
        raise ModelError(f"weights are NaN or infinite: {_some(bad)}", where=str(path), fix=AGAIN)


def _prior_mean(normal: Tensor, path: Path) -> float:
    """R, from means and log-variances of normal windows, `(2 C, T, V)`."""
    means, logs = normal.float().chunk(2)
    mean = means.flatten()[0]
    if (means != mean).any() or (logs != 0).any():
        what = "prior_h_normal is no Gaussian with one mean for all elements and variance 1"
        raise ModelError(what, where=str(path), fix=AGAIN)
    return float(mean)


def _whole(value: Any) -> int | None:
    """A count or seed; None where it is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _some(names: Iterable[str]) -> str:
    """The first few names, and how many more there are."""
    listed = sorted(names)
    more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
    return ", ".join(listed[:SHOWN]) + more
