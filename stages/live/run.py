"""A source judged, and all that is written about it: tables, the film with skeletons, the timeline, the page."""

from __future__ import annotations

import json
import threading
import time
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from stages.core.addresses import masked
from stages.core.errors import StorageError, VideoError
from stages.core.storage import atomic_file, write_text
from stages.live.drawn import Drawer, portrait
from stages.live.judged import Event
from stages.live.model import Model
from stages.live.recording import PORTRAYED, Peak, Recording, record
from stages.live.source import Source, open_source
from stages.live.tables import frame_rows, write_events, write_frames
from stages.live.threshold import Chosen
from stages.live.why import Why, why
from stages.pose.base import Estimator
from stages.show.run_page import Alarm, Reason, RunPage, clock, draw_run, render

FILM, PAGE, TIMELINE, SCORES, EVENTS, SUMMARY = (
    "overlay.mp4", "page.html", "timeline.png", "scores.parquet", "events.csv", "run.json",
)  # fmt: skip
LISTED, SHOWN = 50, 10
"""People that the page lists, the most abnormal first, and alarms that the terminal shows; the tables hold all."""


@dataclass(frozen=True)
class Options:
    """How a source is looked at and drawn.

    Args:
        every: look for people in every n-th frame.
        film: write the film.
        skeleton_only: people on a plain ground, nothing of the picture.
        blur_faces: make heads unrecognisable.
    """

    every: int = 1
    film: bool = True
    skeleton_only: bool = False
    blur_faces: bool = True


def judge_source(
    text: str, model: Model, find: Estimator, chosen: Chosen, folder: Path, options: Options, what: str,
    stop: threading.Event | None = None,
) -> Recording:  # fmt: skip
    """Judge one source and write everything about it.

    Args:
        text: the source, as the user gave it.
        model: judges.
        find: finds people.
        chosen: the threshold.
        folder: where files are written; what an earlier call wrote there is replaced.
        options: how.
        what: label of the progress bar.
        stop: ends it; what came before is judged and written.

    Returns:
        What was found; its `trouble` says why the source ended early.

    Raises:
        VideoError: there is no such source, or not one frame of it can be decoded.
        ModelError: the model's windows ask for more frames than it has.
        StorageError: the folder cannot be written to, which is tried first; or the film could not be written to its
            end, when all else has been.
    """
    started, source = time.monotonic(), open_source(text)
    probe(folder)
    look: Any = {"blur": options.blur_faces, "skeleton_only": options.skeleton_only}
    film = Drawer(folder / FILM, source, model, chosen.threshold, **look) if options.film else None
    with film or nullcontext():
        found = record(
            source, model, find, chosen.alarms(model, source.fps), film,
            portray=lambda peak: portrait(peak, model, chosen.threshold, source.size, **look),
            every=options.every, what=what, stop=stop,
        )  # fmt: skip
        if not found.judged:  # inside, so that no empty film is left
            raise found.trouble or VideoError("not one frame of it could be judged", where=masked(text))
    trouble = film.trouble if film else None
    options = replace(options, film=film is not None and trouble is None)
    _write(folder, text, source, model, chosen, options, found, time.monotonic() - started)
    if trouble is not None:
        raise StorageError(
            f"the film could not be written to its end, all else is: {trouble.what}",
            where=trouble.where,
            fix=trouble.fix,
        )
    return found


def probe(folder: Path) -> None:
    """See that files can be written to a folder: better before hours of work than after.

    Raises:
        StorageError: they cannot.
    """
    with atomic_file(folder / ".probe") as temporary:
        temporary.touch()
    (folder / ".probe").unlink()


def tell(found: Recording, folder: Path, source: str) -> list[str]:
    """What was found, and the commands to try next, in lines for a terminal."""
    seconds = found.seconds
    events = "1 alarm" if len(found.events) == 1 else f"{len(found.events)} alarms"
    scored = sum(judged.scored for judged in found.judged) / len(found.judged)
    people = f"{len(found.tracks)} people followed, somebody scored in {scored:.0%} of the frames"
    return [
        f"{masked(source)}: {events} in {clock(seconds)}; {people}",
        *(f"  {_line(event, found.fps)}" for event in found.events[:SHOWN]),
        *([f"  and {len(found.events) - SHOWN} more: {folder / EVENTS}"] if len(found.events) > SHOWN else []),
        f"written to {folder}: open {folder / PAGE}",
        *(f"next: {command}" for command in _following(source, folder)),
    ]


def _line(event: Event, fps: float) -> str:
    peak = clock(event.peak_frame / fps)
    return f"{clock(event.start_seconds)} to {clock(event.end_seconds)}, highest {event.peak_score:.2f} at {peak}"


def _write(
    folder: Path, text: str, source: Source, model: Model, chosen: Chosen, options: Options, found: Recording,
    took: float,
) -> None:  # fmt: skip
    name = Path(text).stem if "://" not in text else "stream"
    write_frames(
        folder / SCORES,
        frame_rows(name, model.card.seed, found.judged, chosen.tail),
        unit=model.detector.unit,
        fps=source.fps,
    )
    write_events(folder / EVENTS, found.events)
    reasons = [_why(peak, model, found.fps, number) for number, peak in enumerate(found.peaks[:PORTRAYED], start=1)]
    facts = _facts(text, source, model, chosen, options, found, took)
    summary = {
        **facts, "frames": len(found.judged), "fps": found.fps, "size": list(found.size), "windows": found.windows,
        "sightings": found.people,
        "late": found.late, "threshold": chosen.threshold, "calibrated": chosen.calibrated,
        "model_sha256": model.digest,
        "trouble": str(found.trouble) if found.trouble else None,
        "events": [
            {**asdict(peak.event), "why": reason.json() if reason else None}
            for peak, reason in zip(found.peaks, [*reasons, *[None] * len(found.peaks[PORTRAYED:])], strict=True)
        ],
    }  # fmt: skip
    write_text(folder / SUMMARY, json.dumps(summary, indent=1, allow_nan=False) + "\n")
    page = _page(text, model, chosen, options, found, reasons, facts, folder)
    draw_run(folder / TIMELINE, page, found.fps)
    write_text(folder / PAGE, render(page))


def _why(peak: Peak, model: Model, fps: float, number: int) -> Why | None:
    """Of the person's highest window at the peak; None where nobody was scored there."""
    if not peak.windows:
        return None
    windows, key = peak.windows[0].windows, f"alarm-{number}"
    return why(model.detector, model.normals, windows, part=model.part, fps=fps, key=key)


def _page(
    text: str, model: Model, chosen: Chosen, options: Options, found: Recording, reasons: list[Why | None],
    facts: dict[str, str], folder: Path,
) -> RunPage:  # fmt: skip
    told = [*reasons, *[None] * (len(found.peaks) - len(reasons))]
    alarms = tuple(
        Alarm(
            start=peak.event.start_seconds, end=peak.event.end_seconds, peak=peak.event.peak_frame / found.fps,
            score=peak.event.peak_score, rarity=_rarity(peak.event.p, chosen), person=peak.event.track,
            picture=peak.portrait,
            reason=Reason(reason.sentences, reason.svg) if reason else Reason(),
        )
        for peak, reason in zip(found.peaks, told, strict=True)
    )  # fmt: skip
    ranked = sorted(
        found.tracks.items(), key=lambda item: (-(item[1][2] if item[1][2] is not None else -np.inf), item[0])
    )
    people = tuple(
        (track, first / found.fps, last / found.fps, "–" if highest is None else f"{highest:.2f}")
        for track, (first, last, highest) in ranked[:LISTED]
    )
    return RunPage(
        source=Path(text).name if "://" not in text else masked(text), facts=tuple(facts.items()),
        film=FILM if options.film else "", blurred=options.blur_faces and not options.skeleton_only,
        unit=model.detector.unit, seconds=found.seconds,
        raw=found.trace([one.raw if one.scored else np.nan for one in found.judged]),
        smoothed=found.trace([one.smoothed for one in found.judged]), threshold=chosen.threshold, alarms=alarms,
        people=people, notes=_notes(model, chosen, found), following=_following(text, folder),
    )  # fmt: skip


def _rarity(p: float | None, chosen: Chosen) -> str:
    if p is None:
        return ""
    of = "this camera's" if chosen.calibrated else "the model's"
    return f"No more than {100 * p:.2g} % of the frames of {of} normal footage score as high."


def _notes(model: Model, chosen: Chosen, found: Recording) -> tuple[str, ...]:
    """What a reader has to know before believing the figures."""
    notes = []
    if found.trouble is not None:
        notes.append(f"The source ended early: {found.trouble.what}. What came before was judged.")
    if not chosen.calibrated:
        notes.append(
            f"The threshold is {chosen.origin}: nobody knows how often it rings falsely here. `normotion calibrate` "
            "finds one on normal footage of this camera."
        )
    if "comes with normotion" in model.origin:
        notes.append(
            f"The model is {model.origin}. It has seen people walk, from one camera; what is usual elsewhere may "
            "alarm it."
        )
    if not any(judged.scored for judged in found.judged):
        notes.append("Nobody was seen for as long as a window lasts, so no frame has a score of its own.")
    if found.late:
        notes.append(f"{found.late} scores of people who had been away for long came too late for their frames.")
    return tuple(notes)


def _facts(
    text: str, source: Source, model: Model, chosen: Chosen, options: Options, found: Recording, took: float
) -> dict[str, str]:
    return {
        "source": masked(text),
        "frames": f"{len(found.judged)} at {source.fps:g}/s, {source.size[0]} × {source.size[1]} px",
        "looked at": "every frame" if options.every == 1 else f"every {options.every}th frame",
        "model": model.origin,
        "model, sha256": model.digest,
        "poses": model.card.people.backend,
        "threshold": f"{chosen.threshold:.4g} {model.detector.unit}: {chosen.origin}",
        "took": f"{took:.1f} s",
    }


def _following(text: str, folder: Path) -> tuple[str, ...]:
    own = "" if "://" in text or text.isdecimal() else f"normotion label {text} --scores {folder / SCORES}"
    known = ("normotion calibrate NORMAL_FOOTAGE --false-alarms 1/day", "normotion watch rtsp://CAMERA --jsonl -")
    return (own, *known) if own else known
