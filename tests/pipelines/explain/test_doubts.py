"""Every doubt is raised where there is cause, names the clips and a mend, and is not raised where all is well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from pipelines.explain import doubts as module
from pipelines.explain.doubts import Doubt, doubts
from pipelines.explain.facts import clip_facts
from pipelines.explain.plan import Plan
from stages.core.dataset import Dataset, Description
from stages.core.windows import WindowSpec
from stages.evaluation.params import EvaluateParams
from stages.pose.estimators import ExtractParams

SECOND = WindowSpec(rate=10.0, seconds=0.8)
DIGITS = {f"c{number}": str(number) for number in range(40)}
EVALUATE = EvaluateParams.model_validate({"calibration": {"false_alarms_per_hour": 30.0}})


def clip(name: str, split: str, **other: Any) -> dict[str, Any]:
    given = {"camera": "gate", "scene": "yard", "fps": 10.0, "width": 640, "height": 480, "frames": 2000}
    rest = {"path": f"{name}.mp4", "kind": None, "abnormal": None, "video": None}
    return {"clip": name, "split": split, **given, **rest, **other}


def good() -> list[dict[str, Any]]:
    """Clips that there is nothing to say about, with the labels of `GOOD`."""
    test = [clip(f"c{number}", "test") for number in range(2, 12)]
    return [clip("c0", "train"), clip("c1", "validation"), *test]


GOOD = [(f"c{number}", 100, 299, "fall") for number in range(2, 12)]


def dataset(clips: list[dict[str, Any]], labels: Sequence[tuple[str, int, int, str]], **about: Any) -> Dataset:
    columns = ["clip", "start_frame", "end_frame", "kind"]
    rows = pd.DataFrame(labels, columns=columns)
    described = Description(name="n", source="s", licence="l", **about)
    table = pd.DataFrame(clips).sort_values("clip", ignore_index=True)
    return Dataset("gate", Path("gate"), described, table, rows, rows[:0])


def plan(spec: WindowSpec = SECOND, supervised: frozenset[str] = frozenset(), **extract: Any) -> Plan:
    readers = {"second": ["knn"]}
    return Plan(
        listed=True,
        readers=readers,
        specs={"second": spec},
        supervised=supervised,
        extract=ExtractParams(**extract),
        evaluate=EVALUATE,
    )


def found(data: Dataset, used: Plan | None = None, digests: Mapping[str, str] = DIGITS) -> list[Doubt]:
    return doubts(data, clip_facts(data), used or plan(), digests)


def only(data: Dataset, used: Plan | None = None, digests: Mapping[str, str] = DIGITS) -> str:
    all_ = found(data, used, digests)
    assert len(all_) == 1, [str(doubt) for doubt in all_]
    assert all_[0].mend
    return all_[0].what


def test_nothing_is_said_of_what_is_well() -> None:
    assert found(dataset(good(), GOOD)) == []


def test_every_doubt_is_among_those_that_are_raised() -> None:
    """A function that gives doubts and is not called would go unseen."""
    kinds = [value for value in vars(module).values() if getattr(value, "__annotations__", {}).get("return")]
    yielding = {value.__name__ for value in kinds if value.__annotations__["return"] == "Iterator[Doubt]"}
    assert yielding == set(doubts.__code__.co_names) & yielding
    assert len(yielding) == 9


def test_a_dataset_that_nothing_is_done_with() -> None:
    idle = replace(plan(), listed=False, readers={}, specs={})
    first, second = found(dataset(good(), GOOD), idle)
    assert "does not name gate" in first.what
    assert "{dataset: gate, detector: knn}" in second.mend


def without(split: str) -> list[dict[str, Any]]:
    return [row for row in good() if row["split"] != split]


def test_missing_splits() -> None:
    assert "no clip is for training" in only(dataset(without("train"), GOOD))
    assert "no clip is for validation" in only(dataset(without("validation"), GOOD))
    assert "no clip is for testing" in only(dataset(without("test"), []))


def test_little_training_footage() -> None:
    clips = [clip("c0", "train", frames=1190), *without("train")]  # 119 s, a second less than is asked for
    assert "119 s of training footage" in only(dataset(clips, GOOD))
    assert found(dataset([clip("c0", "train", frames=1200), *without("train")], GOOD)) == []


def test_too_little_validation_footage_for_the_target() -> None:
    # 30 false alarms per hour take 120 s of each camera: one has 200 s, the other 100 s.
    clips = [*good(), clip("c20", "validation", camera="door", frames=1000), clip("c21", "train", camera="door")]
    text = only(dataset(clips, GOOD))
    assert "1 camera with too little validation footage (as little as 100 s)" in text
    assert "30 per hour" in text
    assert text.endswith("door")


def test_few_test_clips() -> None:
    assert "9 test clips, below 10" in only(dataset(good()[:-1], GOOD[:-1]))


def test_the_same_file_twice() -> None:
    text = only(dataset(good(), GOOD), digests={**DIGITS, "c3": DIGITS["c0"]})
    assert text == "c0, c3 are the same file, in different splits: what is judged was learned from"
    assert "counts several times" in only(dataset(good(), GOOD), digests={**DIGITS, "c3": DIGITS["c2"]})


def test_a_test_split_without_labels_has_no_figures() -> None:
    assert "no test frame is labelled abnormal: AUC" in only(dataset(good(), []))


def test_a_test_split_without_normal_frames_has_no_figures() -> None:
    everything = [(name, 0, 1999, "fall") for name, *_ in GOOD]
    assert "no test frame is normal: AUC is undefined" in only(dataset(good(), everything))


def test_labels_the_wrong_way_round() -> None:
    assert "81% of the test frames" in only(dataset(good(), [(name, 0, 1619, "fall") for name, *_ in GOOD]))
    assert found(dataset(good(), [(name, 0, 1599, "fall") for name, *_ in GOOD])) == []


def test_unknown_frames_are_counted() -> None:
    data = dataset(good(), GOOD)
    unsure = replace(data, unknown=data.labels.iloc[:1].assign(start_frame=90))  # c2: 90 to 299
    assert only(unsure) == "210 test frames are of unknown truth and left out of all figures: c2"


def test_test_clips_without_a_label_that_nobody_calls_normal() -> None:
    text = only(dataset(good(), GOOD[1:]))
    assert text == "1 test clip has no label and counts as normal throughout: c2"
    called = [row | {"abnormal": 0} if row["clip"] == "c2" else row for row in good()]
    assert found(dataset(called, GOOD[1:])) == []


def test_a_kind_in_a_single_clip() -> None:
    rare = [(*GOOD[0][:3], "fight"), ("c2", 400, 499, "fight"), *GOOD[1:]]
    assert only(dataset(good(), rare)).endswith(
        "1 kind of behaviour in one test clip only, which tells little of the kind: fight"
    )


def test_labelled_training_clips() -> None:
    data = dataset(good(), [("c0", 0, 99, "fall"), *GOOD])
    alone = found(data)[0]
    assert alone.what == "1 train clip with 100 frames labelled abnormal, which are not learned from: c0"
    assert "stg_nf_supervised" in alone.mend
    assert "; st_gcn learn from them: c0" in only(data, plan(supervised=frozenset({"st_gcn"})))


def test_labelled_validation_clips() -> None:
    data = dataset(good(), [("c1", 0, 99, "fall"), *GOOD])
    assert "1 validation clip with 100 frames labelled abnormal, which are not calibrated on: c1" in only(data)


def test_cameras_that_were_never_learned_from() -> None:
    clips = [row | {"camera": "roof"} if row["clip"] == "c5" else row for row in good()]
    assert "1 camera without training footage: roof." in only(dataset(clips, GOOD))


def test_clips_shorter_than_a_window() -> None:
    # 8 samples at 10 per second begin at frames 0, 1 … 7 of 10 frames/s: 8 frames suffice, 7 do not.
    short = [row | {"frames": 7} if row["clip"] == "c5" else row for row in good()]
    labels = [row for row in GOOD if row[0] != "c5"]
    texts = [doubt.what for doubt in found(dataset(short, labels))]
    assert "1 clip gives no window of `second`, even of somebody who is seen throughout: c5" in texts
    enough = [row | {"frames": 8, "abnormal": 0} if row["clip"] == "c5" else row for row in good()]
    assert found(dataset(enough, labels)) == []


def test_looking_too_rarely_leaves_no_window() -> None:
    # Seen at every other sample, a window of 8 lacks 4, and two may be missing.
    data = dataset(good(), GOOD)
    assert found(data, plan(every=1)) == []
    text = only(data, plan(every=2))
    assert "12 clips give no window of `second` while people are looked for in one frame of 2" in text
    imported = dataset(good(), GOOD, modality="poses")
    assert found(imported, plan(every=2)) == []  # nothing is looked for


def test_filmed_more_slowly_than_sampled() -> None:
    clips = [row | {"fps": 5.0} if row["clip"] == "c5" else row for row in good()]
    text = only(dataset(clips, GOOD))
    assert "1 clip has fewer frames per second (5) than `second` has samples (10)" in text
    assert text.endswith("c5")


def test_windows_of_frames_mean_another_time_at_another_rate() -> None:
    frames = WindowSpec(rate=None, length=24, fill=0)
    clips = [row | {"fps": 30.0, "frames": 6000} if row["clip"] == "c5" else row for row in good()]
    assert "windows of `second` last 0.8 to 2.4 s" in only(dataset(clips, GOOD), plan(frames))
    assert found(dataset(good(), GOOD), plan(frames)) == []


def test_tiny_frames() -> None:
    clips = [row | {"width": 160, "height": 120} if row["clip"] == "c5" else row for row in good()]
    assert "1 clip is smaller than 320 × 240 px" in only(dataset(clips, GOOD))
    assert found(dataset(clips, GOOD, modality="poses")) == []  # people were found elsewhere


def test_large_frames_are_searched_in_pieces() -> None:
    clips = [row | {"width": 3840, "height": 2160} if row["clip"] == "c5" else row for row in good()]
    text = only(dataset(clips, GOOD))
    assert "1 clip is larger than extract.tile_above = 832 px" in text
    assert "five" in text
    assert found(dataset(clips, GOOD), plan(tile_above=None)) == []


def test_actions_have_no_frames_to_label() -> None:
    clips = [row | {"kind": "wave"} for row in good()]
    assert found(dataset(clips, [], task="actions")) == []


def test_long_lists_are_shortened() -> None:
    text = only(dataset(good(), [(name, start, end, f"kind {name}") for name, start, end, _ in GOOD]))
    assert text.endswith("kind c10, kind c11, kind c2, kind c3, kind c4 and 5 more")
