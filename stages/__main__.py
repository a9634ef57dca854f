"""`python -m stages VERB`: one stage by hand, or by DVC. A verb's module is imported only when it is called."""

from __future__ import annotations

import argparse
import ctypes
import errno
import os
import re
import shlex
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, NoReturn

from stages.core.addresses import masked, masked_within

INTERRUPTED = 130
"""Exit status after Ctrl-C: 128 + SIGINT, the shells' convention."""
TRY_AGAIN = 75
"""Exit status after a fault that may be over the next time, such as a cluster that went away: EX_TEMPFAIL."""
PIPE_CLOSED = 141
"""Exit status when the reader of our output went away: 128 + SIGPIPE."""
MANY = "..."
"""Ends the name of a positional that may be given any number of times."""


@dataclass(frozen=True)
class Option:
    """A named argument of a verb: `--name VALUE`, or a mere `--name` where `flag` is set.

    Args:
        name: what is typed after `--`; with `_` for `-` it is the keyword the verb is called with.
        help: what it means, in one line.
        value: name of the value in `--help`.
        flag: it takes no value; given means True, left out False.
        choices: the values that make sense, where they are few.
        many: it may be given several times; the verb gets a tuple.
        short: a letter that stands for it, typed after `-`.
    """

    name: str
    help: str
    value: str = ""
    flag: bool = False
    choices: tuple[str, ...] = ()
    many: bool = False
    short: str = ""

    @property
    def keyword(self) -> str:
        """The argument's name in Python."""
        return self.name.replace("-", "_")


@dataclass(frozen=True)
class Verb:
    """One word of the command line.

    Args:
        name: what is typed.
        help: one line for `--help`.
        positionals: names of its arguments, in order; one that ends with `...` takes any number.
        target: `module:function`, called as `function(project, *arguments, **options)`.
        options: its named arguments; those left out on the command line are not passed, so the function's own
            defaults hold.
        details: what else `normotion VERB --help` says.
        resumes: whether the same command goes on where an interrupted one stopped; otherwise it starts over.
        anywhere: it may be called outside a project; the current folder then stands for one.
    """

    name: str
    help: str
    positionals: tuple[str, ...] = ()
    target: str = ""
    options: tuple[Option, ...] = ()
    details: str = ""
    resumes: bool = True
    anywhere: bool = False

    def load(self) -> Callable[..., None]:
        """Import what the verb calls: `stages.<name>:run` unless `target` says otherwise."""
        found: Callable[..., None] = resolve_name(self.target or f"stages.{self.name}:run")
        return found


STAGES = (
    Verb("simulate", "make the benchmark of simulated people, with perfect labels"),
    Verb("check", "validate params.yaml, every dataset and its labels"),
    Verb(
        "extract",
        "find people and their poses in the videos",
        ("dataset",),
        options=(Option("keep-going", "set broken clips aside and do the others", flag=True),),
    ),
    Verb("track", "join poses into tracks of one person each", ("dataset",)),
    Verb("frames", "decode and shrink the videos for detectors that look at whole frames", ("dataset",)),
    Verb("segment", "cut tracks into windows", ("dataset", "window")),
    Verb("normalize", "make windows comparable between people", ("dataset", "window")),
    Verb("train", "fit a detector, once per seed", ("dataset", "detector")),
    Verb("score", "score the windows no model learned from", ("dataset", "detector")),
    Verb("evaluate", "turn scores into frame scores, figures and plots", ("dataset", "detector")),
    Verb("coarse", "judge a detector by classes of actions it did not learn from", ("dataset", "detector")),
    Verb("report", "write the page that compares all runs"),
)
"""The verbs that are stages of the DAG, in its order."""


def parse_stage(words: Sequence[str]) -> tuple[str, tuple[str, ...]] | None:
    """Read a stage's command back: `python -m stages train demo knn` gives `("train", ("demo", "knn"))`.

    Returns:
        Verb and arguments, or None where the command is none of ours.
    """
    if "stages" not in words:
        return None
    verb, *arguments = words[list(words).index("stages") + 1 :] or [""]
    known = {stage.name: len(stage.positionals) for stage in STAGES}
    return (verb, tuple(arguments)) if known.get(verb) == len(arguments) else None


def run_command(name: str, verbs: Sequence[Verb], argv: Sequence[str]) -> int:
    """Parse a command line, call its verb, and turn every expected failure into a message and an exit status.

    Args:
        name: the command's name in messages.
        verbs: what may be called.
        argv: the words after the command's name.

    Returns:
        0 done, 1 an expected failure (its message is on standard error), 2 a command line that makes no sense, 75 a
        failure that may be over when tried again, 130 interrupted, 141 nobody reads the output any more.
    """
    parser = _parser(name, verbs)
    hint = _unknown_verb(verbs, argv)
    if hint:
        parser.error(hint)
    options = vars(parser.parse_args(argv))
    verbose = options.pop("verbose")
    verb = next(verb for verb in verbs if verb.name == options["verb"])
    arguments: list[str] = []
    for positional in verb.positionals:
        value = options[positional]
        arguments.extend(value if isinstance(value, list) else [value])
    named = {option.keyword: options[option.keyword] for option in verb.options if options[option.keyword] is not None}
    named = {key: tuple(value) if isinstance(value, list) else value for key, value in named.items()}
    return _guarded(lambda: _call(verb, arguments, named, verbose), verbose, _shown(name, argv), verb.resumes)


def die_with_parent() -> None:
    """Ask Linux to kill this process when the one that started it dies; elsewhere nothing happens.

    DVC does not take its stage along when it is killed: the orphan would go on writing beside the stage of the next
    run. DVC starts a shell; `exec` in the command makes the stage take the shell's place as DVC's child. The parent's
    death before the request took effect shows in its process group, which DVC shares with us.
    """
    if not sys.platform.startswith("linux"):
        return
    set_parent_death_signal = 1  # PR_SET_PDEATHSIG of <linux/prctl.h>
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)
    if os.getpgid(os.getppid()) != os.getpgid(0):
        os.kill(os.getpid(), signal.SIGKILL)


def main(argv: Sequence[str] | None = None) -> int:
    """The command `python -m stages`."""
    if os.environ.get("DVC_STAGE"):
        die_with_parent()
    words = sys.argv[1:] if argv is None else argv
    if os.environ.get("NORMOTION_RAY"):  # set by the runner where `pipelines.engine` is ray
        from stages.compute import elsewhere

        if elsewhere.wanted(words):
            return _guarded_status(lambda: elsewhere.forward(words), _shown("python -m stages", words))
    return run_command("python -m stages", STAGES, words)


def _guarded_status(call: Callable[[], int], command: str) -> int:
    """The exit status that `call` gives, or that of the expected failure it raises."""
    status: list[int] = []
    failed = _guarded(lambda: status.append(call()), verbose=False, command=command)
    return failed or status[0]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what makes no sense in a command line, and exit; a password in it is not repeated."""
        super().error(masked_within(message))


def _parser(name: str, verbs: Sequence[Verb]) -> argparse.ArgumentParser:
    parser = _Parser(prog=name, description="Find abnormal human behaviour in camera video.")
    details: dict[str, Any] = {"action": "store_true", "help": "show details, and where an error arose"}
    parser.add_argument("-v", "--verbose", **details)
    commands = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb in verbs:
        about = f"{verb.help[0].upper()}{verb.help[1:]}. {verb.details}"
        command = commands.add_parser(verb.name, help=verb.help, description=about)
        for positional in verb.positionals:
            label = positional.removesuffix(MANY).upper()
            command.add_argument(positional, metavar=label, nargs="*" if positional.endswith(MANY) else None)
        for option in verb.options:
            names = [f"-{option.short}"] if option.short else []
            command.add_argument(*names, f"--{option.name}", help=option.help, **_settings(option))
        command.add_argument("-v", "--verbose", default=argparse.SUPPRESS, **details)
    return parser


def _settings(option: Option) -> dict[str, Any]:
    if option.flag:
        return {"action": "store_true", "default": None}
    many = {"action": "append"} if option.many else {}
    return {"metavar": option.value or option.name.upper(), "choices": option.choices or None, "default": None, **many}


def _unknown_verb(verbs: Sequence[Verb], argv: Sequence[str]) -> str:
    """A helpful sentence when the first word is no verb; empty when it is one or there is none."""
    names = [verb.name for verb in verbs]
    if not argv or argv[0].startswith("-") or argv[0] in names:
        return ""
    import difflib

    close = difflib.get_close_matches(argv[0], names, n=1)
    return f"no verb {argv[0]!r}; " + (f"did you mean {close[0]!r}?" if close else f"verbs: {', '.join(names)}")


def _call(verb: Verb, arguments: Sequence[str], options: Mapping[str, Any], verbose: bool) -> None:
    from stages.core.paths import find_project
    from stages.core.progress import set_up_logging

    set_up_logging(verbose)
    project = find_project(anywhere=verb.anywhere)
    work = verb.load()
    begun = time.monotonic()
    work(project, *arguments, **options)
    if verb in STAGES:
        from stages.core.timing import keep

        keep(project, verb.name, arguments, time.monotonic() - begun)
    sys.stdout.flush()


def _guarded(call: Callable[[], None], verbose: bool, command: str, resumes: bool = True) -> int:
    """Run `call`; whatever a user can cause becomes a message, anything else is a bug and keeps its traceback."""
    from stages.core.errors import NormotionError, PassingError, StorageError

    try:
        call()
    except PassingError as error:
        _fail(f"{error}{_page_of(error)}", verbose)
        return TRY_AGAIN
    except NormotionError as error:
        return _fail(f"{error}{_page_of(error)}", verbose)
    except ModuleNotFoundError as error:
        return _elsewhere(error, verbose)
    except KeyboardInterrupt:
        kept = "finished is kept, and `{}` goes on from there" if resumes else "there before is kept, `{}` starts over"
        _say(f"interrupted; what was {kept.format(command)}")
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter complains as it exits
        return PIPE_CLOSED
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        full = StorageError(
            "the disk is full",
            where=str(error.filename or error),
            fix=f"free some space (`dvc gc -w` drops unused cache objects), then run `{command}` again",
        )
        return _fail(f"{full}{_page_of(full)}", verbose)
    return 0


def _page_of(error: Exception) -> str:
    """A line that names the page of an error, or of what it is derived from, where this checkout has one."""
    from stages.core.paths import find_project

    root = find_project(anywhere=True).root
    for kind in type(error).__mro__:
        page = f"docs/errors/{re.sub('(?<=[a-z])(?=[A-Z])', '-', kind.__name__).lower()}.md"
        if (root / page).is_file():
            return f"\n  more:  {page}"
    return ""


def _elsewhere(missing: ModuleNotFoundError, verbose: bool) -> int:
    """Go on with the project's own Python, where another one was started: DVC runs whatever `python` it finds."""
    environment = Path.cwd() / ".venv"
    own = environment / "bin" / "python"
    if own.exists() and Path(sys.prefix).resolve() != environment.resolve():
        _say(f"{sys.executable} has no {missing.name}; going on with {own}")
        os.execv(own, [str(own), "-m", "stages", *sys.argv[1:]])  # noqa: S606 the same command
    fix = "activate the project's environment (`. .venv/bin/activate`), or make it: `make setup`"
    return _fail(f"{missing.name} is not installed for {sys.executable}\n  fix:   {fix}", verbose)


def _shown(name: str, argv: Sequence[str]) -> str:
    return f"{name} {shlex.join(masked(word) for word in argv)}".strip()


def _fail(message: str, verbose: bool) -> int:
    if verbose:
        _say(masked_within(traceback.format_exc()).rstrip())  # FFmpeg's errors name the whole address
    _say(message)
    return 1


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
