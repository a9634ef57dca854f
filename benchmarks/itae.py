"""How fast ITAE and its flows learn and score, and how fast frames are decoded: `python -m benchmarks.itae`.

Of the flow (K 32, L 1, hidden 512, 2 channels of 64 × 64, forward, backward and step of the optimizer) plain form and
ours run in turn in a process each; a public Glow reached about one map a second on two CPU threads of another machine.
Of the autoencoder clips learned from and frames scored per second are told: of that of params.yaml, of `small`, and of
the published one at 128 × 128 and 256 × 256. `--video FILE` decodes and shrinks it as the stage `frames` does, to tell
whether that holds anything up. `--device cuda` measures on a GPU; the paper scores a frame of Ped2 in 52 ms on an RTX
3090.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import torch
from torch import Tensor, nn

from benchmarks.plain import glow as plain
from stages.compute.memory import keep
from stages.detectors.layers.frames.batches import as_pictures
from stages.detectors.layers.glow import Glow
from stages.detectors.layers.itae.losses import patch_errors, reconstruction_loss
from stages.detectors.layers.itae.network import Itae
from stages.pose.video import frames

MAPS, CHANNELS, SIDE, STEPS, HIDDEN = 4, 2, 64, 32, 512
FRAMES = 16
NETWORKS = {
    "of params.yaml, 128 × 128": (0.125, 128, 2),
    "small, 128 × 128": (0.25, 128, 4),
    "published, 128 × 128": (1.0, 128, 2),
    "published, 256 × 256": (1.0, 256, 1),
}
"""Width, side of a frame and clips in a batch."""


def main() -> None:
    """Measure what was asked for."""
    options = parse()
    torch.set_num_threads(options.threads)
    if options.only:
        print(flow(options.only, options.device))
        return
    print(f"{options.threads} threads, {options.device}")
    found: dict[str, list[float]] = {"plain": [], "ours": []}
    for _ in range(options.rounds):
        for name, rounds in found.items():
            command = [sys.executable, "-m", "benchmarks.itae", "--only", name]
            command += ["--threads", str(options.threads), "--device", options.device]
            rounds.append(float(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    first, second = (max(rounds) for rounds in found.values())
    print(f"flow: plain {first:.2f} maps/s learned from, ours {second:.2f}, {second / first:.2f} times as many")
    for name in NETWORKS:
        print(f"autoencoder, {name}: {autoencoder(name, options.device)}")
    if options.video:
        print(f"decoded and shrunk to 128 × 128: {decoding(options.video):,.0f} frames/s")


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--video", type=Path, help="to decode")
    parser.add_argument("--only", choices=("plain", "ours"))
    return parser.parse_args()


def flow(name: str, device: str) -> float:
    """Maps per second that a flow learns from."""
    torch.manual_seed(0)
    if name == "ours":
        keep()
    made: plain.Glow | Glow = (
        Glow(CHANNELS, STEPS, 1, HIDDEN) if name == "ours" else plain.Glow(CHANNELS, STEPS, HIDDEN)
    )
    network, maps = made.to(device).train(), torch.rand(MAPS, CHANNELS, SIDE, SIDE, device=device)
    return MAPS / learning(network, lambda: made.bits(maps).mean(), device)


def autoencoder(name: str, device: str) -> str:
    """Clips learned from and frames scored per second."""
    torch.manual_seed(0)
    keep()
    width, side, batch = NETWORKS[name]
    network = Itae(1, width=width).to(device).to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    clips = torch.rand(batch, 1, FRAMES, side, side, device=device).to(memory_format=torch.channels_last_3d)
    seen = as_pictures(clips)
    learned = batch / learning(network.train(), lambda: reconstruction_loss(as_pictures(network(clips)), seen), device)
    network.eval()

    @torch.no_grad()
    def score() -> None:
        patch_errors(as_pictures(network(clips)), seen, 16)

    scored = batch * FRAMES / best(score, device)
    return f"{learned:.2f} clips/s learned from, {scored:.1f} frames/s scored"


def learning(network: nn.Module, loss: Callable[[], Tensor], device: str) -> float:
    """Seconds of a step: forward, backward and optimizer."""
    optimizer = torch.optim.Adam(network.parameters(), 1e-4)

    def step() -> None:
        optimizer.zero_grad()
        loss().backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return best(step, device)


def best(work: Callable[[], None], device: str, times: int = 3) -> float:
    """Least seconds of some rounds, after one that warms up."""
    taken = []
    for _ in range(times + 1):
        started = time.perf_counter()
        work()
        if device != "cpu":
            torch.cuda.synchronize()
        taken.append(time.perf_counter() - started)
    return min(taken[1:])


def decoding(video: Path) -> float:
    """Frames per second, decoded, turned grey and shrunk."""
    started, number = time.perf_counter(), 0
    for _, frame in frames(video):
        cv2.resize(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), (128, 128), interpolation=cv2.INTER_AREA)
        number += 1
    return number / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
