"""Frames: who is where, who hides whom, where shadows fall, and what the camera adds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stages.core.errors import DatasetError
from stages.simulation.backdrop import backdrop
from stages.simulation.cameras import project
from stages.simulation.render import BLOCK, RenderParams, _majority, render
from tests.simulation.stills import CAMERA, CRATE, PLAIN, prop, standing, still, taken


def test_a_pixel_belongs_to_who_covers_at_least_half_of_it() -> None:
    fine = np.array([[0, 7, 0, 7, 3, 3, 3, 7], [0, 0, 0, 7, 0, 0, 7, 7]], np.uint8)
    # Four pixels: a quarter, half, half, and 3 with 7 in a pixel that 7 has three quarters of.
    assert _majority(fine).tolist() == [[0, 7, 3, 7]]


def test_masks_are_where_people_were_drawn() -> None:
    empty, seen = still(), still(standing(4, 0.3, 2.0))
    changed = (seen.image != empty.image).any(axis=2)
    body = seen.people == 5  # 1 + track
    assert set(np.unique(seen.people)) == {0, 5}
    assert body.sum() > 200
    assert changed[body].mean() > 0.99
    lit = seen.image.sum(axis=2, dtype=int) > empty.image.sum(axis=2, dtype=int)
    edge = np.abs(np.argwhere(lit & ~body)[:, None] - np.argwhere(body)).max(axis=2).min(axis=1)
    assert edge.max(initial=0) <= 1  # outside, all that is not at the very edge can only be shadow


@pytest.mark.parametrize("heading", [-1.57, 0.0, 0.8, 1.57, 3.0])
@pytest.mark.parametrize("angles", [{}, {"hip_flexion": 60.0, "knee_flexion": 80.0}, {"shoulder_flexion": 90.0}])
def test_keypoints_lie_inside_the_mask(heading: float, angles: dict[str, float]) -> None:
    actor = standing(0, 0.0, 0.5, heading=heading, angles=angles)
    people = still(actor).people
    columns, rows = np.floor(project(CAMERA, actor.joints[0, :17])[0]).astype(int).T
    assert (people[rows, columns] == 1).mean() >= 0.95


def test_the_nearer_person_hides_the_farther_one() -> None:
    near, far = standing(0, 0.0, 0.5), standing(1, 0.1, 3.0)
    alone, both, behind = still(near).people, still(far, near).people, still(far).people
    assert ((alone == 1) & (behind == 2)).sum() > 100
    assert ((both == 1) != (alone == 1)).mean() < 0.002  # a pixel at the edge may be half the one's, half the other's
    assert ((both == 2) != ((behind == 2) & (alone == 0))).mean() < 0.002


def test_things_in_front_hide_and_things_behind_do_not() -> None:
    crate = backdrop(taken(boxes=(CRATE,)).plan.place, CAMERA).owner[::2, ::2] == 1
    free, behind = still(standing(0, 0.0, 2.0)), still(standing(0, 0.0, 2.0), boxes=(CRATE,))
    assert 60 < (free.people[crate] == 1).sum() < 0.8 * (free.people == 1).sum()
    assert (behind.people[crate] == 1).sum() < 20  # fine pixels at the crate's edge
    np.testing.assert_array_equal(behind.people[~crate], free.people[~crate])
    before = standing(0, 0.0, 0.2)
    np.testing.assert_array_equal(still(before, boxes=(CRATE,)).people, still(before).people)


def test_shadows_darken_the_ground_and_nothing_else() -> None:
    crate = (CRATE,)
    empty, seen = still(boxes=crate), still(standing(0, 1.4, 1.0), boxes=crate)
    darker = empty.image.sum(axis=2, dtype=int) - seen.image.sum(axis=2, dtype=int)
    outside = seen.people == 0
    assert (darker[outside] > 60).sum() > 20
    assert (darker[outside] < -30).sum() < 12  # but for edges of the body, which a pixel shares with the ground
    assert (darker[:20][outside[:20]] == 0).all()  # no shadow on the sky and houses


def test_who_flies_casts_a_shadow_apart_from_the_feet() -> None:
    stands = standing(0, 0.0, 2.0)
    high = replace(stands, joints=stands.joints + np.array([0, 0, 3.0], np.float32))
    empty = still().image.sum(axis=2, dtype=int)
    foot = int(project(CAMERA, [0.0, 2.0, 0.0])[0][1])
    shades = [empty - still(actor).image.sum(axis=2, dtype=int) for actor in (stands, high)]
    assert [bool((shade[foot - 4 : foot + 3, 58:70] > 60).any()) for shade in shades] == [True, False]


def test_things_are_not_part_of_bodies() -> None:
    rider = standing(2, 0.0, 1.5, props=[prop("bicycle", 0.0, 1.5)])
    picture = still(rider)
    alone = still(standing(2, 0.0, 1.5))
    assert set(np.unique(picture.things)) == {0, 3}
    assert not ((picture.things > 0) & (picture.people > 0)).any()
    assert 100 < (picture.people == 3).sum() < (alone.people == 3).sum()  # the frame covers some of the legs


def test_a_thing_that_is_not_there_is_not_drawn() -> None:
    gone = prop("ball", np.nan, np.nan, np.nan)
    there, missing = (still(standing(0, 0.0, 2.0, props=[one])) for one in (prop("ball", 1.0, 1.0, 1.2), gone))
    assert (there.things == 1).sum() > 10
    np.testing.assert_array_equal(missing.image, still(standing(0, 0.0, 2.0)).image)


def test_someone_behind_the_camera_or_out_of_the_picture_is_not_drawn() -> None:
    for actor in (standing(0, 0.0, -9.0), standing(0, 40.0, 3.0)):
        assert not still(actor).people.any()


def test_people_come_and_go_at_their_frames() -> None:
    late = replace(standing(0, 0.0, 2.0, frames=4), start=BLOCK - 2)
    shown = [picture.people.any() for picture in render(taken(late, frames=BLOCK + 5), PLAIN)]
    assert np.flatnonzero(shown).tolist() == [BLOCK - 2, BLOCK - 1, BLOCK, BLOCK + 1]  # across the blocks' border


def test_different_looks_give_different_colours() -> None:
    colours = []
    for look in range(6):
        picture = still(replace(standing(0, 0.0, 1.0), look=look))
        colours.append(picture.image[picture.people == 1].mean(axis=0))
    gaps = np.linalg.norm(np.subtract.outer(colours, colours).diagonal(axis1=1, axis2=3), axis=2)
    assert (gaps[~np.eye(6, dtype=bool)] > 3).mean() > 0.9


def test_the_empty_place_is_the_same_in_all_clips_of_a_camera() -> None:
    one, other = (next(iter(render(taken(seed=seed), PLAIN))).image for seed in (1, 2))
    np.testing.assert_array_equal(one, other)


def test_light_and_noise_are_those_asked_for() -> None:
    plain = np.array(still().image, np.float64)
    middling = (plain > 40) & (plain < 200)  # where nothing can be cut off
    for seed in range(4):
        lit = next(iter(render(taken(seed=seed), replace_params(light=0.2)))).image
        ratio = lit[middling] / plain[middling]
        assert 0.79 < np.median(ratio) < 1.21
        assert ratio.std() < 0.02
    noisy = list(render(taken(frames=2), replace_params(noise=4.0)))
    differences = [(picture.image - plain)[middling] for picture in noisy]
    assert [pytest.approx(4.0, abs=0.3)] * 2 == [float(difference.std()) for difference in differences]
    assert abs(np.corrcoef(differences[0], differences[1])[0, 1]) < 0.05  # new noise in every frame


def test_blur_softens() -> None:
    sharp, soft = (
        np.array(next(iter(render(taken(), one))).image, np.float64) for one in (PLAIN, replace_params(blur=0.8))
    )
    assert np.abs(np.diff(soft, axis=1)).mean() < 0.8 * np.abs(np.diff(sharp, axis=1)).mean()


def test_equal_takes_give_equal_bytes_and_other_seeds_do_not() -> None:
    def frames(seed: int) -> bytes:
        shown = render(taken(standing(0, 0.0, 2.0, frames=3), frames=3, seed=seed), RenderParams())
        return b"".join(picture.image.tobytes() for picture in shown)

    assert frames(1) == frames(1)
    assert frames(1) != frames(2)


def test_a_track_too_large_for_masks_is_refused() -> None:
    still(standing(126, 0.0, 2.0))
    with pytest.raises(DatasetError, match="track 127 is too large"):
        still(standing(127, 0.0, 2.0))


def replace_params(**values: float) -> RenderParams:
    return PLAIN.model_copy(update=values)
