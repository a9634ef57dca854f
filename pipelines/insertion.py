"""Put an entry into a YAML file that people write, as text: every comment and every other line stays as it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

COMMENT = re.compile(r"\s*(#.*)?")
TOP = re.compile(r"[^\s#-]")
"""How a line begins that ends a section."""


def into_mapping(text: str, section: str, key: str, value: Mapping[str, Any]) -> str:
    """Add `key: {…}` at the end of a top-level section.

    Args:
        text: of the file.
        section: a top-level key whose value is a mapping in block style, or empty, or not there.
        key: of the new entry.
        value: scalars by name.

    Returns:
        The file's text with one line more. Whether it means what it should is for the caller to see: nothing is parsed.
    """
    return _insert(text, section, f"{key}: {_flow(value)}")


def into_sequence(text: str, section: str, value: Mapping[str, Any]) -> str:
    """Add `- {…}` at the end of a top-level list; the rest as `into_mapping`."""
    return _insert(text, section, f"- {_flow(value)}")


def _insert(text: str, section: str, entry: str) -> str:
    lines = text.splitlines()
    head = next((number for number, line in enumerate(lines) if re.match(rf"{section}\s*:", line)), None)
    if head is None:
        return "\n".join([*lines, "", f"{section}:", f"  {entry}", ""])
    end = next((number for number in range(head + 1, len(lines)) if TOP.match(lines[number])), len(lines))
    inside = [number for number in range(head + 1, end) if not COMMENT.fullmatch(lines[number])]
    if not inside:  # `section: []`, `section: {}`, or nothing at all
        lines[head] = re.sub(r":\s*(\[\s*\]|\{\s*\})", ":", lines[head])
    indent = re.match(r"\s*", lines[inside[0]])[0] if inside else "  "  # type: ignore[index]
    lines.insert(inside[-1] + 1 if inside else head + 1, f"{indent}{entry}")
    return "\n".join(lines) + "\n"


def _flow(value: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(value), default_flow_style=True, sort_keys=False, width=1000).strip()
