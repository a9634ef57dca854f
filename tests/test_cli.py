"""`python -m stages` and `normotion`: quick, helpful, and never a traceback for what a user can cause."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from pipelines.__main__ import TOOLS
from pipelines.__main__ import main as normotion
from stages.__main__ import STAGES, Option, Verb, main, parse_stage, run_command
from stages.core.errors import NormotionError, VideoError
from stages.core.paths import Project
from stages.ingest.formats.registry import READERS
from stages.ingest.recipes.registry import RECIPES

HEAVY = {"torch", "prefect", "mlflow", "dvc", "pandas", "numpy", "pydantic", "yaml", "matplotlib", "onnxruntime", "cv2"}


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that counts as a project, and the working directory."""
    (tmp_path / "params.yaml").write_text("{}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def verb(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[..., None]], tuple[Verb, ...]]:
    """Makes a verb `try DATASET` that calls what the test wants."""

    def make(call: Callable[..., None]) -> tuple[Verb, ...]:
        module = ModuleType("tried")
        module.__dict__["call"] = call
        monkeypatch.setitem(sys.modules, "tried", module)
        return (Verb("try", "try something", ("dataset",), "tried:call"),)

    return make


def run(name: str, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).resolve().parents[1]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    return subprocess.run(
        [sys.executable, "-m", name, *words], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(("module", "command"), [("stages", main), ("pipelines", normotion)])
def test_help_imports_nothing_heavy(module: str, command: Callable[..., int], root: Path) -> None:
    code = (
        f"import sys\nfrom {module}.__main__ import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print(sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_help_names_every_verb(root: Path) -> None:
    shown = run("pipelines", "--help", cwd=root).stdout
    for known in (*STAGES, *TOOLS):
        assert re.search(rf"\n    {known.name}\s", shown)  # a long name has a line of its own
        assert known.help in " ".join(shown.split())


def test_every_verb_leads_somewhere(root: Path) -> None:
    for known in (*STAGES, *TOOLS):
        module, _, function = (known.target or f"stages.{known.name}:run").partition(":")
        source = (root / module.replace(".", "/")).with_suffix(".py").read_text()
        assert f"def {function}(" in source, known.name


def test_a_verb_gets_the_project_and_its_words(checkout: Path, verb: Callable[..., tuple[Verb, ...]]) -> None:
    seen: list[object] = []
    (checkout / "below").mkdir()
    os.chdir(checkout / "below")
    assert run_command("t", verb(lambda *words: seen.extend(words)), ["try", "demo"]) == 0
    assert seen == [Project(checkout), "demo"]  # found upwards from a folder inside


def test_many_words_and_none(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, ...]] = []
    module = ModuleType("tried")
    module.__dict__["call"] = lambda _, *words: seen.append(words)
    monkeypatch.setitem(sys.modules, "tried", module)
    many = (Verb("repro", "again", ("stage...",), "tried:call"),)
    assert run_command("t", many, ["repro", "a", "b"]) == 0
    assert run_command("t", many, ["repro"]) == 0
    assert seen == [("a", "b"), ()]


def test_help_of_import_names_every_format_and_recipe() -> None:
    about = next(verb.details for verb in TOOLS if verb.name == "import")
    words = set(re.findall(r"[\w-]+", about))
    assert {*READERS, *RECIPES} <= words


OPTIONS = (
    Option("fps", "frames per second", "F"),
    Option("keep-going", "go on", flag=True),
    Option("clip", "one clip", many=True),
    Option("stage", "which", choices=("poses", "tracks")),
)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ([], {}),  # what is left out keeps the function's own default
        (["--fps", "30", "--keep-going"], {"fps": "30", "keep_going": True}),
        (["--clip", "a", "--clip", "b", "--stage", "poses"], {"clip": ("a", "b"), "stage": "poses"}),
    ],
)
def test_options_are_keywords(
    words: list[str], named: dict[str, object], checkout: Path, verb: Callable[..., tuple[Verb, ...]]
) -> None:
    seen: list[dict[str, object]] = []
    tried = replace(verb(lambda *_, **options: seen.append(options))[0], options=OPTIONS)
    assert run_command("t", (tried,), ["try", "demo", *words]) == 0
    assert seen == [named]


def test_options_that_make_no_sense_are_named(
    checkout: Path, verb: Callable[..., tuple[Verb, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    tried = replace(verb(lambda *_, **__: None)[0], options=OPTIONS)
    with pytest.raises(SystemExit, match="2"):
        run_command("t", (tried,), ["try", "demo", "--stage", "poxes"])
    assert "'poxes'" in capsys.readouterr().err


def fail(error: BaseException) -> Callable[..., None]:
    def call(*_: object) -> None:
        raise error

    return call


def test_an_expected_failure_is_a_message_and_status_1(
    checkout: Path, verb: Callable[..., tuple[Verb, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    error = VideoError("the video is empty", where="a.mp4", fix="copy it again")
    assert run_command("t", verb(fail(error)), ["try", "demo"]) == 1
    assert capsys.readouterr().err == "the video is empty\n  where: a.mp4\n  fix:   copy it again\n"


@pytest.mark.parametrize("words", [["-v", "try", "demo"], ["try", "-v", "demo"]])
def test_verbose_tells_where_it_arose(
    words: list[str], checkout: Path, verb: Callable[..., tuple[Verb, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command("t", verb(fail(NormotionError("no"))), words) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_message_names_the_errors_page_where_the_checkout_has_one(
    checkout: Path, verb: Callable[[Callable[..., None]], tuple[Verb, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    class TornVideoError(VideoError):  # has no page: the one it is derived from has
        pass

    def call(*_: object) -> None:
        raise TornVideoError("the video is torn")

    page = checkout / "docs" / "errors" / "video-error.md"
    page.parent.mkdir(parents=True)
    page.touch()
    (checkout / "below").mkdir()
    os.chdir(checkout / "below")
    assert run_command("x", verb(call), ["try", "street"]) == 1
    assert capsys.readouterr().err == "the video is torn\n  more:  docs/errors/video-error.md\n"


def test_full_disk_is_a_message(
    checkout: Path, verb: Callable[..., tuple[Verb, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    full = OSError(errno.ENOSPC, "No space left on device", "data/x.parquet")
    assert run_command("t", verb(fail(full)), ["try", "demo"]) == 1
    shown = capsys.readouterr().err
    assert "the disk is full" in shown
    assert "data/x.parquet" in shown
    assert "`t try demo` again" in shown


def test_other_system_errors_are_bugs_and_keep_their_traceback(
    checkout: Path, verb: Callable[..., tuple[Verb, ...]]
) -> None:
    with pytest.raises(PermissionError):
        run_command("t", verb(fail(PermissionError(errno.EACCES, "no"))), ["try", "demo"])


def test_interruption_says_what_remains(
    checkout: Path, verb: Callable[..., tuple[Verb, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command("t", verb(fail(KeyboardInterrupt())), ["try", "demo"]) == 130
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1
    assert "kept" in shown
    assert "`t try demo`" in shown


def test_interruption_of_what_starts_over(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert {verb.name for verb in TOOLS if not verb.resumes} == {
        "import",
        "convert",
        "export",
        "export-model",
        "label",
        "new-detector",
        "pack",
        "pyfunc",
        "quality",
        "run",
    }
    starting_over = Verb("try", "try something", (), "tests.test_cli:interrupted", resumes=False)
    assert run_command("t", (starting_over,), ["try"]) == 130
    assert capsys.readouterr().err == "interrupted; what was there before is kept, `t try` starts over\n"


def test_a_command_that_is_repeated_shows_no_password(capsys: pytest.CaptureFixture[str]) -> None:
    verb = Verb("try", "try something", ("source",), "tests.test_cli:interrupted")
    assert run_command("t", (verb,), ["try", "rtsp://me:secret@camera/1"]) == 130
    said = capsys.readouterr().err
    assert "t try 'rtsp://me:***@camera/1'" in said


@pytest.mark.parametrize("words", [["rtsp://me:secret@camera/1"], ["try", "0", "rtsp://me:secret@camera/1"]])
def test_a_command_that_makes_no_sense_shows_no_password(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    verb = Verb("try", "try something", ("source",), "tests.test_cli:interrupted")
    with pytest.raises(SystemExit, match="2"):
        run_command("t", (verb,), words)
    said = capsys.readouterr().err
    assert "rtsp://me:***@camera/1" in said
    assert "secret" not in said


def test_where_an_error_arose_shows_no_password(
    checkout: Path, verb: Callable[..., tuple[Verb, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    def call(*_: object) -> None:
        try:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused", "rtsp://me:secret@camera/1")
        except OSError as error:
            raise VideoError("the stream cannot be opened") from error

    assert run_command("t", verb(call), ["-v", "try", "demo"]) == 1
    said = capsys.readouterr().err
    assert "refused: 'rtsp://me:***@camera/1'" in said
    assert "secret" not in said


def interrupted(project: Project, source: str = "") -> None:
    """A verb that somebody stops."""
    raise KeyboardInterrupt


def test_closed_pipe_ends_quietly(root: Path, tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("{}\n")
    (tmp_path / "chatty.py").write_text("def call(project):\n    for n in range(100000): print(n)\n")
    code = (
        "import sys; from stages.__main__ import Verb, run_command\n"
        "sys.exit(run_command('t', [Verb('talk', 'x', (), 'chatty:call')], ['talk']))"
    )
    words = [sys.executable, "-c", code]
    environment = {**os.environ, "PYTHONPATH": f"{root}:{tmp_path}"}
    with subprocess.Popen(
        words, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as talk:
        assert talk.stdout is not None
        assert talk.stderr is not None
        assert talk.stdout.readline() == "0\n"
        talk.stdout.close()
        assert talk.stderr.read() == ""
    assert talk.returncode == 141


def test_unknown_verb_names_the_nearest(root: Path) -> None:
    done = run("pipelines", "trian", "demo", "knn", cwd=root)
    assert done.returncode == 2
    assert "no verb 'trian'; did you mean 'train'?" in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_like_it_lists_all(root: Path) -> None:
    shown = run("stages", "xyzzy", cwd=root).stderr
    assert all(stage.name in shown for stage in STAGES)


def test_no_project_here(tmp_path: Path) -> None:
    done = run("pipelines", "check", cwd=tmp_path)
    assert done.returncode == 1
    assert "no params.yaml here" in done.stderr
    assert "Traceback" not in done.stderr


def test_broken_params_are_a_message(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("train: {seeds: [zero]}\ndetectors: [\n")
    done = run("stages", "train", "demo", "knn", cwd=tmp_path)
    assert done.returncode == 1
    assert "params.yaml is not valid YAML" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("cmd", "parsed"),
    [
        ("python -m stages train demo knn", ("train", ("demo", "knn"))),
        (".venv/bin/python -m stages check", ("check", ())),
        ("python -m stages train demo", None),  # one word too few
        ("python -m stages fly demo", None),
        ("python -m stages", None),
        ("python train.py", None),
    ],
)
def test_a_stage_command_is_read_back(cmd: str, parsed: tuple[str, tuple[str, ...]] | None) -> None:
    assert parse_stage(cmd.split()) == parsed
