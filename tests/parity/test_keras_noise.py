"""Dropout in its kinds and Gaussian noise: with the engine's own draws handed to Keras, everything else must be equal.

The draws come from the techniques themselves, called on ones and zeros with the step's key; that these draws are
Keras's in distribution is checked apart.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from scipy import stats

from parity.twins import (
    MIXED,
    PARTIAL,
    SIZE,
    Walk,
    assert_same_path,
    differences,
    keras_network,
    keras_walk,
    problem,
    walk,
)
from wellposed.network.randomness import Rng, study_key
from wellposed.techniques.base import Own, Static, Technique
from wellposed.techniques.noise import AlphaDropout, Dropout, GaussianDropout, GaussianNoise

WIDTHS = {"input": 5, "hidden1": 4, "hidden2": 3}


def drawn(item: Technique, values: jax.Array, place: str, key: jax.Array) -> np.ndarray:
    """What the technique makes of constant values in training."""
    own = Own(state=Static((place,)))
    return np.asarray(
        item.hidden(values, place, own, mask=jnp.ones(len(values)), rng=Rng(key, type(item).__name__), train=True)
    )


def draws_of(ours: Walk, techniques: list[tuple[str, Technique]]) -> list[list[np.ndarray]]:
    """For every step what Keras's further inputs get, in the order of places."""
    start = {Dropout: jnp.ones, GaussianDropout: jnp.ones, GaussianNoise: jnp.zeros}
    return [
        [drawn(item, start[type(item)]((SIZE, WIDTHS[place])), place, key) for place, item in techniques]
        for key in ours.keys
    ]


@pytest.mark.parametrize(
    ("techniques", "factors", "shifts"),
    [
        ((Dropout(0.5),), ("hidden1", "hidden2"), ()),
        ((Dropout(0.1, layers="input"), Dropout(0.3, layers="last")), ("input", "hidden2"), ()),
        ((GaussianNoise(0.3), Dropout(0.2, layers="hidden1")), ("hidden1",), ("input",)),
        ((GaussianNoise(0.2, layers="hidden"),), (), ("hidden1", "hidden2")),
        ((GaussianDropout(0.3),), ("hidden1", "hidden2"), ()),
    ],
    ids=["dropout", "dropout by layer", "noise and dropout", "hidden noise", "gaussian dropout"],
)
def test_with_the_same_draws_training_equals_keras(
    techniques: tuple[Technique, ...], factors: tuple[str, ...], shifts: tuple[str, ...]
) -> None:
    sizes = MIXED if techniques == (Dropout(0.5),) else PARTIAL
    ours = walk(problem(), techniques, sizes=sizes)
    model = keras_network(problem(), factors=factors, shifts=shifts)
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), "binary_crossentropy")
    owners = {
        place: item
        for item in techniques
        for place in item.chosen(tuple(WIDTHS), item.layers)  # type: ignore[attr-defined]
    }
    in_order = [(place, owners[place]) for place in WIDTHS if place in factors + shifts]
    theirs = keras_walk(model, problem(), ours, further=draws_of(ours, in_order), sizes=sizes)
    assert_same_path(ours, theirs, model, problem())


def test_alpha_dropout_with_the_same_draws_equals_keras() -> None:
    """It maps a hidden value h to factor · h + shift: its values at 1 and at 0 give both."""
    item = AlphaDropout(0.3)
    ours = walk(problem(), (item,), activation="selu", sizes=PARTIAL)
    model = keras_network(problem(), factors=("hidden1", "hidden2"), shifts=("hidden1", "hidden2"), activation="selu")
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), "binary_crossentropy")
    draws = []
    for key in ours.keys:
        draws.append([])
        for place in ("hidden1", "hidden2"):
            ones, zeros = (drawn(item, start((SIZE, WIDTHS[place])), place, key) for start in (jnp.ones, jnp.zeros))
            draws[-1] += [ones - zeros, zeros]
    theirs = keras_walk(model, problem(), ours, further=draws, sizes=PARTIAL)
    assert_same_path(ours, theirs, model, problem())


@pytest.mark.parametrize("rate", [0.05, 0.4])
def test_gaussian_and_alpha_dropout_draw_what_keras_draws(rate: float) -> None:
    shape = (500, 40)
    pairs = (
        (GaussianDropout(rate), keras.layers.GaussianDropout(rate, seed=1)),
        (AlphaDropout(rate), keras.layers.AlphaDropout(rate, seed=1)),
    )
    for item, layer in pairs:
        ours = drawn(item, jnp.ones(shape), "hidden1", study_key(4))
        theirs = np.asarray(layer(np.ones(shape, np.float32), training=True))
        if isinstance(item, AlphaDropout):  # two values, the dropped one below
            np.testing.assert_allclose(np.unique(ours), np.unique(theirs), rtol=1e-5)
            error = np.sqrt(rate * (1 - rate) / ours.size)
            assert abs(np.mean(ours < 0) - rate) < 4 * error
            assert abs(np.mean(theirs < 0) - rate) < 4 * error
        else:
            normal: Any = stats.ks_1samp(ours.ravel(), stats.norm(1, np.sqrt(rate / (1 - rate))).cdf)
            alike: Any = stats.ks_2samp(ours.ravel(), theirs.ravel())
            assert min(normal.pvalue, alike.pvalue) > 1e-3


def test_rate_zero_is_no_noise() -> None:
    among = (Dropout(0.5), GaussianNoise(0.1))
    without, beside = walk(problem()), walk(problem(), (), among=among)
    assert max(differences(without.path, beside.path)) < 1e-6


@pytest.mark.parametrize("rate", [0.005, 0.2, 0.5, 0.9])
def test_dropout_draws_what_keras_draws(rate: float) -> None:
    """The same two values; the same share, neighbours uncorrelated: each to four standard errors."""
    shape = (500, 40)
    ours = drawn(Dropout(rate), jnp.ones(shape), "hidden1", study_key(2))
    theirs = np.asarray(keras.layers.Dropout(rate, seed=1)(np.ones(shape, np.float32), training=True))
    np.testing.assert_array_equal(np.unique(ours), np.unique(theirs))
    error = np.sqrt(rate * (1 - rate) / ours.size)
    assert abs(np.mean(ours == 0) - rate) < 4 * error
    assert abs(np.mean(theirs == 0) - rate) < 4 * error
    dropped = (ours == 0) - rate
    for neighbours in (dropped[1:] * dropped[:-1], dropped[:, 1:] * dropped[:, :-1]):  # by row and by column
        assert abs(neighbours.mean()) < 4 * rate * (1 - rate) / np.sqrt(ours.size)


def test_noise_draws_what_keras_draws() -> None:
    shape = (500, 40)
    ours = drawn(GaussianNoise(0.3), jnp.zeros(shape), "input", study_key(3))
    theirs = np.asarray(keras.layers.GaussianNoise(0.3, seed=1)(np.zeros(shape, np.float32), training=True))
    normal: Any = stats.ks_1samp(ours.ravel(), stats.norm(0, 0.3).cdf)
    alike: Any = stats.ks_2samp(ours.ravel(), theirs.ravel())
    assert min(normal.pvalue, alike.pvalue) > 1e-3
