"""What may be meant so, and would mislead or disappoint if it is not: each doubt with what comes of it and its mend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from pipelines.explain.facts import by_split, duration, few, kinds_by_clip, some
from pipelines.explain.plan import Plan, fits, seconds
from stages.core.dataset import Dataset
from stages.core.pairs import ACTIONS
from stages.pose.tiling import tiles

LITTLE = 120.0
"""Seconds of training footage below which a detector has seen too little of what is normal."""
MOSTLY = 0.8
"""Share of abnormal test frames from which labels look as if they were the wrong way round."""
NARROW, LOW = 320, 240
"""Frame size, px, below which joints are a few pixels apart."""


@dataclass(frozen=True)
class Doubt:
    """One thing that a person should look at.

    Args:
        what: what was found and what comes of it.
        mend: what to do if it is not meant so.
    """

    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.what}\n      mend: {self.mend}"


def doubts(data: Dataset, facts: pd.DataFrame, plan: Plan, digests: Mapping[str, str]) -> list[Doubt]:
    """All doubts about a dataset, those about the splits first.

    Args:
        data: the dataset.
        facts: `clip_facts` of it.
        plan: what will be done with it.
        digests: sha256 of each clip's file, by clip.
    """
    judged = data.description.task != ACTIONS
    return [
        *in_use(data, plan),
        *(splits(facts, plan) if judged else ()),
        *twice(facts, digests),
        *(judged_labels(data, facts) if judged else ()),
        *(other_labels(facts, plan) if judged else ()),
        *(cameras(facts) if judged else ()),
        *lengths(facts, plan, data),
        *rates(facts, plan),
        *sizes(data, facts, plan),
    ]


def in_use(data: Dataset, plan: Plan) -> Iterator[Doubt]:
    """Datasets that nothing is done with."""
    place = "coarse.runs" if data.description.task == ACTIONS else "runs"
    if not plan.listed:
        yield Doubt(f"params.yaml does not name {data.name}: nothing is done with it", "add it to `datasets`")
    if not plan.detectors:
        yield Doubt(f"no detector runs on {data.name}", f"add `{{dataset: {data.name}, detector: knn}}` to {place}")


def splits(facts: pd.DataFrame, plan: Plan) -> Iterator[Doubt]:
    """Splits that are missing or small."""
    each = by_split(facts)
    column = "the column `split` of clips.csv"
    clips, time = each["clips"].to_dict(), each["seconds"].to_dict()
    if not clips["train"]:
        yield Doubt("no clip is for training: no detector can learn", f"call normal clips `train` in {column}")
    elif time["train"] < LITTLE:
        yield Doubt(
            f"{duration(time['train'])} of training footage: whatever does not happen in it will count as abnormal",
            "add normal footage, an hour and more of each camera",
        )
    normal = facts[facts["split"] == "validation"]
    hours = {str(camera): rows["seconds"].sum() / 3600 for camera, rows in normal.groupby("camera")}
    target = plan.evaluate.calibration.false_alarms_per_hour
    if not hours:
        yield Doubt(
            "no clip is for validation: there are no alarm thresholds, p-values or validation losses",
            f"call some normal clips `validation` in {column}",
        )
    elif short := sorted(camera for camera, there in hours.items() if there * target < 1):
        yield Doubt(
            f"{few(len(short), 'camera')} with too little validation footage (as little as "
            f"{duration(3600 * min(hours.values()))}) to promise a rate of {target:g} per hour for false alarms: "
            f"{some(short)}",
            f"give each camera more than {duration(3600 / target)} of normal validation footage, or raise "
            "evaluate.calibration.false_alarms_per_hour",
        )
    least = plan.evaluate.bootstrap.least_clips
    if not clips["test"]:
        yield Doubt("no clip is for testing: there are no figures", f"call labelled clips `test` in {column}")
    elif clips["test"] < least:
        yield Doubt(
            f"{few(int(clips['test']), 'test clip')}, below {least}: figures have no intervals and rank no detectors",
            "add test clips, or cut long ones into several (a lower evaluate.bootstrap.least_clips trusts few clips)",
        )


def twice(facts: pd.DataFrame, digests: Mapping[str, str]) -> Iterator[Doubt]:
    """Clips with the same bytes; worst across splits."""
    split = dict(zip(facts["clip"], facts["split"], strict=True))
    same: dict[str, list[str]] = {}
    for clip in sorted(digests):
        same.setdefault(digests[clip], []).append(clip)
    for clips in same.values():
        if len(clips) > 1:
            leak = len({split[clip] for clip in clips}) > 1
            comes = "in different splits: what is judged was learned from" if leak else "it counts several times"
            yield Doubt(f"{some(clips)} are the same file, {comes}", "keep one of the rows of clips.csv")


def judged_labels(data: Dataset, facts: pd.DataFrame) -> Iterator[Doubt]:
    """Truth of the test split that gives no figure, or a doubtful one."""
    test = facts[facts["split"] == "test"]
    if test.empty:
        return
    abnormal, unknown, frames = (int(test[name].sum()) for name in ("abnormal", "unknown", "frames"))
    if not abnormal:
        yield Doubt(
            "no test frame is labelled abnormal: AUC and all that follows from it are undefined",
            "write the abnormal intervals into labels.csv; `normotion label VIDEO` does it while you watch",
        )
    elif abnormal + unknown == frames:
        yield Doubt(
            "no test frame is normal: AUC is undefined",
            "add normal test footage, or end the intervals of labels.csv where the behaviour ends",
        )
    elif abnormal / frames > MOSTLY:
        yield Doubt(
            f"{abnormal / frames:.0%} of the test frames are abnormal",
            "if labels.csv lists the normal stretches, turn it round: a row is an abnormal interval",
        )
    if unknown:
        yield Doubt(
            f"{few(unknown, 'test frame is', 'test frames are')} of unknown truth and left out of all figures: "
            f"{some(test.loc[test['unknown'] > 0, 'clip'])}",
            "label them in labels.csv, or call the clip normal in clips.csv (abnormal 0)",
        )
    clean = test.loc[(test["abnormal"] == 0) & (test["unknown"] == 0), "clip"]
    normal = set(data.clips.loc[data.clips["abnormal"] == 0, "clip"])
    bare = [clip for clip in clean if clip not in normal]
    if abnormal and bare:
        yield Doubt(
            f"{few(len(bare), 'test clip has no label and counts', 'test clips have no label and count')} as normal "
            f"throughout: {some(bare)}",
            "label what is abnormal in them, or say that nothing is: abnormal 0 in clips.csv",
        )
    single = [kind for kind, clips in kinds_by_clip(data).items() if len(clips) == 1]
    if single:
        yield Doubt(
            f"{few(len(single), 'kind')} of behaviour in one test clip only, which tells little of the kind: "
            f"{some(single)}",
            "add test clips that show it, or read its AUC as that of the clip",
        )


def other_labels(facts: pd.DataFrame, plan: Plan) -> Iterator[Doubt]:
    """Abnormal footage where normal one is expected."""
    for split, use in (("train", "learned from"), ("validation", "calibrated on")):
        rows = facts[(facts["split"] == split) & (facts["abnormal"] > 0)]
        if rows.empty:
            continue
        frames, who = few(int(rows["abnormal"].sum()), "frame"), sorted(plan.supervised)
        learn = f"; {some(who)} learn from them" if who and split == "train" else ""
        yield Doubt(
            f"{few(len(rows), f'{split} clip')} with {frames} labelled abnormal, which are not {use}{learn}: "
            f"{some(rows['clip'])}",
            "nothing, if that is meant; a detector that learns from labels, such as stg_nf_supervised, could use them"
            if split == "train" and not who
            else "nothing, if that is meant; else mend labels.csv or the clip's split",
        )


def cameras(facts: pd.DataFrame) -> Iterator[Doubt]:
    """Cameras that are judged and were never learned from."""
    seen = {split: set(rows["camera"]) for split, rows in facts.groupby("split")}
    strange = sorted(seen.get("test", set()) - seen.get("train", set()))
    if strange and seen.get("train"):
        yield Doubt(
            f"{few(len(strange), 'camera')} without training footage: {some(strange)}. A new view may score high "
            "although nobody does anything unusual",
            "add normal footage of it to the training clips, or read its figures apart: the report lists each camera's",
        )


def lengths(facts: pd.DataFrame, plan: Plan, data: Dataset) -> Iterator[Doubt]:
    """Clips that give no window at all, even of somebody who is seen throughout."""
    every = plan.extract.every if data.description.modality == "video" else 1
    for name, spec in plan.specs.items():
        known: dict[tuple[int, float], bool] = {}
        without = []
        for clip, frames, fps in zip(facts["clip"], facts["frames"], facts["fps"], strict=True):
            key = int(frames), float(fps)
            if key not in known:
                known[key] = fits(spec, *key, every)
            if not known[key]:
                without.append(str(clip))
        if without:
            slow = f" while people are looked for in one frame of {every}" if every > 1 else ""
            yield Doubt(
                f"{few(len(without), 'clip gives', 'clips give')} no window of `{name}`{slow}, even of somebody who is "
                f"seen throughout: {some(without)}",
                f"longer clips, a shorter windows.{name} ({spec.samples} samples)"
                + (", or a lower extract.every" if every > 1 else ""),
            )


def rates(facts: pd.DataFrame, plan: Plan) -> Iterator[Doubt]:
    """Clips that are filmed more slowly than windows sample them, and windows whose time depends on the clip."""
    for name, spec in plan.specs.items():
        if spec.rate is None:
            times = sorted({seconds(spec, fps) for fps in facts["fps"]})
            if len(times) > 1 and times[-1] > 1.01 * times[0]:
                yield Doubt(
                    f"windows of `{name}` last {times[0]:.2g} to {times[-1]:.2g} s, as the clips' frame rates differ",
                    f"give windows.{name} a `rate`, so that a window means the same time everywhere",
                )
            continue
        slow = facts[facts["fps"] < spec.rate * 0.99]
        if not slow.empty:
            yield Doubt(
                f"{few(len(slow), 'clip has', 'clips have')} fewer frames per second ({slow['fps'].min():g}) than "
                f"`{name}` has samples ({spec.rate:g}): those between are interpolated and tell nothing new: "
                f"{some(slow['clip'])}",
                f"lower windows.{name}.rate to {slow['fps'].min():g}, or film faster",
            )


def sizes(data: Dataset, facts: pd.DataFrame, plan: Plan) -> Iterator[Doubt]:
    """Frames too small to see joints in, or so large that finding people takes its time."""
    if data.description.modality != "video":
        return
    tiny = facts[(facts["width"] < NARROW) | (facts["height"] < LOW)]
    if not tiny.empty:
        yield Doubt(
            f"{few(len(tiny), 'clip is', 'clips are')} smaller than {NARROW} × {LOW} px, where people are a few pixels "
            f"tall: {some(tiny['clip'])}",
            f"take the original footage if there is any; see `normotion quality {data.name}` after extraction",
        )
    above = plan.extract.tile_above
    large = facts[
        [len(tiles(wide, high, above)) > 1 for wide, high in zip(facts["width"], facts["height"], strict=True)]
    ]
    if not large.empty:
        yield Doubt(
            f"{few(len(large), 'clip is', 'clips are')} larger than extract.tile_above = {above} px: people are sought "
            f"in five pieces of each frame, which takes the detector five times as long: {some(large['clip'])}",
            "nothing, if people are small in them; else raise extract.tile_above, or shrink the videos",
        )
