"""What the papers' ablations do to a dataset: each edit turns one draft into another, by a seed of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from stages.core.errors import DatasetError
from stages.core.progress import log
from stages.core.seeding import stream
from stages.ingest.drafts import Draft, Jitter, people_in_frames

ATTAINED = 0.9
"""Share of an asked-for contamination that the abnormal clips must be able to give."""


class Edit(Protocol):
    """A change to a dataset; a frozen dataclass whose `repr` says all about it, since results are known by it."""

    def __call__(self, draft: Draft) -> Draft:
        """The changed draft.

        Raises:
            DatasetError: the dataset does not have what the change needs.
        """
        ...


@dataclass(frozen=True)
class Contaminate:
    """Abnormal training clips slip in unlabelled, as where nobody has looked through the footage.

    The labels of some abnormal training clips are forgotten; the others leave the training split. Larger shares
    contain smaller ones. Source: Hirschorn and Avidan, STG-NF, ICCV 2023, section 4.4 and figure 6; Markovitz et al.,
    GEPC, CVPR 2020, section 4.4 and figure 5.

    Args:
        share: of the training people in frames, how many are abnormal, 0 … 1; that of whole clips comes closest.
        seed: draws the clips.
    """

    share: float
    seed: int = 0

    def __call__(self, draft: Draft) -> Draft:
        """See the class.

        Raises:
            DatasetError: the training split has no abnormal clips, or too few for the share.
        """
        where = str(draft.data.folder / "labels.csv")
        abnormal = draft.abnormal("train")
        if not abnormal:
            raise DatasetError(
                f"no training clip of {draft.data.name!r} is abnormal, so there is nothing to contaminate with",
                where=where,
                fix="choose a dataset with labelled abnormal clips in its training split",
            )
        order = _shuffled(abnormal, self.seed, "contamination")
        shares = _shares(draft, order)
        if shares[-1] < ATTAINED * self.share:
            most = f"{shares[-1]:.1%} of the people in frames"
            raise DatasetError(
                f"all {len(order)} abnormal training clips make {most}, not {self.share:.1%}", where=where
            )
        number = int(np.abs(shares - self.share).argmin())
        log.info(
            "%d of %d abnormal training clips stay, unlabelled: %.2f %% of the people in frames (asked for %g %%)",
            number, len(order), 100 * shares[number], 100 * self.share,
        )  # fmt: skip
        return draft.without(set(order[number:])).unlabelled(set(order[:number]))


@dataclass(frozen=True)
class Partial:
    """Only some of the training clips; larger shares contain smaller ones.

    Source: Hirschorn and Avidan, STG-NF, ICCV 2023, supplement section 9 and figure 8.

    Args:
        share: of the training clips, 0 … 1, rounded to whole clips.
        seed: draws the clips.
    """

    share: float
    seed: int = 0

    def __call__(self, draft: Draft) -> Draft:
        """See the class.

        Raises:
            DatasetError: not even one clip is left.
        """
        order = _shuffled(draft.split("train"), self.seed, "partial data")
        number = round(self.share * len(order))
        if number < 1:
            raise DatasetError(
                f"{self.share:.0%} of {len(order)} training clips is less than one clip",
                where=str(draft.data.folder / "clips.csv"),
                fix="ask for a larger share, or cut the training footage into more clips",
            )
        log.info("%d of %d training clips stay", number, len(order))
        return draft.without(set(order[number:]))


@dataclass(frozen=True)
class Scenes:
    """Training clips of a few scenes only; more scenes contain fewer.

    Source: Cho et al., ITAE with normalizing flows, section 5.3 and figure 7, where the test clips are restricted too.

    Args:
        number: of scenes.
        seed: draws the scenes.
        test: also leave out the validation and test clips of the other scenes, as the source does. Then every
            number of scenes has another test set.
    """

    number: int
    seed: int = 0
    test: bool = False

    def __call__(self, draft: Draft) -> Draft:
        """See the class.

        Raises:
            DatasetError: there are not so many scenes.
        """
        scenes = _scenes(draft, "train")
        if self.test:
            scenes = [scene for scene in scenes if scene in _scenes(draft, "test")]
        if len(scenes) < self.number:
            raise DatasetError(
                f"{self.number} scenes are asked for, but the clips show {len(scenes)}: {', '.join(scenes)}",
                where=str(draft.data.folder / "clips.csv"),
            )
        kept = _shuffled(scenes, self.seed, "scenes")[: self.number]
        log.info("scenes that stay: %s", ", ".join(sorted(kept)))
        elsewhere = ~draft.clips["scene"].astype(str).isin(kept)
        leave = elsewhere & (self.test | (draft.clips["split"] == "train"))
        return draft.without(set(draft.clips["clip"][leave]))


@dataclass(frozen=True)
class OfPlaces:
    """Only what is abnormal because of where it happens: behaviours that are normal in some scenes.

    Source: Yang et al., MGENet, ACM MM 2024, section 4.6 and table 4, where running and jumping are normal in some of
    UBnormal's scenes.

    Args:
        kinds: of behaviour that are normal somewhere; validation and test clips in which any other is labelled leave.
        scenes: that stay, in every split; none named: all.
    """

    kinds: tuple[str, ...]
    scenes: tuple[str, ...] = ()

    def __call__(self, draft: Draft) -> Draft:
        """See the class.

        Raises:
            DatasetError: there is no such kind or scene, or no abnormal test clip is left.
        """
        for name, asked, there in (
            ("kind", self.kinds, set(draft.labels["kind"].dropna().astype(str))),
            ("scene", self.scenes, set(draft.clips["scene"].astype(str))),
        ):
            if unknown := sorted(set(asked) - there):
                raise DatasetError(
                    f"{draft.data.name!r} has no {name} {unknown[0]!r}; there are {', '.join(sorted(there)) or 'none'}",
                    where=str(draft.data.folder),
                )
        other = draft.labels["clip"][~draft.labels["kind"].isin(self.kinds)]
        judged = set(draft.clips["clip"][draft.clips["split"] != "train"])
        elsewhere = ~draft.clips["scene"].astype(str).isin(self.scenes or draft.clips["scene"].astype(str))
        left = draft.without((set(other) & judged) | set(draft.clips["clip"][elsewhere]))
        abnormal = left.abnormal("test")
        if not abnormal:
            raise DatasetError(
                f"no test clip of {draft.data.name!r} shows {' or '.join(self.kinds)} and nothing else abnormal",
                where=str(draft.data.folder / "labels.csv"),
            )
        log.info("%d test clips stay, %d of them abnormal", len(left.split("test")), len(abnormal))
        return left


@dataclass(frozen=True)
class Noise:
    """Keypoints that are less exact than they were, in training and test alike.

    Source: Hirschorn and Avidan, STG-NF, ICCV 2023, supplement section 9 and figure 11, where the unit is the standard
    deviation of a window's y, some 0.3 heights of a standing person.

    Args:
        sigma: standard deviation of the error in heights of the person's box, ≥ 0.
        seed: draws the errors.
    """

    sigma: float
    seed: int = 0

    def __call__(self, draft: Draft) -> Draft:
        """See the class."""
        return replace(draft, jitter=Jitter(self.sigma, self.seed)) if self.sigma else draft


@dataclass(frozen=True)
class UnlabelledTest:
    """Training on the test clips, of which nobody has told anything; nothing else is trained on.

    Source: Hirschorn and Avidan, STG-NF, ICCV 2023, section 4.4, "Zero-Shot Anomaly Detection".
    """

    def __call__(self, draft: Draft) -> Draft:
        """See the class; the copies that are trained on are called `<clip>.unlabelled`."""
        test = draft.without({*draft.split("train"), *draft.split("validation")})
        copies = test.renamed("{}.unlabelled")
        copies = copies.unlabelled(set(copies.clips["clip"]))
        return test.joined(replace(copies, clips=copies.clips.assign(split="train")))


@dataclass(frozen=True)
class Join:
    """The training clips of another dataset besides one's own.

    Source: Hirschorn and Avidan, STG-NF, ICCV 2023, table 3, column "Both".

    Args:
        dataset: the other one; its clips are called `<dataset>.<clip>`.
    """

    dataset: str

    def __call__(self, draft: Draft) -> Draft:
        """See the class.

        Raises:
            DatasetError: there is no such dataset, or it contradicts itself.
        """
        other = Draft.of(draft.project, self.dataset)
        training = other.without({*other.split("validation"), *other.split("test")})
        return draft.joined(training.renamed(f"{self.dataset}.{{}}"))


@dataclass(frozen=True)
class TrainingOnly:
    """Without the test clips: of a dataset that is only learned from."""

    def __call__(self, draft: Draft) -> Draft:
        """See the class."""
        return draft.without(set(draft.split("test")))


def _shuffled(names: Sequence[str], seed: int, purpose: str) -> list[str]:
    """The names in a random order that depends on them and the seed alone."""
    ordered = sorted(names)
    return [ordered[place] for place in stream(seed, purpose).permutation(len(ordered))]


def _scenes(draft: Draft, split: str) -> list[str]:
    return sorted({str(scene) for scene in draft.clips["scene"][draft.clips["split"] == split]})


def _shares(draft: Draft, order: Sequence[str]) -> np.ndarray:
    """Share of abnormal people in frames when the first 0, 1, … of `order` are trained on, `(len(order) + 1,)`."""
    normal = sum(people_in_frames(draft, clip)[0] for clip in draft.split("train") if clip not in order)
    counts = np.array([(0, 0), *(people_in_frames(draft, clip) for clip in order)])
    people, abnormal = counts.cumsum(axis=0).T
    return np.asarray(abnormal / np.maximum(normal + people, 1))
