"""Keras in and out: the only file that imports Keras, lazily."""

from __future__ import annotations

import dataclasses
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from wellposed.data.dataset import Dataset
from wellposed.errors import StudyError
from wellposed.exchange.keras_layers import read_layers
from wellposed.exchange.keras_training import read_callbacks, read_loss, read_metric, read_optimizer
from wellposed.exchange.setup import Setup
from wellposed.recipe import Recipe
from wellposed.training.spec import Training

__all__ = ["from_keras"]


def from_keras(
    model: Any,
    data: Dataset | None = None,
    *,
    epochs: int = 200,
    batch_size: int = 32,
    shuffle: bool = True,
    class_weight: Mapping[int, float] | None = None,
    callbacks: Sequence[Any] = (),
    updates: int | None = None,
) -> Setup:
    """Network, training and recipe of a compiled Keras model; its weights are not read.

    Everything that regularizes (penalties, dropout, noise, normalization, constraints, decay, clipping, averages, label
    smoothing, early stopping) becomes the recipe; the network without it is the baseline. What is done
    differently here is said in a warning, and what has no counterpart is an error that names it.

    Args:
        model: a compiled ``Sequential`` or functional model that is a chain of layers.
        data: checked against the output layer; needed for ``class_weight``.
        epochs, batch_size, shuffle, class_weight, callbacks: as you would hand them to ``fit``.
        updates: epochs × minibatches of an epoch, for learning-rate schedules that count updates; default: a cosine or
            linear one is taken to span the training, others need it.

    Raises:
        StudyError: a layer, option, loss, optimizer or callback that has no counterpart here.

    Example:
        >>> study = compare(data, **from_keras(model, epochs=50))  # doctest: +SKIP
    """
    if not any(cls.__module__.partition(".")[0] == "keras" for cls in type(model).__mro__):
        remedy = "Give a compiled keras.Sequential or functional model of Keras 3."
        raise StudyError("from_keras: must be a Keras model", type(model).__name__, remedy)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras's own about its own, such as lambdas, which are errors here
        layers = read_layers(model)
        _require_compiled(model)
        settings = model.get_compile_config()
        loss, activation, smoothing = read_loss(model.loss, layers.network.output_activation, layers.outputs)
        metric, metric_notes = read_metric([*(settings["metrics"] or ()), *(settings["weighted_metrics"] or ())])
        optimizer, rate, schedule, regularizing, schedule_notes = read_optimizer(model, updates)
        watching, callback_notes = read_callbacks(callbacks, metric)
    notes = (*layers.notes, *metric_notes, *schedule_notes, *callback_notes)
    policy = model.dtype_policy.compute_dtype
    if policy != "float32":
        notes = (*notes, f"{policy}: networks are trained in float32.")
    setup = Setup(
        network=dataclasses.replace(layers.network, output_activation=activation),
        training=Training(
            loss=loss,
            optimizer=optimizer,
            learning_rate=rate,
            schedule=schedule,
            batch_size=batch_size,
            epochs=epochs,
            class_weight=_by_name(class_weight, data),
            shuffle=shuffle,
        ),
        recipe=Recipe((*layers.techniques, *smoothing, *regularizing, *watching)),
        metric=metric,
        outputs=layers.outputs,
        warnings=notes,
    )
    if data is not None:
        setup.check(data.classes, data.targets.shape[1])
    for note in notes:
        warnings.warn(f"from_keras: {note}", stacklevel=2)
    return setup


def _require_compiled(model: Any) -> None:
    if not getattr(model, "compiled", False):
        remedy = 'Call e.g. model.compile("adam", "binary_crossentropy", metrics=["accuracy"]) first.'
        raise StudyError("from_keras: the model isn't compiled", model.name, remedy)
    weights = model.get_compile_config().get("loss_weights")
    if weights:
        raise StudyError("from_keras: loss_weights can't be read", weights, "Leave them out.")


def _by_name(class_weight: Mapping[int, float] | None, data: Dataset | None) -> dict[str, float] | None:
    """Keras numbers classes, wellposed names them."""
    if class_weight is None:
        return None
    if data is None or not data.classes:
        remedy = "Give the data as well: from_keras(model, data, ...)."
        raise StudyError("from_keras: class_weight needs the names of the classes", class_weight, remedy)
    if set(class_weight) != set(range(len(data.classes))):
        remedy = f"Number them 0 to {len(data.classes) - 1}."
        raise StudyError("from_keras: class_weight must have a weight for each class", class_weight, remedy)
    return {name: float(class_weight[index]) for index, name in enumerate(data.classes)}


def _library() -> Any:
    """The module `keras`, on its JAX backend unless it was imported, or another one asked for, before.

    Raises:
        StudyError: it isn't installed.
    """
    if "keras" not in sys.modules:
        os.environ.setdefault("KERAS_BACKEND", "jax")
    try:
        import keras
    except ImportError as error:
        raise StudyError("Keras can't be imported", str(error), 'Run pip install "wellposed[keras]".') from None
    return keras
