"""Which detector runs on which dataset: `runs`, `students`, which start from another's model, and `coarse.runs`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from stages.core.params import Run, Student, dig, nearest, parse

LISTS: Mapping[str, type[Run]] = {"runs": Run, "students": Student}
"""The lists of what is compared frame by frame, with what one entry is."""
COARSE = "coarse.runs"
"""The list of what is compared by the coarse-grained protocol."""
FRAMES, ACTIONS = "frames", "actions"
"""What dataset.yaml may name as the task of a dataset: to find abnormal frames, or to tell classes of clips apart."""

Raw = Mapping[str, Any]
"""params.yaml as it was read."""


def listed(raw: Raw) -> tuple[dict[str, Run], list[str]]:
    """What is compared frame by frame, and what is wrong with the rest.

    Returns:
        Runs, then students, by their place, such as `runs[0]`; and problems as sentences.
    """
    found: dict[str, Run] = {}
    problems: list[str] = []
    for section, model in LISTS.items():
        for place, item in _items(raw, section):
            wrong, run = parse(item, place, model)
            problems += wrong
            found |= {place: run} if run else {}
    return found, problems


def coarse(raw: Raw) -> dict[str, Run]:
    """What is compared by the coarse-grained protocol, by its place; entries that are no pairs are left out."""
    parsed = {place: parse(item, place, Run)[1] for place, item in _items(raw, COARSE)}
    return {place: run for place, run in parsed.items() if run}


def lineage(raw: Raw, dataset: str, detector: str) -> list[str]:
    """A detector after all it starts from: `["gepc", "oc_svm"]`; of one that is no student itself alone."""
    bases, line = _bases(listed(raw)[0], dataset), [detector]
    while (base := bases.get(line[0])) and base not in line:
        line.insert(0, base)
    return line


def base_of(raw: Raw, dataset: str, detector: str) -> str:
    """The detector whose trained model this one starts from; empty for one that starts by itself."""
    return "".join(lineage(raw, dataset, detector)[-2:-1])


def pair_problems(raw: Raw, datasets: Collection[str], detectors: Collection[str]) -> list[str]:
    """All that is wrong with the three lists, as sentences.

    Args:
        raw: params.yaml.
        datasets: those it names.
        detectors: those it sets up.
    """
    found, problems = listed(raw)
    problems += [
        f"{section}: must be a list, `[]` where there is nothing to list"  # DVC says it less well
        for section in (*LISTS, COARSE)
        if not isinstance(dig(raw, section), list)
    ]
    everywhere = found | coarse(raw)
    for place, run in everywhere.items():
        for field, known in (("dataset", datasets), ("detector", detectors)):
            if (value := getattr(run, field)) not in known:
                problems.append(f"{place}.{field}: {value!r} is not set up; {nearest(value, list(known))}")
    return [*problems, *_repeated(raw, everywhere), *_baseless(found), *_circles(raw, found)]


def task_problems(raw: Raw, tasks: Mapping[str, str]) -> list[str]:
    """Pairs that stand in a list that is not for their dataset.

    Args:
        raw: params.yaml.
        tasks: by dataset, what its dataset.yaml names as its task.
    """
    problems = [
        f"{place}: {run.dataset!r} is of task {ACTIONS}, where no frame is abnormal by itself; list the pair under "
        f"{COARSE}"
        for place, run in listed(raw)[0].items()
        if tasks.get(run.dataset) == ACTIONS
    ]
    return problems + [
        f"{place}: {run.dataset!r} is of task {FRAMES}; list the pair under runs, or let its dataset.yaml say "
        f"`task: {ACTIONS}`"
        for place, run in coarse(raw).items()
        if tasks.get(run.dataset) == FRAMES
    ]


def _bases(found: Mapping[str, Run], dataset: str) -> dict[str, str]:
    """What each student on a dataset starts from."""
    return {run.detector: run.base for run in found.values() if isinstance(run, Student) and run.dataset == dataset}


def _items(raw: Raw, section: str) -> Iterator[tuple[str, Any]]:
    found = dig(raw, section)
    entries = found if isinstance(found, list) else []
    return ((f"{section}[{number}]", item) for number, item in enumerate(entries))


def _repeated(raw: Raw, found: Mapping[str, Run]) -> Iterator[str]:
    """Pairs that stand twice; the first place of each is right."""
    first: dict[tuple[bool, str, str], str] = {}
    written = dict(item for section in (*LISTS, COARSE) for item in _items(raw, section))
    for place, run in found.items():
        before = first.setdefault((place.startswith(COARSE), run.dataset, run.detector), place)
        if before == place:
            continue
        if before.partition("[")[0] == place.partition("[")[0]:
            yield f"{place}: {written[place]} stands there twice"
        else:
            yield f"{place}: {run.detector} on {run.dataset} is {before} already; it starts by itself or from a base"


def _baseless(found: Mapping[str, Run]) -> Iterator[str]:
    """Students that have nothing to start from."""
    for place, run in found.items():
        if isinstance(run, Student):
            others = [other.detector for other in found.values() if other.dataset == run.dataset and other is not run]
            if run.base not in others:
                hint = nearest(run.base, others)
                yield f"{place}.base: {run.base!r} on {run.dataset!r} is among neither runs nor students; {hint}"


def _circles(raw: Raw, found: Mapping[str, Run]) -> Iterator[str]:
    """Students that start from themselves, each circle said once."""
    said: set[tuple[str, frozenset[str]]] = set()
    for place, run in found.items():
        line = lineage(raw, run.dataset, run.detector)
        circle = run.dataset, frozenset(line)
        if _bases(found, run.dataset).get(line[0]) == run.detector and circle not in said:
            said.add(circle)
            yield f"{place}.base: {' → '.join([run.detector, *line])} go round in a circle; one of them must be a run"
