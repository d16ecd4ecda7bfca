"""The spectral norm against SciPy's singular values."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import svdvals

from wellposed.errors import TechniqueError
from wellposed.network.randomness import study_key
from wellposed.techniques.base import Context
from wellposed.techniques.spectral import SpectralNorm


def after_steps(item: SpectralNorm, context: Context, kernels: list[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    """The kernel before and after each of several updates, the direction handed on."""
    trees = [{"output": {"dense": {"kernel": jnp.asarray(kernel, jnp.float32)}}} for kernel in kernels]
    own = item.init(context, trees[0], study_key(0))
    found = []
    update = jax.jit(lambda new, own: item.update(
        new, new, own, lr=jnp.float32(0.1), preconditioner=new, step=jnp.int32(1), total=jnp.int32(1)))  # fmt: skip
    for tree in trees:
        after, state = update(tree, own)
        own = own._replace(state=state)
        found.append((np.asarray(tree["output"]["dense"]["kernel"]), np.asarray(after["output"]["dense"]["kernel"])))
    return found


@pytest.fixture
def linear(context: Context) -> Context:
    return context.__class__(7, 4, "regression", ("input", "output"), (7, 4), 6)


@pytest.mark.parametrize("shape", [(7, 4), (4, 7), (5, 1)])
@pytest.mark.parametrize("limit", [0.5, 2.0, 50.0])
def test_projects_onto_the_ball_of_the_largest_singular_value(limit: float, shape: tuple[int, int], linear: Context):
    """Weights drift as in training; the bound holds to what one power iteration an update leaves over."""
    numbers = np.random.default_rng(1)
    kernel = numbers.normal(size=shape)
    path = [kernel + 0.02 * step * numbers.normal(size=shape) for step in range(12)]
    for before, after in after_steps(SpectralNorm(limit), linear, path):
        sigma = svdvals(before)[0]
        np.testing.assert_allclose(after, before * min(1.0, limit / sigma), rtol=2e-2)
        assert svdvals(after)[0] <= max(limit, 0.0) * 1.02 or sigma <= limit
        if sigma < limit:
            assert (after == before).all()


def test_more_iterations_come_as_close_as_wanted(linear: Context):
    kernel = np.random.default_rng(2).normal(size=(7, 4))
    [(before, after)] = after_steps(SpectralNorm(1.0, iterations=50), linear, [kernel])
    np.testing.assert_allclose(after, before / svdvals(before)[0], rtol=1e-5)


def test_a_kernel_of_zeros_stays(linear: Context):
    found = after_steps(SpectralNorm(1.0), linear, [np.zeros((7, 4)), np.eye(7, 4)])
    assert (found[0][1] == 0.0).all()
    np.testing.assert_allclose(found[1][1], np.eye(7, 4), atol=1e-6)


def test_bad_iterations():
    with pytest.raises(TechniqueError) as error:
        SpectralNorm(iterations=0)
    assert str(error.value) == ("SpectralNorm: iterations must be a whole number from 1 to 100, got 0. Usual is 1.")


def test_acts_on_chosen_layers(context: Context, params: Any):
    item = SpectralNorm(0.1, layers="hidden1")
    own = item.init(context, params, study_key(0))
    step = jnp.int32(1)
    after, _ = item.update(params, params, own, lr=jnp.float32(0.1), preconditioner=params, step=step, total=step)
    assert after["output"] is params["output"]
    assert after["hidden2"] is params["hidden2"]
    assert svdvals(after["hidden1"]["dense"]["kernel"])[0] == pytest.approx(0.1, rel=1e-4)
    assert (after["hidden1"]["dense"]["bias"] == params["hidden1"]["dense"]["bias"]).all()
