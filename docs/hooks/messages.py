"""What every error says, read from the code that raises it, so that a search for a message finds its page."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from docs.hooks.cells import plain, row

GAP = "…"
"""Stands for what is known only when the error is raised."""


@dataclass(frozen=True)
class Message:
    """One place that raises an error.

    Args:
        what: its first sentence, `…` for what is filled in.
        fix: what it tells to do; empty where that is put together elsewhere.
        file: who raises it, from the project's root.
    """

    what: str
    fix: str
    file: str


def slug(kind: str) -> str:
    """Name of an error's page: `VideoError` is video-error."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", kind).lower()


@cache
def messages(root: Path) -> dict[str, list[Message]]:
    """All messages by the name of their error; read once until `messages.cache_clear()`."""
    found: dict[str, list[Message]] = defaultdict(list)
    for path in sorted([*root.glob("stages/**/*.py"), *root.glob("pipelines/**/*.py")]):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id.endswith("Error"):
                what = _text(node.args[0]) if node.args else ""
                fix = next((_text(word.value) for word in node.keywords if word.arg == "fix"), "")
                if what.strip(f"{GAP} :\n"):
                    found[node.func.id].append(Message(what, fix.strip(GAP), str(path.relative_to(root))))
    return dict(found)


def message_table(root: Path, kind: str) -> str:
    """The messages of one error as a Markdown table."""
    rows = sorted(
        {row(plain(message.what), plain(message.fix), f"`{message.file}`") for message in messages(root)[kind]}
    )
    return "\n".join(["| message | what it tells to do | raised in |", "|---|---|---|", *rows])


def _text(node: ast.expr) -> str:
    """A string as it stands in the code; empty where it is none."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        parts = [str(part.value) if isinstance(part, ast.Constant) else GAP for part in node.values]
        return "".join(parts)
    if isinstance(node, ast.BinOp):
        return (_text(node.left) or GAP) + (_text(node.right) or GAP)
    if isinstance(node, ast.IfExp):
        return _text(node.body) or _text(node.orelse)
    return GAP
