"""Dropout, DropConnect and Gaussian noise: which values change, by how much, and what draws have in common."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import keras
import numpy as np
import pytest

from wellposed.network.randomness import Rng, study_key
from wellposed.techniques.base import Context
from wellposed.techniques.noise import DropConnect, Dropout, GaussianNoise

H = jnp.asarray(np.random.default_rng(3).uniform(1.0, 2.0, (200, 3)), jnp.float32)


def noisy(item: Any, context: Context, layer: str, rng: Rng, train: bool = True) -> np.ndarray:
    own = item.init(context, {}, study_key(0))
    return np.asarray(item.hidden(H, layer, own, mask=jnp.ones(200), rng=rng, train=train))


def test_dropout_is_keras_up_to_the_draw(context: Context, rng: Rng):
    """Kept values are scaled as Keras scales them; the share that is kept fits a binomial."""
    ours = noisy(Dropout(0.3), context, "hidden1", rng)
    theirs = np.asarray(keras.layers.Dropout(0.3, seed=1)(H, training=True))
    both = (ours != 0.0) & (theirs != 0.0)
    np.testing.assert_allclose(ours[both], theirs[both], rtol=1e-6)
    for values in (ours, theirs):
        assert abs((values != 0.0).mean() - 0.7) < 4 * np.sqrt(0.3 * 0.7 / 600)


def test_draws_are_common_to_all_rates(context: Context, rng: Rng):
    """What a low rate drops, a higher one drops too; other layers, steps and passes draw anew."""
    low, high = (noisy(Dropout(rate), context, "hidden1", rng) == 0.0 for rate in (0.2, 0.6))
    assert (high | ~low).all()
    assert high.sum() > low.sum()
    again = noisy(Dropout(0.2), context, "hidden1", rng) == 0.0
    other = [
        noisy(Dropout(0.2), context, "hidden2", rng) == 0.0,
        noisy(Dropout(0.2), context, "hidden1", rng.again(1)) == 0.0,
    ]
    assert (again == low).all()
    assert all((mask != low).any() for mask in other)


@pytest.mark.parametrize(
    ("layers", "changed"),
    [
        ("hidden", {"hidden1", "hidden2"}),
        ("last", {"hidden2"}),
        ("input", {"input"}),
        ("input/hidden1", {"input", "hidden1"}),
    ],
)
def test_acts_on_chosen_layers_in_training(layers: str, changed: set[str], context: Context, rng: Rng):
    for item in (Dropout(0.5, layers), GaussianNoise(0.5, layers)):
        for layer in ("input", "hidden1", "hidden2"):
            assert (noisy(item, context, layer, rng) != H).any() == (layer in changed)
            assert (noisy(item, context, layer, rng, train=False) == H).all()


def test_gaussian_noise_has_its_standard_deviation(context: Context, rng: Rng):
    noise = noisy(GaussianNoise(0.5), context, "input", rng) - np.asarray(H)
    theirs = np.asarray(keras.layers.GaussianNoise(0.5, seed=1)(H, training=True) - H)
    for values in (noise, theirs):
        assert abs(values.mean()) < 4 * 0.5 / np.sqrt(600)
        assert values.std() == pytest.approx(0.5, rel=4 / np.sqrt(1200))
    twice = noisy(GaussianNoise(1.0), context, "input", rng) - np.asarray(H)
    np.testing.assert_allclose(twice, 2.0 * noise, atol=1e-6)


def test_drop_connect_drops_kernel_entries_of_chosen_layers(context: Context, params: Any, rng: Rng):
    item = DropConnect(0.4)
    own = item.init(context, params, study_key(0))
    after = item.weights(params, own, rng, train=True)
    for block in ("hidden1", "hidden2"):
        kernel, dropped = params[block]["dense"]["kernel"], after[block]["dense"]["kernel"]
        kept = dropped != 0.0
        assert 0 < kept.sum() < kept.size
        np.testing.assert_allclose(dropped[kept], kernel[kept] / 0.6, rtol=1e-6)
        assert (after[block]["dense"]["bias"] == params[block]["dense"]["bias"]).all()
    assert (after["hidden1"]["dense"]["kernel"] == 0.0).tolist() != (
        after["hidden2"]["dense"]["kernel"] == 0.0
    ).tolist()
    assert after["output"] is params["output"]
    assert item.weights(params, own, rng, train=False) is params
