"""Label smoothing against Keras's losses."""

from __future__ import annotations

import dataclasses

import jax.numpy as jnp
import keras
import numpy as np
import pytest

from wellposed.errors import TechniqueError
from wellposed.network.randomness import Rng
from wellposed.techniques.base import Batch, Context, Own
from wellposed.techniques.targets import LabelSmoothing


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
