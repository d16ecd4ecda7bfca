"""Normalization: where the layers go, and the network's outputs against Keras's and NumPy's."""

from __future__ import annotations

import jax.numpy as jnp
import keras
import numpy as np
import pytest

from wellposed.errors import TechniqueError
from wellposed.network.layers import BatchNormalization
from wellposed.network.mlp import MLP, Network
from wellposed.network.normalization import GhostBatchNormalization, LayerNormalization
from wellposed.network.randomness import Rng, study_key
from wellposed.techniques.base import Batch
from wellposed.techniques.normalization import BatchNorm, GhostBatchNorm, LayerNorm


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


@pytest.mark.parametrize("shape", [(6, 5), (2, 6, 5), (1, 1)])
def test_layer_norm_equals_keras(shape: tuple[int, ...]):
    random = np.random.default_rng(0)
    h = (3.0 * random.normal(size=shape) + 2.0).astype(np.float32)
    scale, offset = (random.normal(size=shape[-1:]).astype(np.float32) for _ in range(2))
    theirs = keras.layers.LayerNormalization(epsilon=0.01)
    theirs.build(shape)
    theirs.set_weights([scale, offset])
    params = {"scale": jnp.asarray(scale), "offset": jnp.asarray(offset)}
    for train in (True, False):
        ours, state = LayerNormalization(0.01).apply(
            params, {}, jnp.asarray(h), mask=jnp.ones(shape[-2]), rng=Rng(study_key(0)), train=train
        )
        np.testing.assert_allclose(ours, theirs(h), rtol=1e-4, atol=1e-5)
        assert state == {}


@pytest.mark.parametrize("heads", [(), (2,)])
@pytest.mark.parametrize("real", [12, 11, 9, 8, 5, 1])
def test_ghost_batches_are_minibatches_of_their_own(real: int, heads: tuple[int, ...]):
    """Every four rows as `BatchNormalization` makes them alone; running averages: the mean of those with two rows."""
    random = np.random.default_rng(1)
    h = jnp.asarray(random.normal(size=(*heads, 10 if real <= 9 else 12, 3)), jnp.float32)
    rows = h.shape[-2]
    mask = jnp.asarray(np.arange(rows) < real, jnp.float32)
    params = {"scale": jnp.asarray([1.0, 2.0, 0.5]), "offset": jnp.asarray([0.0, 1.0, -1.0])}
    state = {"mean": jnp.asarray([0.1, 0.2, 0.3]), "variance": jnp.asarray([1.0, 2.0, 3.0])}
    rng = Rng(study_key(0))
    ours, after = GhostBatchNormalization(0.9, ghost=4).apply(params, state, h, mask=mask, rng=rng, train=True)
    means, variances = [], []
    for start in range(0, real, 4):
        part = h[..., start : min(start + 4, real), :]
        alone, moved = BatchNormalization(0.9).apply(
            params, state, part, mask=jnp.ones(part.shape[-2]), rng=rng, train=True
        )
        np.testing.assert_allclose(ours[..., start : start + part.shape[-2], :], alone, rtol=1e-4, atol=1e-5)
        if part.shape[-2] > 1:
            means.append(np.asarray(moved["mean"]))
            variances.append(np.asarray(moved["variance"]))
    assert np.isfinite(ours).all()
    expected = (np.mean(means, 0), np.mean(variances, 0)) if means else (state["mean"], state["variance"])
    np.testing.assert_allclose(after["mean"], expected[0], rtol=1e-5)
    np.testing.assert_allclose(after["variance"], expected[1], rtol=1e-5)


def test_ghost_batch_norm_with_small_minibatches_is_batch_norm(batch: Batch):
    network = MLP((4,)).build(features=3, outputs=2, output_activation="linear")
    passes = []
    for item in (BatchNorm(), GhostBatchNorm(6)):
        rewritten = item.network(network)
        params, state = rewritten.init(study_key(0))
        outputs, after = rewritten.apply(params, state, batch.x, mask=batch.mask, rng=Rng(study_key(0)), train=True)
        passes.append((outputs.logits, list(after["hidden1"].values())))
    assert (passes[0][0] == passes[1][0]).all()
    assert str(passes[0][1]) == str(passes[1][1])


def test_other_layers_go_where_batch_norm_goes(network: Network):
    assert names(LayerNorm("all").network(network))[:3] == [
        "hidden1.input_norm", "hidden1.dense", "hidden1.layer_norm"
    ]  # fmt: skip
    assert names(LayerNorm(position="after").network(network))[2] == "hidden1.layer_norm"
    assert names(GhostBatchNorm(8, "last").network(network))[3] == "hidden2.ghost_norm"


def test_a_second_normalization_in_one_place_is_refused(network: Network):
    for first, second, place in (
        (BatchNorm(), LayerNorm("hidden2"), "hidden2"),
        (LayerNorm("input"), GhostBatchNorm(8, "all"), "input"),
        (LayerNorm("input"), BatchNorm("input"), "input"),
    ):
        with pytest.raises(TechniqueError) as error:
            second.network(first.network(network))
        assert str(error.value) == (
            f"recipe: {second.name} can't normalize what is normalized already, got {place}. "
            "Keep one normalization there, or choose separate layers."
        )
    assert LayerNorm("hidden2").network(BatchNorm("hidden1").network(network))


def test_bad_options():
    cases = {
        lambda: GhostBatchNorm(1): (
            "GhostBatchNorm: ghost must be a whole number of at least 2, got 1. Usual are 16 to 256."
        ),
        lambda: GhostBatchNorm(8, momentum=1): (
            "GhostBatchNorm: momentum must be a number in [0, 1), got 1. Keras's value is 0.99."
        ),
        lambda: LayerNorm(epsilon=0): "LayerNorm: epsilon must be above 0, got 0. Keras's value is 0.001.",
    }
    for make, message in cases.items():
        with pytest.raises(TechniqueError) as error:
            make()
        assert str(error.value) == message
