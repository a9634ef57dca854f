"""The RTM backends, with a library that says what it is told to say; the real one is asked for its signatures."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from stages.core.errors import BackendError
from stages.pose.base import Estimator, People, TopDown
from stages.pose.carry import Carried
from stages.pose.estimators import ExtractParams, estimator
from stages.pose.rtm import corners

BLANK = np.zeros((100, 200, 3), np.uint8)


class Tool:
    """What YOLOX, RTMPose and RTMO of rtmlib have in common: signature, session, preparation."""

    shapes: ClassVar[dict[str, list[Any]]] = {}
    default = (0, 0)

    def __init__(self, onnx_model: str, backend: str = "opencv", device: str = "cuda") -> None:
        print(f"load {onnx_model} with {backend} backend")  # noqa: T201 - it does
        if Path(onnx_model).read_text() == "broken":
            raise RuntimeError("INVALID_PROTOBUF")
        self.onnx_model, self.backend, self.device = onnx_model, backend, device
        shape = self.shapes.get(type(self).__name__, [1, 3, 400, 400])
        self.session = SimpleNamespace(get_inputs=lambda: [SimpleNamespace(shape=shape)])
        self.model_input_size = self.default

    def preprocess(self, image: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], float]:
        return image, min(self.model_input_size[0] / image.shape[0], self.model_input_size[1] / image.shape[1])


DETECTIONS = np.array(
    [[20, 40, 60, 120, 0.9], [22, 40, 62, 120, 0.8], [200, 40, 240, 120, 0.5], [300, 40, 340, 120, 0.1]], np.float32
)
"""Left, top, right, bottom in px of the input, score; the second doubles the first, the last one is below `weak`."""


class YOLOX(Tool):
    """A detector whose graph suppresses overlapping boxes."""

    labels: ClassVar[list[int]] = [0, 0, 0, 0]
    said: ClassVar[NDArray[np.float32]] = DETECTIONS[None]

    def inference(self, _: Any) -> list[Any]:
        return [self.said.copy(), np.array([self.labels])]


class RTMPose(Tool):
    """A pose network that sees every joint in the middle of the box."""

    joints = 17

    def __call__(self, _: Any, bboxes: list[list[float]]) -> tuple[Any, Any]:
        assert bboxes
        assert self.model_input_size == (192, 256)  # width first
        centres = np.array([[(left + right) / 2, (top + bottom) / 2] for left, top, right, bottom in bboxes])
        return np.repeat(centres[:, None], self.joints, axis=1), np.full((len(bboxes), self.joints), 0.7)


class RTMO(Tool):
    """Boxes and joints in one."""

    def inference(self, _: Any) -> list[Any]:
        joints = np.zeros((1, 4, 17, 3), np.float32)
        joints[0, :, :, 0] = DETECTIONS[:, :1] + np.arange(17)
        joints[0, :, :, 1] = np.linspace(40, 120, 17)
        joints[0, :, :, 2] = 0.6
        joints[0, 2, :, 2] = -0.5  # logits may be negative
        return [DETECTIONS[None].copy(), joints]


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """rtmlib, made up; networks of 400 × 400 and 256 × 192."""
    module = ModuleType("rtmlib")
    for kind in (YOLOX, RTMPose, RTMO):
        setattr(module, kind.__name__, kind)
    monkeypatch.setitem(sys.modules, "rtmlib", module)
    monkeypatch.setattr(Tool, "shapes", {"RTMPose": ["batch", 3, 256, 192]})
    return module


def params(tmp_path: Path, backend: str, every: int = 1, **section: Any) -> ExtractParams:
    files = ["detector_weights", "pose_weights"] if backend == "rtmpose" else ["weights"]
    for name in files:
        path = tmp_path / f"{name}.onnx"
        if not path.exists():
            path.write_text("network")
        section.setdefault(name, path)
    return ExtractParams.model_validate(
        {"backend": backend, backend: {"device": "cpu", **section}, "detect_every": every}
    )


def look(find: Any) -> People:
    assert isinstance(find, Estimator)
    return find(BLANK)


def test_rtmpose_finds_boxes_with_scores_and_a_pose_for_each(
    library: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    find = estimator(params(tmp_path, "rtmpose"))
    assert isinstance(find, TopDown)
    crowd = look(find)
    # The input is 400 × 400 for a frame of 200 × 100: scale 2. 20 … 60 become 10 … 30.
    assert crowd.boxes.tolist() == [[10, 20, 20, 40], [100, 20, 20, 40]]
    np.testing.assert_allclose(crowd.scores, [0.9, 0.5])
    np.testing.assert_allclose(crowd.keypoints[0, 0], [20, 40, 0.7])
    assert capsys.readouterr().out == ""  # the library prints, we do not
    assert find.version.startswith("rtmlib ")
    assert "pose_weights " in find.version


def test_other_classes_are_no_people(library: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(YOLOX, "labels", [2, 2, 0, 0])
    assert look(estimator(params(tmp_path, "rtmpose"))).boxes[:, 0].tolist() == [100]


def test_nobody_is_not_the_whole_frame(library: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(YOLOX, "said", np.zeros((1, 4, 5), np.float32))
    crowd = look(estimator(params(tmp_path, "rtmpose")))
    assert (len(crowd), crowd.keypoints.shape) == (0, (0, 17, 3))


def test_the_detector_can_rest(library: ModuleType, tmp_path: Path) -> None:
    assert isinstance(estimator(params(tmp_path, "rtmpose", every=3)), Carried)


def test_rtmo_finds_everybody_at_once(library: ModuleType, tmp_path: Path) -> None:
    crowd = look(estimator(params(tmp_path, "rtmo")))
    assert crowd.boxes.tolist() == [[10, 20, 20, 40], [100, 20, 20, 40]]
    np.testing.assert_allclose(crowd.keypoints[0, 16], [(20 + 16) / 2, 60, 0.6])
    np.testing.assert_allclose(crowd.scores, [0.9, 0.2])  # the second has no body and is as weak as can be
    assert crowd.doubted == 1
    assert crowd.keypoints.min() >= 0


@pytest.mark.parametrize(
    ("attribute", "value"), [("said", np.zeros((1, 4, 85), np.float32)), ("said", np.zeros((4, 5)))]
)
def test_a_detector_of_another_kind_is_refused(
    library: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attribute: str, value: Any
) -> None:
    monkeypatch.setattr(YOLOX, attribute, value)
    with pytest.raises(BackendError, match="suppression in its graph") as error:
        look(estimator(params(tmp_path, "rtmpose")))
    assert error.value.where.endswith("detector_weights.onnx")


def test_a_pose_network_of_other_joints_is_refused(
    library: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RTMPose, "joints", 133)
    with pytest.raises(BackendError, match="17 joints are wanted"):
        look(estimator(params(tmp_path, "rtmpose")))


@pytest.mark.parametrize("backend", ["rtmpose", "rtmo"])
def test_a_broken_network_and_a_missing_package_say_what_to_do(
    library: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    for name in ("weights.onnx", "detector_weights.onnx"):
        (tmp_path / name).write_text("broken")
    with pytest.raises(BackendError, match="the network cannot be loaded: INVALID_PROTOBUF"):
        estimator(params(tmp_path, backend))
    with pytest.raises(BackendError, match="no GPU here|cannot be loaded"):
        estimator(params(tmp_path, backend, device="cuda"))
    monkeypatch.setitem(sys.modules, "rtmlib", None)
    with pytest.raises(BackendError, match="rtmlib is not installed") as error:
        estimator(params(tmp_path, backend))
    assert error.value.fix == "pip install 'normotion[rtm]'"


def test_rows_of_corners_become_boxes() -> None:
    boxes, scores = corners(np.array([[10, 20, 15, 40, 0.5]], np.float32))
    assert boxes.tolist() == [[10, 20, 5, 20]]
    assert scores.tolist() == [0.5]


@pytest.mark.skipif(not importlib.util.find_spec("rtmlib"), reason="rtmlib (extra `rtm`) is not installed")
def test_the_real_library_takes_what_it_is_given() -> None:
    rtmlib = importlib.import_module("rtmlib")
    for name in ("YOLOX", "RTMPose", "RTMO"):
        kind = getattr(rtmlib, name)
        inspect.signature(kind).bind("net.onnx", backend="onnxruntime", device="cpu")
        assert callable(kind.inference)
        assert callable(kind.preprocess)
    assert list(inspect.signature(rtmlib.RTMPose.__call__).parameters)[1:3] == ["image", "bboxes"]
