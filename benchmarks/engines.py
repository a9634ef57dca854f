"""onnxruntime against OpenVINO on the same network and the same input, call by call in turn.

    pip install openvino    # no dependency of this project
    python benchmarks/engines.py data/raw/demo/videos/street_train.mp4 stages/pose/weights/*.onnx

The lowest time of many calls is what the engine can do; the median is what it did beside everything else that ran.
"""

from __future__ import annotations

import argparse
import importlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.pose.movenet import crop
from stages.pose.nanodet import letterbox
from stages.pose.onnx import Network
from stages.pose.video import frames

Call = Callable[[], list[NDArray[Any]]]


def picture(video: Path, shape: tuple[int, ...]) -> NDArray[Any]:
    """The first frame of a video in the form that a network of this input shape takes."""
    with closing(frames(video)) as images:
        _, image = next(images)
    if shape[1] == 3:  # colours first: the detector
        return letterbox(image, shape[-1])[0]
    height, width = image.shape[:2]
    return crop(image, np.array([width / 2, height / 4, height / 3], dtype=np.float32), shape[1])


def onnxruntime(path: Path, pixels: NDArray[Any], threads: int) -> Call:
    """A call of onnxruntime."""
    network = Network(path, threads=threads)
    return lambda: list(network(pixels))


def openvino(path: Path, pixels: NDArray[Any], threads: int) -> Call:
    """A call of OpenVINO; one request, as concurrent calls have one each."""
    ov = importlib.import_module("openvino")  # by name, as it is no dependency and type checkers may not find it
    # Unless told not to, two models of one thread each are pinned to the same core.
    settings = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "ENABLE_CPU_PINNING": False}
    model = ov.Core().compile_model(str(path), "CPU", settings)
    request = model.create_infer_request()

    def call() -> list[NDArray[Any]]:
        results = request.infer([pixels], share_inputs=True, share_outputs=True)
        return [results[output] for output in model.outputs]

    return call


ENGINES = {"onnxruntime": onnxruntime, "openvino": openvino}


def alternating(calls: dict[str, Call], rounds: int) -> dict[str, NDArray[np.float64]]:
    """Milliseconds of each call, `(rounds,)`, the calls taking turns."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            times[name].append(1e3 * (time.perf_counter() - start))
    return {name: np.array(values) for name, values in times.items()}


def together(first: Call, second: Call, rounds: int) -> Call:
    """A call that runs two workers of `rounds` calls each at once."""

    def work(one: Call) -> None:
        for _ in range(rounds):
            one()

    def call() -> list[NDArray[Any]]:
        with ThreadPoolExecutor(2) as workers:
            list(workers.map(work, (first, second)))
        return []

    return call


def report(title: str, times: dict[str, NDArray[np.float64]], calls: int = 1) -> None:
    """Print one line per engine."""
    for engine, values in times.items():
        print(
            f"{title:<50}{engine:<13}lowest {values.min() / calls:6.1f} ms   median {np.median(values) / calls:6.1f} ms"
        )


def compare(path: Path, video: Path, rounds: int) -> None:
    """Print what both engines take for one network, alone and with two workers, and how far their outputs differ."""
    pixels = picture(video, Network(path).shape)
    for threads in (1, 2):
        calls = {name: make(path, pixels, threads) for name, make in ENGINES.items()}
        report(f"{path.stem}, threads {threads}", alternating(calls, rounds))
    pairs = {name: together(make(path, pixels, 1), make(path, pixels, 1), 5) for name, make in ENGINES.items()}
    report(f"{path.stem}, 2 workers of 1 thread, per call", alternating(pairs, rounds // 5), calls=10)
    outputs = [make(path, pixels, 1)() for make in ENGINES.values()]
    worst = max(float(np.abs(one - other).max()) for one, other in zip(*outputs, strict=True))
    print(f"{path.stem}: outputs differ by at most {worst:.1e}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("video", type=Path, help="its first frame is the input")
    parser.add_argument("network", type=Path, nargs="+", help="ONNX files")
    parser.add_argument("--rounds", type=int, default=50, help="calls of each engine (default 50)")
    given = parser.parse_args()
    for path in given.network:
        compare(path, given.video, given.rounds)


if __name__ == "__main__":
    main()
