"""Splits of a dataset's classes of actions, as data/raw/<dataset>/splits.yaml names them.

Coarse-grained anomaly detection, Markovitz et al., GEPC, CVPR 2020, section 4.2: a split is three to five classes,
drawn at random, or chosen because they have something in common.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import yaml
from pydantic import Field

from stages.core.dataset import Dataset
from stages.core.errors import DatasetError
from stages.core.params import Section, nearest, parse
from stages.core.paths import NAME
from stages.core.seeding import stream

SPLITS_FILE = "splits.yaml"
RANDOM = 10
"""Random splits of a dataset, as in the paper."""
SIZES = (3, 5)
"""Least and most classes of a random split; never more than half of all, or the other side is not the larger one."""
ABOUT = (
    "# Which classes of actions (clips.csv, kind) belong together. Few vs. many learns from a split's classes, many\n"
    "# vs. few from all others. Splits that are not meaningful were drawn at random when the data was imported.\n"
)


class ActionSplit(Section):
    """Some classes of actions.

    Args:
        name: its name: letters, digits, `.`, `_` and `-`.
        classes: as clips.csv has them under `kind`.
        meaningful: whether they have something in common; otherwise they were drawn.
    """

    name: str = Field(pattern=f"^(?:{NAME.pattern})$")
    classes: tuple[str, ...] = Field(min_length=1)
    meaningful: bool = False


class SplitsFile(Section):
    """splits.yaml.

    Args:
        splits: in the order of the report.
    """

    splits: tuple[ActionSplit, ...] = Field(min_length=1)


def action_splits(data: Dataset) -> tuple[ActionSplit, ...]:
    """The splits of a dataset.

    Raises:
        DatasetError: splits.yaml is missing, no YAML, or names a split twice or badly, a class that is not there or
            lacks clips to learn from or to judge by, or classes that leave the other side empty; lists all mistakes.
    """
    path = data.folder / SPLITS_FILE
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        fix = "import the data again, or write it: `splits: [{name: waving, classes: [...], meaningful: true}]`"
        raise DatasetError("a dataset of task actions needs splits of its classes", where=str(path), fix=fix) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DatasetError(f"not valid YAML: {error}", where=str(path), fix="mend the line it names") from error
    problems, found = parse(raw, SPLITS_FILE, SplitsFile)
    if found is not None:
        problems = _problems(found.splits, data)
    if problems or found is None:
        listed = "\n".join(f"  - {problem}" for problem in problems)
        raise DatasetError(f"{len(problems)} mistakes in the splits:\n{listed}", where=str(path), fix="mend them")
    return found.splits


def random_splits(classes: Iterable[str], count: int = RANDOM, seed: int = 0) -> tuple[ActionSplit, ...]:
    """Different random splits; the same for the same classes and seed.

    Args:
        classes: to draw from.
        count: how many; fewer where there are not so many different ones.
        seed: of the draw.

    Raises:
        DatasetError: fewer than two classes.
    """
    known = sorted(set(classes))
    if len(known) < 2:
        raise DatasetError(f"{len(known)} classes cannot be split", fix="give clips of two classes or more")
    most = min(SIZES[1], len(known) // 2)
    least = min(SIZES[0], most)
    draw = stream(seed, "action splits", *known)
    found: dict[tuple[str, ...], None] = {}
    for _ in range(100 * count):
        size = int(draw.integers(least, most + 1))
        found.setdefault(tuple(sorted(draw.choice(known, size, replace=False).tolist())))
        if len(found) == count:
            break
    return tuple(ActionSplit(name=f"random_{number}", classes=one) for number, one in enumerate(found, start=1))


def draft_splits(classes: Iterable[str], named: Mapping[str, Sequence[str]]) -> str:
    """The text of a new splits.yaml: named splits all of whose classes are there, and random ones."""
    known = set(classes)
    meaningful = [
        ActionSplit(name=name, classes=tuple(members), meaningful=True)
        for name, members in named.items()
        if set(members) < known
    ]
    listed = [split.model_dump(mode="json") for split in (*meaningful, *random_splits(known))]
    return ABOUT + yaml.safe_dump({"splits": listed}, sort_keys=False, allow_unicode=True, width=120)


def _problems(splits: Sequence[ActionSplit], data: Dataset) -> list[str]:
    names = [split.name for split in splits]
    problems = [f"{name}: there are two of that name" for name in sorted(set(names)) if names.count(name) > 1]
    kinds = {split: data.split(split)["kind"].value_counts() for split in ("train", "test")}
    known = sorted(set(data.clips["kind"].dropna()))
    for split in splits:
        missing = [kind for kind in split.classes if kind not in known]
        problems += [f"{split.name}: no clip shows {kind!r}; {nearest(kind, known)}" for kind in missing]
        for kind in sorted(set(split.classes) - set(missing)):
            for part, what in (("train", "learn from"), ("test", "judge by")):
                if not kinds[part].get(kind, 0):
                    problems.append(f"{split.name}: there is no {part} clip of {kind!r} to {what}")
        if set(known) <= set(split.classes):
            problems.append(f"{split.name}: it takes all {len(known)} classes, so nothing is left for the other side")
    return problems
