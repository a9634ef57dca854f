"""Deep embedded clustering: the reference's figures, fixed points, starts, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from stages.core.errors import TrainingError
from stages.core.seeding import stream
from stages.detectors.layers.gepc.clustering import alive, assign, divergence, sharpened, squared_distances, start
from tests.detectors.layers.gepc.published import oracle, tensors

Z = torch.from_numpy(stream(0, "z").normal(size=(200, 6)).astype(np.float32))


@pytest.mark.oracle
def test_the_reference(shared: Path) -> None:
    found = tensors(oracle(shared), "cluster/")
    q = assign(found["z"], found["W"], "student_t")
    torch.testing.assert_close(q, found["q"], atol=1e-5, rtol=0)
    target = sharpened(q)
    torch.testing.assert_close(target, found["target_p"], atol=1e-5, rtol=0)
    as_released = divergence(q.double(), target.double(), "model_from_target")
    assert as_released.item() == pytest.approx(found["loss_as_coded_sum_q_logq_minus_logp"].item(), abs=1e-4)
    standard = divergence(q.double(), target.double(), "target_from_model")
    assert standard.item() == pytest.approx(found["kl_p_given_q_standard"].item(), abs=1e-4)


def test_the_papers_assignment_is_a_softmax_of_products() -> None:
    centres = Z[:3]
    torch.testing.assert_close(assign(Z, centres, "softmax"), torch.softmax(Z @ centres.T, dim=1))


@pytest.mark.parametrize("kind", ["student_t", "softmax"])
def test_assignments_and_targets_are_proportions(kind: str) -> None:
    q = assign(Z, Z[:5], kind)
    for found in (q, sharpened(q), sharpened(q, q.sum(dim=0) * 7)):
        torch.testing.assert_close(found.sum(dim=1), torch.ones(200))
        assert (found >= 0).all()


def test_the_target_is_surer_than_the_model() -> None:
    q = assign(Z, Z[:5], "student_t")
    assert (sharpened(q).max(dim=1).values >= q.max(dim=1).values).float().mean() > 0.8


def test_the_target_by_hand() -> None:
    """Squares over the cluster's mass, as in deep embedded clustering; the paper's eq. 3 leaves the square out."""
    q = torch.tensor([[0.5, 0.5], [0.9, 0.1], [0.1, 0.9]])
    torch.testing.assert_close(sharpened(q)[0], torch.tensor([0.5, 0.5]))
    torch.testing.assert_close(sharpened(q)[1], torch.tensor([0.81, 0.01]) / 0.82)


def test_a_cluster_that_holds_nothing_in_a_batch() -> None:
    q = torch.tensor([[0.7, 0.3, 0.0], [0.2, 0.8, 0.0]], requires_grad=True)
    target = sharpened(q.detach())
    assert bool(target.isfinite().all())
    assert (target[:, 2] == 0).all()
    for kind in ("target_from_model", "model_from_target"):
        loss = divergence(q, target, kind)
        loss.backward()  # type: ignore[no-untyped-call]
        assert bool(loss.isfinite())
    assert q.grad is not None
    assert bool(q.grad.isfinite().all())


def test_no_divergence_from_oneself() -> None:
    q = assign(Z, Z[:5], "student_t")
    for kind in ("target_from_model", "model_from_target"):
        assert divergence(q, q, kind).item() == pytest.approx(0, abs=1e-5)
    sure = torch.tensor([[1.0, 0.0]])
    assert torch.isfinite(divergence(sure, torch.tensor([[0.0, 1.0]]), "target_from_model"))


def test_distances() -> None:
    wanted = (Z[:, None] - Z[None, :4]).square().sum(dim=2)
    torch.testing.assert_close(squared_distances(Z, Z[:4]), wanted, atol=1e-4, rtol=1e-4)


def test_kmeans_finds_groups_and_random_takes_windows() -> None:
    rows = np.concatenate([Z.numpy() * 0.1 + shift for shift in (-5, 0, 5)])
    found = start(rows, 3, "kmeans", seed=0)
    np.testing.assert_allclose(np.sort(found[:, 0]), [-5, 0, 5], atol=0.1)
    np.testing.assert_array_equal(start(rows, 3, "kmeans", seed=0), found)
    drawn = start(rows, 3, "random", seed=0)
    assert all((rows == row).all(axis=1).any() for row in drawn)
    assert (start(rows, 3, "random", seed=1) != drawn).any()


def test_fewer_windows_than_clusters_are_refused() -> None:
    with pytest.raises(TrainingError, match="4 training windows are to make 5 clusters"):
        start(Z[:4].numpy(), 5, "kmeans", seed=0)


def test_dead_clusters_are_counted_and_a_single_one_is_refused() -> None:
    q = np.zeros((100, 4), dtype=np.float32)
    q[:60, 0], q[60:, 2] = 1, 1
    assert alive(q) == 2
    q[:, :] = [1, 0, 0, 0]
    with pytest.raises(TrainingError, match="all but one of 4 clusters have died"):
        alive(q)
