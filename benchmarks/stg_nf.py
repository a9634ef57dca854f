"""How fast STG-NF trains and scores, against its plain form: `python -m benchmarks.stg_nf`.

Both run in one process, in turn, on made-up windows, so that only the ratio of their speeds is to be trusted.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch

from benchmarks.plain.stg_nf import PlainStgNf
from stages.detectors.base import Form
from stages.detectors.layers.flow import bits_per_dimension
from stages.detectors.layers.stg_nf import network as layers
from stages.detectors.layers.stg_nf.params import StgNfParams

BATCH = 256
JOINTS = 18


def main() -> None:
    options = parse()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    print(f"windows per second, batch {BATCH}, {options.threads} threads, {options.rounds} rounds, best of them")
    print(f"{'T':>3} {'task':<10} {'plain':>10} {'ours':>10} {'ratio':>7}")
    for samples in options.samples:
        batch = torch.randn(BATCH, 2, samples, JOINTS)
        for task, contestants in (("train", trainers(samples)), ("score", scorers(samples))):
            plain, ours = best(contestants, batch, options.rounds)
            print(f"{samples:>3} {task:<10} {plain:>10,.0f} {ours:>10,.0f} {ours / plain:>6.1f}×")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure STG-NF against its plain form.")
    parser.add_argument("--samples", type=int, nargs="+", default=[8, 24], help="window lengths")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=10)
    return parser.parse_args()


def trainers(samples: int) -> tuple[Callable[[torch.Tensor], object], Callable[[torch.Tensor], object]]:
    params = StgNfParams(window="benchmark")
    plain = PlainStgNf(samples).train()
    ours = layers.build(Form(("x", "y"), samples, JOINTS, "openpose18"), params, seed=0).train()
    plain_optimizer = torch.optim.Adamax(plain.parameters(), lr=params.learning_rate)
    optimizer = torch.optim.Adamax(ours.parameters(), lr=params.learning_rate)

    def plain_step(batch: torch.Tensor) -> None:
        plain_optimizer.zero_grad()
        plain(batch)[2].mean().backward()
        torch.nn.utils.clip_grad_norm_(plain.parameters(), params.gradient_clip)
        plain_optimizer.step()

    return plain_step, lambda batch: layers.update(ours, optimizer, batch, params)


def scorers(samples: int) -> tuple[Callable[[torch.Tensor], object], Callable[[torch.Tensor], object]]:
    params = StgNfParams(window="benchmark")
    plain = PlainStgNf(samples, initialised=True).eval()
    ours = layers.build(Form(("x", "y"), samples, JOINTS, "openpose18"), params, seed=0).eval()

    @torch.inference_mode()
    def plain_score(batch: torch.Tensor) -> torch.Tensor:
        bits: torch.Tensor = plain(batch)[2]
        return bits

    @torch.inference_mode()
    def score(batch: torch.Tensor) -> torch.Tensor:
        z, logdet = ours(batch)
        return bits_per_dimension(z, logdet, params.prior_mean)

    return plain_score, score


def best(
    contestants: tuple[Callable[[torch.Tensor], object], ...], batch: torch.Tensor, rounds: int
) -> tuple[float, ...]:
    """Windows per second of each; they take turns, so that a busy machine slows all alike."""
    shortest = [float("inf")] * len(contestants)
    for round_ in range(rounds + 2):
        for number, step in enumerate(contestants):
            started = time.perf_counter()
            step(batch)
            if round_ >= 2:
                shortest[number] = min(shortest[number], time.perf_counter() - started)
    return tuple(len(batch) / seconds for seconds in shortest)


if __name__ == "__main__":
    main()
