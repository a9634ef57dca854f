"""What could be scored high on the simulated benchmark without seeing any behaviour: AUC of cues that know nothing.

    python -m benchmarks.shortcuts [data/raw/simulated]

Each cue is taken as the score of every test frame, all kinds together and each kind against the frames in which nothing
is abnormal. 0.5 is blindness; both ends betray something. Cues that follow from what happens, such as the height of
somebody who lies, may be far from it in the kinds that they follow from; `time`, `middle` and `length`, which follow
from nothing, may not. Cues of the films are left out where there are none.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from stages.core.schemas import POSES, REGIONS, TRACKS
from stages.core.tables import read
from stages.simulate import Files

FILMED = ("brightness", "flicker", "motion", "props")
"""Cues that need the film and its masks."""
COLUMNS = ["clip", "frame", "label", "kinds"]
"""Columns of a table of cues that are not cues."""


def cues(folder: Path, clip: str, frames: int) -> pd.DataFrame:
    """Of every frame of a clip: COLUMNS, `kinds` a set of names, and what a detector could score it by.

    Args:
        folder: of the dataset.
        clip: its name.
        frames: how many it has.
    """
    files, every = Files(folder, clip), pd.RangeIndex(frames)
    found, true, odd = (
        read(*pair) for pair in ((files.poses, POSES), (files.tracks, TRACKS), (files.regions, REGIONS))
    )
    kinds = odd.frame.groupby("frame")["kind"].agg(frozenset).reindex(every)
    table = pd.DataFrame({"clip": clip, "frame": every, "label": kinds.notna(), "kinds": kinds})
    time = every.to_numpy() / frames
    table = table.assign(time=time, middle=-np.abs(time - 0.5), length=frames)
    people = found.frame.assign(
        confidence=found.arrays[..., 2].mean(axis=1),
        spread=found.arrays[..., 2].std(axis=1),
        low=found.frame["y"] + found.frame["h"],
        across=found.frame["x"] + found.frame["w"] / 2,
    ).groupby("frame")
    first = true.frame.groupby("track")["frame"].transform("min")
    last = true.frame.groupby("track")["frame"].transform("max")
    tracks = true.frame.assign(stays=last - first, late=first > 0, age=true.frame["frame"] - first).groupby("frame")
    table["people"] = people.size()
    table["missed"] = tracks.size().reindex(every, fill_value=0) - people.size().reindex(every, fill_value=0)
    for name in ("confidence", "spread", "low", "across", "h"):
        table[name] = people[name].mean()
    table["latecomers"], table["stays"], table["age"] = tracks["late"].sum(), tracks["stays"].max(), tracks["age"].min()
    if files.video.is_file() and files.masks.is_file():
        table = table.assign(**_filmed(files))
    return table.fillna(dict.fromkeys(table.columns.difference(COLUMNS), 0))


def _filmed(files: Files) -> dict[str, NDArray[np.float64]]:
    """FILMED of every frame."""
    import av

    with av.open(str(files.video)) as container:
        film = np.stack([frame.to_ndarray(format="gray") for frame in container.decode(video=0)]).astype(np.float32)
    bright = film.mean(axis=(1, 2), dtype=np.float64)
    moved = np.abs(np.diff(film, axis=0, prepend=film[:1])).mean(axis=(1, 2), dtype=np.float64)
    with np.load(files.masks) as masks:
        props = (masks["props"] > 0).sum(axis=(1, 2)).astype(np.float64)
    return {
        "brightness": bright,
        "flicker": np.abs(np.diff(bright, prepend=bright[0])),
        "motion": moved,
        "props": props,
    }


def areas(table: pd.DataFrame) -> pd.DataFrame:
    """AUC of every cue, one row each: `all`, and each kind against the frames in which nothing is abnormal.

    Args:
        table: of `cues`, of many clips.
    """
    odd = table["label"].to_numpy(dtype=bool)
    happens = {"all": odd}
    for kind in sorted(set().union(*table["kinds"][odd])):
        happens[kind] = np.array([yes and kind in names for yes, names in zip(odd, table["kinds"], strict=True)])
    rows = {
        cue: {name: roc_auc_score(mine[mine | ~odd], table[cue][mine | ~odd]) for name, mine in happens.items()}
        for cue in table.columns.difference(COLUMNS, sort=False)
    }
    return pd.DataFrame(rows).T


def held_out(folder: Path) -> Iterator[tuple[str, int]]:
    """Names and lengths of the test clips."""
    clips = pd.read_csv(folder / "clips.csv", usecols=["clip", "split", "frames"])
    for clip, frames in clips.loc[clips["split"] == "test", ["clip", "frames"]].itertuples(index=False):
        yield str(clip), int(frames)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path, nargs="?", default=Path("data/raw/simulated"))
    folder = parser.parse_args().folder
    table = pd.concat([cues(folder, clip, frames) for clip, frames in held_out(folder)], ignore_index=True)
    print(f"{len(table)} frames of {table['clip'].nunique()} clips, {table['label'].mean():.0%} abnormal")
    print(areas(table).round(2).to_string())


if __name__ == "__main__":
    main()
