"""How fast GEPC learns, scores and clusters, against the plain form: `python -m benchmarks.gepc`.

Plain and fast form run in turn, each in a process of its own, since the fast one keeps its memory for the whole
process. Batches of 512 made-up windows of 12 samples, the published network, forward, backward and step of the
optimizer. Beside them stand the figures that the authors' code gave on two CPU threads of another machine.
`--device cuda` measures the same on a GPU; it has not been run on one yet. `--clusters` times the start by k-means and
the fit of the mixture for 100,000 windows.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time

import numpy as np
import torch

from benchmarks.plain import gepc as plain
from stages.compute.memory import keep
from stages.core.skeleton import OPENPOSE18
from stages.detectors.base import Form
from stages.detectors.layers.gepc.autoencoder import Autoencoder
from stages.detectors.layers.gepc.clustering import start
from stages.detectors.layers.gepc.params import AutoencoderParams
from stages.detectors.layers.graph import adjacency
from stages.detectors.layers.proportions import Mixture

BATCH, STEPS = 512, 3
AUTHORS = {"train": 40, "score": 150}
"""Windows per second of the released code, batches of 512, two threads."""
FORM = Form(("x", "y", "confidence"), 12, 18, "openpose18")
MANY, LATENT, CLUSTERS = 100_000, 1152, 20


def main() -> None:
    """Measure what was asked for."""
    options = parse()
    if options.clusters:
        clusters()
        return
    if options.only:
        print(*measure(options.only, options.threads, options.device))
        return
    print(f"{options.threads} threads, {options.device}, batches of {BATCH}, best of {options.rounds} rounds in turn")
    found: dict[str, list[list[float]]] = {"plain": [], "ours": []}
    for _ in range(options.rounds):
        for name, rounds in found.items():
            command = [sys.executable, "-m", "benchmarks.gepc", "--only", name]
            command += ["--threads", str(options.threads), "--device", options.device]
            said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            rounds.append([float(word) for word in said.split()])
    for column, task in enumerate(AUTHORS):
        first, second = (max(one[column] for one in rounds) for rounds in found.values())
        told = f"authors' code elsewhere: {AUTHORS[task]}"
        print(
            f"{task:<6} windows/s: plain {first:,.0f}, ours {second:,.0f}, {second / first:.2f} times as many; {told}"
        )
    faults = ", ".join(f"{name} {min(one[3] for one in rounds):,.0f}" for name, rounds in found.items())
    print(f"page faults of {STEPS} training steps: {faults}")
    print("peak memory:", ", ".join(f"{name} {min(one[2] for one in rounds):.1f} GB" for name, rounds in found.items()))


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--only", choices=("plain", "ours"))
    parser.add_argument("--clusters", action="store_true")
    return parser.parse_args()


def measure(name: str, threads: int, device: str) -> tuple[float, float, float, int]:
    """Windows learned from and scored per second, the process's peak memory in GB, page faults while it learned."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    network: plain.Autoencoder | Autoencoder
    if name == "ours":
        keep()
        network = Autoencoder(FORM, AutoencoderParams(window="benchmark"))
    else:
        network = plain.Autoencoder(torch.from_numpy(adjacency(OPENPOSE18, "spatial", 1)).float())
    network.to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)
    x = torch.randn(BATCH, 3, 12, 18, device=device)

    def train() -> None:
        loss = torch.nn.functional.mse_loss(network(x)[0], x)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        loss.item()

    @torch.no_grad()
    def score() -> None:
        network.encode(x).sum().item()

    speeds, faults = [], []
    for task, mode in ((train, True), (score, False)):
        network.train(mode)
        task()
        seconds, before = [], resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(STEPS):
            started = time.perf_counter()
            task()
            seconds.append(time.perf_counter() - started)
        speeds.append(BATCH / min(seconds))
        faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return speeds[0], speeds[1], peak, faults[0]


def clusters() -> None:
    """Time k-means on as many latent vectors as training gives it, and the mixture on all assignments."""
    draw = np.random.default_rng(0)
    z = draw.normal(size=(MANY // 2, LATENT)).astype(np.float32)
    started = time.perf_counter()
    start(z, CLUSTERS, "kmeans", seed=0)
    print(f"k-means of {len(z):,} latent vectors: {time.perf_counter() - started:.1f} s")
    q = draw.dirichlet(np.ones(CLUSTERS), MANY)
    started = time.perf_counter()
    Mixture.fit(q, components=10, seed=0, log=print)
    print(f"mixture of {MANY:,} windows: {time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main()
