"""Where GEPC loses what its autoencoder sees: `python -m benchmarks.gepc_steps [DATASET]`.

A window goes through the autoencoder, the clusters and the mixture. After each step stands how well abnormal people's
windows could be told from all others by what is left there: AUC over the test split's windows, by `person_label`, of
each trained seed. Where a step gives a vector and no score, the distance to the fifth nearest training window's vector
is taken, as the detector `knn` does. The last line is no AUC but how far training windows lie from their cluster's
centre, median; Student's t has a scale of 1. Nothing is chosen by these figures; they explain others.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from stages.compute.threads import threads
from stages.core.loading import load_windows
from stages.core.params import TrainParams, load_section
from stages.core.paths import Project, find_project, seed_folder, split_file
from stages.core.windows import Windows
from stages.detectors.base import DETECTOR_FILE, Form, card_params, read_card, read_weights
from stages.detectors.layers.gepc.autoencoder import Autoencoder
from stages.detectors.layers.gepc.cluster_detector import CENTRES, MIXTURE
from stages.detectors.layers.gepc.clustering import assign, squared_distances
from stages.detectors.layers.gepc.detector import BASE, NETWORK, PRETRAINED
from stages.detectors.layers.gepc.params import GepcParams
from stages.detectors.layers.gepc.training import build, errors, latent
from stages.detectors.layers.gepc.transforms import Views
from stages.detectors.layers.model import take_weights, under
from stages.detectors.layers.proportions import Mixture, uncertainty

NEIGHBOURS = 5
TRAIN_ROWS = 2000
"""Training windows that neighbours are looked for among, spread evenly."""


def main() -> None:
    """Print a line per step and a column per seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", nargs="?", default="simulated")
    dataset = parser.parse_args().dataset
    project = find_project()
    seeds = load_section(project, "train", TrainParams).seeds
    with threads(1):
        found = [steps(project, dataset, seed_folder(project.model(dataset, BASE), seed)) for seed in seeds]
    print(f"{'':<44}", *(f"seed {seed}" for seed in seeds))
    for name in found[0]:
        print(f"{name:<44}", *(f"{one[name]:6.3f}" for one in found))


def steps(project: Project, dataset: str, folder: Path) -> dict[str, float]:
    """AUC after each step of one trained model."""
    card, weights = read_card(folder, BASE), read_weights(folder)
    params = card_params(card, GepcParams, folder)
    test, train = (_windows(project, dataset, params.window, split) for split in ("test", "train"))
    known = test.index["person_label"].notna().to_numpy()
    truth = test.index["person_label"][known].to_numpy(dtype=int)
    network = build(Form.from_card(card, folder), params, 0)
    scores: dict[str, NDArray[np.floating]] = {}
    vectors: dict[str, Tensor] = {}
    for when, prefix in (("before clustering", PRETRAINED), ("after clustering", NETWORK)):
        take_weights(network, under(prefix, weights))
        network.eval()
        seen, learned = _latent(network, test, params), _latent(network, train, params)
        spread = learned.std(dim=0).clamp(min=1e-6)
        scores[f"reconstruction error, {when}"] = errors(network, _views(test, params)).mean(axis=(1, 2))
        scores[f"latent vector's neighbours, {when}"] = _apart(seen / spread, learned / spread)
        vectors = {"seen": seen, "learned": learned}
    centres = torch.from_numpy(weights[CENTRES])
    q, base = (assign(vectors[name], centres, params.assignment) for name in ("seen", "learned"))
    scores["assignments' neighbours"] = _apart(q.log(), base.log())
    scores["1 less the largest assignment"] = uncertainty(q.numpy())
    if params.scoring == "mixture":
        mixture = Mixture.restore(under(MIXTURE, weights), folder / DETECTOR_FILE)
        scores["mixture: GEPC's score"] = mixture.score(q.numpy())
    found = {name: float(roc_auc_score(truth, values[known])) for name, values in scores.items()}
    nearest = squared_distances(vectors["learned"], centres).min(dim=1).values.sqrt()
    return {**found, "(training windows' distance to their centre)": float(nearest.median())}


def _windows(project: Project, dataset: str, window: str, split: str) -> Windows:
    """The test windows, or some of the normal training windows."""
    windows = load_windows(split_file(project.normalized(dataset, window), split), dataset, split)
    if split == "test":
        return windows
    normal = np.flatnonzero(~(windows.index["label"] == 1).fillna(value=False).to_numpy(dtype=bool))
    return windows.take(normal[np.linspace(0, len(normal) - 1, min(TRAIN_ROWS, len(normal))).astype(np.int64)])


def _views(windows: Windows, params: GepcParams) -> Views:
    return Views(windows, params.transforms, torch.device("cpu"))


def _latent(network: Autoencoder, windows: Windows, params: GepcParams) -> Tensor:
    """Of each window as it is, `(N, Z)`: the first of its views."""
    return torch.cat(list(latent(network, _views(windows, params), torch.arange(len(windows)))))


def _apart(some: Tensor, others: Tensor) -> NDArray[np.floating]:
    """Distance of each row to the fifth nearest of the others."""
    near = NearestNeighbors(n_neighbors=NEIGHBOURS).fit(others.numpy())
    return np.asarray(near.kneighbors(some.numpy())[0][:, -1])


if __name__ == "__main__":
    main()
