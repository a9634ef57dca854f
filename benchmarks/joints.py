"""Why STG-NF lost to kNN, on footage that is no test: `python -m benchmarks.joints CCTV_PROJECT`.

CCTV_PROJECT is what `benchmarks.cctv` left in `entries/train_a20/corrected`: its training clips, camera A20, were taken
at two sites, of which each in turn is learned from (normal windows alone) and the other judged. A third case are the
simulated training clips (`dvc repro normalize`): two thirds of the normal ones are learned from, the others and the
abnormal ones judged. Labels are of the window's person. Prints the area under the ROC curve over windows.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from stages.core.loading import load_windows
from stages.core.paths import Project, find_project, split_file
from stages.core.progress import set_up_logging
from stages.core.windows import Windows
from stages.detectors.knn import Knn, KnnParams
from stages.detectors.layers.stg_nf.params import StgNfParams
from stages.detectors.stg_nf import StgNf

CCTV, SIMULATED, WINDOW = "train_a20", "simulated", "second"
SITES = ("SY15", "SY32")
SEEDS = (0, 1)
FLOWS: dict[str, dict[str, Any]] = {
    "published": {"preset": "published"},
    "corrected, joints not standardized": {"standardize": "none"},
    "corrected": {},
}


def main() -> None:
    """Judge every entry in every case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", type=Path)
    set_up_logging()
    found = list(cases(Project(parser.parse_args().project.resolve()), find_project()))
    print(f"{'':36}" + "".join(f"{name:>22}" for name, *_ in found))
    print(f"{'knn':36}" + "".join(f"{_knn(train, judged):>22.3f}" for _, train, judged in found), flush=True)
    for name, changes in FLOWS.items():
        cells = (_flow(changes, train, judged) for _, train, judged in found)
        print(f"{name:36}" + "".join(f"{cell:>22}" for cell in cells), flush=True)


def cases(cctv: Project, own: Project) -> Iterator[tuple[str, Windows, Windows]]:
    """Name, windows to learn from, windows to judge."""
    windows = load_windows(split_file(cctv.normalized(CCTV, WINDOW), "train"), CCTV, "train")
    normal, known = _normal(windows), windows.index["person_label"].notna().to_numpy()
    for here, there in (SITES, SITES[::-1]):
        at = {site: windows.index["clip"].str.contains(site).to_numpy() for site in SITES}
        yield f"CCTV {here} → {there}", windows.take(normal & at[here]), windows.take(known & at[there])
    windows = load_windows(split_file(own.normalized(SIMULATED, WINDOW), "train"), SIMULATED, "train")
    normal, known, clip = _normal(windows), windows.index["person_label"].notna().to_numpy(), windows.index["clip"]
    abnormal = set(clip[~normal])
    held_out = abnormal | set(sorted(set(clip) - abnormal)[::3])
    judged = clip.isin(held_out).to_numpy()
    yield "simulated", windows.take(~judged), windows.take(judged & known)


def _normal(windows: Windows) -> np.ndarray[Any, np.dtype[np.bool_]]:
    return np.asarray(windows.index["label"].fillna(0) == 0, dtype=bool)


def _knn(train: Windows, judged: Windows) -> float:
    model = Knn(KnnParams(window=WINDOW))
    model.fit(train)
    return _auc(judged, model.score(judged)["score"])


def _flow(changes: dict[str, Any], train: Windows, judged: Windows) -> str:
    found = []
    for seed in SEEDS:
        model = StgNf(StgNfParams(window=WINDOW, **changes), seed=seed)
        model.fit(train)
        found.append(_auc(judged, model.score(judged)["score"]))
    return f"{np.mean(found):.3f} ± {np.std(found):.3f}"


def _auc(judged: Windows, scores: Any) -> float:
    return float(roc_auc_score(judged.index["person_label"].to_numpy(dtype=int), scores))


if __name__ == "__main__":
    main()
