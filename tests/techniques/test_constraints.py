"""Decay and max-norm against Keras's optimizer and constraint."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from wellposed.network.randomness import study_key
from wellposed.techniques.base import Context, Technique
from wellposed.techniques.constraints import MaxNorm, WeightDecay


def updated(item: Technique, context: Context, new: Any, old: Any, lr: float = 0.1) -> Any:
    own = item.init(context, old, study_key(0))
    ones = jax.tree.map(jnp.ones_like, new)
    step = jnp.int32(1)
    return item.update(new, old, own, lr=jnp.float32(lr), preconditioner=ones, step=step, total=step)[0]


def test_decay_equals_keras(context: Context, params: Any):
    grads = jax.tree.map(lambda leaf: leaf[::-1] + 1.0, params)
    new = jax.tree.map(lambda w, g: w - 0.1 * g, params, grads)
    leaves, tree = jax.tree.flatten(params)
    variables = [keras.Variable(leaf) for leaf in leaves]
    keras.optimizers.SGD(0.1, weight_decay=0.3).apply(jax.tree.leaves(grads), variables)
    expected = jax.tree.unflatten(tree, [np.asarray(variable) for variable in variables])
    everything = updated(WeightDecay(0.3, on="all"), context, new, params)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), everything, expected)
    kernels = updated(WeightDecay(0.3), context, new, params)
    for block in params:
        np.testing.assert_allclose(kernels[block]["dense"]["kernel"], expected[block]["dense"]["kernel"], atol=1e-6)
        assert (kernels[block]["dense"]["bias"] == new[block]["dense"]["bias"]).all()


@pytest.mark.parametrize("limit", [0.5, 1.5])
def test_max_norm_equals_keras(limit: float, context: Context, params: Any):
    after = updated(MaxNorm(limit), context, params, params)
    for block in params:
        kernel = params[block]["dense"]["kernel"]
        theirs = keras.constraints.MaxNorm(limit)(kernel)
        np.testing.assert_allclose(after[block]["dense"]["kernel"], theirs, rtol=1e-6, atol=1e-6)
        assert (after[block]["dense"]["bias"] == params[block]["dense"]["bias"]).all()
    only = updated(MaxNorm(limit, layers="hidden1"), context, params, params)
    assert (
        only["output"] is params["output"]
        or (only["output"]["dense"]["kernel"] == params["output"]["dense"]["kernel"]).all()
    )


def test_max_norm_is_a_projection(context: Context):
    """Bound kept to rounding, units within it untouched, a second projection changes nothing beyond rounding."""
    numbers = np.random.default_rng(0)
    kernel = jnp.asarray(numbers.normal(size=(50, 400)) * numbers.uniform(0.0, 1.0, 400), jnp.float32)
    kernel = kernel.at[:, 0].set(0.0)
    params = {"hidden1": {"dense": {"kernel": kernel}}}
    once = updated(MaxNorm(3.0), context, params, params)
    after = np.asarray(once["hidden1"]["dense"]["kernel"], np.float64)
    before = np.linalg.norm(np.asarray(kernel, np.float64), axis=0)
    assert np.linalg.norm(after, axis=0).max() <= 3.0 * (1 + 1e-6)
    within = before <= 3.0 * (1 - 1e-6)
    assert 0 < within.sum() < 400
    assert (after[:, within] == np.asarray(kernel)[:, within]).all()
    twice = updated(MaxNorm(3.0), context, once, params)["hidden1"]["dense"]["kernel"]
    np.testing.assert_allclose(twice, after, rtol=1e-6)
