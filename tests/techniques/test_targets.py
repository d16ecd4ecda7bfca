"""Label smoothing against Keras's losses, entropies against SciPy's."""

from __future__ import annotations

import dataclasses

import jax.numpy as jnp
import keras
import numpy as np
import pytest
from scipy.special import entr, expit, softmax
from scipy.stats import entropy

from wellposed.errors import TechniqueError
from wellposed.network.mlp import Outputs
from wellposed.network.randomness import Rng, study_key
from wellposed.techniques.base import Batch, Context, Own
from wellposed.techniques.targets import ConfidencePenalty, LabelSmoothing


def test_equals_keras_for_several_classes(batch: Batch, rng: Rng):
    smoothed = LabelSmoothing(0.2).augment(batch, Own(), rng).y
    predictions = jnp.asarray(np.random.default_rng(0).dirichlet([1, 1, 1], 6), jnp.float32)
    expected = keras.losses.CategoricalCrossentropy(label_smoothing=0.2)(batch.y, predictions)
    assert float(keras.losses.CategoricalCrossentropy()(smoothed, predictions)) == pytest.approx(float(expected))


def test_equals_keras_for_a_single_output(batch: Batch, rng: Rng):
    y = batch.y[:, :1]
    smoothed = LabelSmoothing(0.2).augment(batch._replace(y=y), Own(), rng).y
    predictions = jnp.asarray(np.random.default_rng(0).uniform(0.1, 0.9, (6, 1)), jnp.float32)
    expected = keras.losses.BinaryCrossentropy(label_smoothing=0.2)(y, predictions)
    assert float(keras.losses.BinaryCrossentropy()(smoothed, predictions)) == pytest.approx(float(expected))
    np.testing.assert_allclose(np.unique(smoothed), [0.1, 0.9], rtol=1e-6)


def test_refuses_regression(context: Context):
    LabelSmoothing().check(context)
    with pytest.raises(TechniqueError) as error:
        LabelSmoothing().check(dataclasses.replace(context, task="regression"))
    assert str(error.value) == (
        "LabelSmoothing: the task must be classification, got regression. "
        "Leave it out; for numbers try Mixup or GaussianNoise."
    )


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_confidence_penalty_is_the_entropy_by_scipy(activation: str, batch: Batch, context: Context):
    logits = (
        jnp.asarray(np.random.default_rng(2).normal(size=(2, 6, 3)) * 3, jnp.float32).at[0, 0].set([0.0, 900.0, -900.0])
    )
    item = ConfidencePenalty(0.3)
    own = item.init(dataclasses.replace(context, output_activation=activation), {}, study_key(0))
    losses = jnp.ones((2, 6))
    found = np.asarray(item.row_loss(losses, Outputs(logits, {}), batch, own))
    wide = np.asarray(logits, np.float64)
    if activation == "softmax":
        expected = entropy(softmax(wide, -1), axis=-1)
    else:
        expected = (entr(expit(wide)) + entr(expit(-wide))).sum(-1)
    np.testing.assert_allclose(found, 1 - 0.3 * expected, rtol=1e-5, atol=1e-6)


def test_confidence_penalty_refuses_regression(context: Context):
    with pytest.raises(TechniqueError) as error:
        ConfidencePenalty().check(dataclasses.replace(context, task="regression"))
    assert str(error.value) == (
        "ConfidencePenalty: the task must be classification, got regression. "
        "Leave it out; for numbers try GaussianNoise or JacobianPenalty."
    )
