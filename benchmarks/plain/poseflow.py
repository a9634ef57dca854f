"""PoseFlow as its authors' release describes it, pair by pair and joint by joint: what the fast form is compared with.

Without images: overlaps of boxes and joints alone. Ids equal those of `TrackParams.published()`.

Source: Xiu et al., "Pose Flow: Efficient Online Pose Tracking", BMVC 2018, and the constants of its release.
"""

from __future__ import annotations

from scipy.optimize import linear_sum_assignment

LINK, NUM, MAG, MATCH, MARGIN = 100, 7, 30, 0.2, 0.1
Pose = list[tuple[float, float]]
Box = tuple[float, float, float, float]


def box_around(pose: Pose, width: int, height: int) -> Box:
    """Left, right, top, bottom of the joints, a tenth wider on each side, in whole px of the frame."""
    xs, ys = [x for x, _ in pose], [y for _, y in pose]
    wide, high = MARGIN * (max(xs) - min(xs)), MARGIN * (max(ys) - min(ys))

    def cut(value: float, limit: int) -> float:
        return int(min(max(value, 0), limit - 1))

    return (
        cut(min(xs) - wide, width), cut(max(xs) + wide, width), cut(min(ys) - high, height), cut(max(ys) + high, height)
    )  # fmt: skip


def overlap(first: Box, second: Box) -> float:
    """Intersection over union of two boxes whose sides count a pixel more."""
    width = min(first[1], second[1]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[2], second[2])
    if width <= 0 or height <= 0:
        return 0.0
    shared = (width + 1) * (height + 1)
    areas = [(box[1] - box[0] + 1) * (box[3] - box[2] + 1) for box in (first, second)]
    return shared / (sum(areas) - shared + 1e-5)


def pose_overlap(first: Pose, second: Pose) -> float:
    """Mean of the best overlaps of squares around the joints."""
    found = []
    for (x, y), (u, v) in zip(first, second, strict=True):
        square, other = (x - MAG, x + MAG, y - MAG, y + MAG), (u - MAG, u + MAG, v - MAG, v + MAG)
        found.append(overlap(square, other))
    best = sorted(found, reverse=True)[:NUM]
    return sum(best) / len(best)


def track(frames: list[list[Pose]], width: int, height: int) -> list[list[int]]:
    """Ids of the people of each frame, from 1; frames without people stay empty."""
    known: dict[int, tuple[int, Pose, Box]] = {}
    result: list[list[int]] = []
    for frame, people in enumerate(frames):
        candidates = [(number, *seen) for number, seen in known.items() if frame - seen[0] <= LINK]
        boxes = [box_around(pose, width, height) for pose in people]
        cost = []
        for _, last, before, old in candidates:
            weight = 2.0 if frame - last == 1 else 1.0
            cost.append(
                [
                    -weight * (overlap(old, box) + pose_overlap(before, pose))
                    for pose, box in zip(people, boxes, strict=True)
                ]
            )
        ids = [0] * len(people)
        if candidates and people:
            for row, column in zip(*linear_sum_assignment(cost), strict=True):
                if -cost[row][column] > MATCH:
                    ids[column] = candidates[row][0]
        for person, pose in enumerate(people):
            ids[person] = ids[person] or max(known, default=0) + 1
            known[ids[person]] = (frame, pose, boxes[person])
        result.append(ids)
    return result
