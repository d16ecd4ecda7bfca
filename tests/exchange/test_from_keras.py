"""Keras in: what each layer, optimizer, loss and callback becomes, and that nothing is dropped in silence."""

# pyright: reportArgumentType=false
# (Keras's own annotations are narrower than what it takes.)

from __future__ import annotations

from typing import Any

import keras
import pytest
from keras import layers as kl

from parity.twins import FEATURES, assert_same_path, keras_walk, problem, walk
from wellposed.data.read import read
from wellposed.errors import WellposedError
from wellposed.exchange.keras import from_keras
from wellposed.exchange.setup import Setup
from wellposed.network.mlp import MLP
from wellposed.recipe import parse

regularizers, constraints, optimizers = keras.regularizers, keras.constraints, keras.optimizers
schedules, callbacks, losses = keras.optimizers.schedules, keras.callbacks, keras.losses


def sequential(*layers: Any, optimizer: Any = "adam", loss: Any = "binary_crossentropy", **settings: Any) -> Any:
    """A compiled model; without an output layer of its own it gets a sigmoid one."""
    given = list(layers)
    if not (given and isinstance(given[-1], kl.Dense) and given[-1].units in (1, 2, 3)):
        given.append(kl.Dense(1, "sigmoid"))
    model = keras.Sequential([keras.Input((4,)), *given])
    model.compile(optimizer, loss, **settings)
    return model


@pytest.mark.parametrize(
    ("layers", "recipe"),
    [
        ([], "baseline"),
        ([kl.Dense(8, "relu"), kl.Dropout(0.2)], "dropout=0.2"),
        ([kl.Dropout(0.1), kl.Dense(8, "relu"), kl.Dropout(0.1)], "dropout=0.1,layers=all"),
        ([kl.Dense(8), kl.Dropout(0.2), kl.ReLU()], "dropout=0.2"),
        (
            [kl.Dense(8, "relu"), kl.Dropout(0.2), kl.Dense(6, "relu"), kl.Dropout(0.5)],
            "dropout=0.2,layers=hidden1 + dropout=0.5,layers=hidden2",
        ),
        ([kl.GaussianNoise(0.1), kl.Dense(8, "relu")], "gaussian-noise=0.1"),
        ([kl.Dense(8, "relu", kernel_regularizer="l2"), kl.Dense(1, "sigmoid")], "l2=0.01,layers=hidden"),
        ([kl.Dense(8, "relu"), kl.Dense(1, "sigmoid", kernel_regularizer=regularizers.L1(0.003))],
         "l1=0.003,layers=output"),
        (
            [kl.Dense(8, "relu", kernel_regularizer=regularizers.L1L2(1e-4, 1e-3), bias_regularizer="l2"),
             kl.Dense(1, "sigmoid", kernel_regularizer=regularizers.L2(1e-3))],
            "l1=0.0001,layers=hidden + l2=0.01,on=bias,layers=hidden + l2=0.001",
        ),
        ([kl.Dense(8, "relu", activity_regularizer=regularizers.L1(1e-4))], "l1=0.0001,on=activity"),
        ([kl.Dense(8, "relu"), kl.ActivityRegularization(l2=0.1)], "l2=0.1,on=activity"),
        ([kl.Dense(8), kl.BatchNormalization(), kl.ReLU()], "batch-norm"),
        ([kl.Dense(8, "relu"), kl.BatchNormalization(momentum=0.9)], "batch-norm,momentum=0.9,position=after"),
        ([kl.BatchNormalization(), kl.Dense(8, "relu")], "batch-norm,layers=input"),
        ([kl.Dense(8, "relu", kernel_constraint=constraints.MaxNorm(2))], "max-norm=2.0,layers=hidden"),
        ([kl.Dense(8, "relu", kernel_constraint=constraints.UnitNorm())], "unit-norm"),
        ([kl.Dense(8, "relu", kernel_constraint=constraints.NonNeg())], "non-negative"),
        ([kl.Dense(8, "relu", kernel_constraint=constraints.MinMaxNorm(0.1, 1.0, 0.5))],
         "min-max-norm=0.1,maximum=1.0,rate=0.5,layers=hidden"),
        ([kl.Dense(8, "relu"), kl.GaussianDropout(0.3)], "gaussian-dropout=0.3"),
        ([kl.Dense(8, "selu"), kl.AlphaDropout(0.3)], "alpha-dropout=0.3"),
        ([kl.Dense(8), kl.LayerNormalization(), kl.ReLU()], "layer-norm"),
        ([kl.Dense(8, "relu"), kl.LayerNormalization(epsilon=0.01)], "layer-norm,epsilon=0.01,position=after"),
    ],
)  # fmt: skip
def test_what_regularizes_becomes_the_recipe(layers: list[Any], recipe: str) -> None:
    assert from_keras(sequential(*layers)).recipe.name == parse(recipe).name


@pytest.mark.parametrize(
    ("layers", "network"),
    [
        ([kl.Dense(8, "relu"), kl.Dense(6, "relu"), kl.Dense(1, "sigmoid")], MLP((8, 6), output_activation="sigmoid")),
        ([kl.Dense(1)], MLP((), output_activation="linear")),
        ([kl.Dense(8), kl.LeakyReLU(), kl.Dense(6, "tanh"), kl.Dense(1, "relu")],
         MLP((8, 6), ("leaky_relu(negative_slope=0.3)", "tanh"), output_activation="relu")),
        ([kl.Dense(8), kl.ELU(0.5), kl.Dense(3), kl.Softmax()],
         MLP((8,), "elu(alpha=0.5)", output_activation="softmax")),
        ([kl.Dense(8), kl.ReLU(6), kl.Dense(1)], MLP((8,), "relu(max_value=6.0)", output_activation="linear")),
        ([kl.Dense(8), kl.Dense(2, "sigmoid")],
         MLP((8,), "linear", output_activation="sigmoid", outputs="per-class")),
        ([kl.Dense(8, "relu", kernel_initializer=keras.initializers.RandomNormal(stddev=0.1, seed=3)),
          kl.Dense(1, "sigmoid", kernel_initializer="he_normal")],
         MLP((8,), kernel_initializer="random_normal(stddev=0.1)", output_activation="sigmoid",
             output_kernel_initializer="he_normal")),
    ],
)  # fmt: skip
def test_layers_become_a_network(layers: list[Any], network: MLP) -> None:
    model = keras.Sequential(layers)  # not built: the reader needs no shapes
    model.compile("adam", "mse")
    assert from_keras(model).network == network


@pytest.mark.parametrize(
    ("optimizer", "text", "rate", "recipe"),
    [
        ("adam", "adam", 0.001, "baseline"),
        (optimizers.SGD(0.1, momentum=0.9, nesterov=True), "sgd(momentum=0.9, nesterov=true)", 0.1, "baseline"),
        (optimizers.Adam(3e-4, epsilon=1e-5), "adam(epsilon=1e-5)", 3e-4, "baseline"),
        (optimizers.RMSprop(rho=0.95, centered=True), "rmsprop(rho=0.95, centered=true)", 0.001, "baseline"),
        (optimizers.AdamW(), "adam", 0.001, "weight-decay=0.004,on=all"),
        (optimizers.SGD(weight_decay=0.1), "sgd", 0.01, "weight-decay=0.1,on=all"),
        (optimizers.Adam(clipnorm=1.0), "adam", 0.001, "clip-norm=1.0"),
        (optimizers.Adam(clipvalue=0.5), "adam", 0.001, "clip-value=0.5"),
        (optimizers.Adam(global_clipnorm=2.0), "adam", 0.001, "clip-global-norm=2.0"),
        (optimizers.Adam(use_ema=True, ema_momentum=0.9), "adam", 0.001, "ema=0.9"),
    ],
)
def test_optimizers(optimizer: Any, text: str, rate: float, recipe: str) -> None:
    setup = from_keras(sequential(optimizer=optimizer))
    assert (setup.training.optimizer.to_text(), setup.training.rate) == (text, rate)  # type: ignore[union-attr]
    assert setup.recipe.name == recipe


def test_weight_decay_of_kernels_alone() -> None:
    optimizer = optimizers.AdamW(weight_decay=0.01)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    assert from_keras(sequential(kl.Dense(8, "relu"), optimizer=optimizer)).recipe.name == "weight-decay=0.01"


@pytest.mark.parametrize(
    ("schedule", "updates", "text", "rate"),
    [
        (schedules.CosineDecay(0.1, 100), 100, "cosine", 0.1),
        (schedules.CosineDecay(0.0, 75, alpha=0.1, warmup_target=0.2, warmup_steps=25), 100,
         "cosine(alpha=0.1, warmup=0.25)", 0.2),
        (schedules.ExponentialDecay(0.1, 20, 0.5, staircase=True), 100,
         "exponential(rate=0.5, every=0.2, staircase=true)", 0.1),
        (schedules.PolynomialDecay(0.1, 100, 0.01), 100, "linear(end=0.09999999999999999)", 0.1),
        (schedules.PiecewiseConstantDecay([50, 75, 200], [0.1, 0.05, 0.01, 0.001]), 100,
         "step(factors=(1.0, 0.5, 0.09999999999999999))", 0.1),
        (schedules.CosineDecayRestarts(0.1, 10), 70, "warm_restarts", 0.1),
    ],
)  # fmt: skip
def test_schedules_follow_keras(schedule: Any, updates: int, text: str, rate: float) -> None:
    setup = from_keras(sequential(optimizer=optimizers.SGD(schedule)), updates=updates)
    found = setup.training.schedule
    assert not isinstance(found, str)
    assert (found.to_text(), setup.training.rate) == (text, pytest.approx(rate))
    for step in range(updates):
        assert rate * float(found.factor(step, updates)) == pytest.approx(float(schedule(step)), rel=1e-4, abs=1e-6)


@pytest.mark.parametrize(
    ("layers", "loss", "text", "activation", "recipe"),
    [
        ([kl.Dense(1, "sigmoid")], losses.BinaryCrossentropy(label_smoothing=0.1), "binary_crossentropy", "sigmoid",
         "label-smoothing=0.1"),
        ([kl.Dense(3, "softmax")], "sparse_categorical_crossentropy", "categorical_crossentropy", "softmax",
         "baseline"),
        ([kl.Dense(3)], losses.SparseCategoricalCrossentropy(from_logits=True), "categorical_crossentropy", "softmax",
         "baseline"),
        ([kl.Dense(1)], losses.BinaryCrossentropy(from_logits=True), "binary_crossentropy", "sigmoid", "baseline"),
        ([kl.Dense(1)], losses.Huber(2.0), "huber(delta=2.0)", "linear", "baseline"),
        ([kl.Dense(1)], "mae", "mean_absolute_error", "linear", "baseline"),
        ([kl.Dense(1)], losses.mean_squared_error, "mean_squared_error", "linear", "baseline"),
    ],
)  # fmt: skip
def test_losses(layers: list[Any], loss: Any, text: str, activation: str, recipe: str) -> None:
    setup = from_keras(sequential(*layers, loss=loss))
    assert setup.training.loss.to_text() == text  # type: ignore[union-attr]
    assert setup.network.output_activation == activation
    assert setup.recipe.name == recipe


def test_settings_of_fit() -> None:
    stopping = callbacks.EarlyStopping("val_accuracy", patience=5, min_delta=0.01, restore_best_weights=True)
    setup = from_keras(
        sequential(metrics=["accuracy"]),
        read("circles"),
        epochs=7,
        batch_size=10,
        shuffle=False,
        class_weight={0: 1.0, 1: 2.0},
        callbacks=[stopping],
    )
    training = setup.training
    assert (training.epochs, training.batch_size, training.shuffle) == (7, 10, False)
    assert training.class_weight == {"0": 1.0, "1": 2.0}
    assert setup.recipe.name == "early-stopping=5,min_delta=0.01,metric=metric"
    assert setup.metric == "accuracy"


def test_a_functional_chain_and_nested_models() -> None:
    inner = keras.Sequential([kl.Dense(6, "tanh"), kl.Dropout(0.3)])
    x = keras.Input((2, 2))
    h = inner(kl.Dense(8, "relu")(kl.Flatten()(x)))
    model = keras.Model(x, kl.Dense(1, "sigmoid")(h))
    model.compile("adam", "binary_crossentropy")
    setup = from_keras(model)
    assert setup.network == MLP((8, 6), ("relu", "tanh"), output_activation="sigmoid")
    assert setup.recipe.name == "dropout=0.3,layers=hidden2"


def test_a_setup_fills_the_settings_of_a_comparison() -> None:
    plain, regularized = from_keras(sequential()), from_keras(sequential(kl.Dropout(0.5)))
    assert dict(**plain) == {"network": plain.network, "recipes": None, "training": plain.training, "metric": "auto"}
    assert regularized["recipes"] == [regularized.recipe]
    with pytest.raises(KeyError):
        plain["warnings"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layers": [kl.Rescaling(1 / 255, name="scale")]},
         "Rescaling 'scale': left to wellposed's preprocessing, learned from training rows."),
        ({"metrics": ["accuracy", "cosine_similarity"]}, "metrics not measured here: cosine_similarity."),
        ({"optimizer": optimizers.SGD(schedules.CosineDecay(0.1, 100))},
         "CosineDecay: its 100 updates are taken for the whole training, however long that is."),
    ],
)  # fmt: skip
def test_what_is_done_differently_is_said(arguments: dict[str, Any], message: str) -> None:
    layers = arguments.pop("layers", [])
    with pytest.warns(UserWarning, match="^from_keras: ") as caught:
        setup = from_keras(sequential(*layers, **arguments))
    assert [str(item.message) for item in caught] == [f"from_keras: {message}"]
    assert setup.warnings == (message,)


def test_callbacks_that_only_write_are_said() -> None:
    with pytest.warns(UserWarning, match=r"^from_keras: CSVLogger: it only writes files, and is left out\.$"):
        from_keras(sequential(), callbacks=[callbacks.CSVLogger("log.csv")])


def branches() -> Any:
    x = keras.Input((4,))
    h = kl.Dense(4, "relu", name="h")(x)
    model = keras.Model(x, kl.Dense(1)(kl.Add(name="skip")([x, h])))
    model.compile("adam", "mse")
    return model


def shared() -> Any:
    dense = kl.Dense(4, "relu", name="twin")
    return sequential_of(dense, dense, kl.Dense(1))


def sequential_of(*layers: Any) -> Any:
    x = h = keras.Input((4,))
    for layer in layers:
        h = layer(h)
    model = keras.Model(x, h)
    model.compile("adam", "mse")
    return model


def frozen() -> Any:
    dense = kl.Dense(4, "relu", name="old")
    dense.trainable = False
    return sequential(dense)


class Subclassed(keras.Model):
    pass


def not_compiled() -> Any:
    return keras.Sequential([kl.Dense(1)], name="raw")


READABLE = "Layers that can be read: Dense, activations, dropout, noise, normalization; take it out."


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: "model", "must be a Keras model, got str. Give a compiled keras.Sequential or functional model of "
         "Keras 3."),
        (Subclassed, "only Sequential and functional models can be read, got Subclassed. Build it as keras.Sequential, "
         "or as a functional model that is a chain of layers."),
        (not_compiled, "the model isn't compiled, got raw. Call e.g. "
         'model.compile("adam", "binary_crossentropy", metrics=["accuracy"]) first.'),
        (branches, "a layer has several inputs, got Add 'skip'. Branches and skip connections can't be read: make it a "
         "chain of layers."),
        (shared, "a layer is used twice, got Dense 'twin'. Give each place a layer of its own."),
        (frozen, "a frozen layer can't be read, got Dense 'old'. Set its trainable to True."),
        (lambda: sequential(kl.Reshape((2, 2), name="r"), kl.Flatten()), "a layer that can't be read, got Reshape 'r'. "
         + READABLE),
        (lambda: sequential(kl.Dense(4, "relu"), kl.PReLU(name="p")), f"a layer that can't be read, got PReLU 'p'. "
         f"{READABLE}"),
        (lambda: sequential(kl.Dense(4, lambda x: x * 2, name="d")),
         "a custom activation can't be read, got Dense 'd'. "
         "Name one of Keras's own activations."),
        (lambda: sequential(kl.Dense(4, use_bias=False, name="d")),
         "a layer without bias can't be read, got Dense 'd'. "
         "Leave use_bias at True."),
        (lambda: sequential(kl.Dense(4, kernel_regularizer=regularizers.OrthogonalRegularizer(), name="d")),
         "a regularizer of Dense 'd' that can't be read, got OrthogonalRegularizer. Regularizers that can be read: "
         "L1, L2, L1L2."),
        (lambda: sequential(kl.Dense(4, kernel_constraint=constraints.MaxNorm(2, axis=1), name="d")),
         "MaxNorm of Dense 'd' along another axis, got 1. Use axis=0: the incoming weights of each unit."),
        (lambda: sequential(kl.Dense(4, bias_constraint=constraints.NonNeg(), name="d")),
         "a constraint of biases can't be read, got Dense 'd'. Leave it out."),
        (lambda: sequential(kl.Dense(4, "relu"), kl.Dropout(0.2), kl.BatchNormalization(name="b")),
         "a normalization behind dropout, got BatchNormalization 'b'. Put the normalization first, then dropout."),
        (lambda: sequential(kl.Dense(4, "relu"), kl.BatchNormalization(scale=False, name="b")),
         "scale=False of a layer can't be read, got BatchNormalization 'b'. Leave it at True."),
        (lambda: sequential(kl.Dense(4, "tanh"), kl.GaussianNoise(0.1), kl.Dropout(0.2, name="d")),
         "Dropout behind gaussian-noise in one place (hidden1), got Dropout 'd'. Swap them."),
        (lambda: sequential(kl.Dense(4), kl.Dropout(0.2), kl.Activation("sigmoid", name="a")),
         "an activation in a place that can't be read, got Activation 'a'. An activation must follow its Dense layer, "
         "or the normalization after it."),
        (lambda: sequential(kl.Dense(4, "relu"), kl.Dropout(0.2), kl.Dropout(0.3, name="d")),
         "a second dropout in the same place (hidden1), got Dropout 'd'. Keep one of them."),
        (lambda: sequential(kl.Dense(4, "relu"), kl.Dropout(0.2, noise_shape=(None, 1), name="d")),
         "noise_shape can't be read, got Dropout 'd'. Leave it out: each value by itself."),
        (lambda: sequential(kl.Dense(1, "sigmoid", activity_regularizer="l1")),
         "something acts on the output layer's values, got activity. Only an activation may follow the last Dense "
         "layer: put it on a hidden one."),
        (lambda: sequential(kl.Dense(4, kernel_initializer="ones", name="a"), kl.Dense(4, name="b")),
         "another kernel initializer in, got Dense 'b'. Give hidden layers the same one."),
        (lambda: sequential(optimizer="ftrl"),
         "an optimizer that can't be read, got Ftrl. Optimizers that can be read: "
         "Adadelta, Adagrad, Adam, AdamW, Adamax, Lion, Nadam, RMSprop, SGD."),
        (lambda: sequential(optimizer=optimizers.Adam(amsgrad=True)),
         "amsgrad of the optimizer can't be read, got True. "
         "Leave it at False."),
        (lambda: sequential(optimizer=optimizers.SGD(schedules.InverseTimeDecay(0.1, 10, 0.5))),
         "a learning-rate schedule that can't be read, got InverseTimeDecay. Schedules that can be read: CosineDecay, "
         "ExponentialDecay, PolynomialDecay, PiecewiseConstantDecay, CosineDecayRestarts."),
        (lambda: sequential(optimizer=optimizers.SGD(schedules.ExponentialDecay(0.1, 10, 0.5))),
         "ExponentialDecay counts updates. Say updates=: how many updates the training has (epochs × minibatches of "
         "an epoch)."),
        (lambda: sequential(loss="hinge"), "a loss that can't be read, got hinge. Losses that can be read: "
         "binary_crossentropy, categorical_crossentropy, huber, log_cosh, mean_absolute_error, mean_squared_error, "
         "poisson."),
        (lambda: sequential(loss=losses.MeanSquaredError(reduction="sum")),
         "a reduction of the loss that can't be read, "
         "got sum. Leave it at sum_over_batch_size."),
    ],
)  # fmt: skip
def test_what_has_no_counterpart_is_named(make: Any, message: str) -> None:
    with pytest.raises(WellposedError) as caught:
        from_keras(make())
    assert str(caught.value) == f"from_keras: {message}"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (callbacks.ReduceLROnPlateau(), "a callback that can't be read, got ReduceLROnPlateau. EarlyStopping can be "
         "read; give a learning rate's course as a schedule of the optimizer."),
        (callbacks.EarlyStopping("loss"), "EarlyStopping watches a score that can't be read, got loss. Watch val_loss, "
         "or val_ and the first metric of compile."),
        (callbacks.EarlyStopping(baseline=0.5), "baseline of EarlyStopping can't be read, got 0.5. Leave it out."),
    ],
)  # fmt: skip
def test_callbacks_without_a_counterpart_are_named(given: Any, message: str) -> None:
    with pytest.raises(WellposedError) as caught:
        from_keras(sequential(), callbacks=[given])
    assert str(caught.value) == f"from_keras: {message}"


def test_outputs_must_fit_the_data() -> None:
    with pytest.raises(WellposedError) as caught:
        from_keras(sequential(kl.Dense(3, "softmax"), loss="categorical_crossentropy"), read("circles"))
    message = "the data have 2 classes, the last layer other units, got 3. Give both the same number."
    assert str(caught.value) == f"from_keras: {message}"


def penalized() -> Any:
    """Penalties of all kinds, constraints, AdamW with clipping, on a sigmoid output."""
    x = keras.Input((FEATURES,), name="x")
    both, activity = regularizers.L1L2(0.01, 0.02), regularizers.L1(0.05)
    h = kl.Dense(4, "tanh", kernel_regularizer=both, bias_regularizer="l2", activity_regularizer=activity,
                 name="hidden1")(x)  # fmt: skip
    h = kl.Dense(3, "tanh", kernel_constraint=constraints.MaxNorm(0.5), name="hidden2")(h)
    model = keras.Model([x], kl.Dense(1, "sigmoid", kernel_regularizer=regularizers.L2(0.03), name="output")(h))
    model.compile(
        optimizers.AdamW(0.01, weight_decay=0.1, clipnorm=0.1), losses.BinaryCrossentropy(label_smoothing=0.1)
    )
    return model


def normalized() -> Any:
    """Batch normalization behind and before activations with slopes, a schedule, momentum, on softmax outputs."""
    x = keras.Input((FEATURES,), name="x")
    h = kl.LeakyReLU(negative_slope=0.3)(kl.Dense(4, name="hidden1")(x))
    h = kl.BatchNormalization(momentum=0.9, epsilon=0.01, name="hidden1_norm")(h)
    h = kl.Dense(3, name="hidden2", kernel_regularizer=regularizers.L2(0.01))(h)
    model = keras.Model([x], kl.Dense(3, "softmax", name="output")(kl.ELU(0.5)(h)))
    rate = schedules.CosineDecay(0.05, 50, alpha=0.1)
    model.compile(optimizers.SGD(rate, momentum=0.9, nesterov=True), "categorical_crossentropy")
    return model


@pytest.mark.parametrize(("make", "outputs", "updates"), [(penalized, 1, None), (normalized, 3, 50)])
def test_training_equals_keras(make: Any, outputs: int, updates: int | None) -> None:
    model = make()
    setup: Setup = from_keras(model, updates=updates, batch_size=8)
    rows = problem("binary_crossentropy" if outputs == 1 else "categorical_crossentropy", outputs)
    ours = walk(
        rows,
        setup.recipe.techniques,
        training=setup.training,
        hidden=setup.network.widths,
        activation=setup.network.activation,  # type: ignore[arg-type]
    )
    assert_same_path(ours, keras_walk(model, rows, ours), model, rows)
