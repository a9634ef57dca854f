"""From params to backends: which there are, what their results depend on, and the default one on real footage."""

from __future__ import annotations

import ast
import subprocess
import sys
from contextlib import closing
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from stages.core.errors import BackendError
from stages.core.params import parse
from stages.core.skeleton import COCO17
from stages.pose import estimators
from stages.pose.alphapose.backend import AlphaPoseParams
from stages.pose.base import Estimator
from stages.pose.estimators import BACKENDS, COMMON, NEUTRAL, ExtractParams, estimator, fingerprint
from stages.pose.parallel import people
from stages.pose.rtm import RtmoParams
from stages.pose.video import frames

Image = NDArray[np.uint8]


def test_defaults_are_valid_and_mistakes_named() -> None:
    assert parse({}, "extract", ExtractParams)[1] == ExtractParams()
    problems, section = parse({"weak": 1.5, "threads": 0, "backend": "movenett", "tiles": 3}, "extract", ExtractParams)
    assert section is None
    assert len(problems) == 4
    assert any("extract.backend" in problem and "'movenet'" in problem for problem in problems)
    assert any("extract.tiles: unknown parameter" in problem for problem in problems)


def test_a_backends_own_section_is_checked_too() -> None:
    raw = {"backend": "alphapose", "alphapose": {"detector": "yolox_m", "pose_wights": "a.pth", "input_size": 100}}
    problems, _ = parse(raw, "extract", ExtractParams)
    assert len(problems) == 3
    assert any("extract.alphapose.detector" in problem and "'yolox_x'" in problem for problem in problems)
    assert any("did you mean 'pose_weights'?" in problem for problem in problems)
    assert any("extract.alphapose.input_size" in problem and "multiple of 32" in problem for problem in problems)


@pytest.mark.parametrize("backend", ["rtmo", "alphapose_program"])
def test_a_backend_without_a_detector_cannot_rest_it(backend: str) -> None:
    problems, _ = parse({"backend": backend, "detect_every": 2}, "extract", ExtractParams)
    assert len(problems) == 1
    assert f"detect_every must be 1: {backend} has no detector" in problems[0]
    assert parse({"backend": "alphapose", "detect_every": 2}, "extract", ExtractParams)[0] == []


def test_params_need_none_of_the_engines() -> None:
    code = (
        "import sys; from stages.pose.estimators import ExtractParams, fingerprint; fingerprint(ExtractParams());"
        "print(sorted({'torch', 'cv2', 'onnxruntime', 'rtmlib'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


@pytest.mark.parametrize("backend", [name for name in BACKENDS if name != "movenet"])
def test_a_backend_whose_files_are_missing_says_what_to_do(backend: str) -> None:
    params = ExtractParams.model_validate({"backend": backend})
    for call in (estimator, fingerprint):
        with pytest.raises(BackendError, match="is not set|not installed") as error:  # rtmlib is an extra
            call(params)
        assert error.value.fix


def test_the_fingerprint_knows_what_matters() -> None:
    plain = fingerprint(ExtractParams())
    assert fingerprint(ExtractParams(threads=7)) == plain
    others = [
        ExtractParams(weak=0.1),
        ExtractParams(strong=0.5),
        ExtractParams(overlap=0.4),
        ExtractParams(tile_above=None),
        ExtractParams(margin=1.5),
        ExtractParams(least_body=0.1),
        ExtractParams(same=0.9),
        ExtractParams(detect_every=2),
        ExtractParams(every=2),
    ]
    assert len({plain, *map(fingerprint, others)}) == 1 + len(others)


def test_other_backends_settings_do_not_count() -> None:
    assert fingerprint(ExtractParams(alphapose=AlphaPoseParams(confidence=0.5))) == fingerprint(ExtractParams())


def test_fields_left_out_of_the_fingerprint_exist() -> None:
    assert set(NEUTRAL) <= set(ExtractParams.model_fields)
    for name in BACKENDS:
        section = ExtractParams.model_validate({"backend": name}).section()
        assert set(getattr(section, "NEUTRAL", ())) <= set(type(section).model_fields)


def test_the_fingerprint_knows_weights_by_what_they_hold(tmp_path: Path) -> None:
    def of(name: str, data: str) -> str:
        (tmp_path / name).write_text(data)
        return fingerprint(ExtractParams(backend="rtmo", rtmo=RtmoParams(weights=tmp_path / name)))

    assert of("a.onnx", "one") == of("b.onnx", "one")  # the same network under another name
    assert of("a.onnx", "one") != of("a.onnx", "two")


def test_the_fingerprint_knows_the_shipped_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimators, "sha256_file", lambda path: f"digest of {path.name}")
    one = fingerprint(ExtractParams())
    monkeypatch.setattr(estimators, "sha256_file", lambda path: f"other digest of {path.name}")
    assert fingerprint(ExtractParams()) != one


@pytest.mark.parametrize(
    ("backend", "root_module"),
    [
        ("movenet", "movenet"),
        ("alphapose", "alphapose.backend"),
        ("alphapose_program", "alphapose.program"),
        ("rtmpose", "rtm"),
        ("rtmo", "rtm"),
    ],
)
def test_the_fingerprint_covers_every_module_that_finds_people(backend: str, root_module: str, root: Path) -> None:
    folder = root / "stages" / "pose"
    seen, todo = set(), [root_module, "parallel", "video"]
    while todo:
        module = todo.pop()
        seen.add(module)
        tree = ast.parse(folder.joinpath(*module.split(".")).with_suffix(".py").read_text())
        imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        names = {name.removeprefix("stages.pose.") for name in imported if name.startswith("stages.pose.")}
        todo += sorted(names - seen)
    assert seen == {*COMMON, *BACKENDS[backend].sources}


@pytest.fixture(scope="module")
def street(root: Path) -> list[tuple[int, Image]]:
    with closing(frames(root / "data" / "raw" / "demo" / "videos" / "street_train.mp4")) as images:
        return [(index, image) for index, image in islice(images, 101) if index in (20, 60, 100)]


def default(**changes: int) -> Estimator:
    found = estimator(ExtractParams(**changes))  # type: ignore[arg-type]
    assert isinstance(found, Estimator)
    return found


def test_the_people_on_a_real_street_are_found(street: list[tuple[int, Image]]) -> None:
    seen = dict(people(default(), street))
    strong = {index: int((crowd.scores >= 0.35).sum()) for index, crowd in seen.items()}
    assert all(3 <= number <= 9 for number in strong.values()), strong  # 3–8 by eye, one may be found twice
    for crowd in seen.values():
        assert (np.diff(crowd.scores) <= 0).all()
        assert crowd.keypoints.shape == (len(crowd), len(COCO17), 3)
        sure = crowd.scores >= 0.7
        heights = crowd.keypoints[sure][:, [5, 6, 11, 12, 15, 16], 1].reshape(-1, 3, 2).mean(axis=2)
        assert (np.diff(heights, axis=1) > 0).all()  # shoulders above hips above ankles: they walk upright
        middle = crowd.boxes[sure, :2] + crowd.boxes[sure, 2:] / 2
        distance = np.abs(crowd.keypoints[sure][:, 11:13, :2].mean(axis=1) - middle) / crowd.boxes[sure, 2:]
        assert distance.max() < 0.5  # hips near the middle of the box


def test_threads_change_nothing_in_the_results(street: list[tuple[int, Image]]) -> None:
    find = default()
    alone, together = ([crowd for _, crowd in people(find, street[:2], threads)] for threads in (1, 2))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one.boxes, other.boxes)
        np.testing.assert_array_equal(one.keypoints, other.keypoints)


def test_nobody_is_found_in_the_dark() -> None:
    assert len(default()(np.zeros((576, 768, 3), dtype=np.uint8))) == 0


def test_the_version_names_engine_and_weights() -> None:
    version = default().version
    assert version.startswith("onnxruntime ")
    assert "nanodet ad2a85942cd4" in version
    assert "movenet_lightning 06cc1098a4de" in version
