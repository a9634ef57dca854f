"""params.yaml: all mistakes at once, each with the nearest valid name."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from stages.core.errors import ParamsError
from stages.core.params import (
    ScoreParams,
    Section,
    TrainParams,
    dig,
    load_section,
    nearest,
    parse,
    read_params,
)
from stages.core.paths import Project
from stages.core.pipelines_params import PipelinesParams
from stages.core.windows import WindowSpec


class Inner(Section):
    """A nested section."""

    sigma: float = 1.0


class Outer(Section):
    """A section with one of everything."""

    count: int = 3
    sizes: tuple[int, ...] = (1, 2)
    inner: Inner = Inner()


def project(tmp_path: Path, text: str) -> Project:
    (tmp_path / "params.yaml").write_text(text)
    return Project(tmp_path)


def test_a_section_is_read_with_its_defaults(tmp_path: Path) -> None:
    here = project(tmp_path, "outer: {count: 5, sizes: [4, 8], inner: {sigma: 2}}")
    assert load_section(here, "outer", Outer) == Outer(count=5, sizes=(4, 8), inner=Inner(sigma=2.0))
    assert load_section(here, "missing", Outer) == Outer()


def test_nested_names_take_dots(tmp_path: Path) -> None:
    here = project(tmp_path, "detectors: {outer: {count: 7}}")
    assert load_section(here, "detectors.outer", Outer).count == 7
    assert dig(read_params(here), "detectors.nobody.count") is None


def test_all_mistakes_are_reported_at_once(tmp_path: Path) -> None:
    here = project(tmp_path, "outer: {cuont: 5, sizes: [1, two], inner: {sgima: 1, sigma: wide}}")
    with pytest.raises(ParamsError) as error:
        load_section(here, "outer", Outer)
    text = str(error.value)
    assert "4 mistakes in params.yaml" in text
    assert "outer.cuont: unknown parameter; did you mean 'count'?" in text
    assert "outer.inner.sgima: unknown parameter; did you mean 'sigma'?" in text
    assert "outer.sizes.1:" in text
    assert "got 'two'" in text
    assert "outer.inner.sigma:" in text
    assert "fix:" in text


@pytest.mark.parametrize("value", ["'5'", "5.5", "true", "null", "[5]"])
def test_types_are_strict(tmp_path: Path, value: str) -> None:
    with pytest.raises(ParamsError, match=r"outer\.count"):
        load_section(project(tmp_path, f"outer: {{count: {value}}}"), "outer", Outer)


@pytest.mark.parametrize(
    ("text", "message"),
    [("a: [1", "not valid YAML"), ("- 1", "holds no sections"), ("", "holds no sections"), ("\x00", "not valid YAML")],
)
def test_unreadable_files(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ParamsError, match=message):
        read_params(project(tmp_path, text))


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="missing"):
        read_params(Project(tmp_path))


def test_sections_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        TrainParams().device = "cuda"


@pytest.mark.parametrize(
    ("model", "section"),
    [(TrainParams, {"seeds": []}), (ScoreParams, {"batch": 0}), (PipelinesParams, {"cron": "daily"})],
)
def test_senseless_values_are_refused(model: type[Section], section: dict[str, object]) -> None:
    assert parse(section, "section", model)[1] is None


def test_nearest_lists_all_when_none_is_close() -> None:
    assert nearest("lenght", ["length", "rate"]) == "did you mean 'length'?"
    assert nearest("zzz", ["length", "rate"]) == "valid names: length, rate"


def test_a_scalar_for_a_section_is_refused() -> None:
    problems, section = parse(5, "outer", Outer)
    assert section is None
    assert problems[0].startswith("outer:")


def test_keys_that_do_not_agree_are_told_without_the_whole_section() -> None:
    problems, _ = parse({"rate": 10.0}, "windows.w", WindowSpec)
    assert problems == ["windows.w: give either seconds or length"]
    problems, _ = parse({"length": 8, "layout": "coco"}, "windows.w", WindowSpec)
    assert problems == ["windows.w.layout: no joint layout 'coco'; did you mean 'coco17'?"]
