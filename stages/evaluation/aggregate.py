"""Window → person → frame → clip: the rules that every detector's scores go through alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from stages.core.progress import log
from stages.evaluation.fusion import fuse, min_max, plan
from stages.evaluation.landing import NOBODY, Floats, Ints, Landed, Places, land
from stages.evaluation.protocol import Rules
from stages.evaluation.smoothing import SmoothingParams, smooth


def aggregate(scores: pd.DataFrame, clips: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Bring window scores down to one score per frame of every clip and seed.

    Args:
        scores: rows of SCORES, in any order; may be empty (then every frame is filled with 0 and none is scored).
        clips: `clip`, `frames`, `fps` of the clips to judge, scored or not.
        rules: see `Rules`.

    Returns:
        FRAME_SCORES without `label` and `p`, `raw` and `smoothed` as float64, sorted by seed, clip and frame.

    Raises:
        ScoreError: as `person_scores`.
    """
    places = Places.of(scores, clips)
    frames = _every_frame(places)
    worst, track = _worst(_people(scores, places, rules), places)
    group = frames["seed_clip"].to_numpy()
    raw = min_max(_fill(worst, group, places, rules), _scope(group, places, rules))
    rates = dict(zip(clips["clip"], clips["fps"], strict=True))
    smoothed = _smooth(raw, places, [float(rates[clip]) for clip in places.clips], rules.smoothing)
    worst_track = pd.Series(track, dtype="Int32").mask(track == NOBODY)
    scored = np.isfinite(worst)
    return frames.drop(columns="seed_clip").assign(raw=raw, track=worst_track, scored=scored, smoothed=smoothed)


def person_scores(scores: pd.DataFrame, clips: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Score of each person in each frame that a window's score landed on, parts already fused.

    Args:
        scores: rows of SCORES, in any order.
        clips: `clip` and `frames` of the clips to judge.
        rules: `landing`, `shift`, `part` and `fusion` are used.

    Returns:
        seed, clip, track (null where a detector scores whole frames), frame, score; sorted by the first four.

    Raises:
        ScoreError: a score is NaN or infinite, a row names an unknown clip or a frame outside its clip, or the rules
            name a part that the detector does not give, or say nothing of how several are joined.
    """
    places = Places.of(scores, clips)
    people = _people(scores, places, rules)
    seed, clip, track, frame = places.split(people.cells)
    number = pd.Series(places.tracks[track], dtype="Int32")
    return pd.DataFrame(
        {
            "seed": places.seeds[seed],
            "clip": places.clips.take(clip),
            "track": number.mask(number == NOBODY),
            "frame": frame,
            "score": people.scores,
        }
    )


def _people(scores: pd.DataFrame, places: Places, rules: Rules) -> Landed:
    """Scores of persons in frames: each part landed, then fused."""
    given = sorted(scores["part"].unique())
    terms = plan(given, rules.part, rules.fusion)
    if not given:
        return land(scores, places, rules.landing)
    needed = dict.fromkeys(name for term in terms for name in term.parts)
    landed = {name: land(_rows(scores, name, given), places, rules.landing, rules.shift) for name in needed}
    return fuse(landed, terms, places)


def _rows(scores: pd.DataFrame, part: str, given: list[str]) -> pd.DataFrame:
    return scores if given == [part] else scores[(scores["part"] == part).to_numpy()]


def _every_frame(places: Places) -> pd.DataFrame:
    """Every frame of every seed and clip: clip, frame, seed, and the number of its seed and clip together."""
    clips, seeds = len(places.clips), len(places.seeds)
    clip = np.tile(np.repeat(np.arange(clips), places.frames), seeds)
    total = int(places.frames.sum())
    seed = np.repeat(np.arange(seeds), total)
    frame = np.tile(np.arange(total), seeds) - places.first(clip)
    return pd.DataFrame(
        {"clip": places.clips.take(clip), "frame": frame, "seed": places.seeds[seed], "seed_clip": seed * clips + clip}
    )


def _worst(people: Landed, places: Places) -> tuple[Floats, Ints]:
    """Score and track of each frame's most abnormal person, -inf and `NOBODY` where there is none.

    Of equally abnormal persons the lowest track is named.
    """
    seed, clip, track, frame = places.split(people.cells)
    total = int(places.frames.sum())
    place = seed * total + places.first(clip) + frame
    worst = np.full(len(places.seeds) * total, -np.inf)
    np.maximum.at(worst, place, people.scores)
    lowest = np.full(len(worst), len(places.tracks))
    leads = people.scores == worst[place]
    np.minimum.at(lowest, place[leads], track[leads])
    return worst, np.append(places.tracks, NOBODY)[lowest]


def _fill(worst: Floats, group: Ints, places: Places, rules: Rules) -> Floats:
    """Give frames on which no score landed what the rules say, and say how many there were."""
    missing = np.isneginf(worst)
    if missing.any():
        log.info(
            "protocol %s: nobody was scored in %d of %d frames; they get the stated filling (%s)",
            rules.protocol, missing.sum(), len(worst), rules.nobody,
        )  # fmt: skip
    if missing.all() and len(worst):
        log.warning("no frame carries a score: all get 0")
    lowest = _lowest(worst, group, places, rules.nobody)
    return np.where(missing, lowest[group], worst)


def _lowest(worst: Floats, group: Ints, places: Places, nobody: str) -> Floats:
    """What frames with nobody get, for each seed and clip."""
    clips = len(places.clips)
    own = np.full(len(places.seeds) * clips, np.inf)
    np.minimum.at(own, group, np.where(np.isneginf(worst), np.inf, worst))
    split = own.reshape(len(places.seeds), clips).min(axis=1, initial=np.inf)
    split = np.repeat(np.where(np.isinf(split), 0, split), clips)  # a seed without any score: 0
    if nobody == "zero":
        return np.zeros_like(own)
    return np.where(np.isinf(own), split, own) if nobody == "clip_lowest" else split


def _scope(group: Ints, places: Places, rules: Rules) -> Ints | None:
    return {"clip": group, "split": group // max(len(places.clips), 1)}.get(rules.normalization)


def _smooth(raw: Floats, places: Places, rates: Sequence[float], params: SmoothingParams) -> Floats:
    """Every clip of every seed by itself."""
    seeds, smoothed = len(places.seeds), np.empty_like(raw)
    lengths = np.tile(places.frames, seeds)
    ends = np.cumsum(lengths)
    for start, stop, fps in zip(ends - lengths, ends, [*rates] * seeds, strict=True):
        smoothed[start:stop] = smooth(raw[start:stop], fps, params)
    return smoothed
