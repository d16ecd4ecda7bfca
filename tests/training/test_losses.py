"""Losses against Keras: values and gradients, with and without sample weights."""

from __future__ import annotations

import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wellposed.errors import StudyError
from wellposed.network.activations import activation
from wellposed.training.losses import (
    LOSSES,
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Huber,
    LogCosh,
    Loss,
    MeanAbsoluteError,
    MeanSquaredError,
    Poisson,
    loss,
)

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")

rng = np.random.default_rng(0)
ROWS = 7
Z1, Z3 = (jnp.asarray(3 * rng.normal(size=(ROWS, n)), jnp.float32) for n in (1, 3))
BINARY = jnp.asarray(rng.integers(0, 2, (ROWS, 1)), jnp.float32)
SOFT = jnp.asarray(rng.uniform(size=(ROWS, 1)), jnp.float32)
ONE_HOT = jnp.asarray(np.eye(3)[rng.integers(0, 3, ROWS)], jnp.float32)
REAL = jnp.asarray(rng.normal(size=(ROWS, 3)), jnp.float32)
COUNTS = jnp.asarray(rng.poisson(2, (ROWS, 3)), jnp.float32)
WEIGHTS = jnp.asarray(rng.uniform(0, 3, ROWS), jnp.float32)

CASES = [
    (BinaryCrossentropy(), "sigmoid", Z1, BINARY),
    (BinaryCrossentropy(), "sigmoid", Z1, SOFT),
    (BinaryCrossentropy(), "sigmoid", Z3, ONE_HOT),
    (BinaryCrossentropy(), "softmax", Z3, ONE_HOT),
    (BinaryCrossentropy(), "hard_sigmoid", Z1, BINARY),
    (CategoricalCrossentropy(), "softmax", Z3, ONE_HOT),
    (CategoricalCrossentropy(), "sigmoid", Z3, ONE_HOT),
    (MeanSquaredError(), "linear", Z3, REAL),
    (MeanSquaredError(), "sigmoid", Z3, ONE_HOT),
    (MeanAbsoluteError(), "linear", Z3, REAL),
    (Huber(), "linear", Z3, REAL),
    (Huber(2.5), "linear", Z3, REAL),
    (LogCosh(), "linear", Z3, REAL),
    (Poisson(), "exponential", Z3, COUNTS),
]
STABLE = [CASES[0], CASES[2], CASES[5]]  # the pairs that are computed from logits


def keras_twin(ours: Loss, **settings):
    return getattr(keras.losses, type(ours).__name__)(**vars(ours), **settings)


def of_batch(rows, weights):
    return jnp.mean(rows if weights is None else rows * weights)


def values_and_gradients(functions, inputs):
    """[(value, gradient)] from one compiled program: compiling is what costs time here."""
    program = jax.jit(lambda zs: [jax.value_and_grad(f)(z) for f, z in zip(functions, zs, strict=True)])
    return jax.tree.map(np.asarray, program(inputs))


def ours_function(case, weights=None):
    ours, name, _, y = case
    return lambda z: of_batch(ours.rows(z, y, name), weights)


def keras_function(case, weights=None):
    ours, name, _, y = case
    return lambda z: keras_twin(ours)(y, activation(name)(z), sample_weight=weights)


@pytest.fixture(scope="module")
def pairs():
    """[(ours, Keras's)] for every case, first without and then with sample weights."""
    every = [(case, weights) for weights in (None, WEIGHTS) for case in CASES]
    inputs = [case[2] for case, _ in every]
    with jax.numpy_dtype_promotion("strict"):
        ours = values_and_gradients([ours_function(*one) for one in every], inputs)
    theirs = values_and_gradients([keras_function(*one) for one in every], inputs)
    return list(zip(ours, theirs, strict=True))


@pytest.mark.parametrize("weighted", [0, 1], ids=["plain", "weighted"])
@pytest.mark.parametrize("case", range(len(CASES)), ids=lambda i: f"{CASES[i][0].to_text()}-{CASES[i][1]}")
def test_value_and_gradient_equal_keras(case: int, weighted: int, pairs) -> None:
    (value, gradient), expected = pairs[case + weighted * len(CASES)]
    assert value.dtype == np.float32
    np.testing.assert_allclose(value, expected[0], rtol=2e-6)
    np.testing.assert_allclose(gradient, expected[1], rtol=1e-5, atol=2e-7)


def test_stable_forms_equal_keras_from_logits() -> None:
    inputs = [10 * case[2] for case in STABLE]  # far beyond where predictions are clipped
    theirs = [lambda z, c=case: keras_twin(c[0], from_logits=True)(c[3], z) for case in STABLE]
    expected = values_and_gradients(theirs, inputs)
    for got, wanted in zip(values_and_gradients(list(map(ours_function, STABLE)), inputs), expected, strict=True):
        np.testing.assert_allclose(got[0], wanted[0], rtol=1e-6)
        np.testing.assert_allclose(got[1], wanted[1], rtol=1e-5, atol=1e-30)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
def test_of_predictions_equals_keras_where_probabilities_are_0_and_1(weights) -> None:
    p = jnp.asarray(rng.permutation([0, 0, 1, 1, 0.5, 1e-9, 1 - 1e-6]), jnp.float32)[:, None]
    value = jnp.mean(BinaryCrossentropy().of_predictions(p, BINARY) * (1.0 if weights is None else weights))
    np.testing.assert_allclose(value, keras.losses.BinaryCrossentropy()(BINARY, p, sample_weight=weights), rtol=1e-6)
    two = jnp.concatenate([1 - p, p], axis=1)
    y = jnp.concatenate([1 - BINARY, BINARY], axis=1)
    value = jnp.mean(CategoricalCrossentropy().of_predictions(two, y) * (1.0 if weights is None else weights))
    np.testing.assert_allclose(value, keras.losses.CategoricalCrossentropy()(y, two, sample_weight=weights), rtol=1e-6)


def rows_and_gradients(ours: Loss, z, y):
    program = jax.jit(lambda z, y: jax.vjp(lambda z: ours.rows(z, y, ours.output_activation), z))
    rows, back = program(z, y)
    return rows, back(jnp.ones(len(rows)))[0]


SIZES = np.array([30.0, 1e4, 1e30], np.float32)


def test_huge_logits_of_binary_crossentropy() -> None:
    z = jnp.asarray(np.repeat([SIZES, -SIZES], 2, axis=0).reshape(-1, 1))
    y = jnp.asarray(np.repeat([[1, 0, 0, 1]], 3, axis=0).T.reshape(-1, 1), jnp.float32)
    rows, gradients = rows_and_gradients(BinaryCrossentropy(), z, y)
    np.testing.assert_allclose(rows, np.concatenate([0 * SIZES, SIZES] * 2), rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(gradients, jax.nn.sigmoid(z) - y, atol=1e-12)


def test_huge_logits_of_categorical_crossentropy() -> None:
    z = jnp.asarray(np.tile(np.stack([SIZES, -SIZES], axis=1), (2, 1)))
    y = jnp.asarray(np.repeat(np.eye(2), 3, axis=0), jnp.float32)
    rows, gradients = rows_and_gradients(CategoricalCrossentropy(), z, y)
    np.testing.assert_allclose(rows, np.concatenate([0 * SIZES, 2 * SIZES]), rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(gradients, jax.nn.softmax(z) - y, atol=1e-12)


def test_gradient_of_right_answers_and_at_logit_zero() -> None:
    z = jnp.asarray([[20.0], [-20.0], [0.0], [0.0], [0.0]])
    y = jnp.asarray([[1.0], [0.0], [0.0], [0.3], [1.0]])
    small = 1 / (1 + np.exp(20.0))  # σ(20) − 1 in float32 has no digit of it
    _, gradients = rows_and_gradients(BinaryCrossentropy(), z, y)
    np.testing.assert_allclose(gradients[:, 0], [-small, small, 0.5, 0.2, -0.5], rtol=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_nan_shows_in_its_own_row_only(name: str) -> None:
    ours = loss(name)
    z = jnp.asarray([[0.3, jnp.nan], [0.3, 0.4]])
    y = jnp.asarray([[0.0, 1.0], [1.0, 0.0]])
    assert np.isnan(ours.rows(z, y, ours.output_activation)).tolist() == [True, False]
    assert np.isnan(ours.of_predictions(z, y)).tolist() == [True, False]


@pytest.mark.parametrize("name", LOSSES)
def test_default_activation(name: str) -> None:
    others = {"binary_crossentropy": "sigmoid", "categorical_crossentropy": "softmax", "poisson": "exponential"}
    assert loss(name).output_activation == others.get(name, "linear")


def test_text() -> None:
    assert loss("huber(delta=2)") == Huber(2.0)
    assert Huber(2.0).to_text() == "huber(delta=2.0)"


def test_errors() -> None:
    with pytest.raises(StudyError) as caught:
        loss("huber(0)")
    assert str(caught.value) == "Huber: delta must be positive, got 0.0"
