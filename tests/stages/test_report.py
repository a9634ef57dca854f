"""The report stage: which runs it shows, what it writes, and that it needs nothing but its inputs."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml
from numpy.typing import NDArray

from stages import evaluate, report
from stages.core.errors import ParamsError, SchemaError, VideoError
from stages.core.paths import Project, clip_file
from stages.core.schemas import MAPS, TRACKS, Rows
from stages.core.tables import write
from tests.show.synthetic import build, tracks, windows, write_scores
from tests.stages.reporting import judge, page


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose two runs are judged, to copy from."""
    return judge(build(tmp_path_factory.mktemp("judged"))).root


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draws no films, for tests that do not look at them."""
    monkeypatch.setattr(report, "draw_film", lambda path, _: path.write_bytes(b""))


@pytest.fixture
def project(judged: Path, tmp_path: Path, quick: None) -> Project:
    """A copy to change."""
    shutil.copytree(judged, tmp_path / "copy")
    return Project(tmp_path / "copy")


@pytest.fixture(scope="module")
def reported(judged: Path) -> tuple[Project, str]:
    """The same with its page, to read."""
    return Project(judged), page(Project(judged))


@pytest.fixture
def bare(tmp_path: Path, quick: None) -> Project:
    """A project before evaluation."""
    return build(tmp_path)


def edit(project: Project, **changes: Any) -> None:
    params = yaml.safe_load(project.params.read_text(encoding="utf-8"))
    project.params.write_text(yaml.safe_dump({**params, **changes}), encoding="utf-8")


class Reader(HTMLParser):
    """Collects what a page points to, and checks that its elements nest."""

    VOID = frozenset({"meta", "link", "br", "img", "path", "rect"})

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.open: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def test_the_page_is_whole_and_needs_no_other_file(reported: tuple[Project, str]) -> None:
    reader = Reader()
    reader.feed(reported[1])
    assert reader.open == []
    outside = [link for link in reader.links if not link.startswith(("data:", "#"))]
    # They lead to every alarm, and from every detector's name to its line of the page of commits and MLflow runs.
    lines = {f"../lineage.html{place}" for place in ("", "#cost", "#toy/stg_nf", "#toy/knn")}
    assert set(outside) == {"../events/toy/stg_nf.csv", "../events/toy/knn.csv"} | lines
    assert len(reader.ids) == len(set(reader.ids))
    assert {link[1:] for link in reader.links if link.startswith("#")} <= set(reader.ids)
    assert "<script" not in reported[1]
    assert "http" not in reported[1].replace("http-equiv", "")


def test_the_page_names_every_run_clip_rule_and_digest(reported: tuple[Project, str]) -> None:
    _, text = reported
    for expected in ("stg_nf", "knn", "fall", "walk", "Toy people", "0" * 64, "color-scheme: dark", "A rule."):
        assert expected in text
    # Four stills of each of the two clips.
    assert text.count('<img src="data:image/webp;base64,') == 8


def test_it_writes_a_page_a_table_and_a_film_per_clip(reported: tuple[Project, str]) -> None:
    names = ["film-toy-fall.png", "film-toy-walk.png", "index.html", "leaderboard.md"]
    assert sorted(path.name for path in reported[0].report.iterdir()) == names


def test_equal_inputs_give_equal_bytes(reported: tuple[Project, str], tmp_path: Path) -> None:
    shutil.copytree(reported[0].root, tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy" / "reports" / "page")
    report.run(Project(tmp_path / "copy"))
    for path in sorted(reported[0].report.iterdir()):
        assert (tmp_path / "copy" / "reports" / "page" / path.name).read_bytes() == path.read_bytes(), path.name


def test_only_listed_runs_are_shown(project: Project) -> None:
    edit(project, runs=[{"dataset": "toy", "detector": "knn"}])
    text = page(project)
    assert "knn.csv" in text
    assert "stg_nf.csv" not in text


def test_students_are_shown_beside_runs(project: Project) -> None:
    student = {"dataset": "toy", "detector": "stg_nf", "base": "knn"}
    edit(project, runs=[{"dataset": "toy", "detector": "knn"}], students=[student])
    assert [(item.dataset, item.detector) for item in report.shown(project)[0]] == [("toy", "knn"), ("toy", "stg_nf")]


def test_several_seeds_show_their_deviation(tmp_path: Path, quick: None) -> None:
    text = page(judge(build(tmp_path), seeds=(0, 1)))
    assert "<small>± 0.012</small>" in text
    assert "over 2 seeds" in text


def test_films_may_be_limited(project: Project) -> None:
    edit(project, report={"films": 1, "film_frames": 2})
    assert page(project).count("<img") == 2
    assert [path.name for path in project.report.glob("film-*")] == ["film-toy-fall.png"]


def test_a_dataset_of_poses_needs_no_video(bare: Project) -> None:
    path = bare.raw("toy") / "dataset.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("video", "poses"), encoding="utf-8")
    shutil.rmtree(bare.raw("toy") / "videos")
    assert page(judge(bare)).count("<img") == 8


def test_poses_with_footage_beside_them_show_its_frames(bare: Project) -> None:
    raw = bare.raw("toy")
    description = (raw / "dataset.yaml").read_text(encoding="utf-8").replace("video", "poses")
    (raw / "dataset.yaml").write_text(description, encoding="utf-8")
    clips = pd.read_csv(raw / "clips.csv")
    beside = clips.assign(video=clips["path"].where(clips["clip"] == "fall"))
    beside.assign(path="poses/" + clips["clip"]).to_csv(raw / "clips.csv", index=False)
    (raw / "videos" / "walk.avi").unlink()
    found = stills(page(judge(bare)))
    # Frame k of the footage is grey of 4 × k, drawn at three quarters; where there is none, it is dark.
    assert [int(image[5, 5, 0]) for image in found["fall"]] == pytest.approx([81, 105, 129, 144], abs=12)
    assert [int(image[5, 5, 0]) for image in found["walk"]] == pytest.approx([31] * 4, abs=4)


def stills(text: str) -> dict[str, list[NDArray[np.uint8]]]:
    """Pictures of a page by clip."""
    found: dict[str, list[NDArray[np.uint8]]] = {"fall": [], "walk": []}
    for data, clip in re.findall(r'src="data:image/webp;base64,([^"]*)" alt="Frame \d+ of (\w+)', text):
        image = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)
        found[clip].append(np.asarray(image, dtype=np.uint8))
    return found


def test_a_clip_in_which_nobody_was_seen(bare: Project) -> None:
    nobody = tracks("walk")
    write(clip_file(bare.tracks("toy"), "walk"), TRACKS, Rows(nobody.frame.head(0), nobody.arrays[:0], nobody.meta))
    for detector in ("stg_nf", "knn"):
        write_scores(bare, detector, windows("fall"))
    assert page(judge(bare)).count("<img") == 8


def whole_frames(project: Project, detector: str) -> None:
    """Scores of a detector that does not tell persons apart."""
    write_scores(project, detector, windows("fall").assign(track=None).astype({"track": "Int32"}))


def test_detectors_that_score_whole_frames_colour_nobody(bare: Project) -> None:
    for detector in ("stg_nf", "knn"):
        whole_frames(bare, detector)
    assert "median person" not in page(judge(bare))


def test_people_are_coloured_by_the_first_detector_that_scores_persons(bare: Project) -> None:
    whole_frames(bare, "stg_nf")
    assert "score of knn, median person" in page(judge(bare))


def test_a_frame_beside_its_errors(project: Project) -> None:
    """The worst frame of each clip, by a detector that can say where; clips without a film have none."""
    table = pd.DataFrame({"clip": ["fall", "walk"], "frame": [33, 5], "score": [2.0, 1.0]})
    maps = np.zeros((2, 12, 16), dtype=np.float32)
    maps[:, 6:] = 0.5
    write(project.maps("toy", "knn"), MAPS, Rows(table, maps, {"part": "score", "seed": "0"}))
    found = page(project)
    assert "knn: its highest frame, 1.6 s, labelled fall" in found
    assert "knn: its highest frame, 0.5 s, not labelled" in found
    assert found.count('<figure class="errors">') == 2
    edit(project, report={"title": "Toy", "film_frames": 4, "films": 1})
    assert page(project).count('<figure class="errors">') == 1


def test_no_scores_at_all_still_give_a_page(bare: Project) -> None:
    for detector in ("stg_nf", "knn"):
        write_scores(bare, detector, windows("fall").head(0))
    text = page(judge(bare, coverage={"frames": 0.0, "abnormal": 0.0}))
    assert "<td>0%</td>" in text
    assert "median person" not in text


def test_markup_in_a_dataset_is_text(project: Project) -> None:
    path = project.raw("toy") / "dataset.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("Toy people", "<b>bold</b>"), encoding="utf-8")
    assert "&lt;b&gt;bold" in page(project)


def test_without_runs_there_is_nothing_to_report(project: Project) -> None:
    edit(project, runs=[])
    with pytest.raises(ParamsError, match="neither `runs` nor `coarse.runs` lists anything"):
        report.run(project)


def test_a_wrong_run_is_refused_by_name(project: Project) -> None:
    edit(project, runs=[{"dataset": "toy"}])
    with pytest.raises(ParamsError, match=r"runs\[0\].detector"):
        report.run(project)


def test_an_unknown_detector_is_refused_with_the_nearest(project: Project) -> None:
    edit(project, runs=[{"dataset": "toy", "detector": "stgnf"}])
    with pytest.raises(ParamsError, match=r"runs\[0\].detector: .* did you mean 'stg_nf'"):
        report.run(project)


@pytest.mark.parametrize(
    "missing",
    ["metrics/toy/knn.json", "plots/toy/knn/roc.csv", "plots/toy/knn/pr.csv", "frame_scores/toy/knn.parquet"],
)
def test_a_run_that_was_not_evaluated_is_named(project: Project, missing: str) -> None:
    (project.root / "reports" / missing).unlink()
    with pytest.raises(SchemaError) as caught:
        report.run(project)
    assert caught.value.where.endswith(missing)


def test_a_video_that_cannot_be_read_is_named_and_the_old_page_stays(project: Project) -> None:
    project.report.mkdir(exist_ok=True)
    (project.report / "index.html").write_text("good", encoding="utf-8")
    (project.raw("toy") / "videos" / "fall.avi").write_bytes(b"no video")
    with pytest.raises(VideoError, match="cannot be read"):
        report.run(project)
    assert (project.report / "index.html").read_text(encoding="utf-8") == "good"


def test_the_page_reads_what_evaluate_writes(bare: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate, "draw_timeline", lambda path, *_: path.write_bytes(b""))
    for detector in ("stg_nf", "knn"):
        evaluate.run(bare, "toy", detector)
    text = page(bare)
    assert "0.4 s within each clip" in text
    assert "AUC by kind" in text
    assert "No intervals: 2 clips are too few" in text


def test_reporting_imports_no_torch(root: Path, project: Project) -> None:
    code = "import sys; from stages import report; from stages.core.paths import find_project as project;"
    code += "report.run(project()); sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=project.root, env={"PYTHONPATH": str(root)}, check=True)
