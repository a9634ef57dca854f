"""What a detector is, in code: `check_detector` takes one through its whole life."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from stages.core.errors import ModelError
from stages.core.windows import Windows
from stages.detectors.base import DETECTOR_FILE, WEIGHTS_FILE, Detector, DetectorParams, Mapped, Modality
from tests.detectors import films, tubes
from tests.detectors.gait import joined, shuffled, walkers, windows

Scores = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Material:
    """What detectors of one modality go through their life with.

    Args:
        train: normal windows.
        labelled: what a supervised detector learns from: others who do the same as those of `normal` and `abnormal`.
        normal: of others than `train`.
        abnormal: by what is wrong with them.
        wrong: windows of another form, which are refused.
    """

    train: Windows
    labelled: Windows
    normal: Windows
    abnormal: Mapping[str, Windows]
    wrong: Sequence[Windows]

    def __post_init__(self) -> None:
        for lent in (self.train, self.labelled, self.normal, *self.abnormal.values()):
            lent.poses.flags.writeable = False  # as those that come from a table


TRAIN = windows(walkers(256, seed=1))
NORMAL = windows(walkers(60, seed=2), split="test")
POSES = Material(
    TRAIN,
    joined(
        TRAIN,
        windows(walkers(64, seed=5, speed=3.0), label=1),
        windows(shuffled(walkers(64, seed=6)), label=1),
    ),
    NORMAL,
    {
        "fast": windows(walkers(60, seed=3, speed=3.0), split="test"),
        "jumping about": windows(shuffled(walkers(60, seed=4)), split="test"),
    },
    (
        windows(walkers(3, samples=12)),
        windows(walkers(3), confidence=True),
        replace(NORMAL, layout="coco17"),
        replace(NORMAL, poses=NORMAL.poses[..., :17]),
    ),
)
FILMS = Material(
    films.windows(48, seed=1),
    films.windows(48, seed=1),
    films.windows(24, seed=2),
    {"flickering": films.windows(24, seed=3, flicker=0.4), "large": films.windows(24, seed=4, size=9)},
    (films.windows(3, samples=12), films.windows(3, side=28), films.windows(3, channels=3)),
)


PEOPLE = Material(
    tubes.windows(walkers(128, seed=1)),
    tubes.windows(walkers(128, seed=1)),
    tubes.windows(walkers(60, seed=2), split="test"),
    {
        "fast": tubes.windows(walkers(60, seed=3, speed=3.0), split="test"),
        "with a cart": tubes.windows(walkers(60, seed=2), split="test", cart=True),
    },
    (
        tubes.windows(walkers(3, samples=12)),
        tubes.windows(walkers(3), side=24),
        tubes.windows(walkers(3)).blind(),
    ),
)


def material(kind: type[Detector]) -> Material:
    """What a detector looks at."""
    if Modality.CROPS in kind.needs:
        return PEOPLE
    return FILMS if Modality.RGB in kind.needs else POSES


SEPARATION = 0.75
"""Share of pairs in which the abnormal window must score higher than the normal one; chance is 0.5."""


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
    check_maps(model)
    check_lessons(kind, params)
    check_independence(model)
    check_refusals(model)
    check_saving(kind, model)
    check_damage(kind, model)
    check_repeatability(kind, params, model)


def check_declarations(kind: type[Detector]) -> None:
    assert issubclass(kind.Params, DetectorParams)
    assert kind.needs, "needs names no modality"
    assert kind.parts, "parts names no score"
    assert len(set(kind.parts)) == len(kind.parts), "parts names a score twice"
    assert isinstance(kind.supervised, bool), "supervised is neither true nor false"
    assert kind.unit, "the scores have no unit"


def check_params(params: DetectorParams) -> None:
    # What a section takes over from another one is documented there.
    sections = [base for base in type(params).__mro__ if issubclass(base, DetectorParams)]
    described = "\n".join(inspect.getdoc(section) or "" for section in sections)
    for name in type(params).model_fields:
        assert f"{name}: " in described or name == "window", f"{name} is not documented"
    with pytest.raises(ValidationError):
        params.window = "another"
    with pytest.raises(ValidationError):
        type(params)(**{**params.model_dump(), "no_such_parameter": 1})


def check_unfitted(kind: type[Detector], params: DetectorParams) -> None:
    model = kind(params, device="cpu", seed=0)
    with pytest.raises(ModelError, match="not fitted"):
        model.score(material(kind).normal)
    with tempfile.TemporaryDirectory() as folder, pytest.raises(ModelError, match="not fitted"):
        model.save(Path(folder))


def check_fit(kind: type[Detector], params: DetectorParams) -> Detector:
    model = kind(params, device="cpu", seed=0)
    train = lessons(kind)
    report = model.fit(train, validation=material(kind).normal, base={}, log=lambda _: None)
    assert report.windows == len(train), "the report counts other windows than were given"
    assert report.parameters > 0, "the report counts no parameters"
    assert all(np.isfinite(curve).all() for curve in report.curves.values()), "a curve is not finite"
    return model


def check_scores(model: Detector) -> None:
    normal = material(type(model)).normal
    scores = model.score(normal)
    assert tuple(scores) == model.parts, f"scores of {tuple(scores)} in place of {model.parts}"
    for values in scores.values():
        assert values.dtype == np.float32, f"scores are {values.dtype}"
        assert values.shape in [(len(normal),), (len(normal), normal.poses.shape[2])], (
            f"scores have shape {values.shape}"
        )
        assert np.isfinite(values).all(), "scores are not finite"
    for values in model.score(normal.take(np.arange(0))).values():
        assert len(values) == 0, "no windows have scores"


def check_direction(model: Detector) -> None:
    """Abnormal windows score higher, in at least one part for each kind of abnormality."""
    normal = model.score(material(type(model)).normal)
    for name, abnormal in material(type(model)).abnormal.items():
        scores = model.score(abnormal)
        best = max(separation(whole(normal[part]), whole(scores[part])) for part in model.parts)
        assert best >= SEPARATION, f"windows that are {name} score higher in {best:.0%} of pairs only"


def check_maps(model: Detector) -> None:
    """Who says where in a frame the error is says it of every pixel, and of each frame by itself."""
    if not isinstance(model, Mapped):
        return
    given = material(type(model)).normal
    maps = model.error_maps(given)
    assert maps.shape == (len(given), given.poses.shape[2], *given.picture[1:]), "maps are not of every pixel"
    assert maps.dtype == np.float32, "maps are not float32"
    assert bool(np.isfinite(maps).all()), "an error is NaN or infinite"
    assert bool((maps >= 0).all()), "an error is negative"
    assert model.error_maps(given.take(np.arange(0))).shape == (0, *maps.shape[1:]), "no windows, no maps"
    alone = model.error_maps(given.take(np.arange(3, 4)))
    np.testing.assert_allclose(alone[0], maps[3], rtol=1e-4, atol=1e-5, err_msg="maps depend on the batch")
    for name, abnormal in material(type(model)).abnormal.items():
        assert model.error_maps(abnormal).mean() > maps.mean(), f"{name} films have no larger errors"


def check_lessons(kind: type[Detector], params: DetectorParams) -> None:
    """A supervised detector goes by what its windows' people are labelled: told the contrary, it says the contrary."""
    if not kind.supervised:
        return
    labelled = material(kind).labelled
    contrary = replace(labelled, index=labelled.index.assign(person_label=1 - labelled.index["person_label"]))
    model = kind(params, device="cpu", seed=0)
    model.fit(contrary)
    normal, abnormal = model.score(material(kind).normal), model.score(joined(*material(kind).abnormal.values()))
    least = min(separation(whole(normal[part]), whole(abnormal[part])) for part in model.parts)
    assert least <= 1 - SEPARATION, f"with contrary labels abnormal windows still score higher in {least:.0%} of pairs"


def check_independence(model: Detector) -> None:
    """A window's score depends neither on its neighbours nor on its place nor on what the index calls it."""
    normal, abnormal = material(type(model)).normal, next(iter(material(type(model)).abnormal.values()))
    scores = model.score(normal)
    order = np.random.default_rng(0).permutation(len(normal))
    same(model.score(normal.take(order)), {part: values[order] for part, values in scores.items()}, "the order")
    apart = [model.score(normal.take(np.arange(row, row + 1))) for row in range(5)]
    together = {part: np.concatenate([piece[part] for piece in apart]) for part in scores}
    same(together, {part: values[:5] for part, values in scores.items()}, "the batch")
    both = model.score(joined(abnormal, normal))
    after = {part: values[-len(normal) :] for part, values in both.items()}
    same(after, scores, "the company")
    renamed = replace(normal, index=normal.index.assign(clip="c9", track=0, start_frame=0.0, label=1, person_label=1))
    same(model.score(renamed), scores, "clip, track, time or label")


def check_refusals(model: Detector) -> None:
    for wrong in material(type(model)).wrong:
        with pytest.raises(ModelError):
            model.score(wrong)


def check_saving(kind: type[Detector], model: Detector) -> None:
    normal = material(kind).normal
    with tempfile.TemporaryDirectory() as name:
        first, again = Path(name) / "first", Path(name) / "again"
        model.save(first)
        loaded = kind.load(first, device="cpu")
        for part, values in model.score(normal).items():
            np.testing.assert_array_equal(loaded.score(normal)[part], values)
        loaded.save(again)
        assert contents(first) == contents(again), "a loaded model is saved differently"


def check_damage(kind: type[Detector], model: Detector) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with pytest.raises(ModelError):
            kind.load(folder)
        model.save(folder)
        whole_files = contents(folder)
        assert {DETECTOR_FILE, WEIGHTS_FILE} <= set(whole_files), f"saved {sorted(whole_files)} only"
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
    again.fit(lessons(kind), validation=material(kind).normal)
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        model.save(Path(first))
        again.save(Path(second))
        assert contents(Path(first)) == contents(Path(second)), "two fits with one seed differ"


def lessons(kind: type[Detector]) -> Windows:
    """Training windows of a detector: normal ones, and labelled abnormal ones if it is supervised."""
    return material(kind).labelled if kind.supervised else material(kind).train


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
