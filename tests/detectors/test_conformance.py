"""What a detector is, in code: every registry entry lives its whole life, and impostors are caught."""

from __future__ import annotations

import inspect
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from stages.core.errors import ModelError
from stages.core.windows import Windows
from stages.detectors.base import DETECTOR_FILE, WEIGHTS_FILE, Detector, DetectorParams
from stages.detectors.knn import Knn, KnnParams
from stages.detectors.registry import DETECTORS, detector
from tests.detectors.gait import shuffled, upside_down, walkers, windows

Scores = dict[str, NDArray[np.float32]]

TRAIN = windows(walkers(256, seed=1))
NORMAL = windows(walkers(60, seed=2), split="test")
ABNORMAL = {
    "fast": windows(walkers(60, seed=3, speed=3.0), split="test"),
    "jumping about": windows(shuffled(walkers(60, seed=4)), split="test"),
}
for _lent in (TRAIN, NORMAL, *ABNORMAL.values()):
    _lent.poses.flags.writeable = False  # as those that come from a table

SEPARATION = 0.75
"""Share of pairs in which the abnormal window must score higher than the normal one; chance is 0.5."""

PARAMS: dict[str, dict[str, Any]] = {
    "stg_nf": {"steps": 4, "epochs": 8, "batch": 64, "learning_rate": 3e-2},
    "knn": {"components": 20},
}
"""Settings with which a detector learns from a few hundred windows in seconds; others take their defaults."""


def check_detector(kind: type[Detector], params: DetectorParams) -> None:
    """Take a detector through its whole life.

    Raises:
        AssertionError: it breaks the contract of `stages.detectors.base.Detector`.
    """
    check_declarations(kind)
    check_params(params)
    check_unfitted(kind, params)
    model = check_fit(kind, params)
    check_scores(model)
    check_direction(model)
    check_independence(model)
    check_refusals(model)
    check_saving(kind, model)
    check_damage(kind, model)
    check_repeatability(kind, params, model)


def check_declarations(kind: type[Detector]) -> None:
    assert issubclass(kind.Params, DetectorParams)
    assert kind.needs
    assert kind.parts
    assert len(set(kind.parts)) == len(kind.parts)
    assert isinstance(kind.supervised, bool)
    assert kind.unit


def check_params(params: DetectorParams) -> None:
    described = inspect.getdoc(type(params)) or ""
    for name in type(params).model_fields:
        assert f"{name}: " in described or name == "window", f"{name} is not documented"
    with pytest.raises(ValidationError):
        params.window = "another"
    with pytest.raises(ValidationError):
        type(params)(**{**params.model_dump(), "no_such_parameter": 1})


def check_unfitted(kind: type[Detector], params: DetectorParams) -> None:
    model = kind(params, device="cpu", seed=0)
    with pytest.raises(ModelError, match="not fitted"):
        model.score(NORMAL)
    with tempfile.TemporaryDirectory() as folder, pytest.raises(ModelError, match="not fitted"):
        model.save(Path(folder))


def check_fit(kind: type[Detector], params: DetectorParams) -> Detector:
    model = kind(params, device="cpu", seed=0)
    report = model.fit(TRAIN, validation=NORMAL, base={}, log=lambda _: None)
    assert report.windows == len(TRAIN)
    assert report.parameters > 0
    assert all(np.isfinite(curve).all() for curve in report.curves.values())
    return model


def check_scores(model: Detector) -> None:
    scores = model.score(NORMAL)
    assert tuple(scores) == model.parts
    for values in scores.values():
        assert values.dtype == np.float32
        assert values.shape in [(len(NORMAL),), (len(NORMAL), NORMAL.poses.shape[2])]
        assert np.isfinite(values).all()
    for values in model.score(NORMAL.take(np.arange(0))).values():
        assert len(values) == 0


def check_direction(model: Detector) -> None:
    """Abnormal windows score higher, in at least one part for each kind of abnormality."""
    normal = model.score(NORMAL)
    for name, abnormal in ABNORMAL.items():
        scores = model.score(abnormal)
        best = max(separation(whole(normal[part]), whole(scores[part])) for part in model.parts)
        assert best >= SEPARATION, f"windows that are {name} score higher in {best:.0%} of pairs only"


def check_independence(model: Detector) -> None:
    """A window's score depends neither on its neighbours nor on its place nor on what the index calls it."""
    scores = model.score(NORMAL)
    order = np.random.default_rng(0).permutation(len(NORMAL))
    same(model.score(NORMAL.take(order)), {part: values[order] for part, values in scores.items()}, "the order")
    apart = [model.score(NORMAL.take(np.arange(row, row + 1))) for row in range(5)]
    joined = {part: np.concatenate([piece[part] for piece in apart]) for part in scores}
    same(joined, {part: values[:5] for part, values in scores.items()}, "the batch")
    both = Windows(
        pd.concat([ABNORMAL["fast"].index, NORMAL.index], ignore_index=True),
        np.concatenate([ABNORMAL["fast"].poses, NORMAL.poses]),
        NORMAL.channels,
        NORMAL.layout,
    )
    after = {part: values[-len(NORMAL) :] for part, values in model.score(both).items()}
    same(after, scores, "the company")
    renamed = replace(NORMAL, index=NORMAL.index.assign(clip="c9", track=0, start_frame=0.0, label=1))
    same(model.score(renamed), scores, "clip, track, time or label")


def check_refusals(model: Detector) -> None:
    for wrong in (
        windows(walkers(3, samples=12)),
        windows(walkers(3), confidence=True),
        replace(NORMAL, layout="coco17"),
        replace(NORMAL, poses=NORMAL.poses[..., :17]),
    ):
        with pytest.raises(ModelError):
            model.score(wrong)


def check_saving(kind: type[Detector], model: Detector) -> None:
    with tempfile.TemporaryDirectory() as name:
        first, again = Path(name) / "first", Path(name) / "again"
        model.save(first)
        loaded = kind.load(first, device="cpu")
        for part, values in model.score(NORMAL).items():
            np.testing.assert_array_equal(loaded.score(NORMAL)[part], values)
        loaded.save(again)
        assert contents(first) == contents(again)


def check_damage(kind: type[Detector], model: Detector) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with pytest.raises(ModelError):
            kind.load(folder)
        model.save(folder)
        whole_files = contents(folder)
        assert {DETECTOR_FILE, WEIGHTS_FILE} <= set(whole_files)
        for file, data in whole_files.items():
            for damaged in (data[: len(data) // 2], b"", b"\x80\x04pickle"):
                (folder / file).write_bytes(damaged)
                with pytest.raises(ModelError):
                    kind.load(folder)
            (folder / file).unlink()
            with pytest.raises(ModelError):
                kind.load(folder)
            (folder / file).write_bytes(data)
        card = folder / DETECTOR_FILE
        card.write_text(card.read_text().replace('"detector": "', '"detector": "not_'))
        with pytest.raises(ModelError):
            kind.load(folder)


def check_repeatability(kind: type[Detector], params: DetectorParams, model: Detector) -> None:
    """The same seed gives the same bytes."""
    again = kind(params, device="cpu", seed=0)
    again.fit(TRAIN, validation=NORMAL)
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        model.save(Path(first))
        again.save(Path(second))
        assert contents(Path(first)) == contents(Path(second)), "two fits with one seed differ"


def separation(normal: NDArray[np.float32], abnormal: NDArray[np.float32]) -> float:
    """Share of pairs in which the abnormal one is higher."""
    return float((abnormal[:, None] > normal[None]).mean())


def whole(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """One score per window, the worst frame's."""
    return scores if scores.ndim == 1 else scores.max(axis=1)


def same(found: Scores, wanted: Scores, what: str) -> None:
    for part, values in wanted.items():
        np.testing.assert_allclose(found[part], values, rtol=1e-4, atol=1e-4, err_msg=f"scores depend on {what}")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("name", DETECTORS)
def test_registered_detectors_conform(name: str) -> None:
    kind = detector(name)
    check_detector(kind, kind.Params(window="second", **PARAMS.get(name, {})))


class Negated(Knn):
    """Calls normal what is abnormal."""

    def score(self, windows: Windows) -> Scores:
        return {part: -values for part, values in super().score(windows).items()}


class RelativeToBatch(Knn):
    """Measures a window against those it is scored with."""

    def score(self, windows: Windows) -> Scores:
        scores = super().score(windows)["score"]
        return {"score": scores - scores.mean() / 10 if len(scores) else scores}


class RelativeToOrder(Knn):
    """Grows more suspicious from one window to the next."""

    def score(self, windows: Windows) -> Scores:
        rise = np.linspace(0, 0.1, len(windows), dtype=np.float32)
        return {part: values + rise for part, values in super().score(windows).items()}


class KnowsTheTime(Knn):
    """Has seen that abnormal things happen late in a clip."""

    def score(self, windows: Windows) -> Scores:
        late = (windows.index["start_frame"].to_numpy() / 1000).astype(np.float32)
        return {part: values + late for part, values in super().score(windows).items()}


class Undefined(Knn):
    """Has no score for some windows."""

    def score(self, windows: Windows) -> Scores:
        return {
            part: np.where(np.arange(len(values)) == 7, np.nan, values).astype(np.float32)
            for part, values in super().score(windows).items()
        }


class DoublePrecision(Knn):
    """Gives another type than promised."""

    def score(self, windows: Windows) -> Any:
        return {part: values.astype(np.float64) for part, values in super().score(windows).items()}


class Tampering(Knn):
    """Changes the windows it is lent."""

    def score(self, windows: Windows) -> Scores:
        windows.poses[:] += 1
        return super().score(windows)


class Unseeded(Knn):
    """Forgets its seed."""

    def fit(self, train: Windows, **options: Any) -> Any:
        noise = np.random.default_rng().normal(0, 0.01, train.poses.shape).astype(np.float32)
        return super().fit(replace(train, poses=train.poses + noise), **options)


class TakesAnything(Knn):
    """Scores windows it was not fitted to."""

    def score(self, windows: Windows) -> Scores:
        try:
            return super().score(windows)
        except ModelError:
            if self._memory is None:
                raise
            return {"score": np.zeros(len(windows), dtype=np.float32)}


@pytest.mark.parametrize(
    ("impostor", "complaint"),
    [
        (Negated, "score higher in"),
        (RelativeToBatch, "depend on the batch"),
        (RelativeToOrder, "depend on the order"),
        (KnowsTheTime, "depend on clip, track, time"),
        (Undefined, "isfinite"),
        (DoublePrecision, "float"),
        (Unseeded, "two fits with one seed differ"),
    ],
)
def test_impostors_are_caught(impostor: type[Detector], complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check_detector(impostor, KnnParams(window="second", components=20))


def test_a_detector_that_changes_the_windows_it_is_lent_is_caught() -> None:
    with pytest.raises(ValueError, match="read-only"):
        check_detector(Tampering, KnnParams(window="second", components=20))


def test_a_detector_that_takes_any_shape_is_caught() -> None:
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        check_detector(TakesAnything, KnnParams(window="second", components=20))


def test_standing_on_ones_head_is_abnormal_to_a_detector_that_knows_joints() -> None:
    model = Knn(KnnParams(window="second", components=20))
    model.fit(TRAIN)
    heads = model.score(windows(upside_down(walkers(60, seed=2))))["score"]
    assert separation(model.score(NORMAL)["score"], heads) >= SEPARATION
