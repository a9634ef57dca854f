"""What the simulated benchmark looks like: one picture of every abnormal kind, and of what is normal beside it.

    python -m benchmarks.simulated_sheet [docs/images/simulated-kinds.png]

Each panel is cut from a rendered frame around somebody who does what the label says; the frame around the person is
that of the mask, orange where it is abnormal and blue where it is normal in that place. The last panel is the mask of
the first: bodies in grey, things in white. The sensor's noise is left out, which makes the file three times as large.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.core.storage import atomic_file
from stages.show.palette import ABNORMAL, LINES
from stages.simulation.direction import perform
from stages.simulation.places import PLACES
from stages.simulation.render import Picture, RenderParams, render
from stages.simulation.world import Actor, Plan, Take

Image = NDArray[np.uint8]

ACROSS, WIDE, HIGH, GAP = 4, 208, 156, 3
"""Panels in a row, the size of one and the space between them, px."""
FRAMES, FPS, OTHERS = 150, 25.0, 3

GOOD = 0.45
"""The least area of a mask in a frame that shows somebody well, against the largest in the clip."""


@dataclass(frozen=True)
class Panel:
    """What one panel shows.

    Args:
        kind: what somebody does.
        place: where.
        camera: number of the place's camera.
        seed: of the clip.
        share: which of the frames that show it well: 0 the first … 1 the last.
    """

    kind: str
    place: str
    camera: int = 0
    seed: int = 0
    share: float = 0.4


PANELS = (
    Panel("cycle", "park", share=0.65),
    Panel("run", "hall", share=0.7),
    Panel("fall", "street", share=0.2),
    Panel("fight", "park", seed=2, share=0.35),
    Panel("jump", "hall", seed=2, share=0.35),
    Panel("glide", "street"),
    Panel("crawl", "track", seed=2, share=0.7),
    Panel("throw", "hall", seed=1, share=0.8),
    Panel("loiter", "street"),
    Panel("walk", "hall", camera=1),
    Panel("run", "track"),
)


def sheet(panels: tuple[Panel, ...] = PANELS) -> Image:
    """All panels and the first one's mask in rows of ACROSS, `(H, W, 3)` RGB."""
    drawn = [draw(panel) for panel in panels]
    images = [image for image, _ in drawn] + [drawn[0][1]]
    blank = [np.full((HIGH, WIDE, 3), 255, np.uint8)] * (-len(images) % ACROSS)
    framed = [
        cv2.copyMakeBorder(image, 0, GAP, 0, GAP, cv2.BORDER_CONSTANT, value=(255,) * 3) for image in images + blank
    ]
    rows = [np.hstack(framed[start : start + ACROSS]) for start in range(0, len(framed), ACROSS)]
    return np.asarray(np.vstack(rows)[:-GAP, :-GAP], np.uint8)


def draw(panel: Panel) -> tuple[Image, Image]:
    """The labelled panel, and the mask of the same cut-out, each `(HIGH, WIDE, 3)` RGB."""
    take = _take(panel)
    actor, picture, region = _moment(take, panel)
    left, top, right, bottom = _window(region, take.plan.camera.width, take.plan.camera.height)
    scale = WIDE / (right - left)
    window = (slice(top, bottom), slice(left, right))
    image = np.asarray(cv2.resize(picture.image[window], (WIDE, HIGH), interpolation=cv2.INTER_CUBIC), np.uint8)
    row = int(np.flatnonzero(actor.kinds == panel.kind)[0])
    colour = _rgb(ABNORMAL if actor.abnormal[row] else LINES[0])
    x0, y0, x1, y1 = (round(scale * (value - start)) for value, start in zip(region, (left, top) * 2, strict=True))
    cv2.rectangle(image, (x0, y0), (x1, y1), colour, 1, cv2.LINE_AA)
    _label(image, f"{panel.kind} ({panel.place})", colour)
    levels = 110 * (picture.people[window] > 0) + 255 * (picture.things[window] > 0)
    mask = cv2.resize(levels.astype(np.uint8), (WIDE, HIGH), interpolation=cv2.INTER_NEAREST)
    return image, np.asarray(cv2.cvtColor(mask, cv2.COLOR_GRAY2RGB), np.uint8)


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description="Draw every abnormal kind of the simulated benchmark.")
    parser.add_argument("picture", type=Path, nargs="?", default=Path("docs/images/simulated-kinds.png"))
    path = parser.parse_args().picture
    done, coded = cv2.imencode(".png", cv2.cvtColor(sheet(), cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 9])
    if not done:
        raise OSError("OpenCV cannot encode PNG")
    with atomic_file(path) as temporary:
        temporary.write_bytes(coded.tobytes())
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def _take(panel: Panel) -> Take:
    place = next(place for place in PLACES if place.name == panel.place)
    kinds = () if panel.kind == "walk" else (panel.kind,)
    plan = Plan("sheet", "test", place, place.cameras[panel.camera], FPS, FRAMES, kinds, OTHERS, panel.seed)
    return Take(plan, perform(plan))


def _moment(take: Take, panel: Panel) -> tuple[Actor, Picture, tuple[int, int, int, int]]:
    """Who shows the kind best, the picture at the panel's share of the good frames, and the mask's box in it."""
    pictures = list(render(take, RenderParams(noise=0.0)))
    shown = [(actor, _showing(actor, panel.kind, pictures)) for actor in take.actors]
    shown = [(actor, areas) for actor, areas in shown if areas]
    if not shown:
        raise ValueError(f"nobody is seen to {panel.kind} ({panel.place}, seed {panel.seed}): choose another seed")
    actor, areas = max(shown, key=lambda one: max(one[1].values()))
    good = [frame for frame, area in areas.items() if area >= GOOD * max(areas.values())]
    picture = pictures[good[int(panel.share * (len(good) - 1))]]
    rows, columns = np.nonzero(_mask(picture, actor))
    return actor, picture, (int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)


def _showing(actor: Actor, kind: str, pictures: list[Picture]) -> dict[int, int]:
    """How many pixels show the actor in each frame of the kind, where the mask does not touch the frame's edge."""
    areas = {}
    for frame in (actor.start + np.flatnonzero(actor.kinds == kind)).tolist():
        mask = _mask(pictures[frame], actor)
        if mask.any() and not (mask[[0, -1]].any() or mask[:, [0, -1]].any()):
            areas[frame] = int(mask.sum())
    return areas


def _mask(picture: Picture, actor: Actor) -> NDArray[np.bool_]:
    number = actor.track + 1
    return np.asarray((picture.people == number) | (picture.things == number))


def _window(region: tuple[int, int, int, int], width: int, height: int) -> tuple[int, int, int, int]:
    """A cut-out of the panel's proportions around a box, 1.7 times as high or wide, within the frame."""
    left, top, right, bottom = region
    high = min(max(1.7 * (bottom - top), 1.7 * (right - left) * HIGH / WIDE, 80), height)
    tall, wide = round(high), round(high * WIDE / HIGH)
    x = min(max((left + right - wide) // 2, 0), width - wide)
    y = min(max((top + bottom - tall) // 2, 0), height - tall)
    return x, y, x + wide, y + tall


def _label(image: Image, text: str, colour: tuple[int, int, int]) -> None:
    (wide, high), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.45, 1)
    cv2.rectangle(image, (0, 0), (wide + 8, high + 9), colour, cv2.FILLED)
    cv2.putText(image, text, (4, high + 4), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 255), 1, cv2.LINE_AA)


def _rgb(code: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(code.removeprefix("#"))
    return red, green, blue


if __name__ == "__main__":
    main()
