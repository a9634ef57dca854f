"""The page of the command line, from the tables of verbs that the command itself is made of."""

from __future__ import annotations

from collections.abc import Sequence

from docs.hooks.cells import row
from stages.__main__ import MANY, Option, Verb

HEAD = """# Command line

Written from the verbs' own tables. `normotion --help` lists them, `normotion VERB --help` says what is below, and
`-v` shows details and where an error arose.

| exit status | |
|---|---|
| 0 | done |
| 1 | an expected failure; what, where and how to mend it stand on standard error, see [Errors](../errors/index.md) |
| 2 | a command line that makes no sense |
| 75 | a failure that may be over when tried again |
| 130 | interrupted |
| 141 | nobody reads the output any more |
"""


def command_page(stages: Sequence[Verb], tools: Sequence[Verb]) -> str:
    """The whole page as Markdown.

    Args:
        stages: verbs that are stages of the DAG, in its order.
        tools: the others.
    """
    parts = [HEAD, "## Stages\n\nOne verb per stage of the graph, in its order.\n"]
    parts += [_verb(verb) for verb in stages]
    parts += ["## Around the stages\n"]
    parts += [_verb(verb) for verb in tools]
    return "\n".join(parts)


def _verb(verb: Verb) -> str:
    sentence = f"{verb.help[0].upper()}{verb.help[1:]}."
    lines = [f"### {verb.name}", "", sentence, "", f"```\n{_usage(verb)}\n```", ""]
    if verb.details:
        lines += [verb.details.replace("<", "&lt;"), ""]
    if verb.options:
        lines += [
            row("option", ""),
            "|---|---|",
            *(row(_option(option), _meaning(option)) for option in verb.options),
            "",
        ]
    if not verb.resumes:
        lines += ["Interrupted, it starts over.", ""]
    if verb.anywhere:
        lines += ["It may be called outside a project.", ""]
    return "\n".join(lines)


def _usage(verb: Verb) -> str:
    words = ["normotion", verb.name]
    words += ["[OPTION …]"] if verb.options else []
    for positional in verb.positionals:
        name = positional.removesuffix(MANY).upper()
        words.append(f"[{name} …]" if positional.endswith(MANY) else name)
    return " ".join(words)


def _option(option: Option) -> str:
    names = [f"-{option.short}"] if option.short else []
    value = "" if option.flag else f" {'|'.join(option.choices) or option.value or option.name.upper()}"
    return "`" + ", ".join([*names, f"--{option.name}"]) + value + "`"


def _meaning(option: Option) -> str:
    return f"{option.help}; may be given several times" if option.many else option.help
