"""Tiny networks and batches on which hooks are called directly.

All layers are equally wide: every operation is then compiled for few shapes.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wellposed.network.mlp import MLP, Network
from wellposed.network.randomness import Rng, study_key
from wellposed.techniques.base import Batch, Context


@pytest.fixture
def network() -> Network:
    return MLP((3, 3)).build(features=3, outputs=3, output_activation="softmax")


@pytest.fixture
def context() -> Context:
    layers = ("input", "hidden1", "hidden2", "output")
    return Context(3, 3, "classification", layers, (3, 3, 3, 3), 6)


@pytest.fixture
def params(network: Network) -> Any:
    """Weights and biases, none of them zero."""
    numbers = np.random.default_rng(0)
    shapes = network.init(study_key(0))[0]
    return jax.tree.map(lambda leaf: jnp.asarray(numbers.normal(size=leaf.shape), jnp.float32), shapes)


@pytest.fixture
def batch() -> Batch:
    """Six rows, the last two padding."""
    numbers = np.random.default_rng(1)
    x = jnp.asarray(numbers.normal(size=(6, 3)), jnp.float32)
    y = jnp.asarray(np.eye(3)[[0, 1, 2, 0, 1, 0]], jnp.float32)
    weight = jnp.asarray([1.0, 2.0, 0.5, 1.0, 1.0, 1.0], jnp.float32)
    return Batch(x, y, weight, jnp.asarray([1, 1, 1, 1, 0, 0], jnp.float32), {})


@pytest.fixture
def rng() -> Rng:
    return Rng(study_key(7), "technique")
