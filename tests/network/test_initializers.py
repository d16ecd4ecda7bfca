"""Initializers against Keras from the same key, and against their own claims."""

from __future__ import annotations

import math
import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wellposed.errors import StudyError
from wellposed.network.initializers import (
    INITIALIZERS,
    Constant,
    Identity,
    Initializer,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
    fans,
    initializer,
)

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")

SEED = 11
KEY = jax.random.wrap_key_data(jnp.asarray([SEED, 0], jnp.uint32))  # the key that Keras makes of its seed
FIXED = {"zeros", "ones", "constant", "identity"}
SPECIFIC = [
    Constant(0.3),
    Identity(2.0),
    Orthogonal(0.5),
    RandomNormal(1.0, 0.2),
    RandomUniform(-1.0, 3.0),
    TruncatedNormal(1.0, 0.2),
    VarianceScaling(3.0, "fan_out", "uniform"),
    VarianceScaling(0.5, "fan_avg", "untruncated_normal"),
]


def keras_twin(ours: Initializer):
    settings = dict(vars(ours)) if ours.name in FIXED else vars(ours) | {"seed": SEED}
    return getattr(keras.initializers, type(ours).__name__)(**settings)


EVERY = [*(cls() for cls in INITIALIZERS.values()), *SPECIFIC]
SHAPES = [(5, 3), (3, 5)]


@pytest.fixture(scope="module")
def pairs():
    """{(initializer, shape): (ours, Keras's)} from one compiled program each."""
    wanted = [(ours, shape) for ours in EVERY for shape in SHAPES]
    with jax.numpy_dtype_promotion("strict"):
        ours = jax.jit(lambda key: [ours(key, shape) for ours, shape in wanted])(KEY)
    theirs = jax.jit(lambda: [keras_twin(ours)(shape) for ours, shape in wanted])()
    return dict(zip(wanted, zip(ours, theirs, strict=True), strict=True))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("ours", EVERY, ids=Initializer.to_text)
def test_equals_keras(ours: Initializer, shape: tuple[int, int], pairs) -> None:
    values, expected = pairs[ours, shape]
    assert values.dtype == jnp.float32
    np.testing.assert_allclose(values, expected, rtol=1e-6, atol=1e-7)


CLAIMS = {  # variance, limit
    "glorot_uniform": (2 / 500, math.sqrt(6 / 500)),
    "glorot_normal": (2 / 500, None),
    "he_uniform": (2 / 200, math.sqrt(6 / 200)),
    "he_normal": (2 / 200, None),
    "lecun_uniform": (1 / 200, math.sqrt(3 / 200)),
    "lecun_normal": (1 / 200, None),
    "random_normal": (0.05**2, None),
    "random_uniform": (0.1**2 / 12, 0.05),
    "truncated_normal": ((0.05 * 0.87962566) ** 2, 0.1),
}


@pytest.fixture(scope="module")
def large():
    return jax.jit(lambda key: {name: initializer(name)(key, (200, 300)) for name in CLAIMS})(jax.random.key(0))


@pytest.mark.parametrize("name", CLAIMS)
def test_variance_and_limit(name: str, large) -> None:
    values, (variance, limit) = np.asarray(large[name]), CLAIMS[name]
    assert values.var() == pytest.approx(variance, rel=0.03)  # 60 000 draws: 5 standard errors of a normal's variance
    assert abs(values.mean()) < 4 * math.sqrt(variance / values.size)
    if limit is not None:
        assert 0.99 * limit < np.abs(values).max() <= limit * (1 + 1e-6)


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (2, 3, 4)])
def test_orthogonal(shape: tuple[int, ...]) -> None:
    matrix = np.asarray(Orthogonal(2.0)(jax.random.key(1), shape)).reshape(-1, shape[-1])
    gram = matrix.T @ matrix if matrix.shape[0] >= matrix.shape[1] else matrix @ matrix.T
    np.testing.assert_allclose(gram, 4 * np.eye(len(gram)), atol=1e-5)


@pytest.mark.parametrize(
    ("shape", "expected"), [((), (1, 1)), ((7,), (7, 7)), ((3, 5), (3, 5)), ((2, 2, 3, 5), (12, 20))]
)
def test_fans(shape: tuple[int, ...], expected: tuple[int, int]) -> None:
    assert fans(shape) == expected


def test_key_decides() -> None:
    one, two, again = (initializer("random_uniform")(jax.random.key(seed), (5, 3)) for seed in (1, 2, 1))
    assert (one == again).all()
    assert (one != two).all()


@pytest.mark.parametrize("ours", SPECIFIC, ids=Initializer.to_text)
def test_text_round_trip(ours: Initializer) -> None:
    assert initializer(ours.to_text()) == ours


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RandomNormal(stddev=-1.0), "RandomNormal: stddev must not be negative, got -1.0"),
        (lambda: TruncatedNormal(stddev=-1.0), "TruncatedNormal: stddev must not be negative, got -1.0"),
        (lambda: RandomUniform(1.0, 0.0), "RandomUniform: minval must not exceed maxval, got 1.0 and 0.0"),
        (lambda: VarianceScaling(0.0), "VarianceScaling: scale must be positive, got 0.0"),
        (
            lambda: VarianceScaling(mode="fan"),
            "VarianceScaling: unknown mode, got fan. Choose fan_in, fan_out or fan_avg.",
        ),
        (
            lambda: VarianceScaling(distribution="cauchy"),
            "VarianceScaling: unknown distribution, got cauchy. "
            "Choose truncated_normal, untruncated_normal or uniform.",
        ),
        (
            lambda: Orthogonal()(KEY, (3,)),
            "Orthogonal: the shape must have at least two axes, got (3,). Use zeros for biases.",
        ),
        (lambda: Identity()(KEY, (3,)), "Identity: the shape must have two axes, got (3,). Use zeros for biases."),
    ],
)
def test_errors(make, message: str) -> None:
    with pytest.raises(StudyError) as caught:
        make()
    assert str(caught.value) == message
