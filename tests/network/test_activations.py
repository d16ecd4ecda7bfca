"""Activations against Keras: values and slopes, the kinks included."""

from __future__ import annotations

import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wellposed.errors import StudyError
from wellposed.network.activations import ACTIVATIONS, activation

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")

KINKS = [-6, -3, -1, -0.5, 0, 0.5, 1, 3, 6]
POINTS = jnp.asarray(np.concatenate([np.linspace(-7, 7, 31), KINKS]), jnp.float32).reshape(10, 4)
EXTREMES = jnp.full((10, 4), 1e4).at[:, 1].set(-1e4).at[:, 2].set(0.0)
SHARES = jnp.cos(jnp.arange(40.0)).reshape(10, 4)  # cotangents, different for every element
INPUTS = {"points": POINTS, "extremes": EXTREMES, "nan": jnp.full((10, 4), jnp.nan)}


def values_and_slopes(functions):
    """{activation: {input: (values, slopes)}}, all from one compiled program: compiling is what costs time here."""

    def one(function, x):
        values, back = jax.vjp(function, x)
        return values, back(SHARES)[0]

    program = jax.jit(lambda inputs: {n: {k: one(f, x) for k, x in inputs.items()} for n, f in functions.items()})
    return jax.tree.map(np.asarray, program(INPUTS))


@pytest.fixture(scope="module")
def ours():
    with jax.numpy_dtype_promotion("strict"):
        return values_and_slopes({name: activation(name) for name in ACTIVATIONS})


@pytest.fixture(scope="module")
def theirs():
    return values_and_slopes({name: keras.activations.get(name) for name in ACTIVATIONS})


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_equals_keras(name: str, ours, theirs) -> None:
    assert ours[name]["points"][0].dtype == np.float32
    for got, wanted in zip(ours[name]["points"], theirs[name]["points"], strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-7)


def test_has_every_elementwise_activation_of_keras() -> None:
    names = {name for name in dir(keras.activations) if not name.startswith("_")}
    assert names - set(ACTIVATIONS) == {"deserialize", "get", "serialize", "glu", "threshold", "sparsemax"}


def test_relu_has_slope_zero_at_zero(ours) -> None:
    assert (ours["relu"]["points"][1][POINTS == 0] == 0).all()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_extremes_are_finite_and_nan_shows(name: str, ours) -> None:
    if name != "exponential":
        assert all(np.isfinite(found).all() for found in ours[name]["extremes"])
    assert np.isnan(ours[name]["nan"][0]).all()


def test_unknown_name() -> None:
    with pytest.raises(StudyError) as caught:
        activation("rellu")
    assert str(caught.value) == (
        "activation: unknown name, got rellu. Choose one of celu, elu, exponential, gelu, hard_shrink, hard_sigmoid, "
        "hard_silu, hard_swish, hard_tanh, leaky_relu, linear, log_sigmoid, log_softmax, mish, relu, relu6, selu, "
        "sigmoid, silu, soft_shrink, softmax, softplus, softsign, sparse_plus, sparse_sigmoid, squareplus, swish, "
        "tanh, tanh_shrink."
    )
