"""The Jacobian penalty against the chain rule written in NumPy."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wellposed.network.mlp import MLP
from wellposed.network.randomness import Rng, study_key
from wellposed.techniques.base import Batch, Evaluation, Own
from wellposed.techniques.jacobian import JacobianPenalty

NETWORK = MLP((3,), "tanh").build(features=3, outputs=3, output_activation="softmax")


def evaluate(params: Any, batch: Batch, *, draw: int = 0) -> Evaluation:
    rng = Rng(study_key(0))
    outputs, state = NETWORK.apply(params, {"hidden1": {"dense": {}, "activation": {}}, "output": {"dense": {}}},
                                   batch.x, mask=batch.mask, rng=rng, train=True)  # fmt: skip
    return Evaluation(jnp.float32(2.0), outputs, state)


def slope(params: Any, batch: Batch) -> float:
    """Mean of ‖∂ logits / ∂ x‖² over real rows, in float64."""
    first, second = (np.asarray(params[block]["dense"]["kernel"], float) for block in ("hidden1", "output"))
    bias = np.asarray(params["hidden1"]["dense"]["bias"], float)
    total = 0.0
    for x in np.asarray(batch.x, float)[:4]:
        jacobian = first * (1.0 - np.tanh(x @ first + bias) ** 2) @ second
        total += (jacobian**2).sum()
    return total / 4


@pytest.fixture
def weights(params: Any) -> Any:
    return {
        **{block: params[block] for block in ("hidden1", "output")},
        "hidden1": {**params["hidden1"], "activation": {}},
    }


def loss(item: JacobianPenalty, params: Any, batch: Batch, rng: Rng) -> Any:
    return item.objective(evaluate, params, batch, Own(), rng, draw=0).loss


def test_exact_with_as_many_projections_as_outputs(weights: Any, batch: Batch, rng: Rng):
    assert float(loss(JacobianPenalty(0.5, 3), weights, batch, rng)) == pytest.approx(
        2.0 + 0.5 * slope(weights, batch), rel=1e-5
    )
    padded = batch._replace(x=batch.x.at[4:].set(100.0))
    assert float(loss(JacobianPenalty(0.5, 3), weights, padded, rng)) == pytest.approx(
        2.0 + 0.5 * slope(weights, batch), rel=1e-5
    )


def test_its_gradient_by_finite_differences(weights: Any, batch: Batch, rng: Rng):
    grads = jax.grad(lambda p: loss(JacobianPenalty(0.5, 3), p, batch, rng))(weights)
    for block, place in (("hidden1", (0, 1)), ("hidden1", (2, 2)), ("output", (1, 0))):
        both = []
        for step in (1e-5, -1e-5):
            kernel = np.asarray(weights[block]["dense"]["kernel"], float).copy()
            kernel[place] += step
            moved = {**weights, block: {"dense": {**weights[block]["dense"], "kernel": kernel}}}
            both.append(0.5 * slope(moved, batch))
        expected = (both[0] - both[1]) / 2e-5
        assert float(grads[block]["dense"]["kernel"][place]) == pytest.approx(expected, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("projections", [1, 2])
def test_random_projections_are_unbiased(projections: int, weights: Any, batch: Batch):
    item = JacobianPenalty(1.0, projections)
    keys = jax.random.split(study_key(5), 3000)
    found = np.asarray(jax.jit(jax.vmap(lambda key: loss(item, weights, batch, Rng(key, "J")) - 2.0))(keys), float)
    assert found.std() > 0.05 * found.mean()
    assert found.mean() == pytest.approx(slope(weights, batch), abs=4 * found.std() / np.sqrt(len(found)))


def test_one_output_needs_no_chance(weights: Any, batch: Batch, rng: Rng):
    narrow = {**weights, "output": {"dense": jax.tree.map(lambda leaf: leaf[..., :1], weights["output"]["dense"])}}
    assert float(loss(JacobianPenalty(1.0), narrow, batch, rng)) == pytest.approx(2.0 + slope(narrow, batch), rel=1e-5)
