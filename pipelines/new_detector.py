"""`normotion new-detector NAME`: the file, the registry line and the params section of a detector to be written."""

from __future__ import annotations

import inspect
import keyword
import re
from collections.abc import Mapping
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import yaml

from pipelines.insertion import into_mapping, into_sequence
from stages.check import KEYS
from stages.core.errors import ParamsError
from stages.core.params import dig, nearest, read_params
from stages.core.paths import Project
from stages.core.progress import log
from stages.core.storage import write_text
from stages.detectors import template
from stages.detectors.base import Detector

NAMES = re.compile(r"[a-z][a-z0-9_]*")
"""What a detector may be called: its file, its section and its models' folders bear the name."""
FOLDER = Path("stages", "detectors")
REGISTRY = FOLDER / "registry.py"
MEMBERS = ("Params", "needs", "parts", "supervised", "unit", "fit", "score", "save", "load")
"""What a detector's class has."""
SHIM = '''"""{name}: the detector `{kind}` of `{module}`, which lives outside this repository."""

from __future__ import annotations

from {module} import {kind} as {own}

__all__ = ["{own}"]

EDITION = 1
"""DVC looks at this file and not into the package: count up when its code changes, and the detector is trained anew."""
'''


def run(
    project: Project, name: str, dataset: tuple[str, ...] = (), window: str | None = None, of: str | None = None
) -> None:
    """Set up a detector that works at once, and say what to do next.

    Args:
        project: a checkout.
        name: of the detector: a word of lower-case letters, digits and `_`.
        dataset: datasets to compare it on; the first of params.yaml without it.
        window: window spec that it reads; without it the first of `segment.windows` that holds what it looks at.
        of: `module:Class` of a detector in a package of the user's; without it the template is copied.

    Raises:
        ParamsError: the name is taken or no name, there is no such class, dataset or window spec, or params.yaml or the
            registry is laid out in a way that nothing can be put in by rule. Nothing was written then.
    """
    registry = project.root / REGISTRY
    if not registry.is_file():
        raise ParamsError(
            "a detector lives in a checkout, and this folder has none",
            where=str(registry),
            fix="clone the repository and run this inside it",
        )
    raw = read_params(project)
    _refuse(project, raw, name)
    kind, source = _source(name, of)
    pairs = [{"dataset": each, "detector": name} for each in dataset or raw.get("datasets", [])[:1]]
    _known(raw, [pair["dataset"] for pair in pairs])
    section = {"window": window or _window(raw, kind)}
    _cut(raw, section["window"])
    before = {path: path.read_text(encoding="utf-8") for path in (registry, project.params)}
    params = into_mapping(before[project.params], "detectors", name, section)
    for pair in pairs:
        params = into_sequence(params, "runs", pair)
    _verify(raw, params, name, section, pairs)
    line = f'    "{name}": "stages.detectors.{name}:{_class(name)}",'
    after = {
        project.root / FOLDER / f"{name}.py": source,
        registry: _registered(before[registry], line, registry),
        project.params: params,
    }
    _write(after, before)
    for path in after:
        log.info(f"wrote {path.relative_to(project.root)}")
    log.info(f"contract:  pytest tests/detectors -k {name}")
    log.info("params:    normotion check")
    for pair, place in zip(pairs, range(len(raw.get("runs") or []), 10**6), strict=False):
        log.info(f"figures:   normotion repro evaluate@run{place}   ({name} on {pair['dataset']} alone)")
    log.info("the page:  docs/howto/own-detector.md")


def _refuse(project: Project, raw: Mapping[str, Any], name: str) -> None:
    """Refuse what is no name, or is taken."""
    path, registry = project.root / FOLDER / f"{name}.py", project.root / REGISTRY
    if not NAMES.fullmatch(name) or keyword.iskeyword(name):
        raise ParamsError(
            f"{name!r} cannot name a detector", fix="give a word of lower-case letters, digits and _, such as my_flow"
        )
    taken = {
        str(registry): re.search(rf'^\s*"{name}"\s*:', registry.read_text(encoding="utf-8"), re.MULTILINE) is not None,
        str(path): path.exists() or path.with_suffix("").is_dir(),
        f"detectors.{name} in params.yaml": dig(raw, f"detectors.{name}") is not None,
    }
    if places := [place for place, there in taken.items() if there]:
        raise ParamsError(f"{name!r} is taken", where=", ".join(places), fix="choose another name")


def _source(name: str, of: str | None) -> tuple[type[Detector], str]:
    """The detector's class as it is now, and the text of its new file.

    Raises:
        ParamsError: `of` names no detector.
    """
    if of is None:
        text = inspect.getsource(template)
        about, _, rest = text.partition("\n")
        about = about.replace("A detector to start from: `normotion new-detector NAME` copies this file.", f"{name}:")
        text = f"{about.replace('A small', 'a small')}\n{rest}"
        text = text.replace("Template", _class(name)).replace("detectors.template", f"detectors.{name}")
        return template.Template, text.replace('= "template"', f'= "{name}"')
    module, _, attribute = of.partition(":")
    fix = "give `module:Class`, which this Python can import: install your package into the environment first"
    if not attribute.isidentifier():
        raise ParamsError(f"{of!r} names no class of a module", fix=fix)
    try:
        kind: type[Detector] = resolve_name(of)
    except (ImportError, AttributeError, ValueError) as error:
        raise ParamsError(f"there is no detector {of!r}: {error}", fix=fix) from error
    if missing := [member for member in MEMBERS if not hasattr(kind, member)]:
        raise ParamsError(
            f"{of} is no detector: it has no {', '.join(missing)}", fix="keep the contract of stages/detectors/base.py"
        )
    return kind, SHIM.format(name=name, kind=attribute, module=module, own=_class(name))


def _class(name: str) -> str:
    """`my_flow` gives `MyFlow`."""
    return "".join(word.capitalize() for word in name.split("_"))


def _known(raw: Mapping[str, Any], datasets: list[str]) -> None:
    listed = raw.get("datasets") or []
    for dataset in datasets:
        if dataset not in listed:
            raise ParamsError(
                f"no dataset {dataset!r} in params.yaml; {nearest(dataset, list(listed))}",
                fix="add it to `datasets` first, or name another one",
            )


def _window(raw: Mapping[str, Any], kind: type[Detector]) -> str:
    """The first window spec that is cut and holds what the detector looks at.

    Raises:
        ParamsError: none does.
    """
    wanted = {key for need, key in KEYS.items() if need in kind.needs}
    cut = dig(raw, "segment.windows") or []
    for name in cut:
        if {key for key in KEYS.values() if dig(raw, f"windows.{name}.{key}") is not None} == wanted:
            return str(name)
    what = " and ".join(sorted(wanted)) or "coordinates alone"
    raise ParamsError(
        f"none of segment.windows ({', '.join(cut) or 'none'}) holds {what}",
        fix="add such a window spec to params.yaml first, or name one with --window",
    )


def _cut(raw: Mapping[str, Any], window: str) -> None:
    cut = dig(raw, "segment.windows") or []
    if window not in cut:
        raise ParamsError(
            f"{window!r} is not among segment.windows; {nearest(window, list(cut))}",
            fix="add it there, or name another",
        )


def _verify(before: Mapping[str, Any], text: str, name: str, section: Any, pairs: list[dict[str, str]]) -> None:
    """Refuse a text that does not mean what was there and the new entries, and nothing else.

    Raises:
        ParamsError: it does not.
    """
    wanted = {
        **before,
        "detectors": {**(before.get("detectors") or {}), name: section},
        "runs": [*(before.get("runs") or []), *pairs],
    }
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError:
        found = None
    if found != wanted:
        raise ParamsError(
            "params.yaml is laid out in a way that this command cannot add to",
            where="detectors, runs",
            fix=f"write both with an entry a line, or add by hand: detectors.{name}: {section}; runs: {pairs}",
        )


def _registered(text: str, line: str, path: Path) -> str:
    """The registry with one line more.

    Raises:
        ParamsError: its table is not where it was.
    """
    head, opening, rest = text.partition("DETECTORS = {\n")
    table, closing, tail = rest.partition("\n}\n")
    if not opening or not closing:
        raise ParamsError("the registry has no table DETECTORS", where=str(path), fix=f"add by hand: {line.strip()}")
    return f"{head}{opening}{table}\n{line}{closing}{tail}"


def _write(after: Mapping[Path, str], before: Mapping[Path, str]) -> None:
    """Write all or nothing: whatever goes wrong, what was written is taken back.

    Each state between is right in itself: a file that nobody names, then a detector that nobody has set up.
    """
    written: list[Path] = []
    try:
        for path, text in after.items():
            written.append(path)
            write_text(path, text)
    except BaseException:
        for path in written:
            if path in before:
                write_text(path, before[path])
            else:
                path.unlink(missing_ok=True)
        raise
