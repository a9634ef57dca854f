"""Trained models as MLflow models: `normotion pyfunc DATASET DETECTOR OUT`.

Such a folder takes a table of tracks and gives SCORES wherever MLflow loads or serves it. It holds the detector's
folder, a card that says how windows are made, and the code that makes and scores them, so that it asks for no
installed normotion and goes on giving the same scores when the project's code moves on. Nothing in it is pickled.
"""

from __future__ import annotations

import importlib.metadata
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Any

from pipelines import models
from pipelines.environment import mlflow_settings, require, use
from stages.core.dataset import load_dataset
from stages.core.errors import DatasetError, ModelError
from stages.core.normalization import NormalizeParams
from stages.core.params import ScoreParams, load_section
from stages.core.paths import Project, clip_file
from stages.core.progress import log
from stages.core.schemas import TRACKS
from stages.core.skeleton import layout
from stages.core.storage import atomic_folder, write_text
from stages.core.tables import read_meta
from stages.core.windows import WindowSpec
from stages.detectors import registry
from stages.detectors.base import Form, Modality, card_params, read_card
from stages.live.tracks_scorer import Card

ROOT = Path(__file__).resolve().parents[1]
"""Where the packages are, in a checkout as where they are installed."""
MODEL_CODE = Path("pipelines", "pyfunc_model.py")
"""The file that MLflow runs to make the model."""
CODE = {
    "stages": ("__init__.py", "core", "compute", "detectors", "live/__init__.py", "live/tracks_scorer.py"),
    "pipelines": ("__init__.py",),
}
"""What is saved beside it, by package: all that it imports."""
ML_MODEL = "MLmodel"
"""The file by which a folder is known as an MLflow model."""


def run(project: Project, dataset: str, detector: str, out: str, seed: str | None = None) -> None:
    """Save one model. `seed` names it; without it the first of `train.seeds`. See `save_pyfunc`."""
    path = Path(out).absolute()
    card = save_pyfunc(project, dataset, detector, seed, path)
    log.info(
        f"{path}: {detector} on {dataset}, seed {card.seed}, as an MLflow model; it takes tracks of {card.width} "
        f"numbers per person and frame ({card.layout}, {card.coordinates} in {card.units})"
    )


def save_pyfunc(project: Project, dataset: str, detector: str, seed: str | int | None, path: Path) -> Card:
    """Save a trained model as a folder that `mlflow.pyfunc.load_model` reads.

    Args:
        project: where it was trained; its tracks say what the model takes, its params how windows are made.
        dataset: what it was trained on.
        detector: its name.
        seed: of the training; None takes the first of `train.seeds`.
        path: the folder; an earlier MLflow model there is replaced.

    Returns:
        The model's card.

    Raises:
        PipelineError: MLflow is not installed.
        ParamsError: there is no such detector, or a section is wrong.
        ModelError: the detector looks at more than poses, there is no such model, its window spec is now another one,
            or there is something else at `path`.
        DatasetError, SchemaError: the dataset or its tracks are not there, or its clips are of several kinds.
        StorageError: the folder cannot be written.
    """
    require("mlflow", "tracking")
    use(mlflow_settings())
    if (needs := registry.detector(detector).needs) != {Modality.POSE}:
        raise ModelError(f"{detector} needs {' and '.join(sorted(needs))}, and a table of tracks holds poses alone")
    number, folder = models.find(project, dataset, detector, seed)
    card = card_of(project, dataset, detector, number, folder)
    if path.exists() and not (path / ML_MODEL).is_file() and not (path.is_dir() and not any(path.iterdir())):
        raise ModelError("something other than an MLflow model is there", where=str(path), fix="name a new folder")
    import mlflow

    with tempfile.TemporaryDirectory() as staged, atomic_folder(path) as target, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "An input example was not provided|.*input example was not", UserWarning)
        mlflow.pyfunc.save_model(target, **_content(card, folder, Path(staged)))
    return card


def card_of(project: Project, dataset: str, detector: str, seed: int, folder: Path) -> Card:
    """What a saved model must know; its own params say which window spec it reads.

    Raises:
        ModelError: the window spec is now another one than it was trained on.
        DatasetError, SchemaError: the dataset or its tracks are not there, or its clips are of several kinds.
    """
    saved = read_card(folder, detector)
    window = card_params(saved, registry.detector(detector).Params, folder).window
    joints, coordinates, units = _poses(project, dataset)
    card = Card(
        dataset=dataset, detector=detector, seed=seed, layout=joints, coordinates=coordinates, units=units,
        window=load_section(project, f"windows.{window}", WindowSpec),
        normalize=load_section(project, "normalize", NormalizeParams),
        batch=load_section(project, "score", ScoreParams).batch,
    )  # fmt: skip
    spec = card.window
    channels = spec.normalization.channels(card.coordinates)
    own = layout(spec.layout or card.layout)
    given, wanted = Form(channels, spec.samples, len(own), own.name), Form.from_card(saved, folder)
    if given != wanted:
        raise ModelError(
            f"the model reads windows of {wanted}, and windows.{window} now makes {given}",
            where=str(folder),
            fix="train it anew: `dvc repro`",
        )
    return card


def _poses(project: Project, dataset: str) -> tuple[str, str, str]:
    """What the keypoints of a dataset's tracks are: layout, coordinates, units."""
    kinds: dict[tuple[str, str, str], str] = {}
    for clip in load_dataset(project, dataset).clips["clip"]:
        meta = read_meta(clip_file(project.tracks(dataset), clip), TRACKS)
        kinds.setdefault((meta["layout"], meta["coordinates"], meta["units"]), clip)
    if len(kinds) > 1:
        listed = ", ".join(f"{' '.join(kind)} ({clip!r})" for kind, clip in kinds.items())
        raise DatasetError(
            f"a model takes tracks of one kind, and the clips' differ: {listed}",
            where=str(project.tracks(dataset)),
            fix="put clips of one kind into one dataset",
        )
    return next(iter(kinds))


def _content(card: Card, folder: Path, staged: Path) -> dict[str, Any]:
    """What MLflow is told to save.

    Args:
        card: of the model.
        folder: of the model.
        staged: an empty folder for what is made on the way.
    """
    write_text(staged / "card.json", card.text())
    code = [_copy(package, names, staged) for package, names in CODE.items()]
    return {
        "python_model": str(ROOT / MODEL_CODE),
        "artifacts": {"model": str(folder), "card": str(staged / "card.json")},
        "code_paths": [str(path) for path in code],
        "signature": _signature(),
        "pip_requirements": _requirements(),
        "metadata": {name: getattr(card, name) for name in ("dataset", "detector", "seed", "layout", "units")},
    }


def _signature() -> Any:
    """A table of tracks in, SCORES out."""
    from mlflow.models import ModelSignature
    from mlflow.types.schema import Array, ColSpec, DataType, Schema

    tracks = [
        ColSpec(DataType.string, "clip"),
        ColSpec(DataType.long, "track"),
        ColSpec(DataType.long, "frame"),
        ColSpec(DataType.double, "fps"),
        ColSpec(Array(DataType.double), "keypoints"),
    ]
    scores = [
        ColSpec(DataType.string, "clip"),
        ColSpec(DataType.integer, "track", required=False),
        ColSpec(DataType.double, "start_frame"),
        ColSpec(DataType.double, "step"),
        ColSpec(DataType.integer, "length"),
        ColSpec(DataType.integer, "frame", required=False),
        ColSpec(DataType.string, "part"),
        ColSpec(DataType.long, "seed"),
        ColSpec(DataType.float, "score"),
    ]
    return ModelSignature(Schema([*tracks]), Schema([*scores]))


def _requirements() -> list[str]:
    """The packages the code needs, in the versions installed here, without their builds' local suffix."""
    from packaging.requirements import Requirement

    needed = [Requirement(text) for text in importlib.metadata.requires("normotion") or ()]
    names = [need.name for need in needed if need.marker is None or need.marker.evaluate({"extra": ""})]
    return [f"{name}=={importlib.metadata.version(name).partition('+')[0]}" for name in names]


def _copy(package: str, names: tuple[str, ...], staged: Path) -> Path:
    """Some modules of a package, in a folder of its name."""
    source, target = ROOT / package, staged / package
    target.mkdir()
    for name in names:
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            (target / name).parent.mkdir(exist_ok=True)
            shutil.copy2(source / name, target / name)
    return target
