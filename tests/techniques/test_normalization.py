"""Batch normalization: where the layers go, and the network's outputs against Keras's."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from wellposed.network.mlp import MLP, Network
from wellposed.network.randomness import Rng, study_key
from wellposed.techniques.base import Batch
from wellposed.techniques.normalization import BatchNorm


def names(network: Network) -> list[str]:
    return [f"{block.name}.{name}" for block in network.blocks for name, _ in block.layers]


@pytest.mark.parametrize(
    ("layers", "added"),
    [
        ("hidden", ["hidden1.batch_norm", "hidden2.batch_norm"]),
        ("last", ["hidden2.batch_norm"]),
        ("input", ["hidden1.input_norm"]),
        ("all", ["hidden1.input_norm", "hidden1.batch_norm", "hidden2.batch_norm"]),
    ],
)
def test_layers_are_added_before_activations(layers: str, added: list[str], network: Network):
    after = names(BatchNorm(layers).network(network))
    assert [name for name in after if name not in names(network)] == added
    for name in added:
        block, layer = name.split(".")
        assert after[after.index(name) + 1] == f"{block}.{'activation' if layer == 'batch_norm' else 'dense'}"


def test_a_layer_may_stand_after_the_activation(network: Network):
    after = names(BatchNorm("hidden1", epsilon=0.01, position="after").network(network))
    assert after[:4] == ["hidden1.dense", "hidden1.activation", "hidden1.batch_norm", "hidden2.dense"]


def test_equals_keras(batch: Batch):
    """Outputs in training and inference, and running averages, of a network with a normalized hidden layer."""
    network = BatchNorm(momentum=0.9).network(MLP((4,)).build(features=3, outputs=2, output_activation="linear"))
    params, state = network.init(study_key(0))
    dense, output = keras.layers.Dense(4), keras.layers.Dense(2)
    norm = keras.layers.BatchNormalization(momentum=0.9)
    model = keras.Sequential([keras.Input((3,)), dense, norm, keras.layers.ReLU(), output])
    dense.set_weights([params["hidden1"]["dense"]["kernel"], params["hidden1"]["dense"]["bias"]])
    output.set_weights([params["output"]["dense"]["kernel"], params["output"]["dense"]["bias"]])

    def ours(state: object, train: bool) -> tuple[np.ndarray, object]:
        outputs, after = network.apply(
            params,
            state,
            batch.x[:4],
            mask=batch.mask[:4],
            rng=Rng(study_key(0)),
            train=train,  # type: ignore[arg-type]
        )
        return np.asarray(outputs.logits[0]), after

    training, after = ours(state, True)
    np.testing.assert_allclose(training, model(batch.x[:4], training=True), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ours(after, False)[0], model(batch.x[:4], training=False), rtol=1e-4, atol=1e-5)
    assert BatchNorm().neutral() is None
