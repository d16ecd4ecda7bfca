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
        "activation: unknown name, got rellu. Did you mean relu? "
        "Choose one of celu, elu, exponential, gelu, hard_shrink, hard_sigmoid, "
        "hard_silu, hard_swish, hard_tanh, leaky_relu, linear, log_sigmoid, log_softmax, mish, relu, relu6, selu, "
        "sigmoid, silu, soft_shrink, softmax, softplus, softsign, sparse_plus, sparse_sigmoid, squareplus, swish, "
        "tanh, tanh_shrink."
    )


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("leaky_relu(negative_slope=0.3)", lambda: keras.layers.LeakyReLU()),
        ("elu(alpha=0.5)", lambda: keras.layers.ELU(alpha=0.5)),
        ("celu(alpha=2)", lambda: lambda x: keras.activations.celu(x, alpha=2.0)),
        ("relu(max_value=3, negative_slope=0.1)", lambda: keras.layers.ReLU(max_value=3.0, negative_slope=0.1)),
        ("relu(threshold=1)", lambda: keras.layers.ReLU(threshold=1.0)),
    ],
)
def test_arguments_equal_keras(name: str, layer) -> None:
    np.testing.assert_allclose(activation(name)(POINTS), layer()(POINTS), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", ["leaky_relu(slope=1)", "leaky_relu(1, 2)", "leaky_relu(negative_slope=true)"])
def test_wrong_arguments_are_refused(name: str) -> None:
    with pytest.raises(StudyError) as caught:
        activation(name)
    remedy = "Write e.g. leaky_relu(negative_slope=0.2)."
    assert str(caught.value) == f"activation: can't be understood, got {name}. {remedy}"


def test_an_activation_without_arguments_takes_none() -> None:
    with pytest.raises(StudyError, match=r"^activation: can't be understood, got tanh\(1\)\. Write e\.g\. tanh\.$"):
        activation("tanh(1)")
