"""L0's gates against NumPy's own draws of the hard concrete distribution."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wellposed.network.randomness import Rng, study_key
from wellposed.techniques.base import Context, Own
from wellposed.techniques.gates import L0

SHAPES = {"inputs": [(2,), (3,), (3,)], "units": [(3,), (3,)], "weights": [(3, 3)] * 3}


def sigmoid(x: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-np.asarray(x, float)))


def with_gates(item: L0, context: Context, params: Any) -> Own:
    """Gates of different openness, some of them surely shut, some surely open."""
    own = item.init(context, params, study_key(0))
    numbers = np.random.default_rng(5)
    gates = jax.tree.map(lambda leaf: jnp.asarray(numbers.uniform(-4.0, 4.0, leaf.shape), jnp.float32), own.params)
    return own._replace(params=gates)


@pytest.mark.parametrize("on", ["inputs", "units", "weights"])
def test_penalty_is_the_expected_number_of_open_gates(on: str, context: Context, params: Any):
    context = dataclasses.replace(context, feature_groups=((0,), (1, 2)))
    item = L0(0.01, on)
    own = with_gates(item, context, params)
    gates = jax.tree.leaves(own.params)
    assert [gate.shape for gate in gates] == SHAPES[on]
    alpha = np.concatenate([np.ravel(gate) for gate in gates]).astype(float)
    uniform = np.random.default_rng(6).uniform(1e-12, 1.0, (100_000, 1))
    stretched = sigmoid((np.log(uniform) - np.log1p(-uniform) + alpha) / (2 / 3)) * 1.2 - 0.1
    opened = (stretched > 0.0).mean(0)
    error = 0.01 * 4 * np.sqrt((opened * (1 - opened) / len(uniform)).sum() * len(alpha))
    assert float(item.penalty(params, own, {}, jnp.ones(6))) == pytest.approx(0.01 * opened.sum(), abs=error)
    slope = jax.grad(lambda p: item.penalty(params, own._replace(params=p), {}, jnp.ones(6)))(own.params)
    assert all((np.asarray(leaf) > 0.0).all() for leaf in jax.tree.leaves(slope))


@pytest.mark.parametrize("on", ["inputs", "units", "weights"])
def test_the_network_that_is_kept_has_exact_zeros(on: str, context: Context, params: Any, rng: Rng):
    context = dataclasses.replace(context, feature_groups=((0,), (1, 2)))
    item = L0(0.01, on)
    own = with_gates(item, context, params)
    kept = item.weights(params, own, rng, train=False)
    for block, layers in own.params.items():
        gate = np.clip(sigmoid(layers["dense"]) * 1.2 - 0.1, 0.0, 1.0)
        if on == "inputs":
            gate = (gate[[0, 1, 1]] if block == "hidden1" else gate)[:, None]
        kernel = np.asarray(params[block]["dense"]["kernel"])
        np.testing.assert_allclose(kept[block]["dense"]["kernel"], kernel * gate, rtol=1e-5, atol=1e-6)
        assert ((np.asarray(kept[block]["dense"]["kernel"]) == 0.0) == (np.broadcast_to(gate, (3, 3)) == 0.0)).all()
    total = [leaf == 0.0 for leaf in jax.tree.leaves(kept)]
    assert any(bool(zeros.any()) for zeros in total)
    assert jax.tree.structure(kept) == jax.tree.structure(params)


def test_draws_have_the_distribution_and_are_common_to_all_strengths(context: Context, params: Any):
    """Shares of shut and of fully open gates over many steps, by the closed forms σ(β log(−γ/ζ) − log α) and so on."""
    own = L0(0.01).init(context, params, study_key(0))
    alpha = 0.3
    own = own._replace(params=jax.tree.map(lambda leaf: jnp.full_like(leaf, alpha), own.params))
    ones = jax.tree.map(jnp.ones_like, params)

    def drawn(item: L0) -> np.ndarray:
        def one(key: Any) -> Any:
            return item.weights(ones, own, Rng(key, "L0"), train=True)["hidden2"]["dense"]["kernel"][:, 0]

        return np.asarray(jax.jit(jax.vmap(one))(jax.random.split(study_key(3), 4000)))

    gates = drawn(L0(0.01))
    assert (gates == drawn(L0(0.1))).all()
    shut = sigmoid(2 / 3 * np.log(0.1 / 1.1) - alpha)
    full = 1.0 - sigmoid(2 / 3 * np.log(1.1 / 0.1) - alpha)
    for share, value in ((shut, 0.0), (full, 1.0)):
        assert (gates == value).mean() == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / gates.size))
