"""Records of what happens inside, against NumPy on the same weights and rows."""

import numpy as np
import pytest

from population.small import Shape, candidate, plan
from wellposed.runners.local import LocalRunner

SHAPE = Shape(features=4, widths=(6, 3), rows=23, splits=1, epochs=5)


def run(shape, texts, **options):
    planned = plan(shape, [candidate(shape, text, learning_rate=0.05) for text in texts], **options)
    runner = LocalRunner(2, keep_weights=True)
    return runner.run(planned, lambda _: shape.split(0), [(0, 0)], seed=0)[0]


@pytest.fixture(scope="module")
def records():
    return run(SHAPE, ["baseline", "proximal-l1=0.05", "l2=0.1 + dropout=0.3"], inside=True)


def by_hand(params, x, y):
    """Gradients of binary cross-entropy by backpropagation, and the hidden values, in double precision."""
    layers = [
        {key: np.asarray(value, np.float64) for key, value in params[name]["dense"].items()}
        for name in ("hidden1", "hidden2", "output")
    ]
    values = [x.astype(np.float64)]
    for layer in layers[:-1]:
        values.append(np.maximum(values[-1] @ layer["kernel"] + layer["bias"], 0))
    logits = values[-1] @ layers[-1]["kernel"] + layers[-1]["bias"]
    slope, norms = (1 / (1 + np.exp(-logits)) - y) / len(x), []
    for h, layer in zip(values[::-1], layers[::-1], strict=True):
        norms.append(np.sqrt(np.square(h.T @ slope).sum() + np.square(slope.sum(0)).sum()))
        slope = (slope @ layer["kernel"].T) * (h > 0)
    return layers, norms[::-1], values[1:]


@pytest.mark.parametrize("number", [0, 1, 2])
def test_the_last_epochs_records_follow_from_the_weights(records, number):
    """Without penalties and in inference mode, whatever the recipe."""
    (member,) = records.of(number)
    rows = SHAPE.split(0)
    layers, norms, hidden = by_hand(member.weights.params, rows.x, rows.y)
    last = dict(zip(records.columns, member.curves[-1], strict=True))
    for name, layer, norm in zip(("hidden1", "hidden2", "output"), layers, norms, strict=True):
        np.testing.assert_allclose(last[f"gradient_norm_{name}"], norm, rtol=1e-3, atol=1e-7)
        np.testing.assert_allclose(last[f"weight_norm_{name}"], np.linalg.norm(layer["kernel"]), rtol=1e-5)
        np.testing.assert_allclose(last[f"zeros_{name}"], np.mean(layer["kernel"] == 0), atol=1e-7)
    for name, values in zip(("hidden1", "hidden2"), hidden, strict=True):
        np.testing.assert_allclose(last[f"dead_{name}"], np.mean((values == 0).all(0)), atol=1e-7)


def test_there_is_something_to_see(records):
    frame = records.to_frame()
    zeros = frame[frame["recipe"] == "proximal-l1=0.05"]["zeros_hidden1"].to_numpy()
    assert 0 < zeros[-1] < 1
    assert not frame[frame["recipe"] == "baseline"]["zeros_hidden1"].to_numpy().any()


def test_columns_stand_behind_the_scores(records):
    assert records.columns == (
        "train_loss", "train_accuracy", "monitor_loss", "monitor_accuracy", "validation_loss", "validation_accuracy",
        "penalty", "gradient_norm_hidden1", "gradient_norm_hidden2", "gradient_norm_output", "weight_norm_hidden1",
        "weight_norm_hidden2", "weight_norm_output", "zeros_hidden1", "zeros_hidden2", "zeros_output", "dead_hidden1",
        "dead_hidden2",
    )  # fmt: skip


def test_looking_changes_nothing(records):
    plain = run(SHAPE, ["baseline"])
    assert plain.columns == records.columns[:7]
    np.testing.assert_allclose(plain.members[0].curves, records.of(0)[0].curves[:, :7], rtol=1e-5)


def test_recipes_with_other_layers_have_columns_of_their_own():
    records = run(SHAPE, ["baseline", "depth=3"], inside=True)
    shallow, deep = (dict(zip(records.columns, records.of(number)[0].curves[-1], strict=True)) for number in (0, 1))
    assert np.isnan(shallow["dead_hidden3"])
    assert np.isfinite([value for name, value in shallow.items() if "hidden3" not in name]).all()
    assert np.isfinite(list(deep.values())).all()
