"""A dataset in a dozen lines that somebody understands who sees it for the first time."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from pipelines.explain.facts import by_split, duration, few, kinds_by_clip, some
from pipelines.explain.plan import Plan, seconds, span
from stages.core.dataset import Dataset
from stages.core.pairs import ACTIONS
from stages.core.windows import WindowSpec

MOVENET_RATE = 5.5
"""Frames per second of `movenet` on two cores, 768 × 576 px, some eight people (docs/operations.md)."""


def told(data: Dataset, facts: pd.DataFrame, plan: Plan, ready: int) -> Iterator[str]:
    """What a dataset is and what will be done with it, line by line.

    Args:
        data: the dataset.
        facts: `clip_facts` of it.
        plan: what will be done with it.
        ready: how many of its clips have poses on disk already.
    """
    yield f"{data.name}: {data.description.name}"
    yield from _amounts(data, facts)
    yield from _views(facts)
    yield from _behaviour(data)
    for name, spec in plan.specs.items():
        yield from _window(name, spec, facts, plan)
    yield from _ahead(data, facts, plan, ready)


def _amounts(data: Dataset, facts: pd.DataFrame) -> Iterator[str]:
    labelled = data.description.task != ACTIONS
    head = f"  {'split':<11}{'clips':>7}{'time':>10}{'frames':>12}"
    yield head + (f"{'abnormal':>11}{'unknown':>10}" if labelled else "")
    for row in by_split(facts).reset_index().to_dict("records"):
        line = f"  {row['split']:<11}{row['clips']:>7,}{duration(row['seconds']):>10}{row['frames']:>12,}"
        shares = [row[name] / max(row["frames"], 1) for name in ("abnormal", "unknown")]
        yield line + (f"{shares[0]:>11.1%}{shares[1]:>10.1%}" if labelled else "")


def _views(facts: pd.DataFrame) -> Iterator[str]:
    places = [few(facts[name].nunique(), name) for name in ("camera", "scene")]
    rates = [f"{rate:g}" for rate in sorted(set(facts["fps"]))]
    sizes = [f"{wide} × {high}" for wide, high in sorted(set(zip(facts["width"], facts["height"], strict=True)))]
    yield f"  seen by: {', '.join(places)}; {some(rates)} frames/s; {some(sizes)} px"
    yield f"  a clip lasts {duration(facts['seconds'].min())} to {duration(facts['seconds'].max())}"


def _behaviour(data: Dataset) -> Iterator[str]:
    if data.description.task == ACTIONS:
        classes = data.clips["kind"].value_counts()
        yield f"  actions: {some(f'{kind} ({count})' for kind, count in classes.items())}"
    elif kinds := kinds_by_clip(data):
        by_most = sorted(kinds.items(), key=lambda item: (-len(item[1]), item[0]))
        shown = (f"{kind} ({few(len(clips), 'clip')})" for kind, clips in by_most)
        yield f"  abnormal in the test clips: {some(shown)}"


def _window(name: str, spec: WindowSpec, facts: pd.DataFrame, plan: Plan) -> Iterator[str]:
    what = "the whole frame" if spec.frames else "one person's joints"
    what += " and pictures" if spec.crops or spec.patches else ""
    step = f"{spec.rate:g} samples a second" if spec.rate else "a sample a frame"
    rates = sorted(set(facts["fps"]))
    each = [f"{span(spec, fps):.3g} frames = {seconds(spec, fps):.3g} s at {fps:g} frames/s" for fps in rates]
    yield f"  windows `{name}`, read by {some(plan.readers[name])}: {what}, {spec.samples} samples, {step}"
    learn, score = (spec.step(rates[-1]) * stride / rates[-1] for stride in (spec.stride_train, spec.stride_score))
    yield f"    a window is {some(each)}; a new one begins every {learn:.2g} s to learn, {score:.2g} s to be scored"


def _ahead(data: Dataset, facts: pd.DataFrame, plan: Plan, ready: int) -> Iterator[str]:
    if data.description.modality != "video":
        yield "  ahead: poses came with it, nothing is extracted"
        return
    looked = int(-(-facts["frames"] // plan.extract.every).sum())
    backend = plan.extract.backend
    yield (
        f"  ahead: people are sought by {backend} in {looked:,} frames of {few(len(facts), 'clip')}; "
        + (f"{few(ready, 'clip has', 'clips have')} poses already" if ready else "none has poses yet")
    )
    if backend == "movenet":
        yield (
            f"    all of them take about {duration(looked / MOVENET_RATE)} on two cores: an estimate, from "
            f"{MOVENET_RATE} frames/s measured at 768 × 576 px (docs/operations.md); more for large frames and crowds"
        )
    else:
        yield "    measure its frames per second on your machine: python -m benchmarks.extraction VIDEO"
