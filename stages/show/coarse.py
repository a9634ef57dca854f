"""The coarse-grained protocol on the page: detectors by direction and kind of split, and each split by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stages.show.breakdown import Scale, scale_of
from stages.show.coarse_result import Coarse, Found, Spread
from stages.show.figures import DASH, Figure, number
from stages.show.palette import Style, style

DIRECTIONS = {"few_vs_many": "few vs. many", "many_vs_few": "many vs. few"}
KINDS = ("random", "meaningful")

PUBLISHED = (
    ("supervised", "0.86", "0.83", "0.82", "0.90", "0.77", "0.71", "0.63", "0.82"),
    ("reconstruction loss", "0.50", "0.54", "0.53", "0.54", "0.45", "0.46", "0.51", "0.61"),
    ("OC-SVM", "0.60", "0.67", "0.60", "0.69", "0.56", "0.56", "0.52", "0.47"),
    ("future frame prediction (RGB)", "0.57", "0.64", "0.56", "0.63", "0.55", "0.60", "0.55", "0.58"),
    ("MPED-RNN", DASH, DASH, DASH, DASH, "0.57", "0.59", "0.56", "0.58"),
    ("GEPC", "0.73", "0.82", "0.72", "0.85", "0.65", "0.73", "0.62", "0.74"),
)
"""GEPC's table 2: NTU-RGB+D, then Kinetics-250; of each few vs. many random and meaningful, many vs. few likewise."""


@dataclass(frozen=True)
class Dots:
    """What is drawn of a detector in one column.

    Args:
        detector: its name.
        style: colour of its points.
        mean: over splits; None where there is none.
        ends: one deviation to both sides; None of a single split.
        splits: AUC of each.
    """

    detector: str
    style: Style
    mean: float | None
    ends: tuple[float, float] | None
    splits: tuple[float, ...]


@dataclass(frozen=True)
class Column:
    """One direction with one kind of splits.

    Args:
        direction: in words.
        kind: `random` or `meaningful`.
        splits: how many, in words.
        dots: one per detector.
    """

    direction: str
    kind: str
    splits: str
    dots: tuple[Dots, ...]


@dataclass(frozen=True)
class Row:
    """One detector, or one of its parts.

    Args:
        detector: its name.
        style: colour of its lines.
        note: what stands below its name.
        figures: one per column.
        best: whether each is the best of those that saw no classes.
    """

    detector: str
    style: Style
    note: str
    figures: tuple[Figure, ...]
    best: tuple[bool, ...]


@dataclass(frozen=True)
class Split:
    """One split in one direction.

    Args:
        name: its name.
        direction: in words.
        kind: `random` or `meaningful`.
        classes: joined.
        clips: how many are learned from and judged, in words.
        aucs: one per detector that ran.
    """

    name: str
    direction: str
    kind: str
    classes: str
    clips: str
    aucs: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """One dataset.

    Args:
        dataset: its name.
        columns: those that there are splits for.
        rows: detectors, the best first.
        parts: of detectors that have several, one row each.
        ran: names of the detectors that the splits' AUCs are of.
        splits: one by one.
        notes: how to read it, and what is not in it, as sentences.
    """

    dataset: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    parts: tuple[Row, ...]
    ran: tuple[str, ...]
    splits: tuple[Split, ...]
    notes: tuple[str, ...]

    @property
    def scale(self) -> Scale:
        """The axis of the chart."""
        dots = [dots for column in self.columns for dots in column.dots]
        return scale_of([auc for one in dots for auc in (*one.splits, *(one.ends or ()))])


def tables(results: Sequence[Coarse], styles: Mapping[str, Style]) -> list[Table]:
    """A table for each dataset.

    Args:
        results: of all detectors on all datasets.
        styles: by detector; without one by order of appearance.
    """
    order = list(dict.fromkeys(result.detector for result in results))
    looks = {name: styles.get(name, style(place)) for place, name in enumerate(order)}
    return [
        _table([result for result in results if result.dataset == dataset], looks)
        for dataset in dict.fromkeys(result.dataset for result in results)
    ]


def _table(results: Sequence[Coarse], looks: Mapping[str, Style]) -> Table:
    ran = sorted((result for result in results if not result.reason), key=_worth)
    places = [
        (direction, kind)
        for direction in DIRECTIONS
        for kind in KINDS
        if any(_spread(result, direction, kind) for result in ran)
    ]
    columns = tuple(_column(direction, kind, ran, looks) for direction, kind in places)
    best = [_best(ran, *place) for place in places]
    rows = [_row(result, looks[result.detector], places, best) for result in [*ran, *(r for r in results if r.reason)]]
    parts = [
        Row(result.detector, looks[result.detector], part, _of_part(result, part, places), tuple(False for _ in places))
        for result in ran
        for part in result.parts
        if len(result.parts) > 1
    ]
    names = tuple(result.detector for result in ran)
    return Table(results[0].dataset, columns, tuple(rows), tuple(parts), names, _splits(ran), _notes(results))


def _row(result: Coarse, look: Style, places: Sequence[tuple[str, str]], best: Sequence[float | None]) -> Row:
    spreads = [_spread(result, *place) for place in places]
    first = [
        spread is not None and not result.supervised and spread.auc_mean == top
        for spread, top in zip(spreads, best, strict=True)
    ]
    note = "not applicable" if result.reason else "is told the classes" if result.supervised else ""
    return Row(result.detector, look, note, tuple(map(_figure, spreads)), tuple(first))


def _best(ran: Sequence[Coarse], direction: str, kind: str) -> float | None:
    """The highest mean of the detectors that are told no classes."""
    spreads = [_spread(result, direction, kind) for result in ran if not result.supervised]
    return max((spread.auc_mean for spread in spreads if spread), default=None)


def _worth(result: Coarse) -> float:
    """Detectors whose AUC is higher on average stand first."""
    means = [spread.auc_mean for kinds in result.summary.values() for spread in kinds.values()]
    return -sum(means) / len(means)


def _spread(result: Coarse, direction: str, kind: str) -> Spread | None:
    return result.summary.get(direction, {}).get(kind)


def _figure(spread: Spread | None) -> Figure:
    if spread is None:
        return Figure(DASH)
    return Figure(number(spread.auc_mean), "" if spread.auc_sd is None else f"± {spread.auc_sd:.3f}")


def _of_part(result: Coarse, part: str, places: Sequence[tuple[str, str]]) -> tuple[Figure, ...]:
    spreads = [_spread(result, *place) for place in places]
    return tuple(Figure(number(spread.parts[part] if spread else None)) for spread in spreads)


def _column(direction: str, kind: str, ran: Sequence[Coarse], looks: Mapping[str, Style]) -> Column:
    dots, counts = [], []
    for result in ran:
        spread = _spread(result, direction, kind)
        mean, deviation = (spread.auc_mean, spread.auc_sd) if spread else (None, None)
        ends = None if mean is None or deviation is None else (mean - deviation, min(1.0, mean + deviation))
        mine = [one for one in result.splits if one.direction == direction and one.meaningful == (kind == "meaningful")]
        aucs = tuple(one.auc[result.parts[0]].mean for one in mine)
        dots.append(Dots(result.detector, looks[result.detector], mean, ends, aucs))
        counts.append(len(mine))
    number_of = max(counts)
    return Column(DIRECTIONS[direction], kind, f"{number_of} split{'s' if number_of != 1 else ''}", tuple(dots))


def _splits(ran: Sequence[Coarse]) -> tuple[Split, ...]:
    by_place: dict[tuple[str, str], dict[str, tuple[Found, float]]] = {}
    for result in ran:
        for one in result.splits:
            mine = by_place.setdefault((one.direction, one.split), {})
            mine[result.detector] = (one, one.auc[result.parts[0]].mean)
    rows = []
    for (direction, name), found in sorted(by_place.items(), key=lambda item: list(DIRECTIONS).index(item[0][0])):
        one = next(iter(found.values()))[0]
        aucs = tuple(number(found[result.detector][1] if result.detector in found else None) for result in ran)
        without = f", {one.clips_without_windows} without windows" if one.clips_without_windows else ""
        clips = f"{one.train_clips} learned from, {one.test_clips} judged ({one.abnormal_clips} abnormal{without})"
        kind = KINDS[one.meaningful]
        rows.append(Split(name, DIRECTIONS[direction], kind, ", ".join(one.classes), clips, aucs))
    return tuple(rows)


def _notes(results: Sequence[Coarse]) -> tuple[str, ...]:
    ran = [result for result in results if not result.reason]
    said = []
    if ran:
        over = ", ".join(dict.fromkeys({"mean": "mean", "max": "highest"}[result.over_windows] for result in ran))
        said.append("Mean ± standard deviation over splits; bold: the best of those that are told no classes.")
        said.append(f"A person's score is the {over} of their windows, a clip's that of its most abnormal person.")
    seeds = max((len(result.seeds) for result in ran), default=1)
    if seeds > 1:
        said.append(f"A split's AUC is the mean of {seeds} models.")
    without = max((one.clips_without_windows for result in ran for one in result.splits), default=0)
    if without:
        said.append(f"Up to {without} test clips, in which nobody is seen for a whole window, count as most normal.")
    said += [f"{result.detector} is not applicable: {result.reason}." for result in results if result.reason]
    return tuple(said)
