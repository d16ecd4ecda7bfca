"""Noise of all kinds: which values change, by how much, and what draws have in common."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import keras
import numpy as np
import pytest

from wellposed.network.randomness import Rng, study_key
from wellposed.techniques.base import Context, Own, Technique
from wellposed.techniques.noise import (
    AlphaDropout,
    DropConnect,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    GradientNoise,
)

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
    for cls in (Dropout, GaussianNoise, GaussianDropout, AlphaDropout):
        item = cls(0.5, layers)
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


def test_dropout_by_shape_has_the_rates_of_the_shape(context: Context, rng: Rng):
    """A funnel over two hidden layers: p, then p / 2; the masks are those of these rates in a brick."""
    funnel = Dropout(0.6, shape="funnel")
    for layer, rate in (("hidden1", 0.6), ("hidden2", 0.3)):
        assert (noisy(funnel, context, layer, rng) == noisy(Dropout(rate), context, layer, rng)).all()
    assert (noisy(funnel, context, "input", rng) == H).all()


def test_gaussian_dropout_has_the_variance_of_dropout(context: Context, rng: Rng):
    factor = noisy(GaussianDropout(0.2), context, "hidden1", rng) / np.asarray(H)
    theirs = np.asarray(keras.layers.GaussianDropout(0.2, seed=1)(H, training=True) / H)
    for values in (factor, theirs):
        assert values.mean() == pytest.approx(1.0, abs=4 * 0.5 / np.sqrt(600))
        assert values.std() == pytest.approx(0.5, rel=4 / np.sqrt(1200))
    twice = noisy(GaussianDropout(0.5), context, "hidden1", rng) / np.asarray(H)
    np.testing.assert_allclose(twice - 1.0, 2.0 * (factor - 1.0), atol=1e-5)


def test_alpha_dropout_is_keras_up_to_the_draw(context: Context, rng: Rng):
    """Kept values and dropped ones are Keras's; the share that is kept fits a binomial."""
    ours = noisy(AlphaDropout(0.3), context, "hidden1", rng)
    theirs = np.asarray(keras.layers.AlphaDropout(0.3, seed=1)(H, training=True))
    floors = ours.min(), theirs.min()
    assert floors[0] == pytest.approx(floors[1], rel=1e-5)
    kept = [values > floor + 1e-3 for values, floor in zip((ours, theirs), floors, strict=True)]
    both = kept[0] & kept[1]
    np.testing.assert_allclose(ours[both], theirs[both], rtol=1e-5)
    for values in kept:
        assert values.mean() == pytest.approx(0.7, abs=4 * np.sqrt(0.3 * 0.7 / 600))


def test_alpha_dropout_keeps_mean_and_variance(context: Context, rng: Rng):
    """Of values with mean 0 and variance 1, which is what selu leads to."""
    values = jnp.asarray(np.random.default_rng(0).normal(size=(4000, 3)), jnp.float32)
    own = AlphaDropout(0.4).init(context, {}, study_key(0))
    after = AlphaDropout(0.4).hidden(values, "hidden1", own, mask=jnp.ones(4000), rng=rng, train=True)
    assert float(after.mean()) == pytest.approx(0.0, abs=4 / np.sqrt(12000))
    assert float(after.std()) == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize(("step", "expected"), [(1, 0.3), (100, 0.3 / 100**0.55)])
def test_gradient_noise_has_its_variance(step: int, expected: float, rng: Rng):
    """η / (1 + t)^γ, t updates before this one; draws are common to all strengths and different for each variable."""
    grads = {"a": jnp.ones((2000, 5)), "b": jnp.ones((2000, 5))}

    def noise(item: Technique, rng: Rng) -> Any:
        after = item.gradients(grads, Own(), rng, step=jnp.int32(step))
        return {name: np.asarray(after[name]) - 1.0 for name in grads}

    found, twice = noise(GradientNoise(0.3), rng), noise(GradientNoise(1.2), rng)
    for name in grads:
        assert found[name].var() == pytest.approx(expected, rel=4 * np.sqrt(2 / 10000))
        assert abs(found[name].mean()) < 4 * np.sqrt(expected / 10000)
        np.testing.assert_allclose(twice[name], 2.0 * found[name], atol=1e-5)
    assert abs(np.corrcoef(found["a"].ravel(), found["b"].ravel())[0, 1]) < 0.04
    assert (noise(GradientNoise(0.3), Rng(study_key(8)))["a"] != found["a"]).any()
