"""Decay and constraints against Keras's optimizer and constraints, and by hand where Keras has none."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from wellposed.errors import TechniqueError
from wellposed.network.randomness import study_key
from wellposed.recipe import parse
from wellposed.techniques.base import Context, Technique
from wellposed.techniques.constraints import MaxNorm, MinMaxNorm, NonNegative, UnitNorm, WeightDecay


def updated(item: Technique, context: Context, new: Any, old: Any, lr: float = 0.1, time: Any = (1, 1)) -> Any:
    own = item.init(context, old, study_key(0))
    ones = jax.tree.map(jnp.ones_like, new)
    step, total = map(jnp.int32, time)
    return item.update(new, old, own, lr=jnp.float32(lr), preconditioner=ones, step=step, total=total)[0]


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


def test_cautious_decay_only_where_the_update_goes_towards_zero(context: Context):
    """Chen et al.: w ← w − η (u + λ 1[u w ≥ 0] w), the update being −η u."""
    old = np.array([[2.0, -2.0, 2.0], [-2.0, 2.0, 0.0]], np.float32)
    u = np.array([[1.0, -1.0, -1.0], [1.0, 0.0, 3.0]], np.float32)
    trees = ({"hidden1": {"dense": {"kernel": jnp.asarray(leaf)}}} for leaf in (old - 0.1 * u, old))
    after = updated(WeightDecay(0.5, cautious=True), context, *trees)["hidden1"]["dense"]["kernel"]
    np.testing.assert_allclose(after, old - 0.1 * (u + 0.5 * (u * old >= 0.0) * old), rtol=1e-6)


@pytest.mark.parametrize(("step", "factor"), [(1, 1.0), (5, 1.0), (6, 1.0), (8, 0.65450850), (10, 0.09549150)])
def test_decay_that_ends(step: int, factor: float, context: Context, params: Any):
    """s = 1 up to half of ten updates, then ½ (1 + cos π(2t − 1)), t = (step − 1) / 10."""
    item = WeightDecay(0.5, schedule="flat-cosine")
    after = updated(item, context, params, params, time=(step, 10))["output"]["dense"]["kernel"]
    np.testing.assert_allclose(after, params["output"]["dense"]["kernel"] * (1.0 - 0.05 * factor), rtol=1e-6)


@pytest.mark.parametrize(
    ("item", "theirs"),
    [
        (UnitNorm("all"), keras.constraints.UnitNorm()),
        (NonNegative("all"), keras.constraints.NonNeg()),
        (MinMaxNorm(1.4, 1.6), keras.constraints.MinMaxNorm(1.4, 1.6)),
        (MinMaxNorm(0.0, 1.0, rate=0.3), keras.constraints.MinMaxNorm(0.0, 1.0, rate=0.3)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_constraints_equal_keras(item: Any, theirs: Any, context: Context, params: Any):
    after = updated(item, context, params, params)
    for block in params:
        kernel = params[block]["dense"]["kernel"]
        np.testing.assert_allclose(after[block]["dense"]["kernel"], theirs(kernel), rtol=1e-5, atol=1e-6)
        assert (after[block]["dense"]["bias"] == params[block]["dense"]["bias"]).all()
    only = updated(dataclasses.replace(item, layers="hidden2"), context, params, params)
    assert (only["output"]["dense"]["kernel"] == params["output"]["dense"]["kernel"]).all()


def test_columns_of_zeros_stay(context: Context, params: Any):
    kernel = params["hidden1"]["dense"]["kernel"].at[:, 1].set(0.0)
    zero = {**params, "hidden1": {"dense": {**params["hidden1"]["dense"], "kernel": kernel}}}
    for item in (UnitNorm("all"), MinMaxNorm(5.0, 6.0)):
        after = updated(item, context, zero, zero)["hidden1"]["dense"]["kernel"]
        assert (after[:, 1] == 0.0).all()
        assert np.isfinite(after).all()


def test_an_empty_interval_is_refused():
    with pytest.raises(TechniqueError) as error:
        MinMaxNorm(2.0, 1.0)
    assert str(error.value) == "MinMaxNorm: minimum must not be above maximum, got 2 and 1. Swap them."


def test_options_of_decay_in_text():
    for written in ("weight-decay=0.01", "weight-decay=0.01,schedule=flat-cosine,cautious=true"):
        assert parse(written).name == written
