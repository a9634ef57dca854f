"""What figures of poses and tracks mean for whoever trains on them, in plain sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stages.pose.quality import NEAR, SHORT, SMALL, UNSURE

Figures = Mapping[str, Any]
Joints = Mapping[str, Mapping[str, float | None]]


@dataclass(frozen=True)
class Advice:
    """Something to look at before a detector is blamed.

    Args:
        text: what is the matter, one sentence with the worst case.
        means: what follows, and what can be done.
        places: all clips or cameras it is true of, the worst first; empty for the dataset as a whole.
        grave: what it touches cannot be scored, or is scored wrongly; otherwise it makes things worse.
    """

    text: str
    means: str
    places: tuple[str, ...] = ()
    grave: bool = False


@dataclass(frozen=True)
class _Rule:
    """A figure of a clip that should not be as it is: `bad` gives how bad, 0 is fine; the worst clip's is told."""

    bad: Callable[[Figures], float]
    text: Callable[[str, Figures], str]
    means: str
    grave: bool = False


def advise(whole: Figures, joints: Joints, clips: Mapping[str, Figures], cameras: Mapping[str, Joints]) -> list[Advice]:
    """What stands out, grave things first.

    Args:
        whole: figures of the dataset (`stages.pose.quality.figures`).
        joints: its figures by joint (`joint_figures`).
        clips: figures of every clip.
        cameras: figures by joint of every camera.
    """
    found = [*_of_clips(clips), *_of_tracks(whole), *_of_people(whole), *_of_joints(joints, cameras)]
    return sorted(found, key=lambda advice: not advice.grave)


def percent(value: float) -> str:
    """Whole percents that never round what is there to nothing, nor what is missing to all."""
    return f"{min(max(round(value * 100), 1), 99) if 0 < value < 1 else round(value * 100)} %"


def _missed(figures: Figures) -> float:
    caught = figures["abnormal_frames_with_tracks"]
    return 0.0 if caught is None or caught > 0.95 or not figures["poses"] else 1 - caught


def _nobody(figures: Figures) -> float:
    return 0.0 if figures["poses"] == 0 or figures["frames_with_people"] > 2 / 3 else 1 - figures["frames_with_people"]


_RULES = (
    _Rule(
        lambda figures: float(figures["poses"] == 0),
        lambda clip, figures: f"nobody at all was found in clip {clip} ({figures['frames']} frames)",
        "No detector can say anything about it. Look at the video: are people too small, too dark, or not there?",
        grave=True,
    ),
    _Rule(
        _missed,
        lambda clip, figures: (
            f"in {percent(_missed(figures))} of the frames labelled abnormal of clip {clip} nobody is tracked"
        ),
        "What happens there cannot be scored from poses, whatever the detector: a miss is the poses', not the model's.",
        grave=True,
    ),
    _Rule(
        _nobody,
        lambda clip, figures: f"{percent(_nobody(figures))} of the frames of clip {clip} have nobody",
        "Right for a scene that is often empty; if people are to be seen there, the person detector misses them.",
    ),
    _Rule(
        lambda figures: figures["people_outside"] if (figures["people_outside"] or 0) > 0.05 else 0.0,
        lambda clip, figures: (
            f"{percent(figures['people_outside'])} of the people of clip {clip} stand outside its frame"
        ),
        "Width and height in clips.csv are probably not those that the poses were estimated at.",
        grave=True,
    ),
    _Rule(
        lambda figures: figures["lost_frames_of_tracks"] if (figures["lost_frames_of_tracks"] or 0) > 0.1 else 0.0,
        lambda clip, figures: f"tracks of clip {clip} miss {percent(figures['lost_frames_of_tracks'])} of their frames",
        "Short gaps are filled by the window spec (fill), windows over longer ones are dropped.",
    ),
)


def _of_clips(clips: Mapping[str, Figures]) -> Iterator[Advice]:
    for rule in _RULES:
        bad = {clip: rule.bad(figures) for clip, figures in clips.items()}
        places = sorted((clip for clip in bad if bad[clip] > 0), key=lambda clip: (-bad[clip], clip))
        if places:
            more = f", and the like holds for {len(places) - 1} more of {len(clips)} clips" if len(places) > 1 else ""
            text = _sentence(rule.text(places[0], clips[places[0]]) + more)
            yield Advice(text, rule.means, (*places,), grave=rule.grave)


def _of_tracks(whole: Figures) -> Iterator[Advice]:
    if (whole["tracks_short"] or 0) > 0.5:
        yield Advice(
            f"{percent(whole['tracks_short'])} of the {whole['tracks']} tracks last less than {SHORT:g} s.",
            "They hold no whole window and are never scored. People pass quickly, or the tracker loses them.",
        )
    if (whole["tracks_fragments"] or 0) > 0.2:
        yield Advice(
            f"{whole['fragments']} of {whole['tracks']} tracks begin within {SHORT:g} s and {NEAR:g} body height of "
            "where another one ended.",
            "Probably the same people under new ids, windows cut in two. A longer bridge (track.bridge) may help.",
        )
    if whole["poses"] and whole["poses_in_tracks"] < 0.7:
        yield Advice(
            f"{percent(1 - whole['poses_in_tracks'])} of the poses are in no track.",
            "Weak detections that nothing follows are dropped; extract.strong says who is weak.",
        )


def _of_people(whole: Figures) -> Iterator[Advice]:
    if (whole["people_small"] or 0) > 0.5:
        yield Advice(
            f"{percent(whole['people_small'])} of the people are less than {SMALL} px tall.",
            "Arms and faces of so small people are guesses. A larger picture or tiles (extract.tile_above) help.",
        )


def _of_joints(joints: Joints, cameras: Mapping[str, Joints]) -> Iterator[Advice]:
    values = {found["confidence"] for found in joints.values()}
    if len(values) == 1 and (value := values.pop()) is not None:
        yield Advice(
            f"Every joint has the same mean confidence, {value:g}.",
            "The source of the poses does not say how sure it is: unsure joints cannot be told from sure ones.",
        )
        return
    unsure = [name for name in joints if _weak(joints, name)]
    if unsure:
        everywhere = len(cameras) > 1 and all(_weak(found, name) for found in cameras.values() for name in unsure)
        yield Advice(
            f"Unsure joints{' at every camera' if everywhere else ''}: {_list(joints, unsure)}.",
            f"In that share of people their confidence is below {UNSURE:g}: movements of such joints mean little.",
        )
    for camera, found in cameras.items():
        only = [name for name in found if _weak(found, name) and name not in unsure]
        if only:
            yield Advice(
                f"Unsure joints at camera {camera}: {_list(found, only)}.",
                "Not so in all footage together: something hides them there, or people are seen from one side.",
            )


def _list(joints: Joints, names: Sequence[str]) -> str:
    """Joints with number and share, the most unsure first."""
    numbers = {name: number for number, name in enumerate(joints)}
    ordered = sorted(names, key=lambda name: -(joints[name]["unsure"] or 0))
    return ", ".join(
        f"{numbers[name]} {name.replace('_', ' ')} ({percent(joints[name]['unsure'] or 0)})" for name in ordered
    )


def _weak(joints: Joints, name: str) -> bool:
    return (joints[name]["unsure"] or 0) > 0.5


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
