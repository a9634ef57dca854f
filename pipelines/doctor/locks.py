"""DVC's own locks and lock file. DVC rewrites `rwlock` in place, so a kill can leave half of one, or a foreign name."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import yaml

from pipelines.doctor.finding import Finding
from stages.core.paths import Project
from stages.core.storage import write_text


def rwlock(project: Project) -> Iterator[Finding]:
    """`.dvc/tmp/rwlock`: unreadable, or held by processes that are no DVC any more. The project's lock must be held."""
    path = project.root / ".dvc" / "tmp" / "rwlock"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return
    try:
        held = json.loads(text)
        writers = list(held.get("write", {}).values())
        readers = [reader for found in held.get("read", {}).values() for reader in found]
        holders = {int(holder["pid"]) for holder in [*writers, *readers]}
    except (ValueError, AttributeError, KeyError, TypeError):
        path.unlink()
        yield Finding("DVC's lock of paths was cut off in mid-write", done="removed .dvc/tmp/rwlock")
        return
    gone = [pid for pid in holders if not _is_dvc(pid)]
    if gone and len(gone) == len(holders):
        path.unlink()
        named = ", ".join(map(str, sorted(gone)))
        what = f"DVC's lock of paths is held by processes that are gone ({named})"
        yield Finding(what, done="removed .dvc/tmp/rwlock")
    elif holders:
        alive = ", ".join(str(pid) for pid in sorted(holders) if pid not in gone)
        yield Finding(f"DVC is at work (process {alive})", fix="wait until it is done")


def lock_file(project: Project) -> Iterator[Finding]:
    """dvc.lock: unreadable. What git has of it comes back; the run-cache then finds what was finished since."""
    path = project.root / "dvc.lock"
    if not path.exists() or _is_lock(path):
        return
    aside = path.with_name("dvc.lock.broken")
    shutil.copy2(path, aside)
    committed = subprocess.run(
        ["git", "show", "HEAD:./dvc.lock"], cwd=project.root, capture_output=True, text=True, check=False
    )
    if committed.returncode == 0:
        write_text(path, committed.stdout)
        done = "the committed one is back"
    else:
        path.unlink()
        done = "removed, as git holds none"
    yield Finding("dvc.lock cannot be read", done=f"{done}; the broken one is {aside.name}; `normotion repro` goes on")


def _is_lock(path: Path) -> bool:
    """Whether DVC can read it: what is cut off may be YAML still, and no lock file."""
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA
    from voluptuous import Invalid

    try:
        COMPILED_LOCKFILE_SCHEMA(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except (yaml.YAMLError, UnicodeDecodeError, Invalid):
        return False
    return True


def _is_dvc(pid: int) -> bool:
    """Whether a process lives and runs DVC; numbers are used again, above all in containers."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return any(b"dvc" in word or b"landing.py" in word for word in words)
