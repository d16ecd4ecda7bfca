"""Clipping against Keras's optimizers."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from wellposed.network.randomness import Rng
from wellposed.techniques.base import Own, Technique
from wellposed.techniques.gradients import ClipGlobalNorm, ClipNorm, ClipValue


@pytest.mark.parametrize("limit", [0.7, 2.0, 100.0])
@pytest.mark.parametrize(
    ("cls", "argument"), [(ClipNorm, "clipnorm"), (ClipValue, "clipvalue"), (ClipGlobalNorm, "global_clipnorm")]
)
def test_equals_keras(cls: Any, argument: str, limit: float, params: Any, rng: Rng):
    """An SGD step of rate 1 from zero is minus the clipped gradient."""
    leaves = jax.tree.leaves(params)
    variables = [keras.Variable(jnp.zeros_like(leaf)) for leaf in leaves]
    keras.optimizers.SGD(1.0, **{argument: limit}).apply(leaves, variables)
    ours = jax.tree.leaves(cls(limit).gradients(params, Own(), rng, step=jnp.int32(1)))
    for mine, variable in zip(ours, variables, strict=True):
        np.testing.assert_allclose(mine, -np.asarray(variable), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("item", [ClipNorm(0.5), ClipGlobalNorm(0.5)])
def test_length_is_bounded_and_direction_kept(item: Technique, rng: Rng):
    grads = {"w": jnp.asarray([30.0, -40.0])}
    after = item.gradients(grads, Own(), rng, step=jnp.int32(1))["w"]
    np.testing.assert_allclose(after, [0.3, -0.4], rtol=1e-6)
