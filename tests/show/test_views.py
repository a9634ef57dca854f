"""Who stands first, who is his equal, and which clips are unfolded."""

from __future__ import annotations

from stages.show.timeline import Truth
from stages.show.views import OPEN, ClipView, Difference, ranked
from tests.show.made_up import bare, entry, view


def test_the_best_stands_first_and_the_undefined_last() -> None:
    order = [entry(name, bare(auc)) for name, auc in (("a", 0.6), ("b", None), ("c", 0.9), ("d", 0.9))]
    assert [item.detector for item in ranked(order)] == ["c", "d", "a", "b"]


def test_equals_of_the_best_are_known_by_name() -> None:
    far, near = Difference("far", 0.2, None, 0.01, distinct=True), Difference("near", 0.01, None, 0.4, distinct=False)
    found = view(differences=(far, near))
    assert [found.tied(name) for name in ("near", "far", "best")] == [True, False, False]


def test_clips_are_unfolded_in_the_order_they_are_shown() -> None:
    # Alternating scenes: b holds c0, c2, c4 …, a holds c1, c3, c5 …; a is shown first.
    scenes = "ba" * OPEN
    clips = [ClipView(Truth(f"c{place}", 10, 5, (), known=True), (), (), scene) for place, scene in enumerate(scenes)]
    found = view(clips=tuple(clips))
    assert [(scene, len(group)) for scene, group in found.scenes()] == [("a", OPEN), ("b", OPEN)]
    assert found.opened() == {f"c{2 * place + 1}" for place in range(OPEN)}
