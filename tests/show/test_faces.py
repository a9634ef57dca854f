"""Heads are gone, all else stays; doubt hides more."""

from __future__ import annotations

import numpy as np
import pytest

from stages.core.skeleton import COCO17
from stages.show.faces import SPEED, blur_faces
from stages.show.overlay import Image, Person
from tests.show.synthetic import FIGURE


def noise(height: int = 300, width: int = 300) -> Image:
    return np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)


def somebody(head: float = 0.9, *, at: tuple[float, float] = (150, 60), scale: float = 3.0) -> Person:
    points = FIGURE * scale + np.array(at, dtype=np.float32)
    confidence = np.where(np.arange(17) < 5, head, 0.9)[:, None]
    keypoints = np.concatenate([points, confidence], axis=1).astype(np.float32)
    low, high = points.min(axis=0), points.max(axis=0)
    return Person(keypoints, np.array([*low, *(high - low)], dtype=np.float64), 1, None)


def test_a_head_is_gone_and_the_rest_stays() -> None:
    image, person = noise(), somebody()
    hidden = blur_faces(image, [person], COCO17)
    changed = (hidden != image).any(axis=-1)
    rows, columns = np.nonzero(changed)
    assert changed[60:80, 145:155].mean() > 0.95
    assert rows.max() < 100
    assert columns.min() > 120
    assert columns.max() < 180
    head = hidden[62:78, 140:160].reshape(-1, 3)
    assert len(np.unique(head, axis=0)) < 30
    assert (image == noise()).all()


def test_without_a_clear_head_all_of_a_person_is_hidden_and_what_is_near() -> None:
    image = noise(600, 600)
    person = somebody(head=0.2, at=(300, 250), scale=2.0)
    x, y, width, height = person.box.astype(int)
    changed = (blur_faces(image, [person], COCO17) != image).any(axis=-1)
    assert changed[y : y + height, x : x + width].mean() > 0.95
    assert changed[y - height // 2, x + width // 2]
    less = (blur_faces(image, [person], COCO17, around=0.0) != image).any(axis=-1)
    assert less.sum() < changed.sum() / 3


def test_one_sure_joint_is_not_enough() -> None:
    person = somebody(head=0.2, at=(300, 250), scale=2.0)
    person.keypoints[0, 2] = 0.9
    image = noise(600, 600)
    x, y, width, height = person.box.astype(int)
    changed = (blur_faces(image, [person], COCO17) != image).any(axis=-1)
    assert changed[y + height - 3, x + width // 2]


def test_heads_seen_a_while_ago_are_hidden_as_far_as_they_may_have_moved() -> None:
    image, person = noise(900, 900), somebody(at=(450, 400), scale=2.0)
    rows = [np.nonzero((blur_faces(image, [person], COCO17, ago=ago) != image).any(axis=(1, 2)))[0] for ago in (0, 0.2)]
    further = rows[0].min() - rows[1].min()
    assert further == pytest.approx(0.2 * SPEED * person.box[2:].max(), abs=2)


def test_who_is_missed_is_hidden_whole_though_the_head_was_clear() -> None:
    image, person = noise(600, 600), somebody(at=(300, 250), scale=2.0)
    x, y, width, height = person.box.astype(int)
    head, whole = (
        (blur_faces(image, [person], COCO17, around=0.15, whole=how) != image).any(axis=-1) for how in (False, True)
    )
    assert not head[y + height - 3, x + width // 2]
    assert whole[y : y + height, x : x + width].mean() > 0.95
    assert (whole | head == whole).all()


def test_people_at_the_border_and_outside_of_it() -> None:
    image = noise()
    for at in ((0, 0), (299, 299), (-500, 50), (900, 900)):
        hidden = blur_faces(image, [somebody(at=at)], COCO17)
        assert hidden.shape == image.shape
    assert (blur_faces(image, [somebody(at=(900, 900))], COCO17) == image).all()
