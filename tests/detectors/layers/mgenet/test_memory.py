"""Memories: addressing, reading and settling by hand, and pairs of behaviour and place."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from stages.detectors.layers.mgenet.memory import Matching, Memory, softmax_of_cosines


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(3)


def memory(items: list[list[float]], temperature: float = 1.0) -> Memory:
    found = Memory(len(items), len(items[0]), temperature)
    with torch.no_grad():
        found.items.copy_(torch.tensor(items))
    return found


@pytest.mark.parametrize("temperature", [1.0, 0.1])
def test_addressing_by_hand(temperature: float) -> None:
    """(3, 4) has cosines of 0.6 and 0.8 with the axes, and of -0.6 with the first one's other way (Eq. 7)."""
    found = memory([[5, 0], [0, 0.1], [-2, 0]], temperature).address(torch.tensor([[3.0, 4], [30, 40]]))
    parts = [math.exp(cosine / temperature) for cosine in (0.6, 0.8, -0.6)]
    wanted = torch.tensor([part / sum(parts) for part in parts])
    torch.testing.assert_close(found, wanted.expand(2, -1))


def test_addressing_goes_by_the_way_from_the_centre() -> None:
    found = memory([[1, 0], [0, 1]], 0.5)
    queries = torch.randn(2, 3, 2)
    plain = found.address(queries)
    found.centre.copy_(torch.tensor([7.0, -3]))
    torch.testing.assert_close(found.address(queries + found.centre), plain)
    assert plain.shape == (2, 3, 2)
    torch.testing.assert_close(plain.sum(dim=-1), torch.ones(2, 3))


def test_reading_mixes_the_items() -> None:
    found = memory([[4, 0], [0, 8]])
    found.centre.copy_(torch.tensor([1.0, 1]))
    assert found.read(torch.tensor([[0.25, 0.75], [1, 0]])).tolist() == [[2, 7], [5, 1]]


def test_separateness_by_hand() -> None:
    """Items at 0, 3 and 10 on a line (Eq. 11); a query at 1 is 1 from the nearest and 2 from the next."""
    found = memory([[0, 0], [3, 0], [10, 0]])
    queries = torch.tensor([[[1.0, 0]], [[9, 0]]])  # at 9: 1 and 6
    assert found.separateness(queries[:1], 1.5).item() == pytest.approx(1 - 2 + 1.5)
    assert found.separateness(queries, 1.5).item() == pytest.approx((0.5 + 0) / 2)
    assert found.separateness(queries, 0.5).item() == 0
    found.centre.copy_(torch.tensor([1.0, 0]))
    assert found.separateness(queries[:1] + found.centre, 1.5).item() == pytest.approx(0.5)


def test_separateness_draws_a_query_to_the_nearest_and_off_the_next() -> None:
    found = memory([[0, 0], [3, 0]])
    query = torch.tensor([[1.0, 0]], requires_grad=True)
    found.separateness(query, 1.5).backward()  # type: ignore[no-untyped-call]
    assert query.grad is not None
    assert query.grad.tolist() == [[2, 0]]  # downhill is the item at 0, from both


@pytest.mark.parametrize("seed", range(5))
def test_items_settle_in_the_middle_of_clusters(seed: int) -> None:
    """Two of them, a third of the queries in the one: the centre is the queries' mean, items lie around it."""
    ends = torch.tensor([[10.0, 0, 0], [0, 10, 0], [0, 10, 0]])
    queries = ends.repeat(40, 1) + 0.1 * torch.randn(120, 3)
    found = memory([[0, 0, 0], [1, 1, 1]])
    found.settle(queries, torch.Generator().manual_seed(seed), 10)
    torch.testing.assert_close(found.centre, queries.mean(dim=0))
    items = (found.items.detach() + found.centre)[found.items[:, 0].argsort(descending=True)]
    wanted = torch.stack([queries[::3].mean(dim=0), torch.cat([queries[1::3], queries[2::3]]).mean(dim=0)])
    torch.testing.assert_close(items, wanted, atol=1e-4, rtol=0)


def test_items_that_nothing_is_near_become_queries() -> None:
    """Of ten items, eight at least have no query of the two kinds that is nearest to them: they lie on one."""
    queries = torch.tensor([[1.0, 0], [0, 1]]).repeat(8, 1)
    found = memory([[50.0, 50]] * 10)
    found.settle(queries, torch.Generator().manual_seed(0), 3)
    distance = torch.cdist(found.items.detach() + found.centre, queries[:2]).min(dim=1).values
    torch.testing.assert_close(distance, torch.zeros(10))
    assert found.items.requires_grad


def unit(*values: float) -> Tensor:
    return functional.normalize(torch.tensor(values).float(), dim=0)


def test_storing_by_hand() -> None:
    """One item takes both pairs, each times its share, which is 1 where there is one item alone (Eq. 9)."""
    matching = Matching(1, 2, 2, 1.0)
    matching.pairs.copy_(unit(1, 1, 1, 1)[None])
    behaviour, place = torch.tensor([[3.0, 4], [0, 2]]), torch.tensor([[1.0, 0], [5, 12]])
    matching.store(behaviour, place, 1, None)
    taken = torch.tensor([0.6 + 0, 0.8 + 1, 1 + 5 / 13, 0 + 12 / 13])
    torch.testing.assert_close(matching.pairs[0], functional.normalize(unit(1, 1, 1, 1) + taken, dim=0))


def test_pairs_go_to_the_item_they_match_best_by_their_share() -> None:
    matching = Matching(2, 2, 2, 0.5)
    items = torch.stack([unit(1, 0, 1, 0), unit(0, 1, 0, 1)])
    matching.pairs.copy_(items)
    matching.store(torch.tensor([[1.0, 0]]), torch.tensor([[3.0, 4]]), 1, None)
    pair = torch.tensor([1.0, 0, 0.6, 0.8])
    cosines = [1.6 / 2, 0.8 / 2]  # a pair is √2 long, and so is an item before it is made 1 long
    share = math.exp(cosines[0] / 0.5) / sum(math.exp(cosine / 0.5) for cosine in cosines)
    torch.testing.assert_close(matching.pairs[0], functional.normalize(items[0] + share * pair, dim=0))
    torch.testing.assert_close(matching.pairs[1], items[1])  # nothing came


def test_recall_asks_the_items_that_fit_the_behaviour_best() -> None:
    """Three items; the two that fit best by behaviour are asked, though the third fits the place (Eq. 10)."""
    matching = Matching(3, 2, 2, 1.0)
    matching.pairs.copy_(torch.tensor([[0.0, 1, 1, 0], [1, 0, 0, 1], [1, 1, 0, 1]]))
    query, where = torch.tensor([[2.0, 0]]), torch.tensor([[7.0, 0]])
    of_behaviour = torch.tensor([0, 1, math.sqrt(0.5)]).softmax(dim=0)
    of_place = torch.tensor([1.0, 0, 0]).softmax(dim=0)
    behaviour, place = matching.recall(query, where, 2)
    torch.testing.assert_close(behaviour, of_behaviour[[1, 2]][None])
    torch.testing.assert_close(place, of_place[[1, 2]][None])
    behaviour, place = matching.recall(query, where, 99)  # no more than there are
    torch.testing.assert_close(behaviour, of_behaviour[[1, 2, 0]][None])
    torch.testing.assert_close(place, of_place[[1, 2, 0]][None])


def test_cosines_do_not_go_by_lengths() -> None:
    queries, items = torch.randn(4, 3), torch.randn(5, 3)
    torch.testing.assert_close(
        softmax_of_cosines(9 * queries, 0.1 * items, 0.2), softmax_of_cosines(queries, items, 0.2)
    )


def told(what: int, where: int, count: int = 1) -> tuple[Tensor, Tensor]:
    """Weights of one behaviour of two, and of one place of two, neither all the same."""
    behaviour = functional.one_hot(torch.full((count,), what), 6) + 0.2 * torch.rand(count, 6)
    place = functional.one_hot(torch.full((count,), where), 3) + 0.1 * torch.rand(count, 3)
    return behaviour, place


@pytest.mark.parametrize("seed", range(5))
def test_pairs_that_never_were_fit_worse(seed: int) -> None:
    """A was done at red alone, B at blue alone; the difference of the weights is larger for A at blue (Eq. 15)."""
    matching = Matching(8, 6, 3, 0.2)
    seen = [torch.cat(parts) for parts in zip(told(0, 0, 30), told(1, 1, 30), strict=True)]
    matching.store(seen[0], seen[1], 10, torch.Generator().manual_seed(seed))
    torch.testing.assert_close(matching.pairs.norm(dim=1), torch.ones(8))
    found = {}
    for what, where in ((0, 0), (1, 1), (0, 1), (1, 0)):
        behaviour, place = matching.recall(*told(what, where, 10), 4)
        found[what, where] = (behaviour - place).norm(dim=1)
    wrong = torch.cat([found[0, 1], found[1, 0]])
    right = torch.cat([found[0, 0], found[1, 1]])
    assert wrong.min() > right.max()


def test_the_difference_of_the_weights_by_hand() -> None:
    """A was done at red and at blue, B at blue; weights are shared among the items that fit alike."""
    matching = Matching(3, 2, 2, 0.01)
    matching.pairs.copy_(torch.tensor([[1.0, 0, 1, 0], [1, 0, 0, 1], [0, 1, 0, 1]]))
    a, b, red, blue = (torch.tensor([one]) for one in ((1.0, 0), (0, 1.0), (1.0, 0), (0, 1.0)))
    half = math.sqrt(0.5)
    for what, where, wanted in ((a, red, half), (a, blue, half), (b, blue, half), (b, red, math.sqrt(2))):
        behaviour, place = matching.recall(what, where, 3)
        assert (behaviour - place).norm().item() == pytest.approx(wanted, abs=1e-4)
