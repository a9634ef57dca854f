"""The rules every engine keeps: all items are done, deaths are counted, what goes wrong is handed over."""

from __future__ import annotations

import logging
from collections import Counter, deque
from pathlib import Path

import pytest

from stages.core.errors import NormotionError, PipelineError, VideoError
from stages.pose.engines.base import Answer, Death, attempt, here, spread
from tests.pose.engines.chores import chores, do


class Fates:
    """A pool of two whose workers meet the fates they are told; done in the order given."""

    size = 2

    def __init__(self, **fates: list[Answer | Death]) -> None:
        self.fates = fates
        self.work: deque[str] = deque()
        self.most = 0
        self.operations = 0
        self.closed = False

    def give(self, item: str) -> None:
        self.operations += 1
        self.work.append(item)
        self.most = max(self.most, len(self.work))

    def take(self) -> tuple[str, Answer | Death]:
        self.operations += 1
        item = self.work.popleft()
        return item, self.fates[item].pop(0) if item in self.fates else Answer()

    def close(self) -> None:
        self.closed = True


def test_all_is_done_and_no_more_at_once_than_there_are_workers() -> None:
    pool = Fates()
    assert list(spread(pool, ["a", "b", "c", "d", "e"], 0)) == [(name, None) for name in "abcde"]
    assert pool.most == 2
    assert pool.closed


def test_who_dies_over_a_clip_is_replaced_and_the_clip_comes_last(said: pytest.LogCaptureFixture) -> None:
    pool = Fates(a=[Death("SIGKILL"), Answer()])
    # b runs beside a; a is tried again after c.
    assert list(spread(pool, ["a", "b", "c"], 2)) == [("b", None), ("c", None), ("a", None)]
    assert said.messages == ["a: its worker died (SIGKILL); try 2 of 3 follows"]


@pytest.mark.parametrize("retries", [0, 1, 2])
def test_a_clip_that_kills_again_and_again_is_given_up(retries: int) -> None:
    pool = Fates(a=[Death("SIGKILL")] * (retries + 1))
    troubles = dict(spread(pool, ["a", "b"], retries))
    assert troubles["b"] is None
    assert isinstance(troubles["a"], PipelineError)
    assert troubles["a"].what == f"its worker died {retries + 1} times, at last: SIGKILL"


def test_troubles_and_lines_of_workers_are_handed_over(said: pytest.LogCaptureFixture) -> None:
    broken = VideoError("it is broken")
    pool = Fates(a=[Answer(((logging.INFO, "looked at a"), (logging.WARNING, "a is odd")), broken)])
    assert list(spread(pool, ["a"], 2)) == [("a", broken)]
    assert [(record.levelname, record.getMessage()) for record in said.records] == [
        ("INFO", "looked at a"),
        ("WARNING", "a is odd"),
    ]


def test_who_stops_early_ends_the_workers() -> None:
    pool = Fates()
    outcomes = spread(pool, ["a", "b", "c"], 0)
    next(outcomes)
    assert not pool.closed
    outcomes.close()
    assert pool.closed


def test_an_interruption_ends_the_workers() -> None:
    class Interrupted(Fates):
        def take(self) -> tuple[str, Answer | Death]:
            raise KeyboardInterrupt

    pool = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        list(spread(pool, ["a"], 0))
    assert pool.closed


def test_the_number_of_operations_grows_with_the_number_of_clips() -> None:
    counts = Counter[int]()
    for number in (100, 1000):
        pool = Fates()
        assert len(list(spread(pool, [str(item) for item in range(number)], 2))) == number
        counts[number] = pool.operations
    assert counts == {100: 200, 1000: 2000}  # one give and one take each


def test_in_this_process_one_after_another(tmp_path: Path) -> None:
    items = chores(tmp_path, "good", "broken", "good:2")
    outcomes = here(do, items)
    first = next(outcomes)
    assert first == (items[0], None)
    assert items[1].attempts() == 0  # nothing is begun before it is asked for
    (_, trouble), last = outcomes
    assert isinstance(trouble, VideoError)
    assert last == (items[2], None)


def test_in_this_process_a_mistake_of_ours_stays_one(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        list(here(do, chores(tmp_path, "buggy")))


@pytest.fixture
def log_as_it_was() -> object:
    log = logging.getLogger("normotion")
    before = (list(log.handlers), log.level, log.propagate)
    yield log
    log.handlers[:], log.level, log.propagate = before


@pytest.mark.usefixtures("log_as_it_was")
def test_an_attempt_keeps_its_lines_and_its_trouble(tmp_path: Path) -> None:
    good, broken = chores(tmp_path, "good", "broken")
    assert attempt(do, good, logging.INFO) == Answer(((logging.INFO, "good begun"),))
    answer = attempt(do, broken, logging.WARNING)
    assert answer.lines == ()
    assert isinstance(answer.error, NormotionError)
    assert (answer.error.what, answer.error.where, answer.error.fix) == ("it is broken", "broken", "mend it")
