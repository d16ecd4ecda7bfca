"""Averaged weights beside batch normalization: statistics of all training rows, against NumPy."""

import jax
import numpy as np
import pytest

from population.small import Shape, assert_same, candidate, train

SHAPE = Shape(features=4, widths=(5, 3), rows=23, monitor=6, validation=9, splits=2, epochs=6)


def network(params, x, statistics=None):
    """Probabilities of dense, batch norm, relu, …, sigmoid; with the rows' own statistics, or the given ones."""
    x, found = x.astype(np.float64), {}
    for block, layers in params.items():
        x = x @ layers["dense"]["kernel"] + layers["dense"]["bias"]
        name = next((name for name in layers if "norm" in name), None)
        if name is not None:
            mean, variance = (x.mean(0), x.var(0)) if statistics is None else statistics[block]
            found[block] = mean, variance
            x = (x - mean) / np.sqrt(variance + 1e-3) * layers[name]["scale"] + layers[name]["offset"]
            x = np.maximum(x, 0)
    return 1 / (1 + np.exp(-x)), found


def in_double(tree):
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), tree)


def check(member, split, sets):
    """The member's statistics, predictions and last score follow from its parameter sets and the training rows."""
    rows = SHAPE.split(split)
    assert rows.validation is not None
    x, y, _ = rows.validation
    predictions, states = [], member.weights.states(len(sets))
    assert len(states) == len(sets)
    for params, state in zip(sets, states, strict=True):
        params = in_double({name: params[name] for name in ("hidden1", "hidden2", "output")})
        _, expected = network(params, rows.x)
        for block, (mean, variance) in expected.items():
            (found,) = [part for part in state[block].values() if part]
            np.testing.assert_allclose(found["mean"], mean, rtol=1e-4, atol=1e-5)
            np.testing.assert_allclose(found["variance"], variance, rtol=1e-4, atol=1e-5)
        predictions.append(network(params, x, expected)[0])
    mean = np.mean(predictions, 0)
    np.testing.assert_allclose(member.predictions, mean, rtol=1e-3, atol=1e-5)
    loss = -np.mean(np.log(np.where(y > 0, mean, 1 - mean)))
    column = 4  # train loss and accuracy, monitor loss and accuracy, validation loss
    np.testing.assert_allclose(member.curves[member.result_epoch - 1, column], loss, rtol=1e-3)


def averaged(member):
    """EMA's average: the one technique with state like the network's parameters."""
    (average,) = [state for state in member.weights.own_state if isinstance(state, dict) and "hidden1" in state]
    return average


@pytest.fixture(scope="module")
def members():
    recipes = [
        "ema=0.7 + batch-norm",
        "ema=0.7 + batch-norm + best-epoch",
        "snapshots,cycles=3 + batch-norm",
        "batch-norm",
    ]
    return train(SHAPE, [candidate(SHAPE, text, learning_rate=0.05) for text in recipes])


@pytest.mark.parametrize("split", [0, 1])
@pytest.mark.parametrize("number", [0, 1])
def test_an_average_predicts_with_the_statistics_of_all_training_rows(members, number, split):
    member = members[number, split]
    check(member, split, [averaged(member)])


def test_the_kept_epoch_keeps_its_statistics(members):
    assert min(members[1, split].result_epoch for split in range(SHAPE.splits)) < SHAPE.epochs


def test_every_snapshot_has_its_own(members):
    member = members[2, 0]
    (slots,) = [state for state in member.weights.own_state if isinstance(state, dict)]
    check(member, 0, [jax.tree.map(lambda leaf, k=k: leaf[k], slots) for k in range(3)])


def test_batch_norm_alone_predicts_with_running_statistics_as_ever(members):
    assert members[3, 0].weights.estimated == ()
    state = members[3, 0].weights.states(1)[0]["hidden1"]
    (running,) = [part for part in state.values() if part]
    _, exact = network(in_double(members[3, 0].weights.params), SHAPE.split(0).x)
    assert not np.allclose(running["mean"], exact["hidden1"][0], rtol=0.01)


def test_many_rows_are_estimated_member_by_member(monkeypatch):
    """Above a block of rows the pass takes one member at a time: the same statistics."""
    shape = Shape(rows=150, splits=2, epochs=2)
    recipes = [candidate(shape, text) for text in ("ema=0.7 + batch-norm", "ema=0.5 + batch-norm")]
    at_once = train(shape, recipes)
    monkeypatch.setattr("wellposed.population.tiling.block_rows", lambda widths, members: 64)
    one_by_one = train(shape, recipes)
    for key, member in at_once.items():
        assert_same(member, one_by_one[key], relative=1e-5)
        for a, b in zip(*(jax.tree.leaves(m.weights.estimated) for m in (member, one_by_one[key])), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(member.predictions, one_by_one[key].predictions, rtol=1e-4)
