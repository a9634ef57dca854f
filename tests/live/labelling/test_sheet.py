"""labels.csv: one clip's rows change, all others stay to the byte, and the product reads what is written."""

from __future__ import annotations

import importlib
import io
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from stages.core.errors import DatasetError
from stages.live.labelling.sheet import BLANK, Interval, Sheet

PATH = Path("labels.csv")
DEMO = "clip,start_frame,end_frame,kind\nfast,60,89,triple speed\nroof,60,81,wind-up\nfast,150,169,triple speed\n"


def parse(text: str) -> Sheet:
    return Sheet.parse(text, PATH)


def test_a_file_that_is_not_there_has_no_rows(tmp_path: Path) -> None:
    sheet = Sheet.read(tmp_path / "labels.csv")
    assert sheet.text == "clip,start_frame,end_frame,kind\n"
    assert sheet.intervals("roof") == []
    assert not (tmp_path / "labels.csv").exists()


def test_what_is_read_is_written_as_it_was() -> None:
    odd = '\ufeffclip,end_frame,start_frame,kind\r\n"a",9,0,"x, ""y"""\r\n\r\nb,4.0,3.0,NA'
    sheet = parse(odd)
    assert sheet.text == odd
    assert sheet.intervals("a") == [Interval(start=0, end=9, kind='x, "y"')]
    # Other programs write 3 as 3.0, and NA is an empty cell to whoever reads CSV.
    assert sheet.intervals("b") == [Interval(start=3, end=4)]


def test_a_new_row_stands_among_those_of_its_clip() -> None:
    sheet = parse(DEMO)
    after = sheet.with_intervals("fast", [*sheet.intervals("fast"), Interval(start=100, end=110, kind="fall")])
    lines = DEMO.splitlines(keepends=True)
    assert after.text == "".join([*lines[:3], "fast,100,110,fall\n", *lines[3:]])
    assert after.version("roof") == sheet.version("roof")
    assert after.version("fast") != sheet.version("fast")


def test_other_clips_stay_to_the_byte_when_one_is_changed_and_emptied() -> None:
    text = 'clip,start_frame,end_frame,kind\r\nroof,1,2,\'odd\' \r\n"fast",060,89,\r\nroof,5,6,"q"\r\n'
    after = parse(text).with_intervals("fast", [])
    assert after.text == text.replace('"fast",060,89,\r\n', "")
    again = after.with_intervals("fast", [Interval(start=60, end=89)])
    assert again.text == after.text + "fast,60,89,\r\n"


def test_a_row_that_already_says_so_is_not_rewritten() -> None:
    text = 'clip,start_frame,end_frame,label\n"a",3.0,4.0,1\n'
    assert parse(text).with_intervals("a", [Interval(start=3, end=4)]).text == text


def test_columns_come_where_a_row_needs_them() -> None:
    sheet = parse("clip,start_frame,end_frame\na,0,1")
    after = sheet.with_intervals("b", [Interval(start=2, end=3, kind="fall", track=7, unknown=True)])
    assert after.text == "clip,start_frame,end_frame,label,track,kind\na,0,1,,,\nb,2,3,unknown,7,fall\n"
    assert after.intervals("a") == sheet.intervals("a")


def test_cells_of_further_columns_are_carried_along() -> None:
    sheet = parse("clip,start_frame,end_frame,x,y,w,h\na,0,1,5,6,7,8\n")
    (interval,) = sheet.intervals("a")
    assert interval.rest == {"x": "5", "y": "6", "w": "7", "h": "8"}
    moved = interval.model_copy(update={"end": 2})
    assert sheet.with_intervals("a", [moved]).text == "clip,start_frame,end_frame,x,y,w,h\na,0,2,5,6,7,8\n"


def test_two_alike_are_two() -> None:
    twice = parse("clip,start_frame,end_frame\na,0,1\na,0,1\n")
    assert len(twice.intervals("a")) == 2
    assert twice.with_intervals("a", twice.intervals("a")[:1]).text == "clip,start_frame,end_frame\na,0,1\n"


def test_the_version_is_of_one_clips_rows_alone() -> None:
    sheet = parse(DEMO)
    assert parse(DEMO.replace("wind-up", "up")).version("fast") == sheet.version("fast")
    assert parse(DEMO.replace("wind-up", "up")).version("roof") != sheet.version("roof")
    assert parse(DEMO.replace("\n", "\r\n")).version("roof") == sheet.version("roof")


def test_kinds_come_with_the_most_frequent_first() -> None:
    assert parse(DEMO).kinds() == ["triple speed", "wind-up"]
    assert parse(DEMO).total(["fast"]) == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1: the file is empty"),
        ("clip,start_frame\n", "line 1: column 'end_frame' is missing"),
        ("clip,start_frame,end_frame,knd\n", "line 1: unknown column 'knd'; did you mean 'kind'"),
        ("clip,start_frame,end_frame,clip\n", "line 1: column 'clip' stands there twice"),
        ("clip,start_frame,end_frame\na,0,1\n\na,x,1\n", "line 4: start_frame must be a whole number from 0, got 'x'"),
        ("clip,start_frame,end_frame\na,1.5,2\n", "line 2: start_frame must be a whole"),
        ("clip,start_frame,end_frame\na,-1,2\n", "line 2: start_frame must be a whole"),
        ("clip,start_frame,end_frame\na,inf,2\n", "line 2: start_frame must be a whole"),
        ("clip,start_frame,end_frame\na,,2\n", "line 2: clip, start_frame and end_frame must not be empty"),
        ("clip,start_frame,end_frame\na,5,4\n", "line 2: interval 5–4 is empty"),
        ("clip,start_frame,end_frame\na,5,6,7\n", "line 2: 4 cells, and there are 3 columns"),
        ("clip,start_frame,end_frame,label\na,5,6,2\n", "line 2: label must be 1, unknown or empty"),
        ('clip,start_frame,end_frame\na,5,6\n"a,7,8\n', "line 3: no CSV"),
    ],
)
def test_damage_is_refused_with_its_line(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(text)
    with pytest.raises(DatasetError) as error:
        Sheet.read(path)
    assert says in error.value.what
    assert path.read_text() == text


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_bytes(b"clip\xff\xfe")
    with pytest.raises(DatasetError, match="not UTF-8"):
        Sheet.read(tmp_path / "labels.csv")
    with pytest.raises(DatasetError, match="cannot be read"):
        Sheet.read(tmp_path)


@pytest.mark.parametrize(
    ("interval", "says"),
    [
        (Interval(start=3, end=2), "ends before it starts"),
        (Interval(start=3, end=10), "reaches past the last frame, 9"),
        (Interval(start=3, end=9, kind="NA"), "would read back as an empty cell"),
        (Interval(start=3, end=9, kind="a\nb"), "control character"),
        (Interval(start=3, end=9, rest={"kind": "x"}), "has no column"),
        (Interval(start=3, end=9, kind="fall"), ""),
    ],
)
def test_what_is_wrong_with_an_interval(interval: Interval, says: str) -> None:
    assert says in interval.problem(10)
    assert bool(says) == bool(interval.problem(10))


def test_words_that_pandas_takes_for_nothing_are_known() -> None:
    assert importlib.import_module("pandas._libs.parsers").STR_NA_VALUES - {""} == BLANK


KINDS = some.text(some.characters(codec="utf-8", min_codepoint=32, exclude_characters="\x7f"), max_size=12)
INTERVALS = some.builds(
    lambda start, length, kind, track, unknown: Interval(
        start=start, end=start + length, kind=kind.strip(), track=track, unknown=unknown
    ),
    some.integers(0, 500), some.integers(0, 99), KINDS, some.none() | some.integers(0, 9), some.booleans(),
).filter(lambda found: not found.problem(600))  # fmt: skip


@settings(deadline=None)
@given(some.lists(INTERVALS, max_size=6), some.lists(INTERVALS, max_size=6))
def test_whatever_is_marked_is_read_back_and_nothing_else_changes(here: list[Interval], there: list[Interval]) -> None:
    def order(found: list[Interval]) -> list[str]:
        return sorted(interval.model_dump_json() for interval in found)

    both = parse(DEMO).with_intervals("here", here).with_intervals("there", there)
    again = parse(both.text)
    assert order(again.intervals("here")) == order(here)
    assert order(again.intervals("there")) == order(there)
    assert again.intervals("fast") == parse(DEMO).intervals("fast")
    assert again.with_intervals("there", there).text == both.text
    table = pd.read_csv(io.StringIO(both.text), dtype={"kind": str})  # as stages.core.dataset reads it
    mine = table[table["clip"] == "here"]
    assert sorted(mine["kind"].fillna("")) == sorted(found.kind for found in here)
    assert sorted(mine["end_frame"]) == sorted(found.end for found in here)
