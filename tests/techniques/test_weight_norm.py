"""Weight normalization against the equations of Salimans and Kingma, in NumPy."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from wellposed.network.randomness import Rng, study_key
from wellposed.techniques.base import Context
from wellposed.techniques.weight_norm import WeightNorm


def test_weights_and_gradients_by_hand(context: Context, params: Any, rng: Rng):
    """w = g v / ‖v‖; ∇g = ∇w · v / ‖v‖; ∇v = g / ‖v‖ ∇w − g ∇g / ‖v‖² v (their equations 2 and 3)."""
    item = WeightNorm()
    own = item.init(context, params, study_key(0))
    numbers = np.random.default_rng(0)
    lengths = jax.tree.map(lambda g: jnp.asarray(numbers.uniform(0.5, 2.0, g.shape), jnp.float32), own.params)
    slope = numbers.normal(size=(3, 3))

    def loss(params: Any, lengths: Any) -> Any:
        kernel = item.weights(params, own._replace(params=lengths), rng, train=True)["hidden2"]["dense"]["kernel"]
        return jnp.sum(kernel * jnp.asarray(slope, jnp.float32)), kernel

    (_, kernel), (for_v, for_g) = jax.value_and_grad(loss, (0, 1), has_aux=True)(params, lengths)
    v = np.asarray(params["hidden2"]["dense"]["kernel"], float)
    g = np.asarray(lengths["hidden2"]["dense"], float)
    norm = np.linalg.norm(v, axis=0)
    np.testing.assert_allclose(kernel, g * v / norm, rtol=1e-5)
    grad_g = (slope * v).sum(0) / norm
    np.testing.assert_allclose(for_g["hidden2"]["dense"][0], grad_g, rtol=1e-4, atol=1e-5)
    expected = g / norm * slope - g * grad_g / norm**2 * v
    np.testing.assert_allclose(for_v["hidden2"]["dense"]["kernel"], expected, rtol=1e-4, atol=1e-4)


def test_starts_as_the_baseline_and_is_saved_as_plain_kernels(context: Context, params: Any, rng: Rng):
    item = WeightNorm("hidden1")
    own = item.init(context, params, study_key(0))
    start = item.weights(params, own, rng, train=False)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), start, params)
    assert jax.tree.structure(start) == jax.tree.structure(params)
    longer = own._replace(params=jax.tree.map(lambda g: 3.0 * g, own.params))
    for train in (True, False):
        after = item.weights(params, longer, rng, train=train)
        np.testing.assert_allclose(
            after["hidden1"]["dense"]["kernel"], 3.0 * params["hidden1"]["dense"]["kernel"], rtol=1e-6
        )
        assert (after["output"]["dense"]["kernel"] == params["output"]["dense"]["kernel"]).all()


def test_columns_of_zeros_have_a_gradient(context: Context, params: Any, rng: Rng):
    zeros = jax.tree.map(jnp.zeros_like, params)
    own = WeightNorm().init(context, zeros, study_key(0))

    def loss(params: Any) -> Any:
        return sum(jnp.sum(leaf) for leaf in jax.tree.leaves(WeightNorm().weights(params, own, rng, train=True)))

    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(jax.grad(loss)(zeros)))
