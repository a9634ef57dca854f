"""How fast STG-NF trains, scores and gets its windows, against plain forms: `python -m benchmarks.stg_nf`.

Contestants run in one process, in turn, on made-up windows, so that only ratios are to be trusted. Beside them stand
the figures that the authors' code gave on two CPU threads of another machine. `--device cuda` measures our side of the
same on a GPU, with `--cuda-graphs` by recorded steps; neither has been run on one yet.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import torch

from benchmarks.plain.stg_nf import PlainStgNf
from benchmarks.plain.windows import windows as plain_windows
from stages.core.cutting import cut, resample
from stages.core.normalization import normalize
from stages.core.skeleton import OPENPOSE18, convert
from stages.core.windows import Windows, WindowSpec
from stages.detectors.base import Form
from stages.detectors.layers.stg_nf.augment import Mirrored
from stages.detectors.layers.stg_nf.network import build
from stages.detectors.layers.stg_nf.params import StgNfParams, published_window
from stages.detectors.layers.stg_nf.scoring import likelihoods
from stages.detectors.layers.stg_nf.training import FusedLearner, initialise, train

BATCH, JOINTS = 256, 18
SHANGHAITECH = 145_162
"""Its training windows; each epoch sees them twice, once mirrored."""
AUTHORS = {"train": "500 to 700", "score": "about 2,900"}
"""Windows per second of the released code, T 24, batches of 256, two threads."""


def main() -> None:
    """Measure what was asked for."""
    options = parse()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    device = torch.device(options.device)
    params = StgNfParams(window="benchmark", batch=BATCH, cuda_graphs=options.cuda_graphs, threads=options.threads)
    print(f"{options.threads} threads, {device}, batches of {BATCH}, {options.rounds} rounds, best of them")
    print(f"{'T':>3} {'windows per second':<20} {'plain':>10} {'ours':>10} {'ratio':>7}  authors' code elsewhere")
    for samples in options.samples:
        data = made_up(20 * BATCH, samples)
        for task, contestants in (("train", trainers(data, params, device)), ("score", scorers(data, params, device))):
            plain, ours = best(contestants, options.rounds)
            told = AUTHORS[task] if samples == 24 else ""
            print(f"{samples:>3} {task:<20} {plain:>10,.0f} {ours:>10,.0f} {ours / plain:>6.1f}×  {told}", flush=True)
    building(options.rounds)
    together(made_up(20 * BATCH, 24), params, device)
    if options.epoch:
        epoch(params, device)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, nargs="+", default=[8, 24], help="window lengths")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--cuda-graphs", action="store_true", help="record training steps; needs a GPU")
    parser.add_argument("--epoch", action="store_true", help="an epoch of ShanghaiTech's size too; takes 0.5 GB")
    return parser.parse_args()


def made_up(count: int, samples: int) -> Windows:
    """Windows of noise."""
    poses = np.random.default_rng(0).normal(size=(count, 2, samples, JOINTS)).astype(np.float32)
    return Windows(pd.DataFrame({"window": np.arange(count)}), poses, ("x", "y"), "openpose18")


def trainers(data: Windows, params: StgNfParams, device: torch.device) -> Sequence[Callable[[], int]]:
    """One batch each, from the resident windows to the updated weights; say how many windows that was."""
    plain = PlainStgNf(data.poses.shape[2]).train().to(device)
    optimizer = torch.optim.Adamax(plain.parameters(), lr=params.learning_rate)
    rows = torch.arange(BATCH, device=device)
    batch = Mirrored(data, "published", device).take(rows)
    learner = learners(data, params, device, 1)
    means = torch.full((1, BATCH), params.prior_mean, device=device)

    def plain_step() -> int:
        optimizer.zero_grad()
        plain(batch)[2].mean().backward()
        torch.nn.utils.clip_grad_norm_(plain.parameters(), params.gradient_clip)
        optimizer.step()
        return BATCH

    def step() -> int:
        learner.update(rows[None], means, params.learning_rate)
        return BATCH

    return plain_step, step


def learners(data: Windows, params: StgNfParams, device: torch.device, models: int) -> FusedLearner:
    """Networks ready to train."""
    form, resident = Form.of(data), Mirrored(data, params.flip, device)
    networks = [build(form, params, seed).to(device) for seed in range(models)]
    for network in networks:
        initialise(network, resident.take(torch.arange(BATCH, device=device)))
    return FusedLearner(networks, resident, params)


def scorers(data: Windows, params: StgNfParams, device: torch.device) -> Sequence[Callable[[], int]]:
    """All windows each, from memory to scores."""
    plain = PlainStgNf(data.poses.shape[2], initialised=True).eval().to(device)
    ours, batch = build(Form.of(data), params, seed=0).eval().to(device), torch.from_numpy(data.poses[:BATCH])

    @torch.inference_mode()
    def plain_score() -> int:
        plain(batch.to(device))[2].cpu()
        return BATCH

    def score() -> int:
        return len(likelihoods(ours, data, params.prior_mean, fused=True))

    return plain_score, score


def best(contestants: Sequence[Callable[[], int]], rounds: int) -> list[float]:
    """Windows per second of each; they take turns, so that a busy machine slows all alike."""
    fastest = [0.0] * len(contestants)
    for number in range(rounds + 2):
        for place, contestant in enumerate(contestants):
            started = time.perf_counter()
            windows = contestant()
            _wait()
            if number >= 2:
                fastest[place] = max(fastest[place], windows / (time.perf_counter() - started))
    return fastest


def building(rounds: int) -> None:
    """Windows of a clip of 3,600 frames with one person in all of them."""
    spec, frames = WindowSpec.model_validate_json(json.dumps(published_window())), np.arange(3600)
    keypoints = np.random.default_rng(0).normal(500, 100, (3600, 17, 3)).astype(np.float32)
    track = np.zeros(3600, dtype=np.int64)

    def plain() -> int:
        return len(plain_windows(frames, keypoints, spec.samples, 1, (856, 480)))

    def ours() -> int:
        entries = resample(track, frames, convert(keypoints, "coco17", spec.layout), spec, 30.0)
        start, _ = cut(entries, spec, 1)
        values = entries.keypoints[start[:, None] + np.arange(spec.samples)]
        return len(normalize(values, spec.normalization, OPENPOSE18))

    speeds = best((plain, ours), rounds)
    seconds = [plain() / speed for speed in speeds]
    print(f"windows of a clip of 3,600 frames: plain {seconds[0]:.3f} s, ours {seconds[1]:.3f} s, "
          f"{seconds[0] / seconds[1]:.1f}×; authors' loader, with reading, 17 s elsewhere")  # fmt: skip


def together(data: Windows, params: StgNfParams, device: torch.device, models: int = 4) -> None:
    """Models of several seeds side by side, and one after the other."""
    rows = torch.arange(BATCH, device=device)
    means = torch.full((models, BATCH), params.prior_mean, device=device)
    many, one = learners(data, params, device, models), learners(data, params, device, 1)

    def side_by_side() -> int:
        many.update(rows.expand(models, -1), means, params.learning_rate)
        return models * BATCH

    def in_turn() -> int:
        for _ in range(models):
            one.update(rows[None], means[:1], params.learning_rate)
        return models * BATCH

    turns, at_once = best((in_turn, side_by_side), 10)
    print(
        f"{models} models: in turn {turns:,.0f}, side by side {at_once:,.0f} windows per second, {at_once / turns:.2f}×"
    )


def epoch(params: StgNfParams, device: torch.device) -> None:
    """An epoch of ShanghaiTech's size, T 24."""
    data = made_up(SHANGHAITECH, 24)
    before, one = _peak(), params.model_copy(update={"epochs": 1, "statistics": "running"})
    network = build(Form.of(data), one, 0).to(device)
    started = time.perf_counter()
    for _ in train([network], data, one, [0], means=torch.full((len(data),), 3.0), fused=True, watched=False):
        _wait()
    seconds = time.perf_counter() - started
    print(f"an epoch of {2 * len(data):,} windows: {seconds:.1f} s, {2 * len(data) / seconds:,.0f} per second; "
          f"the windows take {data.poses.nbytes / 2**20:,.0f} MiB, training {_peak() - before:,.0f} more")  # fmt: skip


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _peak() -> float:
    """The most memory that this process has taken, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
