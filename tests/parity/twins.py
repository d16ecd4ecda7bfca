"""A network trained by the engine and its twin in Keras: the same weights, the same rows, step by step.

Both sides start from weights drawn here, so that biases, scales and offsets are not zero, and walk over the same
minibatches. Keras gets the real rows alone; the engine gets them filled up with other real rows of mask 0.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from wellposed.network.mlp import MLP
from wellposed.network.randomness import study_key
from wellposed.population.scores import predict_rows
from wellposed.population.step import Algorithm, Hyper, Member, augment, train_step
from wellposed.techniques.base import Batch, Context, Technique
from wellposed.training.losses import Loss, loss
from wellposed.training.metrics import metric
from wellposed.training.spec import Training

FEATURES, HIDDEN, ROWS, SIZE, STEPS = 5, (4, 3), 23, 8, 50
FIRST, ALL = 1e-5, 1e-4  # largest differences after the first pass over the rows and after fifty steps

MIXED = (8, 8, 7)  # real rows of each minibatch; the last one is a partial one
PARTIAL = (7, 7, 7)  # every minibatch is a partial one, of one shape, so that Keras compiles once

_LEAVES = {"scale": "gamma", "offset": "beta", "mean": "moving_mean", "variance": "moving_variance"}
_LAYERS = {"dense": "{}", "batch_norm": "{}_norm", "layer_norm": "{}_norm", "input_norm": "input_norm"}

Weights = dict[str, np.ndarray]
"""By Keras's variable path, e.g. ``hidden1/kernel``."""


@dataclasses.dataclass(frozen=True, eq=False)
class Problem:
    """Rows and how a network is judged on them."""

    x: np.ndarray
    y: np.ndarray
    activation: str
    loss: Loss

    @property
    def task(self) -> str:
        return "classification" if self.loss.name.endswith("crossentropy") else "regression"


@functools.cache
def problem(loss_text: str = "binary_crossentropy", outputs: int = 1, activation: str | None = None) -> Problem:
    """Rows with targets that suit the loss."""
    random = np.random.default_rng(3)
    x = random.normal(size=(ROWS, FEATURES))
    signal = x @ random.normal(size=(FEATURES, max(outputs, 2))) + 0.5 * random.normal(size=(ROWS, max(outputs, 2)))
    chosen = loss(loss_text)
    if chosen.name.endswith("crossentropy"):
        classes = signal.argmax(1)
        y = classes[:, None] if outputs == 1 else np.eye(outputs)[classes]
    else:
        y = random.poisson(np.exp(0.3 * signal)) if chosen.name == "poisson" else signal
    return Problem(
        x.astype(np.float32), y[:, :outputs].astype(np.float32), activation or chosen.output_activation, chosen
    )


def rows_of(step: int, sizes: Sequence[int]) -> np.ndarray:
    """The real rows of a step's minibatch."""
    ends = np.cumsum(sizes)
    part = step % len(sizes)
    return np.arange(ends[part] - sizes[part], ends[part])


def walk(
    problem: Problem,
    techniques: Sequence[Technique] = (),
    *,
    among: Sequence[Technique] = (),
    training: Training | None = None,
    hidden: Sequence[int] = HIDDEN,
    activation: str = "tanh",
    weight: np.ndarray | None = None,
    sizes: Sequence[int] = MIXED,
    steps: int = STEPS,
) -> Walk:
    """Trains with the engine's step.

    Args:
        among: techniques that stand at their neutral strengths in the same program.
        weight: of every row in the loss.
    """
    training = training or Training(optimizer="sgd(momentum=0.9)", learning_rate=0.05)
    algorithm = _algorithm(problem, techniques, training, MLP(tuple(hidden), activation))
    filled = _beside(techniques, among)
    weight = np.ones(ROWS, np.float32) if weight is None else weight.astype(np.float32)
    key = study_key(7)
    keys = jax.vmap(lambda step: jax.random.fold_in(key, step))(jnp.arange(steps))
    batches = [_batch(problem, weight, rows_of(step, sizes)) for step in range(steps)]
    stacked = jax.tree.map(lambda *leaves: jnp.asarray(np.stack(leaves)), *batches)
    with jax.numpy_dtype_promotion("strict"):
        start = _start(algorithm, filled)
        members, predictions = _walk(
            algorithm, jax.tree.map(jnp.float32, filled), jnp.float32(training.rate), start, stacked, keys, problem.x
        )
    everything = jax.tree.map(np.asarray, (members.params, members.state))
    path = [jax.tree.map(lambda leaf, t=t: leaf[t], everything) for t in range(steps)]
    return Walk(
        algorithm,
        filled,
        keys,
        by_path(start.params, start.state),
        [by_path(*pair) for pair in path],
        np.asarray(predictions),
    )


@dataclasses.dataclass(frozen=True)
class Walk:
    """The engine's way.

    Attributes:
        keys: random key of every step.
        start, path: weights and running statistics before the first and after every step.
        predictions: of all rows after the last step, in inference mode.
    """

    algorithm: Algorithm
    techniques: tuple[Technique, ...]
    keys: jax.Array
    start: Weights
    path: list[Weights]
    predictions: np.ndarray


@functools.partial(jax.jit, static_argnums=0)
def _walk(algorithm: Algorithm, techniques: Any, rate: Any, member: Member, batches: Batch, keys: Any, x: Any) -> Any:
    """All steps in one program; strengths and learning rate are traced, so recipes of one structure share it."""
    steps = batches.x.shape[0]
    prepared = tuple(() for _ in techniques)

    def one(member: Member, item: Any) -> tuple[Member, Member]:
        number, batch, key = item
        batch = augment(techniques, batch, prepared, key)
        hyper = Hyper(rate, jnp.int32(1), jnp.int32(1))
        after = train_step(
            algorithm, techniques, hyper, member, batch, prepared, key, step=number, total=jnp.int32(steps)
        )
        return after, after

    last, members = jax.lax.scan(one, member, (jnp.arange(1, steps + 1, dtype=jnp.int32), batches, keys))
    return members, predict_rows(algorithm, techniques, last, x, prepared)[0]


def _algorithm(problem: Problem, techniques: Sequence[Technique], training: Training, mlp: MLP) -> Algorithm:
    outputs = problem.y.shape[1]
    network = mlp.build(features=FEATURES, outputs=outputs, output_activation=problem.activation)
    for item in techniques:
        training, network = item.training(training), item.network(network)
    context = Context(
        FEATURES, outputs, problem.task, ("input", *network.hidden_names, "output"), (FEATURES, *network.widths), SIZE
    )
    score = metric("accuracy" if problem.task == "classification" else "r2")
    return Algorithm(network, problem.loss, (score,), training.optimizer, training.schedule, context)  # type: ignore[arg-type]


def _beside(techniques: Sequence[Technique], among: Sequence[Technique]) -> tuple[Technique, ...]:
    """The recipe among neutral neighbours, in the engine's order of ``update`` hooks."""
    own = {jax.tree.structure(item): item for item in techniques}
    neutral = {jax.tree.structure(item): item.neutral() for item in among}
    every = {**neutral, **own}
    assert all(item is not None for item in every.values())
    return tuple(
        sorted((item for item in every.values() if item is not None), key=lambda item: (item.order, item.name))
    )


def _start(algorithm: Algorithm, techniques: Sequence[Technique]) -> Member:
    random = np.random.default_rng(11)
    params, state = algorithm.network.init(study_key(0))
    sizes = {"kernel": 0.5, "bias": 0.2, "scale": 0.2, "offset": 0.2}

    def drawn(path: Any, leaf: jax.Array) -> jax.Array:
        return leaf + jnp.asarray(sizes[path[-1].key] * random.normal(size=leaf.shape), jnp.float32)

    params = jax.tree_util.tree_map_with_path(drawn, params)
    own = [item.init(algorithm.context, params, study_key(1)) for item in techniques]
    own_params = tuple(item.params for item in own)
    return Member(
        params, state, own_params, tuple(item.state for item in own), algorithm.optimizer.init((params, own_params))
    )


def _batch(problem: Problem, weight: np.ndarray, rows: np.ndarray) -> Batch:
    filler = np.setdiff1d(np.arange(ROWS), rows)[: max(SIZE - len(rows), 0)]
    chosen = np.concatenate([rows, filler])
    mask = (np.arange(len(chosen)) < len(rows)).astype(np.float32)
    return Batch(problem.x[chosen], problem.y[chosen], weight[chosen], mask, {})  # type: ignore[arg-type]


def by_path(params: Mapping[str, Any], state: Mapping[str, Any]) -> Weights:
    """The engine's weights and running statistics under Keras's names."""
    return {
        f"{_LAYERS[layer].format(block)}/{_LEAVES.get(leaf, leaf)}": np.asarray(values)
        for tree in (params, state)
        for block, layers in tree.items()
        for layer, leaves in layers.items()
        for leaf, values in leaves.items()
    }


def keras_network(
    problem: Problem,
    *,
    dense: Mapping[str, Mapping[str, Any]] | None = None,
    norms: Mapping[str, float | None] | None = None,
    factors: Sequence[str] = (),
    shifts: Sequence[str] = (),
    hidden: Sequence[int] = HIDDEN,
    activation: str = "tanh",
) -> keras.Model:
    """The same network in Keras.

    Args:
        dense: further arguments of a layer (``hidden1``, …, ``output``).
        norms: places with batch normalization, and its momentum; or with layer normalization (None).
        factors, shifts: places whose values are multiplied by, or added to, a further input of the model.
    """
    x = keras.Input((FEATURES,), name="x")
    inputs, h = [x], x

    def disturbed(h: Any, place: str) -> Any:
        for places, layer in ((factors, keras.layers.Multiply), (shifts, keras.layers.Add)):
            if place in places:
                inputs.append(keras.Input((h.shape[-1],), name=f"{place}_{layer.__name__.lower()}"))
                h = layer()([h, inputs[-1]])
        return h

    norms = norms or {}
    names = [f"hidden{i + 1}" for i in range(len(hidden))]
    h = disturbed(h, "input")
    if "input" in norms:
        h = _normalization(norms["input"], "input_norm")(h)
    for name, units in zip(names, hidden, strict=True):
        more = (dense or {}).get(name, {})
        if name in norms:
            h = keras.layers.Dense(units, name=name, **more)(h)
            h = _normalization(norms[name], f"{name}_norm")(h)
            h = keras.layers.Activation(activation)(h)
        else:
            h = keras.layers.Dense(units, activation=activation, name=name, **more)(h)
        h = disturbed(h, name)
    last = keras.layers.Dense(problem.y.shape[1], problem.activation, name="output", **(dense or {}).get("output", {}))
    return keras.Model(inputs, last(h))


def _normalization(momentum: float | None, name: str) -> keras.layers.Layer:
    if momentum is None:
        return keras.layers.LayerNormalization(name=name)
    return keras.layers.BatchNormalization(momentum=momentum, name=name)


def keras_walk(
    model: keras.Model,
    problem: Problem,
    ours: Walk,
    *,
    weight: np.ndarray | None = None,
    class_weight: dict[int, float] | None = None,
    further: Sequence[Sequence[np.ndarray]] | None = None,
    sizes: Sequence[int] = MIXED,
) -> list[Weights]:
    """The weights after each of Keras's ``train_on_batch``, from the engine's start over the engine's rows.

    Args:
        further: for every step, what the model's other inputs get.
    """
    set_weights(model, ours.start)
    path = []
    with compiled_quickly():
        for step in range(len(ours.path)):
            rows = rows_of(step, sizes)
            more = [] if further is None else [values[: len(rows)] for values in further[step]]
            model.train_on_batch(
                [problem.x[rows], *more],
                problem.y[rows],
                sample_weight=None if weight is None else weight[rows],
                class_weight=class_weight,
            )
            path.append({variable.path: np.asarray(variable) for variable in model.weights})
    return path


@contextlib.contextmanager
def compiled_quickly() -> Iterator[None]:
    """Most of these tests' time is XLA's, and Keras's programs run fifty times only."""
    jax.config.update("jax_disable_most_optimizations", True)
    try:
        yield
    finally:
        jax.config.update("jax_disable_most_optimizations", False)


def set_weights(model: keras.Model, weights: Weights) -> None:
    """Gives the model these weights, by name."""
    for variable in model.weights:
        variable.assign(weights[variable.path])


def keras_predictions(model: keras.Model, problem: Problem) -> np.ndarray:
    """Of all rows in inference mode; further inputs do nothing there."""
    more = [
        (np.ones if "multiply" in item.name else np.zeros)((ROWS, item.shape[-1]), np.float32)
        for item in model.inputs[1:]
    ]
    return np.asarray(model([problem.x, *more], training=False))


def differences(ours: Sequence[Weights], theirs: Sequence[Weights]) -> list[float]:
    """By step the largest one over all arrays, each relative to the array's largest entry on Keras's whole way.

    (At least a thousandth of the network's: a bias before batch normalization has no gradient but rounding.)
    """
    assert all(mine.keys() == other.keys() for mine, other in zip(ours, theirs, strict=True))
    scales = {name: max(float(np.max(np.abs(other[name]))) for other in theirs) for name in theirs[0]}
    least = max(scales.values()) / 1000
    return [
        max(float(np.max(np.abs(mine[name] - other[name]))) / max(scale, least) for name, scale in scales.items())
        for mine, other in zip(ours, theirs, strict=True)
    ]


def assert_same_path(ours: Walk, theirs: list[Weights], model: keras.Model, problem: Problem) -> None:
    """One pass equals Keras's to 1e-5, fifty steps to 1e-4, and so do the predictions."""
    found = differences(ours.path, theirs)
    keras_predicts = keras_predictions(model, problem)
    predicted = float(np.max(np.abs(ours.predictions - keras_predicts)) / max(1.0, np.max(np.abs(keras_predicts))))
    print(f"differences: pass {max(found[:3]):.1e}, fifty {max(found):.1e}, predictions {predicted:.1e}")
    assert differences([ours.start], [ours.path[-1]])[0] > 100 * ALL  # training did something: equality says something
    assert max(found[:3]) < FIRST
    assert max(found) < ALL
    assert predicted < ALL
